"""Whether a brain recorded beside scenes can teach at all: what is wrong with it, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.recording_quality import SEVERE_SHARE, Finding
from b2m_drive.recordings.response_window import AS_IT_IS
from b2m_drive.recordings.scene_recording import samples_of_events, signal_of

_FEWEST_FRAMES = 2
_VALUES_THAT_TELL = 10  # stretches with fewer that are not 0 may be alike by chance
_OTHER_UNIT = 20.0  # times as fast, or as slow, as the scenes were made: a unit, not a choice


def scenes_fit_to_teach(recording: Recording) -> Recording:
    """The recording without frames whose activity is a copy, which its notes count; or itself.

    Raises:
        ValueError: If it cannot teach; says why.
    """
    _refuse_window(recording)
    found = scene_findings(recording)
    severe = [finding.text for finding in found if finding.severe]
    if severe:
        raise ValueError(f"{recording.session} cannot teach: {'; '.join(severe)}")
    left_out = [finding for finding in found if len(finding.trials)]
    if not left_out:
        return recording
    bad = np.unique(np.concatenate([finding.trials for finding in left_out]))
    kept = recording.events.select(np.setdiff1d(np.arange(len(recording.events)), bad))
    notes = (*recording.notes, *(finding.text for finding in left_out))
    return replace(recording, events=kept, notes=notes)


def _refuse_window(recording: Recording) -> None:
    """Frames follow each other too fast for a baseline, and their responses have none.

    Raises:
        ValueError: If the recording's mapping asks for a baseline or for rejection.
    """
    if recording.window != AS_IT_IS:
        raise ValueError(
            f"{recording.session}: expected a recording without preprocessing.baseline and "
            "preprocessing.reject beside frames, which have responses without either; came "
            f"{recording.window}: a high-pass serves instead of a baseline, events.where of "
            "rejection"
        )


def scene_findings(recording: Recording) -> tuple[Finding, ...]:
    """All that is wrong with a recording; rows of a finding are presentations of frames."""
    found = (check(recording) for check in _CHECKS)
    return tuple(finding for finding in found if finding is not None)


def check_frame_rate(recording: Recording, step: float) -> None:
    """Refuse a recording whose frames followed each other in another unit of time than seconds.

    Args:
        recording: Made beside the scenes.
        step: Usual time between two frames of the scenes [s].

    Raises:
        ValueError: If they came twenty times as fast or as slow as the scenes were made, or more.
    """
    interval = np.diff(np.sort(recording.events.onset))
    if not len(interval):
        return
    usual = float(np.median(interval))
    if 1 / _OTHER_UNIT < usual / step < _OTHER_UNIT:
        return
    raise ValueError(
        f"{recording.session} cannot teach: expected frames about {step:g} s apart, as the scenes "
        f"were made, came {usual:,.4g} s: times {step / usual:.3g} the times would fit (in "
        "milliseconds, or counted in samples?)"
    )


def _too_few(recording: Recording) -> Finding | None:
    count = len(np.unique(recording.events.ids))
    if count >= _FEWEST_FRAMES:
        return None
    return Finding(f"expected {_FEWEST_FRAMES} different frames or more, came {count}", True)


def _flat(recording: Recording) -> Finding | None:
    signal = signal_of(recording)
    flat = (signal == signal[0]).all(0)
    if not flat.any():
        return None
    names = ", ".join(recording.units[k].name for k in np.flatnonzero(flat)[:5])
    if flat.all():
        level = "all silent" if not signal.any() else "all constant"
        return Finding(f"none of {len(flat)} units or sensors ever varies ({level})", True)
    return Finding(f"{int(flat.sum())} of {len(flat)} units or sensors never vary ({names})", False)


def _copies(recording: Recording) -> Finding | None:
    """The same activity after another frame: a recording pasted twice would test itself."""
    seen: set[bytes] = set()
    signal, again = signal_of(recording), np.zeros(len(recording.events), dtype=bool)
    for row, samples in enumerate(samples_of_events(recording)):
        activity = signal[samples]
        if np.count_nonzero(activity) >= _VALUES_THAT_TELL and _varies(activity):
            content = activity.tobytes()
            again[row] = content in seen
            seen.add(content)
    if not again.any():
        return None
    severe = bool(again.mean() >= SEVERE_SHARE)
    text = (
        f"a repetition (the same activity as after an earlier frame) in {int(again.sum())} of "
        f"{len(again)} presentations{'' if severe else ' (left out)'}"
    )
    return Finding(text, severe, np.flatnonzero(again))


_CHECKS: tuple[Callable[[Recording], Finding | None], ...] = (_too_few, _flat, _copies)


def _varies(activity: np.ndarray) -> bool:
    return bool((activity != activity.flat[0]).any())
