"""Recordings, events and responses from a stranger's arrays: what is taken, what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import b2m_drive as b2m
from b2m_drive.recordings.binning import in_trials

TIMES = np.arange(1000) / 100  # [s]
EVENTS: dict[str, Any] = {"onset": [1.0, 2.0, 3.0], "ids": [5, 6, 7]}
SIGNAL: dict[str, Any] = {"signal": np.zeros((1000, 2)), "time": TIMES}
SPIKES: dict[str, Any] = {"spike_times": [[0.0, 1.2, 1.3, 9.0], [2.2]]}


def signal(**changes: Any) -> b2m.Recording:
    return b2m.Recording.from_arrays(**{**EVENTS, **SIGNAL, **changes})


def spikes(**changes: Any) -> b2m.Recording:
    return b2m.Recording.from_arrays(**{**EVENTS, **SPIKES, **changes})


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
def test_columns_as_matlab_writes_them_are_columns(shape: tuple[int, ...]) -> None:
    found = b2m.Events.of(
        np.reshape([1.0, 2.0, 3.0], shape), np.reshape([5.0, 6.0, 7.0], shape),
        np.reshape([0.1, 0.2, 0.3], shape),
    )  # fmt: skip
    assert found.onset.tolist() == [1.0, 2.0, 3.0]
    assert found.ids.tolist() == [5, 6, 7]
    assert found.duration.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"onset": 1.0}, r"onset: expected one number a row, came the shape \(\)"),
        ({"onset": np.ones((3, 2))}, r"onset: expected one number a row, came the shape \(3, 2\)"),
        ({"onset": ["a", "b", "c"]}, "onset: expected numbers, came <U1"),
        ({"onset": [1.0, None, 3.0]}, "onset: expected finite seconds, 1 are NaN"),
        ({"onset": [[1.0], [2.0, 3.0]]}, "onset: expected numbers"),
        ({"onset": np.array([1, 2, 3j])}, "onset: expected numbers, came complex128"),
        ({"onset": np.ma.masked_equal([1.0, 2.0, 9.0], 9.0)}, "onset: expected finite seconds"),
        ({"duration": [0.1, 0.2]}, r"duration: expected one for each of 3 onsets.*\(2,\)"),
        ({"duration": [0.1, np.nan, 0.2]}, "duration: .*1 of 3 are negative, NaN or inf.*nan"),
        ({"duration": np.inf}, "duration: expected finite"),
        ({"duration": -1}, "duration: .*such as -1"),
        ({"duration": "long"}, "duration: expected numbers"),
        ({"ids": [1, 2]}, r"ids: expected one for each of 3 onsets"),
        ({"ids": ["face", "car", "face"]}, "ids: expected a whole number a row, came <U4"),
        ({"ids": [1.0, 2.5, 3.0]}, "ids: expected whole numbers, came fractions"),
        ({"ids": [1.0, np.inf, 3.0]}, "ids: expected whole numbers, came fractions, NaN or inf"),
        ({"ids": [1.0, 2e17, 3.0]}, "ids: expected whole numbers up to 9007199254740992"),
        ({"ids": np.array([1, 2, 2**63], np.uint64)}, "ids: expected whole numbers up to 9223"),
        ({"ids": [True, False, True]}, "ids: expected a whole number a row, came bool"),
        ({"onset": [], "ids": []}, "expected units and events, came 2 and 0"),
    ],
)
def test_events_that_cannot_be_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        signal(**changes)


def test_a_column_of_events_of_another_length_is_refused_also_if_it_is_one_word() -> None:
    with pytest.raises(ValueError, match=r"block: expected one for each of 3 onsets.*shape \(\)"):
        b2m.Events.of(**EVENTS, block="first")
    kept = b2m.Events.of(**EVENTS, block=["a", "b", "c"]).select([2, 0])
    assert kept.columns["block"].tolist() == ["c", "a"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signal": np.zeros((2, 1000))}, r"units in columns .*\(2, 1000\).*; transpose the"),
        ({"time": None}, "came the shape .* and no time"),
        ({"time": TIMES[::-1]}, "time: expected finite seconds, each later"),
        ({"time": TIMES[:-1]}, "and 999 times"),
        ({"signal": np.zeros((10, 10, 10))}, r"signal: expected \(sample, unit\)"),
        ({"signal": np.full((1000, 2), 1e300)}, "2000 of 2000 values are NaN or infinite"),
        ({"signal": np.zeros((1000, 2), complex)}, "signal: expected numbers, came complex"),
        ({"unit_names": ["Fz"]}, "came the shape .*1 units"),
        ({"spike_times": [[1.0]]}, "expected spike_times or signal, one of the two"),
        ({"recorded": (0.0, 5.0)}, "recorded: expected a start and an end"),
    ],
)
def test_a_signal_that_cannot_be_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        signal(**changes)


def test_units_have_the_regions_and_kinds_that_were_given() -> None:
    made = signal(unit_names=["Fz", "Cz"], unit_regions=["frontal", "central"], unit_kinds="EEG")
    assert [(unit.name, unit.region, unit.kind) for unit in made.units] == [
        ("Fz", "frontal", "EEG"), ("Cz", "central", "EEG"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="unit_kinds: expected one for each of 2 units, came 1"):
        signal(unit_kinds=["EEG"])


def test_channels_with_gaps_are_named() -> None:
    values = np.zeros((1000, 3))
    values[4:9, 1] = np.nan
    expected = re.escape("5 of 3000 values are NaN or infinite, in 1 of 3 units (Cz)")
    with pytest.raises(ValueError, match=expected):
        signal(signal=values, unit_names=["Fz", "Cz", "Pz"])


def test_spike_times_of_one_unit_are_not_taken_for_units_of_one_spike() -> None:
    with pytest.raises(ValueError, match=r"an array of times for each unit, came .*into a list"):
        spikes(spike_times=np.array([0.1, 0.2, 0.3]))
    assert len(spikes(spike_times=[np.array([0.1, 0.2, 0.3])]).units) == 1


def test_spikes_are_sorted_from_arrays_and_refused_where_they_are_not() -> None:
    found = spikes(spike_times=[[3.0, 1.0, 2.0]])
    assert found.spike_times is not None
    assert found.spike_times[0].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="unit0: expected spike times in the order of time"):
        replace(found, spike_times=(np.array([3.0, 1.0]),))
    with pytest.raises(ValueError, match="unit0: expected finite spike times"):
        spikes(spike_times=[[1.0, np.nan]])


def test_a_single_note_is_not_taken_for_its_letters() -> None:
    assert spikes(notes="one note").notes == ("one note",)
    made = b2m.Responses.from_arrays(np.eye(3), [1, 2, 3], notes="one note")
    assert made.notes == ("one note",)


def test_events_of_a_brain_that_is_silent_at_the_end_of_its_recording_count() -> None:
    early: dict[str, Any] = {"spike_times": [[0.0, 1.2, 1.3, 2.2]]}
    known = b2m.responses_of(spikes(**early, recorded=(0.0, 10.0)))
    assert known.ids.tolist() == [5, 6, 7]
    np.testing.assert_allclose(known.values[:, 0, 0], [2**0.5, 1, 0])


def test_a_recording_without_a_spike_is_refused_before_it_is_judged() -> None:
    with pytest.raises(ValueError, match="expected spikes, came none in any unit"):
        b2m.responses_of(spikes(spike_times=[[], []]))


def test_events_in_another_unit_of_time_are_refused_even_if_one_falls_inside() -> None:
    onset = np.arange(1, 21) * 1000.0  # [ms]
    found = signal(onset=np.append(onset, 0.5), ids=np.arange(21))
    with pytest.raises(ValueError, match=r"came 1 of 21 .*another clock or unit of time"):
        b2m.responses_of(found)


def test_events_that_a_recording_does_not_cover_are_left_out_and_counted() -> None:
    found = b2m.responses_of(signal(onset=[1.0, 2.0, 9.8]))
    assert found.ids.tolist() == [5, 6]
    assert any("1 of 3 events left out" in note for note in found.notes)


def test_events_in_a_pause_of_the_recording_are_left_out_and_counted() -> None:
    there = (TIMES < 1.9) | (TIMES > 2.8)
    paused = signal(signal=np.ones((int(there.sum()), 1)), time=TIMES[there])
    found = b2m.responses_of(paused, n_times=2)
    assert found.ids.tolist() == [5, 7]
    np.testing.assert_allclose(found.values, 1)
    assert any("1 of 3 events left out" in note for note in found.notes)
    with pytest.raises(ValueError, match="expected samples in every part of the window"):
        b2m.responses_of(paused, n_times=1000)


def test_means_of_a_signal_are_those_of_its_samples() -> None:
    values = np.random.default_rng(0).normal(1e4, 1, (1000, 3))  # an offset, as amplifiers have
    found = b2m.responses_of(signal(signal=values), 0.1, 0.5, n_times=2)
    chosen = values.astype(np.float32).astype(np.float64)
    expected = [[chosen[a + s : a + s + 20].mean(0) for s in (10, 30)] for a in (100, 200, 300)]
    np.testing.assert_allclose(found.values, expected, rtol=1e-7)


def test_absent_times_of_responses_are_zero_whatever_stood_there() -> None:
    values = np.ones((3, 2, 4))
    values[0, 1] = np.nan
    present = np.array([[True, False], [True, True], [True, True]])
    made = b2m.Responses.from_arrays(values, [1, 2, 3], present=present)
    assert (made.values[0, 1] == 0).all()
    assert (made.values.sum(), made.present.sum()) == (20, 5)
    with pytest.raises(ValueError, match=r"4 of 24 values are NaN.*not present"):
        b2m.Responses.from_arrays(values, [1, 2, 3])


@pytest.mark.parametrize(
    ("values", "changes", "message"),
    [
        (np.ones(3), {}, r"expected \(row, unit\) or \(row, time, unit\)"),
        (np.ones((0, 3)), {"ids": []}, "expected rows, times, units, came"),
        ([["a", "b"]] * 3, {}, "responses of arrays: expected numbers"),
        (np.ones((3, 2, 1)), {"start": [0.2, 0.1]}, "start: expected finite seconds, each later"),
        (np.ones((3, 2, 1)), {"start": [0.2]}, r"start: expected \(2,\), came \(1,\)"),
        (np.ones((3, 2, 1)), {"present": np.zeros((3, 2))}, "expected some that are present"),
        (np.ones((3, 2)), {"ids": [1, 2]}, r"ids: expected \(3,\), came \(2,\)"),
    ],
)
def test_responses_that_cannot_be_are_refused_by_name(
    values: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        b2m.Responses.from_arrays(values, **{"ids": [1, 2, 3], **changes})


def test_items_without_an_onset_are_left_out_of_a_session_and_counted() -> None:
    trials = b2m.simulate_trials(12, 3, 8, np.random.default_rng(0))
    onset = trials.item_onset.copy()
    onset[4, 1] = np.nan
    found = b2m.Recording.from_arrays(
        spike_times=[[0.0, float(trials.probe_onset.max()) + 1]], duration=0.2, notes="made up",
        trials=replace(trials, item_onset=onset),
    )  # fmt: skip
    assert len(found.events) == int((trials.stimulus >= 0).sum()) - 1
    assert found.events.duration.tolist() == [0.2] * len(found.events)
    assert found.notes == ("made up", "1 of 36 items left out: their onset is unknown")


def test_a_recording_of_trials_is_cut_out_around_its_items_and_counted_in_its_trials() -> None:
    trials = b2m.simulate_trials(12, 3, 8, np.random.default_rng(0))
    found = b2m.SimulatedBrain.preset("ideal").record(trials, 0)
    assert isinstance(found, b2m.Recording)
    cut = b2m.responses_of(found)
    np.testing.assert_array_equal(cut.ids, trials.stimulus.ravel())
    first = in_trials(found).values[:, [8 + k for k in range(1, 5)]].sum(1)  # 0.1 to 0.5 s
    np.testing.assert_allclose(cut.values[::3, 0] ** 2, first, atol=1e-3)


def test_a_file_that_is_no_session_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.h5"
    path.write_bytes(b"not HDF5 at all")
    with pytest.raises(ValueError, match=r"broken\.h5: expected a session file \(HDF5\)"):
        b2m.read_recording(path)


def test_a_recording_beside_scenes_is_read_with_an_event_for_each_frame(tmp_path: Path) -> None:
    made = b2m.Recording.from_arrays(
        signal=np.random.default_rng(0).normal(size=(250, 2)), time=np.arange(250) / 100,
        onset=[0.5, 1.0, 1.5], ids=[4, 9, 4], duration=0.5, simulated=True, notes="made up",
    )  # fmt: skip
    b2m.write_scene_recording(tmp_path / "beside.h5", made)
    found = b2m.read_recording(tmp_path / "beside.h5")
    assert found.events.ids.tolist() == [4, 9, 4]
    np.testing.assert_allclose(found.events.onset, [0.5, 1.0, 1.5])
    np.testing.assert_allclose(found.events.duration, 0.5)
    assert found.simulated
