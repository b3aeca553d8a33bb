"""The table of scores: one row a number, one file a run."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Score:
    """One number that a student reached: which student, when, and in which unit."""

    condition: str
    seed: int
    metric: str
    step: int  # training steps done
    value: float
    unit: str


COLUMNS = tuple(field.name for field in fields(Score))


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write the table as CSV, whole or not at all."""
    draft = path.with_name(f".{path.name}.draft-{os.getpid()}")
    with draft.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(astuple(score) for score in scores)
    os.replace(draft, path)


def read_scores(path: Path) -> list[Score]:
    """Read a table that `write_scores` wrote.

    Raises:
        FileNotFoundError: If there is no such table.
        ValueError: If a column or row is not what it should be; names the line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a table of scores, found none")
    with path.open(newline="") as file:
        rows = csv.reader(file)
        header = tuple(next(rows, ()))
        if header != COLUMNS:
            raise ValueError(f"{path}: expected the columns {COLUMNS}, came {header}")
        return [_parse(path, line, row) for line, row in enumerate(rows, start=2)]


def _parse(path: Path, line: int, row: list[str]) -> Score:
    try:
        condition, seed, metric, step, value, unit = row
        score = Score(condition, int(seed), metric, int(step), float(value), unit)
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: expected {COLUMNS}, came {row}") from error
    if not math.isfinite(score.value):
        raise ValueError(f"{path}, line {line}: expected a finite value, came {row[4]}")
    return score
