"""A recording made beside frames, cut out around each time that one was shown."""

from __future__ import annotations

import numpy as np

from b2m_drive.recordings.events import Events
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.responses import Responses
from b2m_drive.recordings.scene_recording import times_of
from b2m_drive.teachers.frame_pairing import responses_to
from b2m_drive.teachers.sensor_responses import window_edges

DELAY = 0.1  # [s] from a frame to the start of its window
WINDOW = 0.4  # [s] at most; less where frames follow each other faster
_LEAST_SHARE = 0.5  # of the presentations


def frame_responses(
    recording: Recording, delay: float = DELAY, window: float | None = None
) -> Responses:
    """The brain's response to every presentation of a frame, with the frame's id.

    A unit gives its mean activity, an EEG sensor its potential and band power, as in the driving
    study (see `responses_to`). Presentations without a sample in their window are left out and
    counted in the notes. A window that the end or a pause cuts short is averaged over what there
    is.

    Args:
        recording: Made while frames were shown.
        delay: From a frame's first sample to the start of its window [s].
        window: Its length [s]; None: 0.4, or the usual time between frames if that is shorter,
            lest it hold the response to the next one.

    Raises:
        ValueError: If delay or window are no seconds, or the windows of more than half of the
            presentations were not recorded.
    """
    shown = recording.events
    length = window_of(shown) if window is None else window
    if not (np.isfinite([delay, length]).all() and length > 0):
        raise ValueError(
            f"delay and window: expected seconds, the window over 0, came {delay} and {length}"
        )
    start = shown.onset + delay
    first, last = window_edges(times_of(recording), start, length)
    recorded = first < last
    if recorded.mean() < _LEAST_SHARE:
        raise ValueError(
            f"{recording.session}: expected windows from {delay:g} to {delay + length:g} s after "
            f"the frames within the recording, came {int(recorded.sum())} of {len(recorded)}; "
            "another clock or unit of time?"
        )
    kept = shown.select(recorded)
    lost = int((~recorded).sum())
    notes = [*recording.notes, f"responses from {delay:g} to {delay + length:g} s after a frame"]
    if lost:
        notes.append(f"{lost} of {len(recorded)} presentations left out: window not recorded")
    return Responses.from_arrays(
        responses_to(kept, recording, delay, length),
        kept.ids,
        recording.session,
        [delay],
        measure="mean activity after a frame",
        subject=recording.subject,
        source=recording.source,
        licence=recording.licence,
        simulated=recording.simulated,
        notes=tuple(notes),
    )


def window_of(shown: Events) -> float:
    """No longer than frames are usually apart [s]."""
    apart = np.diff(shown.onset)
    return min(WINDOW, float(np.median(apart))) if len(apart) else WINDOW
