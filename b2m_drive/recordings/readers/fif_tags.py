"""The tags that a FIF file is made of: whether each is there as a whole."""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER = struct.Struct(">iiii")  # kind, type, bytes, place of the next tag
_FILE_ID, _ID_BYTES = 100, 20
_FOLLOWS, _LAST = 0, -1  # instead of the place of the next tag


def check_fif(path: Path) -> None:
    """Refuse a file whose tags end beyond its end, or lead back.

    Raises:
        ValueError: If it is no FIF file, or is cut short.
    """
    size, place = path.stat().st_size, 0
    with path.open("rb") as file:
        while place + _HEADER.size <= size:
            file.seek(place)
            kind, _, length, following = _HEADER.unpack(file.read(_HEADER.size))
            if place == 0 and (kind, length) != (_FILE_ID, _ID_BYTES):
                raise ValueError(f"{path}: expected a FIF file, came one that begins otherwise")
            end = place + _HEADER.size + length
            if length < 0 or end > size:
                raise ValueError(
                    f"{path}: expected {length} bytes of tag {kind} at byte {place}, came a file "
                    f"of {size} bytes: cut short?"
                )
            if following == _LAST:
                return
            following = end if following == _FOLLOWS else following
            if following <= place:
                raise ValueError(f"{path}: expected tags one after another, came one that leads "
                                 f"from byte {place} to {following}")  # fmt: skip
            place = following
    if place != size:
        raise ValueError(f"{path}: expected a tag at byte {place}, came {size} bytes: cut short?")
