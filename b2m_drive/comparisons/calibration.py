"""How often the verdict says "specific" of brains about which the truth is known.

Of null brains, whose activity has nothing to do with the trials, at most the nominal 5 % may be
called specific; of ideal brains, which say everything, nearly all should be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from b2m_drive.comparisons.verdict import Grade, Verdict, closest_null
from b2m_drive.evidence.condition import ALONE, STRATEGIES
from b2m_drive.evidence.statistics import binomial_interval
from b2m_drive.files.tables import read_table, write_table

Kind = Literal["null", "ideal"]

KINDS: tuple[Kind, ...] = get_args(Kind)
VERDICTS = "verdicts.csv"
NOMINAL = 0.05  # share of null brains that chance may call specific


@dataclass(frozen=True)
class CalibrationRow:
    """The verdict on one brain, by one strategy."""

    kind: Kind
    brain_seed: int
    strategy: str
    grade: str  # the name of a `verdict.Grade`
    over_alone_mean: float
    over_alone_low: float
    closest_null: str  # the null of the smallest lower bound, alone among them
    closest_null_mean: float
    closest_null_low: float


@dataclass(frozen=True)
class Share:
    """The share of brains of a kind that were called specific, with its exact 95 % interval."""

    kind: Kind
    strategy: str
    n: int
    n_specific: int
    share: float
    low: float
    high: float


COLUMNS = tuple(field.name for field in fields(CalibrationRow))


def calibration_row(verdict: Verdict, kind: Kind, brain_seed: int) -> CalibrationRow:
    """What the calibration keeps of a verdict."""
    over = verdict.over_nulls
    closest = closest_null(over)
    return CalibrationRow(
        kind,
        brain_seed,
        verdict.method.strategy,
        verdict.grade.name,
        over[ALONE].mean,
        over[ALONE].low,
        closest,
        over[closest].mean,
        over[closest].low,
    )


def write_rows(path: Path, rows: Sequence[CalibrationRow]) -> None:
    """Write the verdicts as CSV, whole or not at all."""
    write_table(path, COLUMNS, (astuple(row) for row in rows))


def read_rows(path: Path) -> list[CalibrationRow]:
    """Read verdicts that `write_rows` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column or row is not what it should be; names the line.
    """
    return read_table(path, COLUMNS, "verdicts", _parse)


def shares(rows: Sequence[CalibrationRow]) -> list[Share]:
    """The share called specific, of each kind of brain and each strategy."""
    found = []
    strategies = dict.fromkeys(row.strategy for row in rows)
    for kind in KINDS:
        for strategy in strategies:
            own = [row for row in rows if (row.kind, row.strategy) == (kind, strategy)]
            if own:
                n_specific = sum(row.grade == Grade.SPECIFIC.name for row in own)
                low, high = binomial_interval(n_specific, len(own))
                share = n_specific / len(own)
                found.append(Share(kind, strategy, len(own), n_specific, share, low, high))
    return found


def share_text(share: Share) -> str:
    """A share in words: ``3 of 100 null brains called specific: 3.0 % [0.6 %, 8.5 %]``."""
    return (
        f"{share.n_specific} of {share.n} {share.kind} brains called specific: "
        f"{share_interval(share)}"
    )


def share_interval(share: Share) -> str:
    """A share with its interval: ``3.0 % [0.6 %, 8.5 %]``."""
    bounds = f"[{_percent(share.low)}, {_percent(share.high)}]"
    return f"{_percent(share.share)} {bounds}"


def calibration_text(found: Sequence[Share]) -> str:
    """The shares, a line each, for a terminal."""
    return "\n".join(f"{STRATEGIES[each.strategy]}: {share_text(each)}" for each in found)


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _parse(path: Path, line: int, row: list[str]) -> CalibrationRow:
    try:
        kind, seed, strategy, grade, alone, alone_low, closest, mean, low = row
        if kind not in KINDS or strategy not in STRATEGIES or grade not in Grade.__members__:
            raise ValueError
        numbers = [float(each) for each in (alone, alone_low, mean, low)]
        if any(math.isnan(number) for number in numbers):
            raise ValueError
        return CalibrationRow(
            "null" if kind == "null" else "ideal", int(seed), strategy, grade,
            numbers[0], numbers[1], closest, numbers[2], numbers[3],
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: expected {COLUMNS}, came {row}") from error
