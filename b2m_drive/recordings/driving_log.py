"""What a log of events says of a drive: who pushed the car when, and when the driver answered."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from b2m_drive.recordings.reaction_times import read_events

LEFT, RIGHT = -1, 1  # side to which the car is pushed, as offsets have it


@dataclass(frozen=True)
class DrivingCodes:
    """Which values of a log's events mean what; None: the log does not say."""

    name: str
    pushed: Mapping[str, int]  # value -> side
    push_ended: tuple[str, ...]
    response_onset: str | None
    response_offset: str | None


BCIT = DrivingCodes(
    "BCIT (OpenNeuro ds004118, ds004120)",
    pushed={"1111": LEFT, "1121": RIGHT},
    push_ended=("1112", "1122"),
    response_onset="4311",
    response_offset="4312",
)
CAO2019 = DrivingCodes(
    "Cao et al. 2019",
    pushed={"251": LEFT, "252": RIGHT},
    push_ended=(),
    response_onset="253",
    response_offset="254",
)
TX20 = DrivingCodes(  # a force from the left pushes to the right
    "TX20 (OpenNeuro ds004657)",
    pushed={"1310001": RIGHT, "1320001": LEFT},
    push_ended=("1310002", "1320002"),
    response_onset=None,
    response_offset=None,
)
CODES = (BCIT, CAO2019, TX20)


@dataclass(frozen=True, eq=False)
class DrivingLog:
    """Perturbations of a drive and the driver's answers, on the log's clock; NaN where missing."""

    codes: DrivingCodes  # by which the log was read
    onset: Float64[np.ndarray, " perturbation"]  # [s]
    side: Int64[np.ndarray, " perturbation"]  # -1: to the left, 1: to the right
    end: Float64[np.ndarray, " perturbation"]  # [s] of the push
    response_onset: Float64[np.ndarray, " perturbation"]  # [s] the driver begins to correct
    response_offset: Float64[np.ndarray, " perturbation"]  # [s] the correction is completed
    first: float  # [s] of the log's first event
    last: float  # [s] of its last one
    unread: Mapping[str, int]  # value -> how many events have no place in this log
    n_untimed: int  # perturbations left out, for several have one onset: their times were lost

    @property
    def reaction_time(self) -> Float64[np.ndarray, " perturbation"]:
        """From each perturbation's onset to its response's [s]; NaN where there is none."""
        taken: np.ndarray = self.response_onset - self.onset
        return taken


def read_driving_log(path: str | Path) -> DrivingLog:
    """Read a BIDS table of events (``*_events.tsv``) as a log of lane perturbations.

    The codes are those of `CODES` of which the log has a perturbation. A response belongs to the
    perturbation before it, the first one only; so do its offset, and the end of the push. Speed
    signs, lane crossings, collisions, pedestrians and who has control (people or an autonomy) are
    not read, but counted in ``unread``.

    Args:
        path: Of the table, with the columns ``onset`` [s] and ``value``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the table lacks a column, an onset is no finite number, no perturbation of
            any of `CODES` is there, or those of several are, or none has an onset of its own.
    """
    events = read_events(Path(path))
    codes = _codes_of(Path(path), {value for _, value in events})
    rows: list[_Row] = []
    unread: Counter[str] = Counter()
    for onset, value in events:
        if value in codes.pushed:
            rows.append(_Row(onset, codes.pushed[value]))
        elif not (rows and rows[-1].take(onset, value, codes)):
            unread[value] += 1
    at_once = Counter(row.onset for row in rows)
    timed = [row for row in rows if at_once[row.onset] == 1]
    if not timed:
        raise ValueError(
            f"{path}: expected one perturbation at a time, came {len(rows)} of which each has the "
            "onset of another one"
        )
    return DrivingLog(
        codes=codes,
        onset=np.array([row.onset for row in timed]),
        side=np.array([row.side for row in timed], dtype=np.int64),
        end=np.array([row.end for row in timed]),
        response_onset=np.array([row.response_onset for row in timed]),
        response_offset=np.array([row.response_offset for row in timed]),
        first=events[0][0],
        last=events[-1][0],
        unread=dict(unread),
        n_untimed=len(rows) - len(timed),
    )


@dataclass
class _Row:
    """A perturbation, as far as the log was read."""

    onset: float
    side: int
    end: float = math.nan
    response_onset: float = math.nan
    response_offset: float = math.nan

    def take(self, onset: float, value: str, codes: DrivingCodes) -> bool:
        """Note what an event says of this perturbation; whether it says anything new."""
        if value in codes.push_ended and math.isnan(self.end) and onset > self.onset:
            self.end = onset
        elif value == codes.response_onset and math.isnan(self.response_onset):
            self.response_onset = onset
        elif (
            value == codes.response_offset
            and math.isnan(self.response_offset)
            and onset >= self.response_onset  # false if nobody has answered
        ):
            self.response_offset = onset
        else:
            return False
        return True


def _codes_of(path: Path, values: set[str]) -> DrivingCodes:
    found = [codes for codes in CODES if values & codes.pushed.keys()]
    if len(found) != 1:
        known = "; ".join(f"{each.name}: {_listed(each.pushed)}" for each in CODES)
        came = " and ".join(each.name for each in found) or f"values {_listed(sorted(values)[:9])}"
        raise ValueError(f"{path}: expected perturbations of one study ({known}), came {came}")
    return found[0]


def _listed(values: Mapping[str, int] | Sequence[str]) -> str:
    return ", ".join(values) or "of none"
