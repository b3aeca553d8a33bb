"""MATLAB's files of both kinds: the same names and values, and hostile ones refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from b2m_drive.recordings.contents import Contents
from b2m_drive.recordings.readers.matlab_files import open_mat
from b2m_drive.recordings.readers.table import read_recording
from tests.shared.matlab_writing import write_mat73

EEG = np.random.default_rng(0).normal(size=(3, 500))
TIMES = np.arange(500) / 100
SPIKES = [np.array([[1.0, 2.5]]), np.zeros((0, 0)), np.array([[3.0]])]


def cells(values: list[Any]) -> np.ndarray:
    found = np.empty((1, len(values)), dtype=object)
    found[0] = values
    return found


def workspace() -> dict[str, Any]:
    event = np.zeros((1, 3), dtype=[("latency", "O"), ("type", "O")])
    for k, (latency, kind) in enumerate([(1000.0, "cat"), (2000.0, "dog"), (3000.0, "cat")]):
        event[0, k] = (latency, kind)
    return {
        "data": {
            "eeg": EEG, "time": TIMES[None], "labels": cells(["Cz", "Pz", "Oz"]),
            "inner": {"rate": 100.0, "who": "P1"},
        },
        "spikes": cells(SPIKES),
        "event": event,
        "flags": np.array([[True, False]]),
        "counts": np.arange(6, dtype=np.int16).reshape(2, 3),
    }  # fmt: skip


@pytest.fixture(params=["5", "5 compressed", "7.3"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "one.mat"
    if request.param == "7.3":
        write_mat73(path, workspace())
    else:
        savemat(path, workspace(), do_compression="compressed" in request.param)
    return path


def test_both_kinds_of_file_hold_the_same_names_shapes_and_values(path: Path) -> None:
    arrays = open_mat(path).arrays
    assert {name: each.shape for name, each in arrays.items()} == {
        "data.eeg": (3, 500), "data.time": (1, 500), "data.labels": (3,),
        "data.inner.rate": (1, 1), "data.inner.who": (1,), "spikes": (3,), "event.latency": (3,),
        "event.type": (3,), "flags": (1, 2), "counts": (2, 3),
    }  # fmt: skip
    np.testing.assert_array_equal(arrays["data.eeg"].read(), EEG)
    np.testing.assert_array_equal(arrays["counts"].read(), np.arange(6).reshape(2, 3))
    assert arrays["data.labels"].read().tolist() == ["Cz", "Pz", "Oz"]
    assert arrays["data.inner.who"].read().tolist() == ["P1"]
    for found, put_in in zip(arrays["spikes"].read(), SPIKES, strict=True):
        np.testing.assert_array_equal(found, put_in)


def test_a_matrix_of_a_structure_becomes_a_recording_by_a_mapping(path: Path) -> None:
    recording = read_recording(
        path,
        ["activity.signal=data.eeg", "activity.time=data.time", "activity.names=data.labels",
         "events.table=event", "events.onset=latency", "events.seconds=.001",
         "events.stimulus=type"],
    )  # fmt: skip
    np.testing.assert_array_equal(np.asarray(recording.signal), EEG.T.astype(np.float32))
    assert recording.signal is not None
    np.testing.assert_array_equal(recording.signal[100:120], EEG.T[100:120].astype(np.float32))
    assert [unit.name for unit in recording.units] == ["Cz", "Pz", "Oz"]
    np.testing.assert_allclose(recording.events.onset, [1, 2, 3])
    assert recording.events.columns["label"].tolist() == ["cat", "dog", "cat"]


def test_cells_of_spike_times_become_units(path: Path) -> None:
    recording = read_recording(
        path, ["activity.spike_times=spikes", "events.onset=event.latency", "events.seconds=1e-3"]
    )
    assert recording.spike_times is not None
    assert [times.tolist() for times in recording.spike_times] == [[1.0, 2.5], [], [3.0]]


def test_an_hdf5_matrix_is_read_by_the_part(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "one.mat"
    write_mat73(path, workspace())
    stored = open_mat(path).array("data.eeg")
    read: list[Any] = []
    whole = h5py.Dataset.__getitem__
    monkeypatch.setattr(
        h5py.Dataset, "__getitem__", lambda self, rows: read.append(rows) or whole(self, rows)
    )
    assert stored.columns is not None
    assert stored.part is not None
    np.testing.assert_array_equal(stored.columns(10, 20), EEG[:, 10:20])
    np.testing.assert_array_equal(stored.part(1, 3), EEG[1:3])
    assert () not in read


def opened(tmp_path: Path, **values: Any) -> Contents:
    savemat(tmp_path / "one.mat", values)
    return open_mat(tmp_path / "one.mat")


def test_a_matrix_of_characters_is_its_lines(tmp_path: Path) -> None:
    contents = opened(tmp_path, lines=np.array(["ab ", "cde"]), x=1.0)
    assert contents.array("lines").read().tolist() == ["ab", "cde"]


def test_cells_of_several_kinds_are_left_out_with_a_note(tmp_path: Path) -> None:
    contents = opened(tmp_path, odd=cells([np.arange(3), "x", {"a": 1}]), x=1.0)
    assert list(contents.arrays) == ["x"]
    assert contents.notes == ("odd left out: cells of several kinds",)


def test_a_file_cut_short_anywhere_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for part in (0.999, 0.9, 0.5, 0.1):
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(ValueError, match=r"one.mat: expected a (sound )?MATLAB"):
            open_mat(path).array("data.eeg").read()


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"MATLAB 5.0 MAT-file" + b" " * 200, b"\0" * 500]
)
def test_what_is_no_matlab_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.mat"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"one.mat: expected a (sound )?MATLAB"):
        open_mat(path)


def test_links_to_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.mat"
    write_mat73(path, workspace())
    with h5py.File(path, "r+") as file:
        file["secret"] = h5py.ExternalLink("/etc/hostname", "/x")
    with pytest.raises(ValueError, match=r"one.mat: .*link /secret to another file"):
        open_mat(path)


def test_cells_that_hold_themselves_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.mat"
    write_mat73(path, workspace())
    with h5py.File(path, "r+") as file:
        loop = file.create_dataset("loop", (1, 2), dtype=h5py.ref_dtype)
        loop.attrs["MATLAB_class"] = np.bytes_("cell")
        loop[0, 0] = loop[0, 1] = loop.ref
    with pytest.raises(ValueError, match=r"one.mat: .*circle"):
        open_mat(path)


def test_objects_and_functions_are_left_out_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "one.mat"
    write_mat73(path, workspace())
    with h5py.File(path, "r+") as file:
        for name, kind in (("f", "function_handle"), ("when", "datetime")):
            file[name] = np.zeros((1, 6), np.uint32)
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)
            file[name].attrs["MATLAB_object_decode"] = np.int32(3)
    notes = open_mat(path).notes
    assert "f left out: an object of the class function_handle" in notes
    assert "when left out: an object of the class datetime" in notes


def test_a_shape_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.mat"
    savemat(path, {"x": np.arange(12.0).reshape(3, 4)})
    content = bytearray(path.read_bytes())
    at = content.find(np.array([3, 4], "<i4").tobytes())
    content[at : at + 8] = np.array([1 << 30, 1 << 30], "<i4").tobytes()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"one.mat: expected a (sound )?MATLAB"):
        open_mat(path)
