"""The elements that a MATLAB 5 file is made of: whether SciPy can read them without a crash.

SciPy takes types and lengths from the file as they are, and a damaged one makes it read outside of
its memory, which ends the process (measured: 16 of 400 damaged files). Here they are looked at
first; numbers themselves are not read.
"""

from __future__ import annotations

import math
import mmap
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

_HEADER = 128  # [bytes]
_SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
_INT32, _UINT32, _MATRIX, _COMPRESSED = 5, 6, 14, 15  # types of elements
_TEXT = (1, 16)  # bytes, UTF-8
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17  # of arrays
_NUMBERS = range(6, 16)
_COMPLEX = 0x0800
_DEEPEST = 64  # arrays within each other
_LARGEST_UNPACKED = 1 << 26  # [bytes] of a compressed element; zlib's own checksum must do beyond


class _DamagedError(Exception):
    """An element is not what it has to be."""


@dataclass(frozen=True)
class _Element:
    kind: int
    start: int  # of its content
    size: int  # [bytes] of its content
    end: int  # of it with its padding


def check_matlab5(path: Path) -> None:
    """Refuse a MATLAB 5 file whose elements do not fit into each other.

    Raises:
        ValueError: If it is none, is cut short, or is damaged; says where.
    """
    size = path.stat().st_size
    if size <= _HEADER:
        raise ValueError(f"{path}: expected a MATLAB 5 file, came {size} bytes")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
        if order is None:
            raise ValueError(f"{path}: expected a MATLAB 5 file, came another byte order")
        at = _HEADER
        try:
            while at < size:
                at = _check_variable(content, order, at, size)
        except (_DamagedError, zlib.error) as error:
            raise ValueError(
                f"{path}: expected a sound MATLAB 5 file, came {error} in the variable at byte {at}"
            ) from error


def _check_variable(content: mmap.mmap, order: str, at: int, size: int) -> int:
    """Where the next variable begins."""
    if at + 8 > size:
        raise _DamagedError("the beginning of an element")
    kind, length = struct.unpack(f"{order}II", content[at : at + 8])
    end: int = at + 8 + length
    if kind not in (_MATRIX, _COMPRESSED) or end > size:
        raise _DamagedError(f"{length} bytes of type {kind} where {size - at - 8} are left")
    if kind == _MATRIX:
        _Elements(content, order).check_array(_Element(kind, at + 8, length, end), 0)
        return end
    unpacking = zlib.decompressobj()
    inner = unpacking.decompress(content[at + 8 : end], _LARGEST_UNPACKED)
    if len(inner) < _LARGEST_UNPACKED:
        elements = _Elements(inner, order)
        elements.check_array(elements.next(0, len(inner)), 0)
    return end


class _Elements:
    """Elements of a file, or of what was compressed in it."""

    def __init__(self, content: mmap.mmap | bytes, order: str) -> None:
        self._content = content
        self._order = order

    def next(self, at: int, limit: int) -> _Element:
        """The element at a place, which has to end before another."""
        if at + 8 > limit:
            raise _DamagedError("an array that ends too early")
        first, second = self._words(at, 2)
        if first >> 16:
            found = _Element(first & 0xFFFF, at + 4, first >> 16, at + 8)
            if found.size > 4:
                raise _DamagedError(f"a small element of {found.size} bytes")
            return found
        end = at + 8 + second + -second % 8
        if end > limit and at + 8 + second != limit:  # the last one may lack its padding
            raise _DamagedError(f"an element of {second} bytes where {limit - at - 8} are left")
        return _Element(first, at + 8, second, min(end, limit))

    def check_array(self, array: _Element, depth: int) -> None:
        """An array with its flags, shape, name and content."""
        if array.kind != _MATRIX or depth > _DEEPEST:
            raise _DamagedError(f"an element of type {array.kind} for an array, {depth} deep")
        if not array.size:
            return  # an empty cell
        limit = array.start + array.size
        flags = self._of((_UINT32,), array.start, limit)
        if flags.size != 8:
            raise _DamagedError(f"{flags.size} bytes of flags")
        word = self._words(flags.start, 1)[0]
        if word & 0xFF == _OPAQUE:
            return  # an object of a class, whose layout nobody has written down
        shape = self._of((_INT32, _UINT32), flags.end, limit)
        if shape.size % 4:
            raise _DamagedError(f"{shape.size} bytes of a shape")
        lengths = struct.unpack(f"{self._order}{shape.size // 4}i", self._part(shape))
        if len(lengths) < 2 or len(lengths) > 32 or min(lengths) < 0:
            raise _DamagedError(f"the shape {lengths}")
        name = self._of(_TEXT, shape.end, limit)
        self._check_content(word, math.prod(lengths), name.end, limit, depth)

    def _check_content(self, word: int, count: int, at: int, limit: int, depth: int) -> None:
        kind = word & 0xFF
        if kind == _CELL:
            self._check_arrays(count, at, limit, depth)
        elif kind in (_STRUCT, _OBJECT):
            at = self._of(_TEXT, at, limit).end if kind == _OBJECT else at
            n_fields, at = self._fields(at, limit)
            self._check_arrays(count * n_fields, at, limit, depth)
        elif kind == _FUNCTION:
            self._check_arrays(1, at, limit, depth)
        elif kind in (_CHAR, _SPARSE, *_NUMBERS):
            parts = (2 if kind == _SPARSE else 0) + (2 if word & _COMPLEX else 1)
            for _ in range(parts):
                at = self._numbers(at, limit, count if kind in _NUMBERS else None)
        else:
            raise _DamagedError(f"an array of class {kind}")

    def _check_arrays(self, count: int, at: int, limit: int, depth: int) -> None:
        if count * 8 > limit - at:
            raise _DamagedError(f"{count} arrays in {limit - at} bytes")
        for _ in range(count):
            inner = self.next(at, limit)
            self.check_array(inner, depth + 1)
            at = inner.end

    def _fields(self, at: int, limit: int) -> tuple[int, int]:
        """How many fields a structure has, and where its values begin."""
        width = self._of((_INT32,), at, limit)
        names = self._of(_TEXT, width.end, limit)
        length = self._words(width.start, 1)[0] if width.size == 4 else 0
        if not 0 < length <= 1024 or names.size % length:
            raise _DamagedError(f"{names.size} bytes of names of {length} each")
        part = self._part(names)
        for start in range(0, names.size, length):
            if b"\0" not in part[start : start + length]:
                raise _DamagedError("the name of a field without an end")
        return names.size // length, names.end

    def _numbers(self, at: int, limit: int, count: int | None) -> int:
        """Where numbers end; a count of them is one that an array of that shape has to have."""
        found = self.next(at, limit)
        width = _SIZES.get(found.kind, 0)
        odd = count is not None and found.size % width if width else True  # sparse ones may be
        if odd or count not in (None, found.size // width):
            raise _DamagedError(f"{found.size} bytes of type {found.kind} for {count} numbers")
        return found.end

    def _of(self, kinds: tuple[int, ...], at: int, limit: int) -> _Element:
        found = self.next(at, limit)
        if found.kind not in kinds:
            raise _DamagedError(f"an element of type {found.kind}, not {kinds[0]}")
        return found

    def _part(self, element: _Element) -> bytes:
        return self._content[element.start : element.start + element.size]

    def _words(self, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"{self._order}{count}I", self._content[at : at + 4 * count])
