"""MATLAB's files of version 7.3, which are HDF5 in an order of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.files.refusals import naming
from b2m_drive.recordings.contents import StoredArray
from b2m_drive.recordings.readers.matlab_values import (
    Cells,
    Structs,
    Text,
    Unread,
    Value,
    Workspace,
)

_EXPECTED = "a MATLAB file of version 7.3"
_CLASS, _EMPTY, _OBJECT = "MATLAB_class", "MATLAB_empty", "MATLAB_object_decode"
_DEEPEST = 24
_MOST_REFERENCES = 200_000


def add_hdf5(path: Path, workspace: Workspace) -> None:
    """Take in every variable of a file; arrays of numbers are read when they are asked for.

    Raises:
        ValueError: If the file is damaged, leads to others, or promises more than it can hold.
    """
    with opened_hdf5(path, _EXPECTED) as file:
        walk = _Walk(path, file)
        for name in file:
            if not name.startswith("#"):  # MATLAB's own, which references lead to
                workspace.add(name, walk.value(file[name], 0))


class _Walk:
    """From data sets and groups to values, following references within the file."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self._path = path
        self._file = file
        self._followed = 0

    def value(self, found: Any, depth: int) -> Value:
        if depth > _DEEPEST:
            raise ValueError(f"{found.name}: structures over {_DEEPEST} deep, or in a circle")
        kind = _class_of(found)
        if _OBJECT in found.attrs or kind in ("function_handle", "string", "table"):
            return Unread(f"an object of the class {kind or 'unknown'}")
        if isinstance(found, h5py.Group):
            if "MATLAB_sparse" in found.attrs:
                return Unread("a sparse matrix")
            return self._structs(found, depth)
        if not isinstance(found, h5py.Dataset) or found.shape is None:
            return Unread("neither numbers nor a structure")
        return self._of_dataset(found, kind, depth)

    def _of_dataset(self, found: h5py.Dataset, kind: str, depth: int) -> Value:
        if found.attrs.get(_EMPTY, 0):
            return Text(("",)) if kind == "char" else _nothing()
        if h5py.check_ref_dtype(found.dtype) is h5py.Reference:
            return Cells(self._referred(found, depth))
        if kind == "char":
            return _text(found)
        if found.dtype.kind not in "biuf":
            return Unread(f"values of the type {found.dtype}")
        return _numbers(self._path, found)

    def _structs(self, group: h5py.Group, depth: int) -> Value:
        """A structure; of an array of structures, each field is a data set of references."""
        fields: dict[str, tuple[Value, ...]] = {}
        for name in group:
            each = group[name]
            many = (
                isinstance(each, h5py.Dataset)
                and h5py.check_ref_dtype(each.dtype) is h5py.Reference
                and _class_of(each) != "cell"
            )
            fields[name] = self._referred(each, depth) if many else (self.value(each, depth + 1),)
        if len({len(values) for values in fields.values()}) > 1:
            raise ValueError(f"{group.name}: fields of different numbers of structures")
        return Structs(fields) if fields else Unread("an empty structure")

    def _referred(self, found: h5py.Dataset, depth: int) -> tuple[Value, ...]:
        """What references lead to, in MATLAB's order."""
        self._followed += found.size
        if self._followed > _MOST_REFERENCES:
            raise ValueError(f"{found.name}: more than {_MOST_REFERENCES} cells, or in a circle")
        references = np.ravel(found[()])  # columns of MATLAB are rows of HDF5
        return tuple(self._target(found.name, each, depth) for each in references)

    def _target(self, name: str, reference: Any, depth: int) -> Value:
        if not reference:
            raise ValueError(f"{name}: a reference to nothing")
        return self.value(self._file[reference], depth + 1)


def _class_of(found: Any) -> str:
    kind = found.attrs.get(_CLASS, b"")
    return kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)


def _nothing() -> StoredArray:
    return StoredArray((0, 0), "float64", lambda: np.zeros((0, 0)))


def _text(found: h5py.Dataset) -> Value:
    if found.dtype.kind not in "iu" or found.ndim != 2:
        return Unread(f"characters of the type {found.dtype}")
    codes = np.asarray(found[()]).T.astype(np.uint16)  # UTF-16, a text in each row
    lines = (row.astype("<u2").tobytes().decode("utf-16-le", "replace") for row in codes)
    return Text(tuple(line.rstrip() for line in lines) or ("",))


def _numbers(path: Path, found: h5py.Dataset) -> StoredArray:
    """An array as MATLAB shows it, whose first axis is HDF5's last."""
    name, shape = found.name, found.shape[::-1]
    matrix = len(shape) == 2

    def read(select: Callable[[Any], np.ndarray]) -> np.ndarray:
        with naming(path, f"{_EXPECTED}, whole"), h5py.File(path, "r") as file:
            return np.asarray(select(file[name])).T

    return StoredArray(
        shape,
        str(found.dtype),
        lambda: read(lambda each: each[()]),
        part=(lambda a, b: read(lambda each: each[..., a:b])) if shape else None,
        columns=(lambda a, b: read(lambda each: each[a:b])) if matrix else None,
    )
