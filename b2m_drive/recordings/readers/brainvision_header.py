"""The header of a BrainVision recording: which files lie beside it, and how long they must be."""

from __future__ import annotations

import re
from pathlib import Path

_LARGEST = 20_000_000  # [bytes] of a header
_WIDTH = {"INT_16": 2, "INT_32": 4, "IEEE_FLOAT_32": 4}  # [bytes]


def check_brainvision(path: Path) -> None:
    """Refuse a header whose files lie elsewhere, are not there, or are cut short.

    Raises:
        FileNotFoundError: If the file of samples is not there.
        ValueError: If it is no BrainVision header, names a file in another folder or a channel
            twice (which MNE cannot read), or its samples are fewer than it says.
    """
    entries = _entries(path)
    beside(path, "MarkerFile", entries.get("markerfile", ""))
    name = beside(path, "DataFile", entries.get("datafile", ""))
    if not name:
        raise ValueError(f"{path}: expected DataFile, the name of the file of samples, came none")
    data = path.parent / name
    if not data.is_file():
        raise FileNotFoundError(
            f"{path}: expected its samples in {data.name} beside it, found none"
        )
    names = [value.split(",")[0] for name, value in entries.items() if re.fullmatch(r"ch\d+", name)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"{path}: expected each channel's name once, came {', '.join(repeated)} several times: "
            "name them apart under [Channel Infos]"
        )
    _check_size(path, data, entries)


def beside(path: Path, what: str, name: str) -> str:
    """The name of a file beside another, as a header says it.

    Raises:
        ValueError: If the name has parts of a path.
    """
    if "/" in name or "\\" in name or name in (".", "..") or ":" in name[:2] or "\0" in name:
        raise ValueError(
            f"{path}: {what}: expected the name of a file beside it, came a path {name!r}"
        )
    return name


def _entries(path: Path) -> dict[str, str]:
    """The header's ``name=value``, names in small letters, down to its comment."""
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"{path}: expected a BrainVision header, came over {_LARGEST} bytes")
    lines = path.read_bytes().decode("utf-8", "replace").lstrip("\ufeff").splitlines()
    if not lines or not re.match(r"brain ?vision .*header", lines[0].strip(), re.IGNORECASE):
        raise ValueError(
            f"{path}: expected a BrainVision header, came a file that begins with "
            f"{(lines or [''])[0][:40]!r}"
        )
    found: dict[str, str] = {}
    for line in lines:
        if line.strip().lower() == "[comment]":
            break
        name, equals, value = line.partition("=")
        if equals and not line.startswith(";"):
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _check_size(path: Path, data: Path, entries: dict[str, str]) -> None:
    if entries.get("dataformat", "").upper() != "BINARY":
        return  # a line a sample, which MNE counts
    width = _WIDTH.get(entries.get("binaryformat", "").upper(), 0)
    channels = _count(entries.get("numberofchannels", ""))
    if not width or not channels:
        raise ValueError(
            f"{path}: expected BinaryFormat, one of {', '.join(_WIDTH)}, and NumberOfChannels, "
            f"came {entries.get('binaryformat')!r} and {entries.get('numberofchannels')!r}"
        )
    size, points = data.stat().st_size, _count(entries.get("datapoints", ""))
    if size < points * width * channels or size % (width * channels) or not size:
        whole = f"{points} samples" if points else "whole samples"
        raise ValueError(
            f"{path}: expected {whole} of {channels} channels in {data.name}, {width} bytes each, "
            f"came {size} bytes ({size / (width * channels):.2f} samples): cut short?"
        )


def _count(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else 0
