"""MATLAB files of version 7.3 as MATLAB writes them, which no library of Python's does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

_USERBLOCK = 512  # [bytes] of text before the HDF5
_CLASSES = {"float64": "double", "float32": "single", "bool": "logical"}


def write_mat73(path: Path, values: dict[str, Any]) -> None:
    """Write numbers, text, cells (object arrays), structures (dicts) and arrays of them."""
    with h5py.File(path, "w", userblock_size=_USERBLOCK) as file:
        for name, value in values.items():
            _write(file, file, name, value)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def _write(file: h5py.File, place: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, dict):
        group = place.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for key, each in value.items():
            _write(file, group, key, each)
        return
    if isinstance(value, str):
        codes = np.frombuffer(value.encode("utf-16-le"), np.uint16)[:, None]
        _put(place, name, codes, "char", MATLAB_int_decode=np.int32(2))
        return
    found = np.atleast_2d(np.asarray(value))
    if found.dtype.names is not None:
        group = place.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for key in found.dtype.names:
            _refer(file, group, key, found[key])
    elif found.dtype == object:
        _refer(file, place, name, found).attrs["MATLAB_class"] = np.bytes_("cell")
    elif found.size == 0:
        shape = np.array(found.shape, np.uint64)
        _put(place, name, shape, "double", MATLAB_empty=np.uint8(1))
    else:
        kind = _CLASSES.get(str(found.dtype), str(found.dtype))
        _put(place, name, (found.astype("u1") if kind == "logical" else found).T, kind)


def _put(place: h5py.Group, name: str, values: Any, kind: str, **attributes: Any) -> None:
    place[name] = values
    for key, value in {"MATLAB_class": np.bytes_(kind), **attributes}.items():
        place[name].attrs[key] = value


def _refer(file: h5py.File, place: h5py.Group, name: str, values: np.ndarray) -> h5py.Dataset:
    """A data set of references to each value."""
    hidden = file.require_group("#refs#")
    made = place.create_dataset(name, values.shape[::-1], dtype=h5py.ref_dtype)
    for index, value in np.ndenumerate(values.T):
        key = f"r{len(hidden)}"
        _write(file, hidden, key, value)
        made[index] = hidden[key].ref
    return made
