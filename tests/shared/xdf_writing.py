"""XDF files for tests: no library on PyPI writes them (pyxdf, ezmsg-xdf and liesl only read).

The format is that of https://github.com/sccn/xdf/wiki/Specifications (version 1.0).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

_FORMATS = {"f4": "float32", "f8": "double64", "i4": "int32", "i2": "int16", "O": "string"}
BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
CHUNK = 100  # samples


@dataclass
class Stream:
    """A stream as a device sent it, with times on its own clock."""

    name: str
    kind: str
    rate: float  # [Hz], 0: irregular
    times: np.ndarray  # [sample] [s]
    values: np.ndarray  # [sample channel], numbers or text
    labels: Sequence[str] = ()
    units: Sequence[str] = ()
    kinds: Sequence[str] = ()
    offsets: Sequence[tuple[float, float]] = field(default_factory=list)  # (time, offset) [s]
    n_said: int | None = None  # samples in the footer


def write_xdf(path: Path, streams: Sequence[Stream]) -> None:
    """Write streams, their samples chunk by chunk in turn, as a recorder does."""
    parts = [b"XDF:", _chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")]
    parts += [_of_stream(2, k, _header(each)) for k, each in enumerate(streams, start=1)]
    longest = max(len(each.times) for each in streams)
    for start in range(0, longest, CHUNK):
        for k, each in enumerate(streams, start=1):
            if start < len(each.times):
                parts.append(_of_stream(3, k, _samples(each, start)))
        parts.append(_chunk(5, BOUNDARY))
    for k, each in enumerate(streams, start=1):
        parts += [_of_stream(4, k, struct.pack("<dd", *pair)) for pair in each.offsets]
        count = len(each.times) if each.n_said is None else each.n_said
        footer = f"<info><sample_count>{count}</sample_count></info>"
        parts.append(_of_stream(6, k, footer.encode()))
    path.write_bytes(b"".join(parts))


def _number(value: int) -> bytes:
    return b"\x01" + bytes([value]) if value < 256 else b"\x04" + struct.pack("<I", value)


def _chunk(tag: int, content: bytes) -> bytes:
    return _number(len(content) + 2) + struct.pack("<H", tag) + content


def _of_stream(tag: int, number: int, content: bytes) -> bytes:
    return _chunk(tag, struct.pack("<I", number) + content)


def _header(stream: Stream) -> bytes:
    kind = _FORMATS[stream.values.dtype.str.lstrip("<|=")]
    channels = "".join(
        "<channel>"
        + "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in each.items())
        + "</channel>"
        for each in _described(stream)
    )
    return (
        f"<?xml version='1.0'?><info><name>{escape(stream.name)}</name><type>{stream.kind}</type>"
        f"<channel_count>{stream.values.shape[1]}</channel_count>"
        f"<nominal_srate>{stream.rate:g}</nominal_srate><channel_format>{kind}</channel_format>"
        f"<created_at>50942.723319709003</created_at><desc><channels>{channels}</channels></desc>"
        "</info>"
    ).encode()


def _described(stream: Stream) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{} for _ in stream.labels]
    for name, values in (("label", stream.labels), ("unit", stream.units), ("type", stream.kinds)):
        for each, value in zip(found, values, strict=False):
            each[name] = value
    return found


def _samples(stream: Stream, start: int) -> bytes:
    stop = min(start + CHUNK, len(stream.times))
    parts = [_number(stop - start)]
    for time, row in zip(stream.times[start:stop], stream.values[start:stop], strict=True):
        parts.append(b"\x08" + struct.pack("<d", time))
        if stream.values.dtype == object:
            parts += [_number(len(str(v).encode())) + str(v).encode() for v in row]
        else:
            parts.append(row.astype(row.dtype.newbyteorder("<")).tobytes())
    return b"".join(parts)
