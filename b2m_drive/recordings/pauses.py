"""When a recording of a signal paused, and which windows reach over a pause."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.sampled_signal import SampledSignal
from b2m_drive.recordings.sampling import LONGEST_BRIDGED, pauses_of

_TOLERANCE = 1e-9  # [s]


def crosses_pause(
    recording: Recording,
    begin: Float64[np.ndarray, "*window"],
    end: Float64[np.ndarray, "*window"],
) -> Bool[np.ndarray, "*window"]:
    """Whether windows from ``begin`` to ``end`` [s] reach over a pause; NaN reaches over none."""
    paused, over = _pauses(recording)
    nearest = np.searchsorted(over, begin + _TOLERANCE)  # the first pause that is not over
    return np.asarray(np.append(paused, np.inf)[nearest] < end - _TOLERANCE)


def _pauses(
    recording: Recording,
) -> tuple[Float64[np.ndarray, " pause"], Float64[np.ndarray, " pause"]]:
    """When each began and was over [s]; a signal in a file knows it without its times.

    Where such a signal was cut, as it is between recordings that were joined, time stands still,
    and a response from before to after is none.
    """
    if not isinstance(recording.signal, SampledSignal):
        assert recording.time is not None
        return pauses_of(recording.time)
    gaps = np.array(recording.signal.gaps, dtype=np.float64).reshape(-1, 2)
    usual = 1 / recording.signal.rate
    length = np.diff(gaps)[:, 0]
    pause = (length + usual > max(LONGEST_BRIDGED, 2.5 * usual)) | (length < usual / 2)
    return gaps[pause, 0], gaps[pause, 1]
