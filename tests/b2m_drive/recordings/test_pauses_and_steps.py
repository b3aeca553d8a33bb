"""Pauses of a recording, steps that a mapping names, and clocks that differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.mapped import recording_of
from b2m_drive.recordings.mapping import mapping_from
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.response_window import ResponseWindow
from b2m_drive.recordings.responses import responses_of
from b2m_drive.recordings.sampled_signal import SampledSignal, Segment, signal_from_times
from b2m_drive.recordings.scene_quality import scenes_fit_to_teach
from b2m_drive.recordings.simulated.trials import simulate_sternberg
from b2m_drive.teachers.event_quality import aim_text, event_quality

TIME = np.arange(0, 60, 0.01)  # [s]
NOISE = np.random.default_rng(0).normal(size=(len(TIME), 3)) * 1e-5  # [V]


def recorded(
    onset: Any,
    time: np.ndarray = TIME,
    values: np.ndarray = NOISE,
    columns: dict[str, Any] | None = None,
    **sections: Any,
) -> Recording:
    names = tuple(f"c{k}" for k in range(values.shape[1]))
    signal = signal_from_times(
        "potential", names, time, lambda a, b: values[a:b], unit="V", kinds=("EEG",) * len(names)
    )
    events = {"onset": np.asarray(onset, float), **(columns or {})}
    table = EventTable("log", events, "onset")
    given = Contents(Path("one.abc"), "made", signals=(signal,), tables=(table,))
    return recording_of(given, mapping_from({"events": {}, **sections}))


@pytest.mark.parametrize("lazy", [True, False])
def test_no_response_is_averaged_over_a_part_of_its_window(lazy: bool) -> None:
    there = (TIME < 20) | (TIME >= 20.3)
    ramp = np.repeat(TIME[there, None], 2, axis=1) * 1e-6
    onset = [10.0, 19.5, 19.7, 19.85, 20.15, 20.2, 30.0, 31.0]  # windows of 0.1 to 0.5 s
    recording = recorded(onset, TIME[there], ramp)
    found = responses_of(recording if lazy else recording.in_memory())
    assert found.ids.tolist() == [0, 1, 5, 6, 7]
    middle = np.array([10.0, 19.5, 20.2, 30.0, 31.0]) + 0.295
    np.testing.assert_allclose(found.values[:, 0, 0] * 1e6, middle, rtol=1e-5)
    assert "3 of 8 events left out" in found.notes[-1]


def test_no_response_is_averaged_over_a_cut() -> None:
    recording = recorded([10.0, 19.55, 19.7, 20.0])
    whole = recording.signal
    assert isinstance(whole, SampledSignal)
    parts = tuple(
        Segment(n, start / 100, 100.0, lambda a, b, start=start: whole.read(start + a, start + b))
        for start, n in ((0, 2000), (2000, 4000))
    )
    joined = replace(recording, signal=replace(whole, segments=parts))
    assert responses_of(recording).ids.tolist() == [0, 1, 2, 3]
    assert responses_of(joined).ids.tolist() == [0, 3]  # 0.1 to 0.5 s after 19.55 s: from 19.65 s


def test_a_pause_within_a_baseline_counts_and_one_lost_sample_does_not() -> None:
    there = ~(((TIME >= 19.8) & (TIME < 19.95)) | (np.abs(TIME - 30.2) < 1e-6))
    baseline = {"baseline": [-0.3, 0.0]}
    recording = recorded([10.0, 20.0, 30.0, 40.0], TIME[there], NOISE[there])
    assert responses_of(recording).ids.tolist() == [0, 1, 2, 3]
    recording = recorded([10.0, 20, 30, 40], TIME[there], NOISE[there], preprocessing=baseline)
    assert responses_of(recording).ids.tolist() == [0, 2, 3]


def test_windows_that_mostly_hold_a_pause_are_refused() -> None:
    there = TIME % 1 < 0.7
    with pytest.raises(ValueError, match=r"expected windows without a pause .* came 1 of 4"):
        responses_of(recorded([1.5, 2.5, 3.5, 4.1], TIME[there], NOISE[there]))


@pytest.mark.slow
def test_columns_stay_beside_their_events_where_some_are_left_out() -> None:
    onset = np.append(np.arange(1, 41), 59.9)
    kind = np.append(np.arange(40) % 2, 1)
    values = NOISE.copy()
    for each, k in zip(onset, kind, strict=True):
        values[int(each * 100 + 10) : int(each * 100 + 50), 0] += 1e-4 * k
    recording = recorded(onset, values=values, columns={"kind": kind}, events={"keep": ["kind"]})
    found = event_quality(recording)
    assert len(found.responses) == 40
    assert [each.variable for each in found.quality.decoding] == ["kind"]
    assert found.quality.decoding[0].score == 1


def test_events_on_another_clock_are_told_how_they_would_fit() -> None:
    with pytest.raises(ValueError, match=r"times 0\.001 the events would fit \(events in millisec"):
        responses_of(recorded(np.arange(2, 50) * 1000.0))
    with pytest.raises(ValueError, match="another clock: the events would fit if -999996 s"):
        responses_of(recorded(np.arange(2, 50) + 1e6))


def test_spikes_in_milliseconds_beside_events_in_seconds_are_refused() -> None:
    times = [np.sort(np.random.default_rng(k).uniform(0, 100, 200)) for k in range(3)]
    onset, ids = np.arange(2, 95, 2.0), np.arange(47) % 4

    def of(factor: float) -> Recording:
        spikes = [each * factor for each in times]
        return Recording.from_arrays(spike_times=spikes, onset=onset, ids=ids)

    assert responses_of(of(1.0)).values.any()
    with pytest.raises(
        ValueError, match=r"times 1000 the events would fit \(spikes in milliseconds"
    ):
        responses_of(of(1000.0))


def test_events_that_begin_together_are_counted_in_a_note() -> None:
    note = "1 events begin together with the one before: one response for both"
    assert note in recorded([1.0, 2.0, 2.0]).notes
    assert note not in recorded([1.0, 2.0, 2.1]).notes


def test_without_a_ceiling_the_reason_is_the_true_one() -> None:
    once = event_quality(recorded([1.0, 2.0, 3.0])).quality
    assert aim_text(once) == "fewer than two things were seen twice, so no ceiling can be told"
    columns, flat = {"k": np.array([1, 2] * 4)}, np.ones((len(TIME), 2))
    still = recorded(np.arange(1, 9), TIME, flat, columns, events={"stimulus": "k"})
    assert aim_text(event_quality(still).quality) == "nothing varies, so no ceiling can be told"


def test_a_recording_beside_frames_has_no_baseline_and_no_rejection() -> None:
    onset = np.arange(2, 50.0)
    assert scenes_fit_to_teach(recorded(onset)).window == ResponseWindow()
    for step in ({"baseline": [-0.2, 0.0]}, {"reject": 1e-4}):
        with pytest.raises(ValueError, match=r"without preprocessing\.baseline and .*\.reject"):
            scenes_fit_to_teach(recorded(onset, preprocessing=step))


def test_the_power_of_a_sensor_is_no_potential_whose_bands_are_read() -> None:
    assert {unit.kind for unit in recorded([1.0]).units} == {"EEG"}
    powers = recorded([1.0], preprocessing={"power_window": 0.1})
    assert {unit.kind for unit in powers.units} == {"EEG power"}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ({"high_pass": 1.0}, "high-pass: 1 Hz (linear phase, Hamming window)"),
        ({"low_pass": 20.0}, "low-pass: 20 Hz (linear phase, Hamming window)"),
        ({"high_pass": 1.0, "low_pass": 20.0}, "band-pass: 1 to 20 Hz (linear phase, "),
        ({"reject": 1e-4}, "reject: what spans over 0.0001 V"),
    ],
)
def test_notes_say_what_was_applied(steps: dict[str, float], said: str) -> None:
    notes = recorded([1.0, 2.0], preprocessing=steps).notes
    assert any(f"preprocessing: {said}" in note for note in notes)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"preprocessing": {"reject": 100.0}},
            r"expected under 1 V, .* came 100: 0\.0001 V is 100",
        ),
        ({"preprocessing": {"notch": 49.0}}, "notch: expected over 2 Hz and under half of 100 Hz"),
        ({"preprocessing": {"notch": True}}, r"preprocessing\.notch: expected a number, came True"),
        ({"activity": {"scale": 0}}, r"activity\.scale: expected a number other than 0, came 0"),
    ],
)
def test_steps_that_cannot_be_meant_are_refused(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        recorded([1.0, 2.0], **sections)


def test_a_trial_without_its_baseline_is_left_out_and_counted() -> None:
    trials = simulate_sternberg(20, 4, np.random.default_rng(1))
    first, last = float(trials.item_onset[0, 0]), float(trials.probe_onset.max())
    time = np.arange(round(first * 100) - 90, round(last * 100) + 300) / 100
    values = np.random.default_rng(0).normal(size=(len(time), 3)).astype(np.float32)
    recording = Recording.from_arrays(signal=values, time=time, trials=trials)
    assert len(in_trials(recording)) == 20
    found = in_trials(replace(recording, window=ResponseWindow((-1.5, -1.0))))
    assert found.trials.trial_id.tolist() == trials.trial_id[1:].tolist()
    assert found.notes[-1] == (
        "1 trials left out: a bin, or the baseline, has no sample, or a pause in it"
    )
