"""The chunks of an XDF file, checked before a library trusts what they promise."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

_MAGIC = b"XDF:"
_LENGTHS = {1: struct.Struct("<B"), 4: struct.Struct("<I"), 8: struct.Struct("<Q")}
_TAG, _STREAM = struct.Struct("<H"), struct.Struct("<I")
_HEADER, _STREAM_HEADER, _SAMPLES, _OFFSET, _BOUNDARY, _FOOTER = 1, 2, 3, 4, 5, 6
_TAGS = (_HEADER, _STREAM_HEADER, _SAMPLES, _OFFSET, _BOUNDARY, _FOOTER)
_OF_A_STREAM = (_STREAM_HEADER, _SAMPLES, _OFFSET, _FOOTER)
_MOST_CHANNELS = 100_000
_LONGEST_HEADER = 1 << 24  # [bytes] of XML
_SIZES = {b"int8": 1, b"int16": 2, b"int32": 4, b"int64": 8, b"float32": 4, b"double64": 8,
          b"string": 1}  # [bytes] of a value, at least  # fmt: skip


def check_chunks(path: Path) -> bool:
    """Whether the file ends in the middle of a chunk; everything before is as it should be.

    Raises:
        ValueError: If it does not begin as XDF, a chunk is of no known kind or of a stream without
            a header, or promises more samples than it can hold.
    """
    size = path.stat().st_size
    sample_sizes: dict[int, int] = {}
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("a file that does not begin as XDF")
        while file.tell() < size:
            at = file.tell()
            length = _length(file)
            begin = file.tell()
            if length is None or begin + length > size or length < _TAG.size:
                if length is not None and length < _TAG.size:
                    raise ValueError(f"a chunk of {length} bytes at byte {at}")
                if not sample_sizes:
                    raise ValueError(f"one cut short at byte {at}, before any stream")
                return True
            _check_chunk(file, at, length, sample_sizes)
            file.seek(begin + length)
    if not sample_sizes:
        raise ValueError("a file without streams")
    return False


def _length(file: BinaryIO) -> int | None:
    """A number of one, four or eight bytes; None: the file ends within."""
    at = file.tell()
    first = file.read(1)
    if not first:
        return None
    if first[0] not in _LENGTHS:
        raise ValueError(f"a length of {first[0]} bytes at byte {at}")
    form = _LENGTHS[first[0]]
    content = file.read(form.size)
    return int(form.unpack(content)[0]) if len(content) == form.size else None


def _check_chunk(file: BinaryIO, at: int, length: int, sample_sizes: dict[int, int]) -> None:
    tag = _TAG.unpack(file.read(_TAG.size))[0]
    if tag not in _TAGS:
        raise ValueError(f"a chunk of the unknown kind {tag} at byte {at}")
    if tag not in _OF_A_STREAM:
        return
    if length < _TAG.size + _STREAM.size:
        raise ValueError(f"a chunk of {length} bytes at byte {at}")
    stream = _STREAM.unpack(file.read(_STREAM.size))[0]
    rest = length - _TAG.size - _STREAM.size
    if tag == _STREAM_HEADER:
        if stream in sample_sizes:
            raise ValueError(f"the stream {stream} twice, again at byte {at}")
        sample_sizes[stream] = _sample_size(file, at, rest)
    elif stream not in sample_sizes:
        raise ValueError(f"a chunk of the stream {stream} without a header at byte {at}")
    elif tag == _SAMPLES:
        n_samples = _length(file)
        if n_samples is None or n_samples * (1 + sample_sizes[stream]) > rest:
            raise ValueError(f"{n_samples} samples in {rest} bytes at byte {at}")
    elif tag == _OFFSET and rest != 16:
        raise ValueError(f"a clock offset of {rest} bytes at byte {at}")


def _sample_size(file: BinaryIO, at: int, length: int) -> int:
    """Bytes that a sample of the stream takes, at least."""
    if length > _LONGEST_HEADER:
        raise ValueError(f"a header of {length} bytes at byte {at}")
    text = file.read(length)
    count = re.search(rb"<channel_count>\s*([0-9]{1,9})\s*</channel_count>", text)
    kind = re.search(rb"<channel_format>\s*(\w+)\s*</channel_format>", text)
    if count is None or kind is None or kind[1] not in _SIZES:
        raise ValueError(f"a stream without channels of a known type at byte {at}")
    if not 0 < int(count[1]) <= _MOST_CHANNELS:
        raise ValueError(f"a stream of {int(count[1])} channels at byte {at}")
    return int(count[1]) * _SIZES[kind[1]]
