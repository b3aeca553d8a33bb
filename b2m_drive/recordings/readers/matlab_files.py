"""MATLAB's files (``.mat``): version 5 and older here, 7.3 (HDF5) in `matlab_hdf5`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.files.matlab5_elements import check_matlab5
from b2m_drive.files.refusals import naming, require_file
from b2m_drive.recordings.contents import Contents, StoredArray
from b2m_drive.recordings.readers.matlab_hdf5 import add_hdf5
from b2m_drive.recordings.readers.matlab_values import (
    Cells,
    Structs,
    Text,
    Unread,
    Value,
    Workspace,
)

_EXPECTED = "a MATLAB file (.mat)"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEADER = 128  # [bytes]
_RATIO = 1032  # at most, of zlib
_SMALL = 1 << 20  # [bytes]
_NUMBERS = (
    "double",
    "single",
    "logical",
    *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)),
)


def open_mat(path: Path) -> Contents:
    """What lies in a MATLAB file, as arrays by their names; a mapping says what they are.

    Fields of structures have dotted names, ``data.eeg``; an array of structures is a table, too. A
    cell array of numbers is an array of arrays, one of texts an array of labels. Values have the
    shape that MATLAB shows. Of version 7.3, numbers are read by the part; of older ones, matrices
    outside of structures when they are needed. Function handles and objects (such as MATLAB's
    ``table``, ``string`` and ``datetime``) are left out, with a note.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no MATLAB file, damaged, cut short, leads to other files, or promises
            more than it can hold.
    """
    size = require_file(path, _EXPECTED)
    with naming(path, _EXPECTED), path.open("rb") as file:
        start = file.read(_HEADER)
        file.seek(512)
        is_hdf5 = start.startswith(_HDF5) or file.read(8) == _HDF5
    workspace = Workspace()
    if is_hdf5:
        add_hdf5(path, workspace)
    else:
        with naming(path, f"{_EXPECTED}, whole"):
            _check_header(start)
            check_matlab5(path)  # else a damaged file may end the process within SciPy
            _add_values(path, size, workspace)
    if not workspace.arrays:
        raise ValueError(
            f"{path}: expected arrays in a MATLAB file, came none"
            + (f" ({'; '.join(workspace.notes[:5])})" if workspace.notes else "")
        )
    return Contents(
        path,
        "MATLAB 7.3 (HDF5)" if is_hdf5 else "MATLAB 5",
        tables=tuple(workspace.tables),
        arrays=workspace.arrays,
        clock="as the file's arrays of times have it",
        notes=tuple(workspace.notes),
    )


def _check_header(start: bytes) -> None:
    if len(start) < _HEADER or not start.startswith(b"MATLAB") or start[126:] not in (b"IM", b"MI"):
        raise ValueError("a file that does not begin as MATLAB's do (version 5 or 7.3)")
    if start[124:126] not in (b"\x00\x01", b"\x01\x00"):
        raise ValueError(f"the unknown version {start[124:126].hex()}")


def _add_values(path: Path, size: int, workspace: Workspace) -> None:
    from scipy.io import loadmat, whosmat

    listed = list(whosmat(path))
    names = [name for name, _, _ in listed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the variable {twice[0]!r} twice")
    inner = [name for name, _, kind in listed if kind not in _NUMBERS]
    loaded = loadmat(path, variable_names=inner, chars_as_strings=True) if inner else {}
    for name, shape, kind in listed:
        if kind in _NUMBERS:
            promised = math.prod(shape)  # bytes, at least
            if any(length < 0 for length in shape) or promised > max(_SMALL, size * _RATIO):
                raise ValueError(f"the variable {name!r} of shape {shape}")
            workspace.add(name, StoredArray(tuple(shape), _dtype(kind), _reader(path, name, shape)))
        elif name in loaded:
            workspace.add(name, _value(loaded[name]))
        elif name:
            workspace.notes.append(f"{name} left out: {kind}")


def _dtype(kind: str) -> str:
    return {"double": "float64", "single": "float32", "logical": "bool"}.get(kind, kind)


def _reader(path: Path, name: str, shape: tuple[int, ...]) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        from scipy.io import loadmat

        with naming(path, f"{_EXPECTED}, whole"):
            found = np.asarray(loadmat(path, variable_names=[name])[name])
            if found.shape != tuple(shape):
                raise ValueError(f"{name} of shape {found.shape}, listed as {shape}")
            return found

    return read


def _value(found: Any) -> Value:
    """A value that SciPy read, as what it is."""
    kind = type(found).__name__
    if not isinstance(found, np.ndarray) or kind in ("MatlabFunction", "MatlabOpaque"):
        return Unread(f"a {kind}, which is no array")
    if kind == "MatlabObject":
        return Unread("an object of a class")
    if found.dtype.names is not None:
        flat = found.ravel(order="F")
        fields = {name: tuple(_value(one[name]) for one in flat) for name in found.dtype.names}
        return Structs(fields) if len(flat) else Unread("an empty structure")
    if found.dtype == object:
        return Cells(tuple(_value(each) for each in found.ravel(order="F")))
    if found.dtype.kind == "U":
        return (
            Text(tuple(str(line).rstrip() for line in found.ravel())) if found.size else Text(("",))
        )
    return StoredArray(found.shape, str(found.dtype), lambda: found)
