"""Time windows of a trial, each placed by the trial's own events: where a brain is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from b2m_drive.brain.recording import MAINTENANCE, BrainRecording, item_period

ENCODING, DELAY = 0, 1  # the phases of a trial that teach; the answer is never a target
PHASE_NAMES = ("encoding", "delay")
LATENCY = 0.1  # [s] from a stimulus to the first response of the medial temporal lobe's inputs
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


def teaching_windows(n_items: int, delay_window: float = 0.4) -> tuple[Window, ...]:
    """Two windows an item (0.1-0.5 s and 0.5-0.9 s), then the maintenance period in equal parts.

    The probes are left out: a decoder of the probe period would hand the student the answer.
    """
    encoding = [
        Window(item_period(position), start, stop)
        for position in range(n_items)
        for start, stop in ((0.1, 0.5), (0.5, 0.9))
    ]
    starts = np.arange(LATENCY, 2.4 - delay_window + _EDGE_TOLERANCE, delay_window)
    delay = [Window(MAINTENANCE, float(start), float(start + delay_window)) for start in starts]
    return (*encoding, *delay)


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
