"""HDF5 files, checked when they are opened: nothing leads out of them or asks too much.

A link or a data set of an HDF5 file may name other files, whose content would then be read as if
it were the file's own; a header may promise terabytes that were never written, and the library
allocates them before it looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from b2m_drive.files.hdf5_heaps import check_heaps
from b2m_drive.files.refusals import naming, require_file

_MOST_OBJECTS = 100_000  # groups and data sets, and links to them
_MOST_ATTRIBUTES = 1000  # of one object
_MOST_CHUNK_BYTES = 1 << 30  # one is unpacked whole
_RATIO = 1032  # at most, of deflate, which packs tightest of HDF5's own filters
_SMALL = 1 << 20  # [bytes] that any data set may take, stored or not
_BYTES_OF_A_CHUNK = 8  # at least, in the index of chunks


@contextmanager
def opened_hdf5(path: Path, expected: str) -> Iterator[h5py.File]:
    """A file as `open_hdf5` opens it; damage met within is a ValueError that names it."""
    file = open_hdf5(path, expected)
    with naming(path, f"{expected}, whole"), file:
        yield file


def open_hdf5(path: Path, expected: str) -> h5py.File:
    """Open a file for reading, if all that it links to and promises is in it.

    Reading on may still meet damage: do it within `naming`.

    Args:
        path: Of the file.
        expected: What it should be, for the message of an error.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is a folder, not HDF5, cut short or damaged; if a link leads to another
            file, to nothing or round in a circle; if a data set lies in another file, or
            promises more than the file can hold. Names the file and the path inside it.
    """
    size = require_file(path, expected)
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path}: expected {expected}, came one that is not HDF5, or cut short")
    with naming(path, f"{expected}, whole and not cut short"):
        check_heaps(path, size)
        file = h5py.File(path, "r")
        try:
            _check_objects(file, size)
        except BaseException:
            file.close()
            raise
    return file


def _check_objects(file: h5py.File, size: int) -> None:
    """Walk every link from the root, each object once; hard links may form circles."""
    waiting, seen, n_links = [file["/"]], set(), 0
    while waiting:
        group = waiting.pop()
        n_links += len(group)
        if n_links > _MOST_OBJECTS:
            raise ValueError(f"one of more than {_MOST_OBJECTS} objects")
        for name in group:
            found = _linked(group, name)
            _check_attributes(found)
            if isinstance(found, h5py.Dataset):
                _check_dataset(found, size)
            elif isinstance(found, h5py.Group):
                address = h5py.h5o.get_info(found.id).addr
                if address not in seen:
                    seen.add(address)
                    waiting.append(found)
    _check_attributes(file)


def _linked(group: h5py.Group, name: str) -> Any:
    """What a link leads to, within the file."""
    where = f"{group.name.rstrip('/')}/{name}"
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise ValueError(f"the link {where} to another file, {link.filename}")
    if isinstance(link, h5py.SoftLink):
        try:
            return group[name]
        except (KeyError, OSError, RuntimeError) as error:
            raise ValueError(
                f"the link {where} to {link.path}, which leads nowhere or round in a circle"
            ) from error
    return group[name]


def _check_attributes(found: Any) -> None:
    if len(found.attrs) > _MOST_ATTRIBUTES:
        raise ValueError(f"{found.name} with {len(found.attrs)} attributes")


def _check_dataset(dataset: h5py.Dataset, size: int) -> None:
    """What a data set promises is in the file, as far as its header tells."""
    if dataset.is_virtual:
        others = [each.file_name for each in dataset.virtual_sources() if each.file_name != "."]
        if others:
            raise ValueError(f"the array {dataset.name} out of another file, {others[0]}")
    if dataset.external:
        raise ValueError(
            f"the array {dataset.name} stored in another file, {dataset.external[0][0]}"
        )
    stored = dataset.id.get_storage_size()
    if stored > size:
        raise ValueError(f"the array {dataset.name} of {stored} stored bytes in a file of {size}")
    promised = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    if promised > max(_SMALL, stored * _RATIO if dataset.chunks else stored):
        raise ValueError(
            f"the array {dataset.name} that promises {promised} bytes, {dataset.shape} of "
            f"{dataset.dtype}, in {stored} stored ones"
        )
    if dataset.chunks:
        _check_chunks(dataset, size)


def _check_chunks(dataset: h5py.Dataset, size: int) -> None:
    chunk_bytes = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if chunk_bytes > _MOST_CHUNK_BYTES:
        raise ValueError(f"the array {dataset.name} in chunks of {chunk_bytes} bytes")
    rows = zip(dataset.shape, dataset.chunks, strict=True)
    n_chunks = math.prod(-(-length // part) for length, part in rows)
    if n_chunks > _SMALL // _BYTES_OF_A_CHUNK + size // _BYTES_OF_A_CHUNK:
        raise ValueError(f"the array {dataset.name} in {n_chunks} chunks in a file of {size} bytes")
