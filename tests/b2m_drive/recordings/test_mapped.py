"""What a mapping makes of what lies in a file: events, activity, voltages, proposals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2m_drive.recordings.contents import Contents, EventTable, SpikeUnits, StoredArray, label_of
from b2m_drive.recordings.mapped import recording_of
from b2m_drive.recordings.mapping import (
    ActivityMapping,
    EventMapping,
    Preprocessing,
    RecordingMapping,
    mapping_from,
)
from b2m_drive.recordings.proposal import proposed_mapping, usual_preprocessing
from b2m_drive.recordings.readers.table import mapped
from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.responses import responses_of
from b2m_drive.recordings.sampled_signal import SampledSignal, Segment

RATE = 100.0  # [Hz]
VALUES = (np.random.default_rng(0).normal(size=(1000, 4)) * 20).astype(np.float32)
COLUMNS = {
    "onset": np.array([3.0, 1.0, 2.0, np.nan, 4.0]),
    "what": np.array(["frame/7", "frame/5", "pause", "frame/7", "frame/5"], dtype=object),
    "block": np.array([1.0, 1.0, 1.0, 2.0, 2.0]),
    "lasts": np.array([0.5, 0.25, np.nan, 1.0, 2.0]),
}


def signal(unit: str = "µV", kind: str = "EEG", values: np.ndarray = VALUES) -> SampledSignal:
    names = ("Cz", "Pz", "Oz", "heart")
    kinds = (kind,) * 3 + ("ECG",)
    segment = Segment(len(values), 0.0, RATE, lambda a, b: values[a:b])
    return SampledSignal("eeg", names, (segment,), unit, kinds)


def contents(**other: Any) -> Contents:
    given = {"signals": (signal(),), "tables": (EventTable("log", COLUMNS, "onset"),), **other}
    return Contents(Path("folder/one.abc"), "made", **given)


def recorded(given: Contents | None = None, **sections: Any) -> Recording:
    return recording_of(given or contents(), mapping_from({"events": {}, **sections}))


def events(**entries: Any) -> Any:
    return recorded(events=entries).events


def test_events_come_in_the_order_of_time_without_those_that_have_none() -> None:
    recording = recorded()
    assert recording.events.onset.tolist() == [1, 2, 3, 4]
    assert recording.events.ids.tolist() == [0, 1, 2, 3]
    assert "1 events left out: their onset is missing" in recording.notes


def test_a_pattern_takes_the_id_out_of_a_text_and_leaves_other_rows_out() -> None:
    found = events(stimulus="what", pattern="frame/([0-9]+)")
    assert found.ids.tolist() == [5, 7, 5]
    assert found.onset.tolist() == [1, 3, 4]


def test_labels_are_numbered_in_the_order_of_the_alphabet_and_kept() -> None:
    found = events(stimulus="what", keep=["block"])
    assert found.ids.tolist() == [0, 2, 1, 0]
    assert found.columns["label"].tolist() == ["frame/5", "pause", "frame/7", "frame/5"]
    assert found.columns["block"].tolist() == [1, 1, 1, 2]


def test_ids_may_be_given_by_label() -> None:
    ids = {"frame/5": 50, "frame/7": 70, "pause": -1}
    assert events(stimulus="what", ids=ids).ids.tolist() == [50, -1, 70, 50]
    with pytest.raises(ValueError, match=r"expected labels of events.ids .*came 'pause'"):
        events(stimulus="what", ids={"frame/5": 50, "frame/7": 70})


def test_rows_are_chosen_by_the_values_of_columns() -> None:
    assert events(where={"block": ["2"]}).onset.tolist() == [4]
    assert events(where={"block": ["1"], "what": ["pause", "frame/7"]}).onset.tolist() == [2, 3]
    with pytest.raises(ValueError, match="expected rows where"):
        events(where={"block": ["2"], "what": ["pause"]})


def test_a_value_that_never_occurs_is_refused_with_those_that_do() -> None:
    with pytest.raises(
        ValueError, match=r"block: expected values that occur, came '3'; .*'1', '2'"
    ):
        events(where={"block": ["1", "3"]})


@pytest.mark.parametrize(
    ("duration", "lasts"),
    [
        ("", [0, 0, 0, 0]), ("next", [1, 1, 1, 1]), ("0.3", [0.3] * 4),
        ("lasts", [0.25, 0, 0.5, 2]),
    ],
)  # fmt: skip
def test_durations_are_a_column_a_number_or_until_the_next(
    duration: str, lasts: list[float]
) -> None:
    assert events(duration=duration).duration.tolist() == lasts


def test_times_may_be_in_another_unit() -> None:
    assert events(seconds=0.5, duration="lasts").onset.tolist() == [0.5, 1, 1.5, 2]
    assert events(seconds=0.5, duration="lasts").duration.tolist() == [0.125, 0, 0.25, 1]


def test_a_column_called_duration_may_be_kept() -> None:
    table = EventTable("log", {"onset": np.array([1.0]), "duration": np.array([2.0])}, "onset")
    found = recorded(contents(tables=(table,)), events={"keep": ["duration", "onset"]}).events
    assert found.columns["duration"].tolist() == [2]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"table": "other"}, "expected a table 'other', came log"),
        ({"onset": "when"}, "expected a column 'when', came onset, what"),
        ({"onset": "what"}, "expected numbers"),
        ({"stimulus": "what", "pattern": "("}, "events.pattern"),
        ({"stimulus": "what", "pattern": "frame"}, "expected one group"),
        ({"pattern": "(x)"}, "expected events.stimulus beside it"),
        ({"stimulus": "what", "pattern": "image/([0-9]+)"}, r"text that .* fits, came 'frame/5'"),
        ({"duration": "-1"}, "at least 0"),
        ({"duration": "what"}, "expected numbers"),
        ({"keep": ["nothing"]}, "expected a column 'nothing'"),
    ],
)
def test_events_that_do_not_fit_are_refused_by_file_and_column(entries: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        events(**entries)
    assert "one.abc" in str(error.value) or "mapping" in str(error.value)


def test_a_table_without_any_time_is_refused() -> None:
    table = EventTable("log", {"onset": np.array([np.nan, np.inf])}, "onset")
    with pytest.raises(ValueError, match="expected seconds in onset, came none"):
        recorded(contents(tables=(table,)))
    with pytest.raises(ValueError, match=r"expected events.onset"):
        recorded(contents(tables=(EventTable("log", COLUMNS),)))


def test_a_mapping_that_says_nothing_was_seen_is_refused() -> None:
    with pytest.raises(ValueError, match="says what was seen"):
        recording_of(contents(), RecordingMapping())


def test_channels_of_other_kinds_than_brains_are_left_out_with_a_note() -> None:
    recording = recorded()
    assert [unit.name for unit in recording.units] == ["Cz", "Pz", "Oz"]
    assert "1 channels of other kinds left out: heart (ECG)" in recording.notes
    np.testing.assert_array_equal(np.asarray(recording.signal), VALUES[:, :3])


def test_channels_are_chosen_by_name_in_the_order_given() -> None:
    recording = recorded(activity={"channels": ["heart", "Cz"]})
    np.testing.assert_array_equal(np.asarray(recording.signal), VALUES[:, [3, 0]])
    with pytest.raises(ValueError, match=r"expected some of Cz, Pz, Oz, heart; came Fz"):
        recorded(activity={"channels": ["Fz"]})


def test_a_clock_in_another_unit_and_a_scale() -> None:
    recording = recorded(activity={"seconds": 2.0, "scale": 1e-3, "unit": "mV"})
    assert recording.time is not None
    np.testing.assert_allclose(recording.time, np.arange(1000) / RATE * 2)
    np.testing.assert_allclose(np.asarray(recording.signal), VALUES[:, :3] * 1e-3, rtol=1e-6)
    assert recording.measure == "potential [mV]"


def test_microvolts_said_to_be_volts_are_refused_with_the_unit_that_fits() -> None:
    with pytest.raises(ValueError, match=r"came 19.* V .*said to be in V.*activity.unit=µV"):
        recorded(contents(signals=(signal("V"),)))
    assert recorded(contents(signals=(signal("V"),)), activity={"unit": "µV"})


def test_volts_said_to_be_microvolts_are_refused_too() -> None:
    tiny = signal("µV", values=(VALUES * 1e-6))
    with pytest.raises(ValueError, match=r"in V it would be likely: .*activity.unit=V"):
        recorded(contents(signals=(tiny,)))


@pytest.mark.parametrize(
    ("unit", "kind"), [("unit unknown", "EEG"), ("V", "pupil"), ("a.u.", "EEG")]
)
def test_what_is_no_potential_of_a_brain_may_have_any_size(unit: str, kind: str) -> None:
    assert recorded(contents(signals=(signal(unit, kind),)))


def test_given_and_found_bad_channels_are_left_out_and_named() -> None:
    odd = VALUES.copy()
    odd[:, 1] = 3.0
    odd[:, 2] *= 50
    bad = recorded(
        contents(signals=(signal("a.u.", values=odd),)),
        preprocessing={"find_bad": True},
        activity={"channels": ["Cz", "Pz", "Oz", "heart"]},
    )
    assert [unit.name for unit in bad.units] == ["Cz", "heart"]
    note = next(each for each in bad.notes if "bad channels" in each)
    assert "Pz (flat)" in note
    assert "Oz (" in note
    given = recorded(preprocessing={"bad_channels": ["Oz"]})
    assert [unit.name for unit in given.units] == ["Cz", "Pz"]
    with pytest.raises(ValueError, match=r"bad_channels: expected channels of eeg, came none-such"):
        recorded(preprocessing={"bad_channels": ["none-such"]})


def test_missing_values_name_the_file_and_the_channel_when_they_are_read() -> None:
    broken = VALUES.copy()
    broken[900, 1] = np.inf
    recording = recorded(contents(signals=(signal("a.u.", values=broken),)))
    assert recording.signal is not None
    recording.signal[0:900]
    with pytest.raises(ValueError, match=r"one\.abc: signal eeg: expected finite values.*\(Pz\)"):
        recording.signal[800:950]


def test_responses_of_a_signal_in_a_file_are_those_of_one_in_memory() -> None:
    recording = recorded(preprocessing={"baseline": [-0.2, 0.0], "reject": 130.0})
    lazy, direct = (responses_of(each, 0.0, 0.5, 3) for each in (recording, recording.in_memory()))
    np.testing.assert_allclose(lazy.values, direct.values, rtol=1e-4, atol=1e-4)
    assert lazy.ids.tolist() == direct.ids.tolist()
    assert lazy.notes == direct.notes


def test_a_baseline_is_subtracted_from_each_response() -> None:
    recording = recorded(preprocessing={"baseline": [-0.2, 0.0]})
    found = responses_of(recording, 0.0, 0.5).values[:, 0]
    for row, onset in zip(found, [100, 200, 300, 400], strict=True):
        by_hand = VALUES[onset : onset + 50, :3].mean(0) - VALUES[onset - 20 : onset, :3].mean(0)
        np.testing.assert_allclose(row, by_hand, rtol=1e-4, atol=1e-4)


def test_events_that_span_too_much_are_rejected_and_counted() -> None:
    loud = VALUES.copy()
    loud[210, 0] = 5000
    recording = recorded(contents(signals=(signal(values=loud),)), preprocessing={"reject": 1000.0})
    found = responses_of(recording, 0.0, 0.5)
    assert found.ids.tolist() == [0, 2, 3]
    assert "1 of 4 events rejected: they span over 1000" in found.notes
    with pytest.raises(ValueError, match="expected events whose signal spans 1 or less"):
        responses_of(recorded(preprocessing={"reject": 1.0}), 0.0, 0.5)


def spikes() -> SpikeUnits:
    units = tuple(Unit(f"u{k}", "CA1", "SU") for k in range(3))
    times = [np.array([4.0, 1.0, 2.5]), np.zeros(0), np.array([9.0])]
    return SpikeUnits(units, lambda k: times[k])


def test_spikes_are_sorted_and_units_chosen() -> None:
    given = contents(spikes=spikes(), signals=(), recorded=(0.0, 10.0))
    recording = recorded(given)
    assert recording.spike_times is not None
    assert [times.tolist() for times in recording.spike_times] == [[1, 2.5, 4], [], [9]]
    assert recording.span == (0, 10)
    chosen = recorded(given, activity={"channels": ["u2"], "seconds": 0.5})
    assert chosen.spike_times is not None
    assert chosen.spike_times[0].tolist() == [4.5]
    assert chosen.span == (0, 5)


def test_filters_of_spikes_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"preprocessing.notch: expected a signal, came spike times"
    ):
        recorded(contents(spikes=spikes(), signals=()), preprocessing={"notch": 50})


def test_of_several_activities_one_has_to_be_named() -> None:
    both = contents(spikes=spikes())
    with pytest.raises(ValueError, match=r"expected activity.signal, one of eeg, units; came none"):
        recorded(both)
    assert recorded(both, activity={"signal": "units"}).measure == "spikes"
    with pytest.raises(ValueError, match="expected a signal 'lfp', came eeg"):
        recorded(both, activity={"signal": "lfp"})


def stored(values: np.ndarray) -> StoredArray:
    return StoredArray(values.shape, str(values.dtype), lambda: values)


def bare(**arrays: np.ndarray) -> Contents:
    return Contents(
        Path("folder/one.abc"), "made", arrays={k: stored(v) for k, v in arrays.items()}
    )


@pytest.mark.parametrize("turned", [False, True])
def test_an_array_is_a_signal_in_the_direction_that_fits_its_times(turned: bool) -> None:
    given = bare(
        x=VALUES.T if turned else VALUES, t=np.arange(1000)[None] / RATE, on=np.array([[1.0, 2]])
    )
    entries = {"signal": "x", "time": "t"}
    recording = recorded(given, activity=entries, events={"onset": "on"})
    np.testing.assert_array_equal(np.asarray(recording.signal), VALUES)


def test_a_rate_needs_to_be_told_which_axis_is_time() -> None:
    given = bare(x=VALUES.T, on=np.array([1.0, 2]))
    with pytest.raises(ValueError, match=r"more channels than samples: activity.transpose=true\?"):
        recorded(given, activity={"signal": "x", "rate": RATE}, events={"onset": "on"})
    entries = {"signal": "x", "rate": RATE, "start": 1.0, "transpose": True, "seconds": 0.001}
    recording = recorded(given, activity=entries, events={"onset": "on"})
    np.testing.assert_array_equal(np.asarray(recording.signal), VALUES)
    assert recording.span == pytest.approx((1, 10.99))


def test_one_channel_may_be_a_row_a_column_or_bare() -> None:
    one = VALUES[:, 0]
    for values in (one, one[None], one[:, None]):
        given = bare(x=values, on=np.array([1.0, 2]))
        recording = recorded(given, activity={"signal": "x", "rate": RATE}, events={"onset": "on"})
        np.testing.assert_array_equal(np.asarray(recording.signal)[:, 0], one)


@pytest.mark.parametrize(
    ("arrays", "activity", "said"),
    [
        ({}, {"signal": "x"}, "expected activity.time"),
        ({}, {"signal": "x", "time": "on"}, "a sample for each of 2 times"),
        ({}, {"signal": "x", "time": "nothing"}, "expected an? array 'nothing'|expected a array"),
        ({"x": np.zeros((2, 3, 4))}, {"signal": "x", "rate": 1.0}, r"\(sample, channel\)"),
        ({"x": np.array(["a"] * 5)}, {"signal": "x", "rate": 1.0}, "expected numbers"),
        ({"n": np.array(["a"])}, {"signal": "x", "rate": 1.0, "names": "n"}, "4 different names"),
    ],
)
def test_arrays_that_are_no_signal_are_refused(arrays: Any, activity: Any, said: str) -> None:
    given = bare(**{"x": VALUES, "on": np.array([1.0, 2]), **arrays})
    with pytest.raises(ValueError, match=said):
        recorded(given, activity=activity, events={"onset": "on"})


def test_columns_of_events_of_arrays_have_one_length() -> None:
    given = bare(x=VALUES, on=np.array([1.0, 2]), what=np.array([1, 2, 3]))
    with pytest.raises(ValueError, match="expected arrays of one length"):
        recorded(
            given,
            activity={"signal": "x", "rate": RATE},
            events={"onset": "on", "stimulus": "what"},
        )


def test_the_proposal_reads_what_it_was_made_of() -> None:
    given = contents()
    proposal = proposed_mapping(given)
    assert proposal.mapping.events == EventMapping(table="log", stimulus="what", duration="next")
    assert proposal.mapping.activity == ActivityMapping(signal="eeg")
    recording = mapped(given, replace(proposal.mapping, preprocessing=Preprocessing()))
    assert recording.events.columns["label"].tolist()[0] == "frame/5"


def test_without_a_mapping_the_error_is_a_toml_that_works() -> None:
    given = contents()
    with pytest.raises(ValueError, match="expected a mapping") as error:
        mapped(given, None)
    import tomllib

    text = str(error.value).split("may be\n", 1)[1]
    assert mapping_from(tomllib.loads(text)) == proposed_mapping(given).mapping


def test_a_proposal_says_what_it_doubts() -> None:
    assert any(
        "no table of events" in each for each in proposed_mapping(contents(tables=())).doubts
    )
    given = bare(data=VALUES, time=np.arange(1000) / RATE, on=np.array([1.0]))
    proposal = proposed_mapping(given)
    assert proposal.mapping.activity == ActivityMapping(signal="data", time="time")
    assert any("largest array" in each for each in proposal.doubts)


def test_usual_preprocessing_never_asks_for_more_than_the_rate_allows() -> None:
    steps = usual_preprocessing(signal(), contents(line_frequency=50.0))
    assert steps == Preprocessing(
        find_bad=True, reference=("average",), high_pass=0.5, low_pass=40.0, notch=0.0
    )
    assert usual_preprocessing(signal(kind="pupil"), contents()) == Preprocessing()


@pytest.mark.parametrize(
    ("value", "label"),
    [(3.0, "3"), (np.nan, "n/a"), (None, "n/a"), (b"x ", "x"), (True, "1"), (2.5, "2.5"),
     (np.inf, "inf"), (np.int8(4), "4"), ("  a b ", "a b")],
)  # fmt: skip
def test_labels_of_values(value: object, label: str) -> None:
    assert label_of(value) == label
