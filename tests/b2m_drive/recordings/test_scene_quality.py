"""A brain beside scenes that cannot teach is refused, and says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.scene_quality import check_frame_rate, scene_findings, scenes_fit_to_teach
from b2m_drive.recordings.scene_recording import NO_FRAME, presentations


def watched(n_frames: int = 20, n_units: int = 6) -> Recording:
    """Five samples a frame at 10 Hz; an empty screen before the first."""
    frame_id = np.concatenate([[NO_FRAME] * 5, np.repeat(np.arange(n_frames), 5)])
    activity = np.random.default_rng(0).normal(size=(len(frame_id), n_units))
    time = np.arange(len(frame_id)) / 10
    return Recording(
        tuple(Unit(f"u{k}", "somewhere", "SU") for k in range(n_units)),
        presentations(time, frame_id.astype(np.int64)), "drive", "activity",
        signal=activity.astype(np.float32), time=time,
    )  # fmt: skip


def signal_of(recording: Recording) -> np.ndarray:
    assert recording.signal is not None
    return recording.signal


def test_a_good_recording_comes_back_as_it_is() -> None:
    recording = watched()
    assert scene_findings(recording) == ()
    assert scenes_fit_to_teach(recording) is recording


@pytest.mark.parametrize(("value", "level"), [(0.0, "all silent"), (7.0, "all constant")])
def test_signals_that_never_vary_cannot_teach(value: float, level: str) -> None:
    recording = watched()
    flat = replace(recording, signal=np.full_like(signal_of(recording), value))
    with pytest.raises(ValueError, match=f"drive cannot teach: none of 6 .* ever varies .{level}"):
        scenes_fit_to_teach(flat)


def test_a_dead_sensor_is_said_and_the_others_teach() -> None:
    recording = watched()
    signal_of(recording)[:, 2] = 0
    (finding,) = scene_findings(recording)
    assert "1 of 6 units or sensors never vary (u2)" in finding.text
    assert scenes_fit_to_teach(recording) is recording


def test_one_frame_alone_cannot_teach() -> None:
    recording = watched()
    one = replace(recording, events=recording.events.select([0]))
    with pytest.raises(ValueError, match="2 different frames or more, came 1"):
        scenes_fit_to_teach(one)


def test_activity_pasted_twice_cannot_teach_and_a_few_copies_are_left_out() -> None:
    recording = watched()
    signal_of(recording)[55:] = signal_of(recording)[5:55]
    with pytest.raises(ValueError, match=r"a repetition .* in 10 of 20 presentations"):
        scenes_fit_to_teach(recording)
    few = watched()
    signal_of(few)[100:105] = signal_of(few)[5:10]
    kept = scenes_fit_to_teach(few)
    assert set(range(20)) - set(kept.events.ids.tolist()) == {19}
    assert any("in 1 of 20 presentations (left out)" in note for note in kept.notes)


def test_frames_in_another_unit_of_time_are_refused_with_the_factor() -> None:
    recording = watched()
    check_frame_rate(recording, 0.5)
    check_frame_rate(recording, 1.0)  # shown at another speed: a choice
    slow = replace(recording.events, onset=recording.events.onset * 1e3)
    with pytest.raises(ValueError, match=r"about 0\.5 s apart, .* came 500 s: times 0\.001 the"):
        check_frame_rate(replace(recording, events=slow), 0.5)
