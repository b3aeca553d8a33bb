"""Which windows of a trial a brain is read in, and its activity in them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float32

from b2m_drive.recordings.decision_trials import (
    MAINTENANCE,
    item_period,
)
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import Window

WindowChoice = Literal["all", "early", "encoding", "delay"]
WINDOW_CHOICES: tuple[WindowChoice, ...] = ("all", "early", "encoding", "delay")

LATENCY = 0.1  # [s] from a stimulus to the first response of the medial temporal lobe's inputs
_EARLY, _LATE = (0.1, 0.5), (0.5, 0.9)  # [s] after an item's onset
_EDGE_TOLERANCE = 1e-6  # [s]


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


def recorded_windows(recording: TrialResponses, which: WindowChoice = "all") -> tuple[Window, ...]:
    """The `teaching_windows` of the periods that the recording covers: perhaps the delay only.

    Raises:
        ValueError: If it covers none of them.
    """
    windows = teaching_windows(recording.trials.n_items, which=which)
    periods = set(recording.period.tolist())
    found = tuple(window for window in windows if window.period in periods)
    if not found:
        raise ValueError(
            f"{recording.session}: windows {which!r}: expected activity in one of the periods "
            f"{', '.join(dict.fromkeys(window.period for window in windows))}, came activity in "
            f"{', '.join(sorted(periods))} only"
        )
    return found


def window_activity(
    recording: TrialResponses, windows: tuple[Window, ...]
) -> Float32[np.ndarray, "trial window unit"]:
    """Activity summed over the bins that lie in each window.

    Raises:
        ValueError: If the recording has no bin in one of the windows.
    """
    bins = recording.windows
    period, start = recording.period, recording.start
    stop = np.array([each.stop for each in bins])
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
                f"(bins of {bins[0].width} s)"
            )
        sums.append(recording.values[:, inside].sum(1))
    return np.stack(sums, axis=1).astype(np.float32)
