"""Objects of pynapple and neo become recordings with the values that they hold."""

from __future__ import annotations

from typing import Any

import neo
import numpy as np
import pynapple as nap
import pytest
import quantities as pq

import b2m_drive as b2m
from b2m_drive.recordings.readers.neo_objects import from_neo
from b2m_drive.recordings.readers.pynapple_objects import from_pynapple

SPIKES = (np.array([0.5, 1.1, 1.3, 4.2]), np.array([1.15, 2.2, 2.25]))
TIMES = np.arange(500) / 100


def tsgroup() -> Any:
    group = nap.TsGroup(
        {3: nap.Ts(SPIKES[0]), 7: nap.Ts(SPIKES[1])}, time_support=nap.IntervalSet(0, 5)
    )
    group.set_info(region=["CA1", "amygdala"])
    return group


@pytest.mark.slow
def test_a_group_of_spike_trains_and_values_at_times() -> None:
    recording = from_pynapple(tsgroup(), nap.Tsd(t=[1.0, 2.0], d=[4, 9]))
    assert recording.spike_times is not None
    for found, put_in in zip(recording.spike_times, SPIKES, strict=True):
        np.testing.assert_array_equal(found, put_in)
    assert [(unit.name, unit.region) for unit in recording.units] == [
        ("unit3", "CA1"), ("unit7", "amygdala"),
    ]  # fmt: skip
    assert recording.span == (0, 5)
    assert recording.events.ids.tolist() == [4, 9]
    responses = b2m.responses_of(recording, 0.0, 0.5)
    np.testing.assert_allclose(responses.values[:, 0] ** 2, [[2, 1], [0, 2]], rtol=1e-6)


def test_a_frame_of_samples_and_intervals_with_metadata() -> None:
    values = np.random.default_rng(0).normal(size=(500, 2))
    shown = nap.IntervalSet([1.0, 2.0, 3.0], [1.4, 2.5, 3.1])
    shown.set_info(picture=["cat", "dog", "cat"])
    recording = from_pynapple(
        nap.TsdFrame(t=TIMES, d=values, columns=["Cz", "Pz"]), shown, ["events.stimulus=picture"]
    )
    np.testing.assert_array_equal(np.asarray(recording.signal), values.astype(np.float32))
    np.testing.assert_allclose(recording.events.duration, [0.4, 0.5, 0.1])
    assert recording.events.columns["label"].tolist() == ["cat", "dog", "cat"]
    assert [unit.name for unit in recording.units] == ["Cz", "Pz"]


def test_several_kinds_of_events_are_tables_by_name() -> None:
    events = {"left": nap.Ts([1.0, 2.0]), "right": nap.Ts([3.0, 3.5])}
    recording = from_pynapple(tsgroup(), events, ["events.table=right"])
    assert recording.events.onset.tolist() == [3.0, 3.5]


def test_intervals_without_a_mapping_have_one_proposed() -> None:
    with pytest.raises(
        ValueError, match=r"pynapple \(in memory\): expected a mapping(.|\n)*\[events\]"
    ):
        from_pynapple(tsgroup(), nap.IntervalSet([1.0], [1.4]))


@pytest.mark.parametrize("given", [np.zeros(3), "spikes", None])
def test_other_objects_than_pynapples_are_refused(given: object) -> None:
    with pytest.raises(ValueError, match=r"pynapple \(in memory\): activity: expected a TsGroup"):
        from_pynapple(given, nap.Ts([1.0, 2.0]))
    with pytest.raises(
        ValueError, match=r"pynapple \(in memory\): events: expected an IntervalSet"
    ):
        from_pynapple(tsgroup(), given)


def neo_segment() -> Any:
    segment = neo.Segment()
    for times, region in zip(SPIKES, ("CA1", "CA3"), strict=True):
        segment.spiketrains.append(
            neo.SpikeTrain(times * 1000 * pq.ms, t_stop=5 * pq.s, name="cell", region=region)
        )
    values = np.random.default_rng(1).normal(size=(500, 2)) * 20
    lfp = neo.AnalogSignal(values * pq.uV, sampling_rate=100 * pq.Hz, t_start=2 * pq.s, name="lfp")
    lfp.array_annotate(channel_names=["a", "b"])
    segment.analogsignals.append(lfp)
    segment.events.append(neo.Event([3000.0, 4000.0] * pq.ms, labels=["5", "6"], name="shown"))
    segment.epochs.append(
        neo.Epoch([2.5, 3.5] * pq.s, durations=[100, 200] * pq.ms, labels=["x", "y"])
    )
    return segment


def test_spike_trains_of_a_segment_come_in_seconds() -> None:
    recording = from_neo(
        neo_segment(), ["activity.signal=units", "events.table=shown", "events.stimulus=label"]
    )
    assert recording.spike_times is not None
    for found, put_in in zip(recording.spike_times, SPIKES, strict=True):
        np.testing.assert_allclose(found, put_in)
    assert [(u.name, u.region) for u in recording.units] == [("cell0", "CA1"), ("cell1", "CA3")]
    assert recording.events.onset.tolist() == [3.0, 4.0]
    assert recording.events.ids.tolist() == [5, 6]
    assert recording.span == (0, 5)


def test_an_analog_signal_of_a_segment_keeps_its_clock_and_unit() -> None:
    segment = neo_segment()
    recording = from_neo(
        segment, ["activity.signal=lfp", "events.table=epoch", "events.stimulus=label"]
    )
    put_in = np.asarray(segment.analogsignals[0].magnitude)
    np.testing.assert_allclose(np.asarray(recording.signal), put_in, rtol=1e-6)
    assert recording.time is not None
    assert recording.time[0] == 2
    assert recording.measure == "potential [uV]"
    np.testing.assert_allclose(recording.events.duration, [0.1, 0.2])
    assert [unit.name for unit in recording.units] == ["a", "b"]


def test_what_is_no_segment_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"neo \(in memory\): expected a Segment of neo, came Block"
    ):
        from_neo(neo.Block())
