"""The table of scores: one row a number, one file a run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from b2m_drive.evidence.condition import Condition
from b2m_drive.files.tables import read_table, write_table


@dataclass(frozen=True)
class Score:
    """One number that a student reached: which student, when, and in which unit."""

    condition: Condition
    seed: int
    metric: str
    step: int  # training steps done
    value: float
    unit: str


COLUMNS = tuple(field.name for field in fields(Score))


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write the table as CSV, whole or not at all."""
    write_table(path, COLUMNS, (_row(score) for score in scores))


def read_scores(path: Path) -> list[Score]:
    """Read a table that `write_scores` wrote.

    Raises:
        FileNotFoundError: If there is no such table.
        ValueError: If a column or row is not what it should be; names the line.
    """
    return read_table(path, COLUMNS, "scores", _parse)


def _row(score: Score) -> tuple[object, ...]:
    return tuple(getattr(score, name) for name in COLUMNS)


def _parse(path: Path, line: int, row: list[str]) -> Score:
    try:
        condition, seed, metric, step, value, unit = row
        score = Score(Condition.parse(condition), int(seed), metric, int(step), float(value), unit)
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: expected {COLUMNS}, came {row}") from error
    if not math.isfinite(score.value):
        raise ValueError(f"{path}, line {line}: expected a finite value, came {row[4]}")
    return score
