"""The header of an EDF or BDF file: what is in a record, and how many there should be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

_FIXED = 256  # [bytes] before the fields of channels
_PER_CHANNEL = 256  # [bytes]
_WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # [bytes] of a channel's fields, label first
_UNIT, _SAMPLES = 2, 8  # numbers of fields: physical dimension, samples in a record
_LARGEST_PAUSE = 1e-3  # [s] between records that follow on each other


@dataclass(frozen=True)
class EDFHeader:
    """What the header of an EDF or BDF file says.

    Args:
        labels: Of channels, those of annotations left out.
        units: Of the same.
        rates: Of the same [Hz].
        missing: Records that the header promises and the file does not have.
        n_records: Records that are there.
        record_seconds: How long one takes [s].
    """

    labels: tuple[str, ...]
    units: tuple[str, ...]
    rates: tuple[float, ...]
    missing: int
    n_records: int
    record_seconds: float


def read_edf_header(path: Path) -> EDFHeader:
    """The header of an EDF or BDF file, checked against the size of the file.

    Raises:
        ValueError: If it is no EDF or BDF, promises more channels than fit, has no whole record,
            or its records have pauses between them (EDF+D).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        fixed = file.read(_FIXED)
        bdf = fixed[:8] == b"\xffBIOSEMI"
        if not (bdf or fixed[:8].strip() == b"0") or len(fixed) < _FIXED:
            raise ValueError(
                f"{path}: expected an EDF or BDF file, came one that begins with {fixed[:8]!r}"
            )
        n_channels = _whole(path, "number of channels", fixed[252:256])
        if not 1 <= n_channels <= (size - _FIXED) // _PER_CHANNEL:
            raise ValueError(
                f"{path}: expected the fields of {n_channels} channels, which the header promises, "
                f"came {size} bytes in all: cut short?"
            )
        fields = _channel_fields(file.read(_PER_CHANNEL * n_channels), n_channels)
    samples = [_whole(path, "samples in a record", each) for each in fields[_SAMPLES]]
    labels = [each.decode("latin-1").strip() for each in fields[0]]
    seconds = _seconds(path, fixed[244:252])
    record = sum(samples) * (3 if bdf else 2)
    promised = _whole(path, "number of records", fixed[236:244])
    data = _FIXED + _PER_CHANNEL * n_channels
    there = (size - data) // record if record > 0 and min(samples) >= 0 else 0
    if there < 1:
        raise ValueError(
            f"{path}: expected {promised} records of {record} bytes, came {size - data} bytes: "
            "cut short?"
        )
    kept = [k for k, label in enumerate(labels) if not _is_annotations(label) and samples[k]]
    if fixed[192:197] in (b"EDF+D", b"BDF+D"):
        _check_continuous(path, labels, samples, 3 if bdf else 2, data, there, seconds)
    return EDFHeader(
        tuple(labels[k] for k in kept),
        tuple(fields[_UNIT][k].decode("latin-1").strip() for k in kept),
        tuple(samples[k] / seconds for k in kept),
        max(promised - there, 0) if promised >= 0 else 0,
        there,
        seconds,
    )


def _is_annotations(label: str) -> bool:
    return label in ("EDF Annotations", "BDF Annotations")


def _channel_fields(part: bytes, n_channels: int) -> list[list[bytes]]:
    """Each field of all channels; a field of all comes before the next field of any."""
    fields, start = [], 0
    for width in _WIDTHS:
        fields.append([part[start + k * width :][:width] for k in range(n_channels)])
        start += width * n_channels
    return fields


def _whole(path: Path, what: str, text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{path}: {what}: expected a whole number, came {text!r}") from None


def _seconds(path: Path, text: bytes) -> float:
    try:
        seconds = float(text.replace(b"\0", b" "))
    except ValueError:
        seconds = float("nan")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{path}: duration of a record: expected seconds above 0, came {text!r}")
    return seconds


def _check_continuous(
    path: Path,
    labels: list[str],
    samples: list[int],
    width: int,
    data: int,
    n_records: int,
    seconds: float,
) -> None:
    """Refuse records with pauses between them; each says in its annotations when it began."""
    if not any(map(_is_annotations, labels)):
        raise ValueError(f"{path}: expected annotations with the time of each record, came none")
    channel = next(k for k, label in enumerate(labels) if _is_annotations(label))
    offset, record = sum(samples[:channel]) * width, sum(samples) * width
    onsets = np.empty(n_records)
    with path.open("rb") as file:
        for k in range(n_records):
            file.seek(data + k * record + offset)
            onsets[k] = _onset(path, file.read(samples[channel] * width))
    pauses = np.abs(np.diff(onsets) - seconds) > _LARGEST_PAUSE
    if pauses.any():
        raise ValueError(
            f"{path}: expected records that follow on each other, came {int(pauses.sum())} pauses "
            f"(EDF+D), the first after {onsets[:-1][pauses][0] + seconds:g} s: write each stretch "
            "as a file of its own (EDF+C)"
        )


def _onset(path: Path, text: bytes) -> float:
    try:
        return float(text.split(b"\x14", 1)[0])
    except ValueError:
        raise ValueError(
            f"{path}: time of a record: expected seconds, came {text[:12]!r}"
        ) from None
