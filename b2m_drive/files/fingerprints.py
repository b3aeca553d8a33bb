"""Fingerprints of what was made, recorded beside it and checked where it is used.

``fingerprints.json`` in a folder holds, for files and folders in it, the SHA-256 that they may
have: one, or for the moment of a replacement the old and the new (null: none is there yet).
Folders of version 0.5.0 and older have none; what they hold is then *not recorded*.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from b2m_drive.files.locks import is_lock
from b2m_drive.files.model_card import CARD_FILE
from b2m_drive.files.writing import atomic_write, is_draft, write_json

FINGERPRINTS = "fingerprints.json"
_TRIES = 3  # a reader beside a writer may come between the file and its record


class Standing(Enum):
    """What a file or folder is, measured by its record."""

    AS_MADE = "as it was made"
    OTHER = "not the one that was made here"
    MISSING = "missing"
    NOT_RECORDED = "not recorded"


def fingerprint(path: Path) -> str | None:
    """SHA-256 of a file, or of the names and contents in a folder; None: there is nothing.

    A model card in a folder is not counted: it is for people, who may edit it.
    """
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(each for each in path.rglob("*") if each.is_file()):
            if not (is_draft(file) or is_lock(file) or file.name == CARD_FILE):
                digest.update(f"{file.relative_to(path).as_posix()}\n".encode())
                digest.update(f"{fingerprint(file)}\n".encode())
        return digest.hexdigest()
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def standing_of(folder: Path, name: str) -> Standing:
    """Whether a file or folder is the one that was recorded.

    Args:
        folder: That holds the record.
        name: Of the file or folder in it, with ``/`` between folders.

    Raises:
        ValueError: If the record is damaged; names it.
    """
    for _ in range(_TRIES):
        came = fingerprint(folder / name)
        expected = _recorded(folder).get(name)
        if expected is None:
            return Standing.NOT_RECORDED if came else Standing.MISSING
        if came is None:
            return Standing.MISSING
        if came in expected:
            return Standing.AS_MADE
    return Standing.OTHER


def is_recorded(folder: Path, name: str) -> bool:
    """Whether a file was made here, be it still there or not; false before its first writing."""
    return None not in _recorded(folder).get(name, [None])


def require_as_made(folder: Path, name: str, why: str) -> bool:
    """Refuse a file or folder that is not the one recorded; tells whether one was recorded.

    Args:
        folder: That holds the record.
        name: Of the file or folder in it.
        why: What it is needed for, and what to do, as the end of a sentence.

    Raises:
        FileNotFoundError: If it was recorded and is missing.
        ValueError: If it is another; names it.
    """
    standing = standing_of(folder, name)
    if standing is Standing.OTHER:
        raise ValueError(
            f"{folder / name}: expected what {folder / FINGERPRINTS} recorded when it was made, "
            f"came another; {why}"
        )
    if standing is Standing.MISSING:
        raise FileNotFoundError(f"{folder / name}: expected what was made here, found none; {why}")
    return standing is Standing.AS_MADE


def record_made(folder: Path, names: Iterable[str]) -> None:
    """Record what was made, once; what is recorded already must still be the same.

    Raises:
        FileNotFoundError: If something is missing.
        ValueError: If something recorded is now another.
    """
    entries = _recorded(folder)
    for name in names:
        if not require_as_made(folder, name, "put it back, or run into another folder"):
            entries[name] = [fingerprint(folder / name)]
    _write(folder, entries)


@contextmanager
def recorded_write(path: Path) -> Iterator[Path]:
    """As `atomic_write`, and the file's folder records its fingerprint.

    At any moment the file there is one that the record allows.
    """
    with atomic_write(path) as draft:
        yield draft
        now = fingerprint(draft)
        before = _recorded(path.parent)
        _write(path.parent, {**before, path.name: [fingerprint(path), now]})
    _write(path.parent, {**before, path.name: [now]})


def loss_of(folder: Path, name: str) -> str | None:
    """Why a file is not to be used, or not known to be the right one, as a sentence; None: it is.

    For a report, which goes on without the file where it is another's or missing.
    """
    match standing_of(folder, name):
        case Standing.OTHER:
            return f"{name} is not the file that this run made; what it would show is left out."
        case Standing.MISSING:
            return f"{name} is missing; what it would show is left out."
        case Standing.NOT_RECORDED:
            return f"{name} was not recorded by this run, so that it may be another run's."
        case Standing.AS_MADE:
            return None


def _recorded(folder: Path) -> dict[str, list[str | None]]:
    path = folder / FINGERPRINTS
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: expected JSON, came {error}") from error
    if not isinstance(entries, dict) or not all(map(_is_of_fingerprints, entries.values())):
        raise ValueError(f"{path}: expected lists of fingerprints by name, came something else")
    return entries


def _is_of_fingerprints(value: object) -> bool:
    return isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)


def _write(folder: Path, entries: dict[str, list[str | None]]) -> None:
    write_json(folder / FINGERPRINTS, dict(sorted(entries.items())))
