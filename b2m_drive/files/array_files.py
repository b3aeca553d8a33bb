"""NumPy's files of arrays, read without pickle and checked before anything is allocated."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from b2m_drive.files.refusals import naming, require_file
from b2m_drive.files.zip_files import opened_zip

_SUFFIX = ".npy"
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


def read_array(path: Path, expected: str = "an array saved by NumPy (.npy)") -> np.ndarray:
    """The array of an ``.npy`` file; errors as `read_arrays`."""
    size = require_file(path, expected)
    with naming(path, expected), path.open("rb") as content:
        return _read(content, size)


def _read(content: IO[bytes] | io.BufferedIOBase, size: int) -> np.ndarray:
    """An array whose header promises what so many bytes can hold."""
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
    values = content.read(promised)
    if len(values) < promised:
        raise ValueError(f"{len(values)} bytes of an array of {promised}")
    array = np.frombuffer(values, dtype).reshape(shape, order="F" if in_columns else "C")
    return array.copy()  # of bytes, which cannot be written to
