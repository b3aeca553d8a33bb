"""The file of a brain that was recorded while scenes were on the screen.

Anyone's recording made beside our scenes works, simulated or not. The file is HDF5:

| name | shape, type | meaning |
|---|---|---|
| ``activity`` | (sample, unit) float | spikes a sample, potential [V], or whatever was measured |
| ``time`` | (sample) float | [s], increasing, on any clock |
| ``frame_id`` | (sample) integer | the frame on the screen at that sample, -1: none |
| ``unit_names``, ``unit_regions``, ``unit_kinds`` | (unit) text, optional | ``kind`` is ``EEG`` \
for a sensor whose band power is to be read too |

Attributes of the file, all optional: ``subject``, ``session``, ``source``, ``licence`` (text),
``simulated`` (true or false), ``notes`` (list of text). Frame ids are those of the scene file:
row numbers of its frames.

In memory it is a `Recording` with a signal, whose events are the presentations of frames: each from
its first sample until the first one that shows something else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float32, Float64, Int64

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.files.hdf5_writing import hdf5_in_memory
from b2m_drive.recordings.events import Events
from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.sampled_signal import SampledSignal

FORMAT = "b2m-scene-recording"
VERSION = 1
NO_FRAME = -1
EEG = "EEG"  # the kind of a unit that is an EEG sensor

_REQUIRED = ("activity", "time", "frame_id")
_UNIT_FIELDS = ("unit_names", "unit_regions", "unit_kinds")
_UNKNOWN = "unknown"
_ROUNDING = 4  # units in the last place by which an event's end may miss a sample


def signal_of(recording: Recording) -> Float32[np.ndarray, "sample unit"]:
    """The samples of a recording made beside scenes.

    Raises:
        ValueError: If it has spike times instead.
    """
    if recording.signal is None:
        raise ValueError(
            f"{recording.session}: expected a signal, sample by sample, came spike times; count "
            "them in steps of a frame or less"
        )
    signal = recording.signal
    return signal[:] if isinstance(signal, SampledSignal) else signal


def times_of(recording: Recording) -> Float64[np.ndarray, " sample"]:
    """When the samples of a recording made beside scenes were taken [s].

    Raises:
        ValueError: If it has spike times instead.
    """
    if recording.time is None:
        signal_of(recording)  # says that there is none
    assert recording.time is not None
    return recording.time


def samples_of_events(recording: Recording) -> list[slice]:
    """For each event, the samples from its onset until it is over."""
    time, onset = times_of(recording), recording.events.onset
    first, stop = (_sample_at(time, edge) for edge in (onset, onset + recording.events.duration))
    return [slice(int(a), int(b)) for a, b in zip(first, stop, strict=True)]


def frame_of_samples(recording: Recording) -> Int64[np.ndarray, " sample"]:
    """The frame on the screen at each sample, NO_FRAME where there is none.

    Where presentations overlap, the one that stands later in the events is seen.
    """
    frame = np.full(len(times_of(recording)), NO_FRAME, dtype=np.int64)
    for samples, shown in zip(samples_of_events(recording), recording.events.ids, strict=True):
        frame[samples] = shown
    return frame


def presentations(
    time: Float64[np.ndarray, " sample"], frame_id: Int64[np.ndarray, " sample"]
) -> Events:
    """The frames as they were shown, in the order of time; the id of an event is its frame.

    A frame counts again after another one or an empty screen, not after a pause of the recording.
    It lasts until the first sample that shows something else, or a sample longer than the
    recording.
    """
    changes = np.flatnonzero(np.diff(frame_id) != 0) + 1
    first = np.concatenate([[0], changes])
    last_step = time[-1] - time[-2] if len(time) > 1 else 1.0
    over = np.append(time[changes], time[-1] + last_step)
    shown = frame_id[first] != NO_FRAME
    first, over = first[shown], over[shown]
    return Events.of(time[first], frame_id[first], over - time[first])


def _sample_at(
    time: Float64[np.ndarray, " sample"], edge: Float64[np.ndarray, " edge"]
) -> Int64[np.ndarray, " edge"]:
    """The first sample at or after each edge, which a sum may have moved by its rounding."""
    found = np.searchsorted(time, edge - _ROUNDING * np.spacing(np.abs(edge)))
    return np.asarray(found, dtype=np.int64)


def write_scene_recording(path: str | Path, recording: Recording) -> None:
    """Write the file; a reader never sees half of it.

    Raises:
        ValueError: If it is no signal, or the frame of each sample does not tell the events: one
            has no sample, is not a frame's, or follows another of the same frame without a gap.
    """
    path, frame = Path(path), frame_of_samples(recording)
    _check_told(path, recording, frame)
    with hdf5_in_memory(path) as file:
        file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
        signal = signal_of(recording)
        file.create_dataset("activity", data=signal, chunks=True, compression="lzf")
        file["time"], file["frame_id"] = recording.time, frame
        for field, attribute in zip(_UNIT_FIELDS, ("name", "region", "kind"), strict=True):
            file[field] = [getattr(unit, attribute) for unit in recording.units]
        for name in ("subject", "session", "source", "licence", "simulated"):
            file.attrs[name] = getattr(recording, name)
        file.attrs["notes"] = np.array(recording.notes, dtype=h5py.string_dtype())


def _check_told(path: Path, recording: Recording, frame: Int64[np.ndarray, " sample"]) -> None:
    told = presentations(times_of(recording), frame)
    if not np.array_equal(told.ids, recording.events.ids[np.argsort(recording.events.onset)]):
        raise ValueError(
            f"{path}: expected events that the frame of each sample tells, came "
            f"{len(recording.events)} of which the samples tell {len(told)}: each needs a sample, "
            f"an id of 0 or more, and a gap to the one before if it shows the same frame"
        )


def read_scene_recording(path: str | Path) -> Recording:
    """Read a recording made beside scenes, one's own or one written here.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is a folder, not HDF5, cut short or of another format; if a field
            is missing or empty, holds NaN or does not fit the others; if time does not increase;
            or if no sample shows a frame.
    """
    path = Path(path)
    with opened_hdf5(path, "a scene recording (HDF5)") as file:
        return _read(path, file)


def _read(path: Path, file: Any) -> Recording:
    _check_format(path, file)
    activity = _numbers(path, file, "activity")
    time = _column(path, "time", _numbers(path, file, "time"))
    frame_id = _column(path, "frame_id", _numbers(path, file, "frame_id"))
    _check_shapes(path, activity, time, frame_id)
    _check_finite(path, "activity", activity)
    if (frame_id != np.round(frame_id)).any():  # NaN included
        raise ValueError(f"{path}: frame_id: expected whole numbers, came fractions or NaN")
    if (frame_id < NO_FRAME).any():
        raise ValueError(
            f"{path}: frame_id: expected {NO_FRAME} (no frame) or more, came {frame_id.min()}"
        )
    if (frame_id == NO_FRAME).all():
        raise ValueError(f"{path}: frame_id: expected samples with a frame, came none")
    times = time.astype(np.float64)
    if not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise ValueError(f"{path}: time: expected finite seconds, each later than the one before")
    notes = file.attrs.get("notes", ())
    return Recording(
        units=_units(path, file, activity.shape[1]),
        events=presentations(times, frame_id.astype(np.int64)),
        measure="activity as recorded [unit unknown]",
        signal=activity.astype(np.float32),
        time=times,
        subject=_text(file.attrs.get("subject", _UNKNOWN)),
        session=_text(file.attrs.get("session", path.stem)),
        source=_text(file.attrs.get("source", path.name)),
        licence=_text(file.attrs.get("licence", _UNKNOWN)),
        simulated=_flag(path, file.attrs.get("simulated", False)),
        notes=tuple(_text(note) for note in np.atleast_1d(notes)),
    )


def _check_format(path: Path, file: Any) -> None:
    """The format may be left out of a person's own file, but not be another."""
    found = (_text(file.attrs.get("format", FORMAT)), file.attrs.get("version", VERSION))
    if found != (FORMAT, VERSION):
        raise ValueError(
            f"{path}: expected format {FORMAT!r} version {VERSION}, came {found[0]!r} "
            f"version {found[1]}"
        )
    missing = [name for name in _REQUIRED if name not in file]
    if missing:
        raise ValueError(f"{path}: expected {list(_REQUIRED)}, found no {missing} in {list(file)}")


def _numbers(path: Path, file: Any, name: str) -> np.ndarray:
    field = file[name]
    if not isinstance(field, h5py.Dataset):
        raise ValueError(f"{path}: {name}: expected an array of numbers, came a group")
    if field.dtype.kind not in "fiu":
        came = "text" if field.dtype.kind in "OSU" else str(field.dtype)
        raise ValueError(f"{path}: {name}: expected an array of numbers, came {came}")
    values = np.asarray(field[()])
    if not values.size:
        raise ValueError(f"{path}: {name}: expected samples, came an empty array {values.shape}")
    return values


def _column(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    """One value a sample; a single row or column, as MATLAB writes, will do."""
    if values.size != max(values.shape, default=0):
        raise ValueError(f"{path}: {name}: expected one value a sample, came {values.shape}")
    return values.ravel()


def _check_shapes(path: Path, activity: np.ndarray, time: np.ndarray, frame_id: np.ndarray) -> None:
    if activity.ndim == 2 and activity.shape[0] == len(time) == len(frame_id):
        return
    turned = activity.ndim == 2 and activity.shape[1] == len(time) == len(frame_id)
    hint = "; it seems to be (unit, sample): transpose it" if turned else ""
    raise ValueError(
        f"{path}: expected activity (sample, unit) with one time and frame_id a sample, came "
        f"activity {activity.shape}, {len(time)} times and {len(frame_id)} frame ids{hint}"
    )


def _check_finite(path: Path, name: str, values: np.ndarray) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        sample, unit = np.argwhere(bad)[0]
        raise ValueError(
            f"{path}: {name}: expected finite numbers, came {int(bad.sum())} NaN or infinite ones, "
            f"the first at sample {sample}, unit {unit}"
        )


def _units(path: Path, file: Any, n_units: int) -> tuple[Unit, ...]:
    columns = []
    for field in _UNIT_FIELDS:
        default = [f"unit{k}" for k in range(n_units)] if field == "unit_names" else None
        values = file[field][()] if field in file else default or [_UNKNOWN] * n_units
        column = [_text(value) for value in np.ravel(values)]
        if len(column) != n_units:
            raise ValueError(
                f"{path}: {field}: expected {n_units} (as units in activity), came {len(column)}"
            )
        columns.append(column)
    return tuple(Unit(*parts) for parts in zip(*columns, strict=True))


def _flag(path: Path, value: Any) -> bool:
    """True or false; text such as "false" is refused, since it would count as true."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, np.integer) and value in (0, 1)):
        return bool(value)
    raise ValueError(f"{path}: simulated: expected true or false (or 1 or 0), came {value!r}")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
