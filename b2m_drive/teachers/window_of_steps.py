"""Which window of a brain's trial a step of the student's trial belongs to.

The student lives through the recorded trial on its own clock. A step is paired by the event it
follows (this item, the maintenance period) and the time since that event, plus the latency of the
brain; so trials of any timing can be paired, and nothing depends on where a step stands in a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int64

from b2m_drive.recordings.trial_windows import Window
from b2m_drive.teachers.windows import LATENCY

NO_WINDOW = -1
_TOLERANCE = 1e-6  # [s]


def window_of_steps(
    windows: tuple[Window, ...],
    period_names: Sequence[str],
    period: Int64[np.ndarray, "trial time"],
    time_since_onset: Float32[np.ndarray, "trial time"],
    time_step: float,
) -> Int64[np.ndarray, "trial time"]:
    """The window that each step's middle falls into, `NO_WINDOW` where there is none.

    Raises:
        ValueError: If a window belongs to a period that the task does not have.
    """
    middle = time_since_onset + time_step / 2 + LATENCY
    found = np.full(period.shape, NO_WINDOW, dtype=np.int64)
    for index, window in enumerate(windows):
        inside = (
            (period == _index_of(window.period, period_names))
            & (middle >= window.start - _TOLERANCE)
            & (middle < window.stop - _TOLERANCE)
        )
        found[inside] = index
    return found


def average_in_windows(
    step_activity: Float32[np.ndarray, "trial time unit"],
    windows: tuple[Window, ...],
    period_names: Sequence[str],
    period: Int64[np.ndarray, "trial time"],
    time_step: float,
) -> Float32[np.ndarray, "trial window unit"]:
    """A network's activity, step by step, averaged in the windows a brain is read in.

    As in a recording, the window of one item may reach into the next one's period. The windows of
    a period that a trial never enters (an item that it did not show) are 0.

    Raises:
        ValueError: If the time step is so long that a window holds no step, or a window belongs to
            a period that the task does not have.
    """
    steps = np.arange(period.shape[1])
    averages = []
    for window in windows:
        in_period = period == _index_of(window.period, period_names)
        onset, entered = in_period.argmax(1), in_period.any(1)
        middle = (steps[None] - onset[:, None] + 0.5) * time_step + LATENCY
        inside = (middle >= window.start - _TOLERANCE) & (middle < window.stop - _TOLERANCE)
        count = inside.sum(1)
        if not count[entered].all():
            raise ValueError(
                f"time_step: expected steps short enough for {window}, came {time_step} s"
            )
        sums = (step_activity * inside[..., None]).sum(1)
        averages.append(sums / count.clip(1)[:, None] * entered[:, None])
    return np.stack(averages, axis=1).astype(np.float32)


def _index_of(period: str, period_names: Sequence[str]) -> int:
    if period not in period_names:
        raise ValueError(
            f"windows: expected periods of the task, {tuple(period_names)}, came {period!r}"
        )
    return list(period_names).index(period)
