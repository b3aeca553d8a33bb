"""A brain recorded while scenes were on the screen, and its file.

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
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float32, Float64, Int64

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.files.hdf5_writing import hdf5_in_memory
from b2m_drive.recordings.recording import Unit
from b2m_drive.recordings.sampling import sampling_of

FORMAT = "b2m-scene-recording"
VERSION = 1
NO_FRAME = -1
EEG = "EEG"  # the kind of a unit that is an EEG sensor

_REQUIRED = ("activity", "time", "frame_id")
_UNIT_FIELDS = ("unit_names", "unit_regions", "unit_kinds")
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class SceneRecording:
    """Activity of many units, sample by sample, and the frame that was on the screen."""

    activity: Float32[np.ndarray, "sample unit"]
    time: Float64[np.ndarray, " sample"]  # [s], increasing
    frame_id: Int64[np.ndarray, " sample"]  # the frame on screen, NO_FRAME: none
    units: tuple[Unit, ...]
    subject: str
    session: str
    source: str
    licence: str
    simulated: bool
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n_samples, expected = len(self.time), (len(self.time), len(self.units))
        if self.activity.shape != expected or self.frame_id.shape != (n_samples,):
            raise ValueError(
                f"{self.session}: expected activity {expected} (sample, unit) and frame_id "
                f"({n_samples},), came {self.activity.shape} and {self.frame_id.shape}"
            )
        if 0 in expected:
            raise ValueError(f"{self.session}: expected samples and units, came {expected}")
        if not np.isfinite(self.activity).all():
            count = int((~np.isfinite(self.activity)).sum())
            raise ValueError(f"activity of {self.session}: {count} values are NaN or infinite")
        if not np.isfinite(self.time).all() or (np.diff(self.time) <= 0).any():
            raise ValueError(
                f"time of {self.session}: expected finite seconds, each later than the one "
                "before, came others"
            )
        if (self.frame_id < NO_FRAME).any():
            raise ValueError(
                f"frame_id of {self.session}: expected {NO_FRAME} (no frame) or more, "
                f"came {self.frame_id.min()}"
            )

    @property
    def sampling_rate(self) -> float:
        """Samples a second of the clock, lost ones included; NaN for a single sample."""
        return sampling_of(self.time).rate


@dataclass(frozen=True)
class Presentations:
    """Every time that a frame came onto the screen; one shown twice is there twice."""

    frame_id: Int64[np.ndarray, " presentation"]
    onset: Float64[np.ndarray, " presentation"]  # [s] of its first sample


def presentations(recording: SceneRecording) -> Presentations:
    """The frames as they were shown, in the order of time.

    A frame counts again after another one or an empty screen, not after a pause of the recording.
    """
    frame_id = recording.frame_id
    begins = frame_id != NO_FRAME
    begins[1:] &= frame_id[1:] != frame_id[:-1]
    return Presentations(frame_id[begins], recording.time[begins])


def write_scene_recording(path: str | Path, recording: SceneRecording) -> None:
    """Write the file; a reader never sees half of it."""
    path = Path(path)
    with hdf5_in_memory(path) as file:
        file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
        file.create_dataset("activity", data=recording.activity, chunks=True, compression="lzf")
        file["time"], file["frame_id"] = recording.time, recording.frame_id
        for field, attribute in zip(_UNIT_FIELDS, ("name", "region", "kind"), strict=True):
            file[field] = [getattr(unit, attribute) for unit in recording.units]
        for name in ("subject", "session", "source", "licence", "simulated"):
            file.attrs[name] = getattr(recording, name)
        file.attrs["notes"] = np.array(recording.notes, dtype=h5py.string_dtype())


def read_scene_recording(path: str | Path) -> SceneRecording:
    """Read a recording made beside scenes, one's own or one written here.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is a folder, not HDF5, cut short or of another format; if a field
            is missing or empty, holds NaN or does not fit the others; if time does not increase;
            or if no sample shows a frame.
    """
    path = Path(path)
    with opened_hdf5(path, "a scene recording (HDF5)") as file:
        recording = _read(path, file)
    if (recording.frame_id == NO_FRAME).all():
        raise ValueError(f"{path}: frame_id: expected samples with a frame, came none")
    return recording


def _read(path: Path, file: Any) -> SceneRecording:
    _check_format(path, file)
    activity = _numbers(path, file, "activity")
    time = _column(path, "time", _numbers(path, file, "time"))
    frame_id = _column(path, "frame_id", _numbers(path, file, "frame_id"))
    _check_shapes(path, activity, time, frame_id)
    _check_finite(path, "activity", activity)
    if (frame_id != np.round(frame_id)).any():  # NaN included
        raise ValueError(f"{path}: frame_id: expected whole numbers, came fractions or NaN")
    notes = file.attrs.get("notes", ())
    return SceneRecording(
        activity=activity.astype(np.float32),
        time=time.astype(np.float64),
        frame_id=frame_id.astype(np.int64),
        units=_units(path, file, activity.shape[1]),
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
    if not isinstance(field, h5py.Dataset) or field.dtype.kind not in "fiu":
        raise ValueError(f"{path}: {name}: expected an array of numbers, came {field}")
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
