"""NumPy's files of arrays, read without pickle and checked before anything is allocated."""

from __future__ import annotations

import io
import math
import struct
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from b2m_drive.files.refusals import naming, require_file
from b2m_drive.files.zip_files import opened_zip

_SUFFIX = ".npy"
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # its last two are the lengths of name and extra field
_CHECKED = 1 << 28  # [bytes] of an array whose checksum is compared before parts of it are read
_PART = 1 << 22  # [bytes]
_LONGEST_HEADER = 10_000  # [bytes], NumPy's own limit for headers that nobody vouches for


def read_arrays(
    path: Path,
    expected: str = "arrays saved by NumPy (.npz)",
    content: io.BufferedIOBase | None = None,
) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file, by name.

    Args:
        path: Of the file.
        expected: What it should be, for the message of an error.
        content: What to read, where it stands inside the file; None: the file itself.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, damaged, encrypted, oddly compressed, holds Python objects, or
            promises more than its bytes can hold; names the file.
    """
    arrays = {}
    with opened_zip(path, expected, content) as archive:
        for entry in archive.infolist():
            if not entry.filename.endswith(_SUFFIX):
                raise ValueError(f"an entry {entry.filename!r} that is no array")
            with archive.open(entry) as values:
                array = _read(values, entry.file_size)
                if values.read(1):
                    raise ValueError(f"an entry {entry.filename!r} longer than its array")
            arrays[entry.filename.removesuffix(_SUFFIX)] = array
    return arrays


@dataclass(frozen=True)
class ArrayEntry:
    """An array within an ``.npz`` file, of which only the header has been read."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    in_columns: bool  # in Fortran's order
    start: int | None  # [bytes] from the file's begin to its values, where they lie unpacked


def list_arrays(path: Path, expected: str) -> dict[str, ArrayEntry]:
    """What an ``.npz`` file holds, by name, without keeping it; errors as `read_arrays`.

    The checksums of arrays over 256 MiB are only compared where they are read whole.
    """
    found = {}
    with opened_zip(path, expected) as archive:
        for entry in archive.infolist():
            if not entry.filename.endswith(_SUFFIX):
                raise ValueError(f"an entry {entry.filename!r} that is no array")
            name = entry.filename.removesuffix(_SUFFIX)
            with archive.open(entry) as content:
                shape, in_columns, dtype = _header(content, entry.file_size)
                header = content.tell()
                if entry.file_size <= _CHECKED:
                    while content.read(_PART):  # to the end, where the checksum is compared
                        pass
            at = None
            if entry.compress_type == zipfile.ZIP_STORED:
                at = _begin(path, entry) + header
            found[name] = ArrayEntry(name, shape, dtype, in_columns, at)
    return found


def read_entry(path: Path, entry: ArrayEntry, expected: str) -> np.ndarray:
    """One array of an ``.npz`` file; errors as `read_arrays`."""
    with opened_zip(path, expected) as archive:
        info = archive.getinfo(f"{entry.name}{_SUFFIX}")
        with archive.open(info) as content:
            return _read(content, info.file_size)


def read_slices(path: Path, entry: ArrayEntry, start: int, stop: int, expected: str) -> np.ndarray:
    """Some rows of an array that lies unpacked, or columns of one in Fortran's order.

    Raises:
        ValueError: If they are not there; names the file.
    """
    assert entry.start is not None
    along = (entry.shape[::-1] if entry.in_columns else entry.shape)[1:]
    size = math.prod(along) * entry.dtype.itemsize
    with naming(path, expected), path.open("rb") as content:
        content.seek(entry.start + start * size)
        values = content.read((stop - start) * size)
        found = np.frombuffer(values, entry.dtype).reshape(stop - start, *along)
    return found.T if entry.in_columns else found


def read_array(path: Path, expected: str = "an array saved by NumPy (.npy)") -> np.ndarray:
    """The array of an ``.npy`` file; errors as `read_arrays`."""
    size = require_file(path, expected)
    with naming(path, expected), path.open("rb") as content:
        return _read(content, size)


def _read(content: IO[bytes] | io.BufferedIOBase, size: int) -> np.ndarray:
    """An array whose header promises what so many bytes can hold."""
    shape, in_columns, dtype = _header(content, size)
    promised = math.prod(shape) * dtype.itemsize
    values = content.read(promised)
    if len(values) < promised:
        raise ValueError(f"{len(values)} bytes of an array of {promised}")
    array = np.frombuffer(values, dtype).reshape(shape, order="F" if in_columns else "C")
    _check_text(array)
    return array.copy()  # of bytes, which cannot be written to


def _check_text(array: np.ndarray) -> None:
    """NumPy trusts the characters of an array, and Python may crash on those that are none."""
    if array.dtype.kind != "U" or not array.size or not array.itemsize:
        return
    codes = np.frombuffer(array.tobytes(), np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    if codes.max() > sys.maxunicode:
        raise ValueError(f"text with the character {int(codes.max())}, which does not exist")


def _begin(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where an entry's content begins, after its own header [bytes]."""
    with path.open("rb") as content:
        content.seek(entry.header_offset)
        header = content.read(_LOCAL_HEADER.size)
    *_, name, extra = _LOCAL_HEADER.unpack(header)
    return entry.header_offset + _LOCAL_HEADER.size + int(name) + int(extra)


def _header(content: IO[bytes] | io.BufferedIOBase, size: int) -> tuple[tuple[int, ...], bool, Any]:
    """Shape, whether it is in Fortran's order, and type, if so many bytes can hold that."""
    version = npy.read_magic(content)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of the unknown version {version}")
    shape, in_columns, dtype = readers[version](content, max_header_size=_LONGEST_HEADER)
    if dtype.hasobject:
        raise ValueError("an array of Python objects, which a pickle holds")
    if any(length < 0 for length in shape):
        raise ValueError(f"an array of shape {shape}")
    promised = math.prod(shape) * dtype.itemsize
    if promised > size:
        raise ValueError(f"an array {dtype} {shape} of {promised} bytes in a file of {size}")
    return shape, in_columns, dtype
