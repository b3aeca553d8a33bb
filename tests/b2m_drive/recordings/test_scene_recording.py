from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.scene_recording import (
    frame_of_samples,
    presentations,
    read_scene_recording,
    write_scene_recording,
)


def some_recording(n_samples: int = 40, n_units: int = 3) -> Recording:
    generator = np.random.default_rng(0)
    time = np.arange(n_samples) / 20
    return Recording(
        signal=generator.normal(size=(n_samples, n_units)).astype(np.float32),
        time=time,
        events=presentations(time, np.arange(n_samples, dtype=np.int64) // 4 - 1),
        measure="activity as recorded [unit unknown]",
        units=tuple(Unit(f"u{k}", "FEF", "SU") for k in range(n_units)),
        subject="s1",
        session="drive-1",
        source="a laboratory",
        licence="CC0",
        simulated=True,
        notes=("first", "zweite Fußnote"),
    )


def written(path: Path, **fields: object) -> Path:
    """A person's own file, with these fields in place of good ones; None leaves a field out."""
    content: dict[str, object] = {
        "activity": np.ones((6, 2)),
        "time": np.arange(6) * 0.1,
        "frame_id": np.array([-1, 0, 0, 1, 1, -1]),
    }
    with h5py.File(path, "w") as file:
        for name, value in (content | fields).items():
            if value is not None:
                file[name] = value
    return path


def test_what_was_written_is_read(tmp_path) -> None:
    recording = some_recording()
    write_scene_recording(tmp_path / "brain.h5", recording)
    found = read_scene_recording(tmp_path / "brain.h5")
    for name in ("signal", "time"):
        np.testing.assert_array_equal(getattr(found, name), getattr(recording, name))
    for name in ("onset", "ids", "duration"):
        np.testing.assert_array_equal(getattr(found.events, name), getattr(recording.events, name))
    for name in (
        "units",
        "measure",
        "subject",
        "session",
        "source",
        "licence",
        "simulated",
        "notes",
    ):
        assert getattr(found, name) == getattr(recording, name)
    assert list(tmp_path.iterdir()) == [tmp_path / "brain.h5"]


def test_a_persons_own_file_needs_three_fields_only(tmp_path) -> None:
    found = read_scene_recording(written(tmp_path / "mine.h5"))
    assert frame_of_samples(found).tolist() == [-1, 0, 0, 1, 1, -1]
    assert (found.session, found.simulated, found.licence) == ("mine", False, "unknown")
    assert [unit.name for unit in found.units] == ["unit0", "unit1"]


def test_columns_and_whole_doubles_as_matlab_writes_them_are_read(tmp_path) -> None:
    path = written(
        tmp_path / "mine.h5",
        time=np.arange(6.0)[None],
        frame_id=np.array([[-1.0], [0.0], [0.0], [1.0], [1.0], [-1.0]]),
    )
    assert frame_of_samples(read_scene_recording(path)).tolist() == [-1, 0, 0, 1, 1, -1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"activity": None}, r"found no \['activity'\]"),
        ({"activity": np.ones((2, 6))}, "transpose it"),
        ({"activity": np.ones((5, 2))}, r"activity \(5, 2\), 6 times and 6 frame ids"),
        ({"activity": np.zeros((0, 2))}, "activity: expected samples, came an empty"),
        ({"activity": np.array(b"spikes")}, "activity: expected an array of numbers"),
        (
            {"activity": np.array([[1, 1], [1, np.nan], *[[1, 1]] * 4])},
            "1 NaN or infinite ones, the first at sample 1, unit 1",
        ),
        ({"time": np.array([0, 0.1, 0.1, 0.2, 0.3, 0.4])}, "each later than the one before"),
        ({"time": np.array([0, 0.1, np.nan, 0.2, 0.3, 0.4])}, "expected finite seconds"),
        ({"time": np.zeros((3, 2))}, r"time: expected one value a sample, came \(3, 2\)"),
        ({"frame_id": np.arange(6) + 0.5}, "frame_id: expected whole numbers"),
        ({"frame_id": np.array([0, 0, np.nan, 1, 1, 1])}, "fractions or NaN"),
        ({"frame_id": np.arange(6) - 2}, "frame_id: expected -1"),
        ({"frame_id": np.full(6, -1)}, "frame_id: expected samples with a frame, came none"),
        ({"unit_names": [b"a", b"b", b"c"]}, "unit_names: expected 2"),
    ],
)
def test_a_file_that_cannot_be_a_recording_is_refused(fields, message, tmp_path) -> None:
    with pytest.raises(ValueError, match=message):
        read_scene_recording(written(tmp_path / "mine.h5", **fields))


def test_a_truncated_or_other_file_is_named(tmp_path) -> None:
    path = tmp_path / "brain.h5"
    write_scene_recording(path, some_recording(4000))
    content = path.read_bytes()
    for spoilt in (content[: len(content) // 2], b"time,activity\n0,1\n", b""):
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match=r"brain\.h5: expected a scene recording \(HDF5\)"):
            read_scene_recording(path)
    with pytest.raises(ValueError, match="came a folder"):
        read_scene_recording(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.h5"):
        read_scene_recording(tmp_path / "none.h5")


def test_a_file_of_another_format_is_refused(tmp_path) -> None:
    path = written(tmp_path / "scenes.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = "b2m-scenes"
    with pytest.raises(ValueError, match=r"'b2m-scene-recording' version 1, came 'b2m-scenes'"):
        read_scene_recording(path)


@pytest.mark.parametrize("start", [0.0, -3.0, 1.7e9])
def test_the_frame_of_each_sample_survives_as_events_on_any_clock(start: float) -> None:
    generator = np.random.default_rng(0)
    time = start + np.cumsum(generator.uniform(0.001, 0.01, 5000))
    frame_id = np.repeat(generator.integers(-1, 4, 500), 10)
    events = presentations(time, frame_id)
    made = replace(some_recording(5000), time=time, events=events)
    np.testing.assert_array_equal(frame_of_samples(made), frame_id)
    np.testing.assert_array_equal(events.onset, time[np.searchsorted(time, events.onset)])


def test_events_beside_the_samples_are_told_by_the_samples_within_them() -> None:
    made = Recording.from_arrays(
        signal=np.eye(6), time=np.arange(6) / 10, onset=[0.05, 0.31], ids=[7, 8],
        duration=[0.25, 9.0],
    )  # fmt: skip
    assert frame_of_samples(made).tolist() == [-1, 7, 7, -1, 8, 8]


@pytest.mark.parametrize(
    ("onset", "ids", "duration"),
    [([0.0, 0.2], [3, 3], 0.2), ([0.0, 0.2], [3, 4], 0.0), ([0.0, 0.2], [3, -1], 0.2),
     ([0.0, 0.1], [3, 4], [0.4, 0.1])],
)  # fmt: skip
def test_events_that_the_file_cannot_hold_are_refused(onset, ids, duration, tmp_path) -> None:
    made = Recording.from_arrays(
        signal=np.eye(6), time=np.arange(6) / 10, onset=onset, ids=ids, duration=duration
    )
    with pytest.raises(ValueError, match=r"mine\.h5: expected events that the frame of each"):
        write_scene_recording(tmp_path / "mine.h5", made)
    assert not list(tmp_path.iterdir())


def test_spike_times_are_not_written_as_samples(tmp_path) -> None:
    spikes = Recording.from_arrays(spike_times=[[0.1, 0.2]], onset=[0.1], ids=[0])
    with pytest.raises(ValueError, match="expected a signal, sample by sample, came spike times"):
        write_scene_recording(tmp_path / "mine.h5", spikes)


@pytest.mark.parametrize("value", ["false", 2, 0.5])
def test_what_is_no_flag_does_not_make_a_brain_simulated(tmp_path, value) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["activity"] = np.zeros((4, 1), np.float32)
        file["time"] = np.arange(4.0)
        file["frame_id"] = np.arange(4)
        file.attrs["simulated"] = value
    with pytest.raises(ValueError, match=r"own\.h5: simulated: expected true or false"):
        read_scene_recording(tmp_path / "own.h5")
