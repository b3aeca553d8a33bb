"""Windows of a trial, each placed by an event of the trial itself, and which trial has which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from b2m_drive.recordings.decision_trials import (
    MAINTENANCE,
    NO_STIMULUS,
    DecisionTrials,
    item_period,
)

ENCODING, DELAY = 0, 1  # the phases of a trial that teach; the answer is never a target
_DIGITS = 9  # of a width in seconds: nanoseconds


@dataclass(frozen=True)
class Window:
    """A stretch of one period: from ``start`` to ``stop`` seconds after the period's onset."""

    period: str
    start: float  # [s]
    stop: float  # [s]

    @property
    def width(self) -> float:
        """How long it lasts [s], without what the sum of its start and width was rounded by."""
        return round(self.stop - self.start, _DIGITS)

    @property
    def phase(self) -> int:
        """ENCODING while an item is shown or has just been, DELAY in the maintenance period."""
        return DELAY if self.period == MAINTENANCE else ENCODING


def phase_of(windows: tuple[Window, ...]) -> Int64[np.ndarray, " window"]:
    """ENCODING or DELAY, for each window."""
    return np.array([window.phase for window in windows], dtype=np.int64)


def windows_of_items(windows: tuple[Window, ...]) -> list[list[int]]:
    """For each item position in order, the columns of its windows in order."""
    periods = dict.fromkeys(window.period for window in windows if window.phase == ENCODING)
    return [[k for k, window in enumerate(windows) if window.period == name] for name in periods]


def present_windows(
    windows: tuple[Window, ...], trials: DecisionTrials
) -> Bool[np.ndarray, "trial window"]:
    """Whether the trial has the window: those of an item that it did not show are absent."""
    present = np.ones((len(trials), len(windows)), dtype=bool)
    period = np.array([window.period for window in windows])
    for position in range(trials.n_items):
        lacks = trials.stimulus[:, position] == NO_STIMULUS
        present[np.ix_(lacks, period == item_period(position))] = False
    return present
