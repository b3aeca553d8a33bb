"""Heaps of an HDF5 file, walked once before the library walks them for ever.

Text and ragged arrays lie in global heaps (HDF5 file format 3.0, section III.E): objects one after
another, each with its size. Where damage makes the size of the free space 0, the library's walk
never ends, and no signal reaches it.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_SIGNATURE = b"GCOL"
_COLLECTION = struct.Struct("<4xB3xQ")  # after the signature: version, size
_OBJECT = struct.Struct("<HHIQ")  # index (0: free space), references, reserved, size
_LARGEST = 1 << 28  # [bytes] of a file that is searched; recordings are smaller


def check_heaps(path: Path, size: int) -> None:
    """Refuse heaps that no walk comes to the end of.

    Args:
        path: An HDF5 file.
        size: Its size [bytes]; files of more than 256 MiB are not searched.

    Raises:
        ValueError: Says where the heap is.
    """
    if size > _LARGEST:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(_SIGNATURE)
        while at >= 0:
            if not _ends(content, at):
                raise ValueError(f"a heap at byte {at} that has no end")
            at = content.find(_SIGNATURE, at + 1)


def _ends(content: mmap.mmap, at: int) -> bool:
    """Whether a walk through a heap ends, be it at an object that is damaged."""
    if at + _COLLECTION.size > len(content):
        return True
    version, size = _COLLECTION.unpack_from(content, at)
    if version != 1:
        return True
    end, at = min(at + size, len(content)), at + _COLLECTION.size
    while at + _OBJECT.size <= end:
        index, _, _, n_bytes = _OBJECT.unpack_from(content, at)
        if index == 0 and n_bytes == 0:
            return False
        at += n_bytes if index == 0 else _OBJECT.size + -(-n_bytes // 8) * 8
    return True
