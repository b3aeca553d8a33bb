"""HDF5 files that appear whole or not at all, also where the disk is full.

The HDF5 library cannot live through a write that fails: it ends the process (a segmentation
fault in 2.0) when it closes the file. So it never writes where there may be no room: small files
are made in memory, large ones in room that was taken before.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from b2m_drive.files.writing import atomic_write, write_bytes

_SPARE = 1.1  # of the room taken for a large file, and
_SPARE_BYTES = 1 << 20


@contextmanager
def hdf5_in_memory(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file, made in memory and then written whole."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        yield file
    write_bytes(path, image.getbuffer())


@contextmanager
def hdf5_in_room(path: Path, n_bytes: int) -> Iterator[h5py.File]:
    """A new HDF5 file that may be larger than memory, made where there is room for it.

    Args:
        path: Of the file, which appears whole.
        n_bytes: That it will have at most; some more are taken while it is made.

    Raises:
        OSError: If the disk has no such room.
    """
    with atomic_write(path) as draft, draft.open("w+b", buffering=0) as opened:
        _take_room(opened.fileno(), int(_SPARE * n_bytes) + _SPARE_BYTES, path)
        room = _Room(opened)
        with h5py.File(room, "w") as file:
            yield file
        room.give_back()


def _take_room(descriptor: int, n_bytes: int, path: Path) -> None:
    """See that there is room, and take it where the system can."""
    if shutil.disk_usage(path.parent).free < n_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    try:
        os.posix_fallocate(descriptor, 0, n_bytes)
    except AttributeError:  # macOS and Windows have none
        return
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise


class _Room(io.RawIOBase):
    """A file whose room is taken, which seems to end where something was last written."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._end = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, counted from the seeming end if asked for."""
        if whence == os.SEEK_END:
            return self._file.seek(self._end + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where the next byte goes."""
        return self._file.tell()

    def readinto(self, buffer: Any) -> int | None:
        """Fill a buffer."""
        return self._file.readinto(buffer)

    def write(self, content: Any) -> int:
        """Write all of it."""
        rest = memoryview(content).cast("B")
        while rest:
            rest = rest[self._file.write(rest) :]
        self._end = max(self._end, self._file.tell())
        return len(content)

    def truncate(self, size: int | None = None) -> int:
        """Move the seeming end; the room stays taken."""
        self._end = self._file.tell() if size is None else size
        return self._end

    def give_back(self) -> None:
        """End the file where it seems to end."""
        self._file.truncate(self._end)
