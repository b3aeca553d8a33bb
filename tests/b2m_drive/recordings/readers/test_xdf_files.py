"""XDF files of several devices: streams by name on one clock, and what is wrong with some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2m_drive.recordings.readers.table import read_recording
from b2m_drive.recordings.readers.xdf_files import open_xdf
from tests.shared.xdf_writing import Stream, write_xdf

TIMES = 100 + np.arange(1000) / 250
VALUES = (np.random.default_rng(0).normal(size=(1000, 3)) * 20).astype(np.float32)
OFFSETS = [(100.0 + 2 * k, 5.0) for k in range(5)]


def eeg(**other: object) -> Stream:
    given = {
        "name": "amp", "kind": "EEG", "rate": 250.0, "times": TIMES, "values": VALUES,
        "labels": ["Cz", "Pz", "heart"], "units": ["microvolts"] * 3,
        "kinds": ["EEG", "EEG", "ECG"],
        "offsets": OFFSETS,
    }  # fmt: skip
    return Stream(**{**given, **other})  # type: ignore[arg-type]


def markers(name: str = "marks", start: float = 105.5) -> Stream:
    said = np.array([["stim/1"], ["pause"], ["stim/2"], ["stim/1"]], dtype=object)
    return Stream(name, "Markers", 0, start + 0.5 * np.arange(4), said)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.xdf"


def test_streams_of_different_clocks_become_one_recording(path: Path) -> None:
    write_xdf(path, [eeg(), markers()])
    recording = read_recording(path, ["events.stimulus=value", "events.pattern=stim/([0-9]+)"])
    np.testing.assert_array_equal(np.asarray(recording.signal), VALUES[:, :2])
    assert recording.time is not None
    np.testing.assert_allclose(recording.time, TIMES + 5, atol=1e-6)
    assert [(unit.name, unit.kind) for unit in recording.units] == [("Cz", "EEG"), ("Pz", "EEG")]
    assert recording.measure == "potential [µV]"
    np.testing.assert_allclose(recording.events.onset, [105.5, 106.5, 107])
    assert recording.events.ids.tolist() == [1, 2, 1]
    notes = " ".join(recording.notes)
    assert "stream amp: clock corrected by 5 to 5 s (5 measurements)" in notes
    assert "stream marks: no clock offsets were measured" in notes
    assert "heart (ECG)" in notes


def test_a_clock_that_drifts_is_followed(path: Path) -> None:
    drifting = [(100.0 + 0.5 * k, 5 + 0.01 * k) for k in range(9)]  # 2 % too slow
    write_xdf(path, [eeg(offsets=drifting), markers()])
    signal = open_xdf(path).signal("amp")
    np.testing.assert_allclose(signal.times, TIMES + 5 + 0.02 * (TIMES - 100), atol=2e-3)


def test_streams_of_one_name_and_several_rates_stay_apart(path: Path) -> None:
    other = eeg(rate=100.0, times=100 + np.arange(300) / 100, values=VALUES[:300, :1], labels=["x"],
                units=["V"], kinds=["EOG"])  # fmt: skip
    write_xdf(path, [eeg(), other])
    contents = open_xdf(path)
    assert [(s.name, round(s.rate), s.unit) for s in contents.signals] == [
        ("amp", 250, "µV"), ("amp 2", 100, "V"),
    ]  # fmt: skip
    np.testing.assert_array_equal(contents.signal("amp 2")[:], VALUES[:300, :1])


def test_an_interruption_is_a_gap(path: Path) -> None:
    late = TIMES + np.where(np.arange(1000) < 600, 0, 7)
    write_xdf(path, [eeg(times=late, offsets=())])
    signal = open_xdf(path).signal("amp")
    np.testing.assert_allclose(signal.gaps, [(102.4, 109.4)], atol=1e-6)
    np.testing.assert_array_equal(signal[590:610], VALUES[590:610])


def test_a_stream_without_a_rate_is_a_table(path: Path) -> None:
    gaze = Stream("gaze", "Gaze", 0, np.array([1.0, 1.7, 9.0]), VALUES[:3, :2].astype("f8"), "xy")
    write_xdf(path, [gaze])
    table = open_xdf(path).table("gaze")
    assert table.column("onset").tolist() == [1.0, 1.7, 9.0]
    np.testing.assert_array_equal(table.column("y"), VALUES[:3, 1])


def test_lost_samples_and_a_wrong_rate_are_noted(path: Path) -> None:
    write_xdf(path, [eeg(rate=200.0, n_said=1100, offsets=())])
    notes = open_xdf(path).notes
    assert "stream amp: 1000 of 1100 samples are there" in notes
    assert "stream amp: 250 samples/s, said to be 200" in notes


def test_a_stream_without_samples_is_left_out_with_a_note(path: Path) -> None:
    write_xdf(path, [eeg(times=TIMES[:0], values=VALUES[:0]), markers()])
    contents = open_xdf(path)
    assert not contents.signals
    assert "stream amp left out: no samples" in contents.notes


def test_channels_without_names_or_with_one_name_are_numbered(path: Path) -> None:
    write_xdf(path, [eeg(labels=["a", "a", "b"]), eeg(name="bare", labels=())])
    contents = open_xdf(path)
    assert contents.signal("amp").channels == ("a 0", "a 1", "b 2")
    assert contents.signal("bare").channels == ("channel0", "channel1", "channel2")


def test_a_file_whose_end_is_lost_is_read_up_to_there(path: Path) -> None:
    write_xdf(path, [eeg(offsets=())])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    contents = open_xdf(path)
    signal = contents.signal("amp")
    assert 300 < len(signal) < 600
    np.testing.assert_array_equal(signal[:], VALUES[: len(signal)])
    assert "the file ends in the middle of a chunk: what follows is lost" in contents.notes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: b"XDFX" + c[4:], "does not begin as XDF"),
        (lambda c: c[:60], "before any stream"),
        (lambda c: c + b"\x01\x05\x09\x00abc", "unknown kind 9"),
        (lambda c: c + b"\x03abc", "a length of 3 bytes"),
        (lambda c: c.replace(b"<channel_count>3<", b"<channel_count>-<"), "without channels"),
        (lambda c: c.replace(b"float32", b"float99"), "without channels of a known type"),
        (lambda c: c + b"\x01\x0c\x03\x00\x01\x00\x00\x00\x04\xff\xff\xff\xff\x00", "in 6 bytes"),
        (lambda c: c + b"\x01\x0a\x03\x00\x09\x00\x00\x00\x01\x00\x01\x00", "without a header"),
        (lambda c: c.replace(b"<desc>", b"<desk>"), "mismatched tag"),
    ],
)  # fmt: skip
def test_damage_is_refused_by_name(path: Path, change: object, said: str) -> None:
    write_xdf(path, [eeg()])
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ValueError, match=said) as error:
        open_xdf(path)
    assert str(path) in str(error.value)
