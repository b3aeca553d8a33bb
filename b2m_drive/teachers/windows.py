"""Time windows of a trial, each placed by the trial's own events: where a brain is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Int64

from b2m_drive.recordings.decision_trials import (
    MAINTENANCE,
    NO_STIMULUS,
    DecisionTrials,
    item_period,
)
from b2m_drive.recordings.trial_responses import BrainRecording

WindowChoice = Literal["all", "early", "encoding", "delay"]
WINDOW_CHOICES: tuple[WindowChoice, ...] = ("all", "early", "encoding", "delay")

ENCODING, DELAY = 0, 1  # the phases of a trial that teach; the answer is never a target
LATENCY = 0.1  # [s] from a stimulus to the first response of the medial temporal lobe's inputs
_EARLY, _LATE = (0.1, 0.5), (0.5, 0.9)  # [s] after an item's onset
_EDGE_TOLERANCE = 1e-6  # [s]


@dataclass(frozen=True)
class Window:
    """A stretch of one period: from ``start`` to ``stop`` seconds after the period's onset."""

    period: str
    start: float  # [s]
    stop: float  # [s]

    @property
    def phase(self) -> int:
        """ENCODING while an item is shown or has just been, DELAY in the maintenance period."""
        return DELAY if self.period == MAINTENANCE else ENCODING


def teaching_windows(
    n_items: int, delay_window: float = 0.4, which: WindowChoice = "all"
) -> tuple[Window, ...]:
    """Two windows an item (0.1-0.5 s and 0.5-0.9 s), then the maintenance period in equal parts.

    The probes are left out: a decoder of the probe period would hand the student the answer.

    Args:
        n_items: Of the longest trials.
        delay_window: Length of a part of the maintenance period [s].
        which: ``"all"`` of them; ``"early"``, without the items' later windows; ``"encoding"``,
            the items' windows only; ``"delay"``, those of the maintenance period only.

    Raises:
        ValueError: If the choice is unknown.
    """
    if which not in WINDOW_CHOICES:
        raise ValueError(f"which windows: expected one of {WINDOW_CHOICES}, came {which!r}")
    of_an_item = {"early": (_EARLY,), "delay": ()}.get(which, (_EARLY, _LATE))
    encoding = [
        Window(item_period(position), start, stop)
        for position in range(n_items)
        for start, stop in of_an_item
    ]
    starts = np.arange(LATENCY, 2.4 - delay_window + _EDGE_TOLERANCE, delay_window)
    delay = [Window(MAINTENANCE, float(start), float(start + delay_window)) for start in starts]
    return (*encoding, *(delay if which != "encoding" else ()))


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
    for position, columns in enumerate(windows_of_items(windows)):
        present[:, columns] = (trials.stimulus[:, position] != NO_STIMULUS)[:, None]
    return present


def window_activity(
    recording: BrainRecording, windows: tuple[Window, ...]
) -> Float32[np.ndarray, "trial window unit"]:
    """Activity summed over the bins that lie in each window.

    Raises:
        ValueError: If the recording has no bin in one of the windows.
    """
    period, start = np.array(recording.bins.period), recording.bins.start
    stop = start + recording.bins.width
    sums = []
    for window in windows:
        inside = (
            (period == window.period)
            & (start >= window.start - _EDGE_TOLERANCE)
            & (stop <= window.stop + _EDGE_TOLERANCE)
        )
        if not inside.any():
            raise ValueError(
                f"{recording.session}: expected bins within {window}, came none "
                f"(bins of {recording.bins.width} s)"
            )
        sums.append(recording.activity[:, inside].sum(1))
    return np.stack(sums, axis=1).astype(np.float32)
