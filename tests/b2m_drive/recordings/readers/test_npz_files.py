"""NumPy's archives: the layout that needs no mapping, any other with one, and hostile ones."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from b2m_drive.files.array_files import list_arrays
from b2m_drive.recordings.contents_text import proposal_text
from b2m_drive.recordings.proposal import proposed_mapping
from b2m_drive.recordings.readers.npz_files import open_npz
from b2m_drive.recordings.readers.table import open_contents, read_recording
from b2m_drive.recordings.sampled_signal import SampledSignal

VALUES = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
TIMES = 10 + np.arange(400) / 100
SEEN = {"onset": np.array([11.0, 12.0, 13.0]), "ids": np.array([4, 2, 4])}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_signal_in_the_layout_needs_no_mapping(path, save, order) -> None:
    save(
        path, signal=np.asarray(VALUES, order=order), time=TIMES, **SEEN, names=["Cz", "Pz", "Oz"],
        kinds="EEG", unit="µV", duration=0.5, answer=["l", "r", "l"], subject="P1",
    )  # fmt: skip
    recording = read_recording(path)
    assert isinstance(recording.signal, SampledSignal)
    np.testing.assert_array_equal(recording.signal[100:250], VALUES[100:250])
    np.testing.assert_allclose(recording.time, TIMES)
    assert [(u.name, u.kind) for u in recording.units] == [
        ("Cz", "EEG"),
        ("Pz", "EEG"),
        ("Oz", "EEG"),
    ]
    assert recording.measure == "potential [µV]"
    assert recording.subject == "P1"
    assert recording.events.ids.tolist() == [4, 2, 4]
    assert recording.events.duration.tolist() == [0.5] * 3
    assert recording.events.columns["answer"].tolist() == ["l", "r", "l"]


def test_a_rate_may_stand_for_the_times(path) -> None:
    np.savez(path, signal=VALUES, rate=100, start=10.0, **SEEN)
    np.testing.assert_allclose(read_recording(path).time, TIMES)


def test_spikes_in_the_layout_need_no_mapping(path) -> None:
    np.savez(
        path, spike_times=[1.0, 0.5, 2.0, 3.0], spike_unit=[1, 0, 10, 0], names=["a", "b", "c"],
        regions=["CA1", "CA1", "CA3"], recorded=[0.0, 20.0], **SEEN,
    )  # fmt: skip
    recording = read_recording(path)
    assert recording.spike_times is not None
    assert [times.tolist() for times in recording.spike_times] == [[0.5, 3.0], [1.0], [2.0]]
    assert [(u.name, u.region) for u in recording.units] == [
        ("a", "CA1"),
        ("b", "CA1"),
        ("c", "CA3"),
    ]
    assert recording.span == (0, 20)


def test_arrays_of_other_names_come_by_a_mapping_in_either_direction(path) -> None:
    np.savez(path, X=VALUES.T, T=TIMES * 1000, on=SEEN["onset"] * 1000, what=["a", "b", "a"])
    mapping = [
        "activity.signal=X", "activity.time=T", "activity.seconds=.001", "events.onset=on",
        "events.seconds=.001", "events.stimulus=what",
    ]  # fmt: skip
    recording = read_recording(path, mapping)
    np.testing.assert_array_equal(np.asarray(recording.signal), VALUES)
    np.testing.assert_allclose(recording.time, TIMES)
    np.testing.assert_allclose(recording.events.onset, SEEN["onset"])
    assert recording.events.ids.tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match=r"one.npz: expected a mapping(.|\n)*signal = .X."):
        read_recording(path)


def test_unpacked_arrays_are_read_by_the_part(path, monkeypatch) -> None:
    np.savez(path, signal=VALUES, rate=100, start=10.0, **SEEN)
    recording = read_recording(path)
    whole = "b2m_drive.recordings.readers.npz_files.read_entry"
    monkeypatch.setattr(whole, lambda *_: pytest.fail("the whole array was read"))
    assert recording.signal is not None
    np.testing.assert_array_equal(recording.signal[3:9], VALUES[3:9])
    with path.open("r+b") as file:
        file.truncate(200)
    with pytest.raises(ValueError, match=r"one\.npz"):
        recording.signal[300:310]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"signal": VALUES, "time": TIMES[:50], **SEEN}, "expected a sample for each of 50 times"),
        ({"signal": VALUES, "time": TIMES[::-1], **SEEN}, "each later than the one before"),
        ({"signal": VALUES, "time": np.full(400, 1.0), **SEEN}, "each later than the one before"),
        ({"signal": VALUES, "time": TIMES, "onset": [1.0, 2], "ids": [1]}, "one value an event"),
        ({"signal": VALUES, "rate": 100, **SEEN, "names": ["a", "a", "b"]}, "3 different names"),
        ({"signal": VALUES, "rate": -1, **SEEN}, "expected activity.time"),
        ({"signal": VALUES, "rate": 100, **SEEN, "duration": [1.0, 2]}, "one for all or for each"),
        ({"spike_times": [1.0, 2], "spike_unit": [1], **SEEN}, "the unit of each of 2 spikes"),
        ({"signal": VALUES[:, :0], "rate": 100, **SEEN}, "expected numbers"),
        ({"signal": VALUES.astype(complex), "rate": 100, **SEEN}, "expected numbers"),
        ({"signal": VALUES, "rate": 100, "onset": [np.nan] * 2, "ids": [1, 2]}, "expected seconds"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(path, arrays, said) -> None:
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=said) as error:
        read_recording(path)
    assert str(path) in str(error.value)


def test_missing_values_are_refused_when_they_are_read(path) -> None:
    broken = VALUES.copy()
    broken[7, 1] = np.nan
    np.savez(path, signal=broken, time=TIMES, **SEEN)
    recording = read_recording(path)
    assert recording.signal is not None
    recording.signal[8:20]
    with pytest.raises(
        ValueError, match=r"one.npz: signal signal: expected finite values.*signal1"
    ):
        recording.signal[0:20]


def test_python_objects_are_never_unpickled(path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return pytest.fail, ("a pickle was loaded",)

    np.savez(path, signal=np.array([Harm()], dtype=object), **SEEN)
    with pytest.raises(ValueError, match="an array of Python objects"):
        open_npz(path)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../b", "..\\evil"])
def test_names_that_lead_out_of_a_folder_are_refused(path, name) -> None:
    content = io.BytesIO()
    np.save(content, np.zeros(3))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.npy", content.getvalue())
    with pytest.raises(ValueError, match="expected what lies inside it"):
        open_npz(path)


def test_a_shape_larger_than_the_file_is_refused_before_memory_is_asked_for(path) -> None:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 1 << 10)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("signal.npy", content.getvalue() + b"0" * 100)
    with pytest.raises(ValueError, match=r"one.npz.* of 9007199254740992 bytes in a file of"):
        list_arrays(path, "arrays")


def test_listed_arrays_are_what_was_saved(path) -> None:
    np.savez(path, a=np.arange(6).reshape(2, 3), b=np.float32(3), c=["x"])
    found = list_arrays(path, "arrays")
    assert {name: (each.shape, each.dtype.kind) for name, each in found.items()} == {
        "a": ((2, 3), "i"), "b": ((), "f"), "c": ((1,), "U"),
    }  # fmt: skip


def test_arrays_without_events_are_asked_for_them_before_they_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, potential=np.zeros((100, 3)), stamps=np.arange(100) / 10, shown=np.arange(5.0))
    text = proposal_text(proposed_mapping(open_contents(path)), path, tmp_path / "mine.toml")
    assert text.splitlines()[-1].startswith("then say what was seen, in the file or by: b2m-drive")
    assert "events.onset=" in text
    assert "compare driving" not in text
