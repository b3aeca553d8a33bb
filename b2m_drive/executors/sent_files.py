"""Files that a task reads, sent to a machine that does not have them."""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from b2m_drive.executors.written_files import files_in, place_files
from b2m_drive.files.writing import atomic_folder, sweep

_KEPT_FOR = 7 * 24 * 3600.0  # [s] that a machine keeps what it was sent, since its last use


@dataclass(frozen=True)
class SentFiles:
    """A file (whose one path is empty), or all files of a folder."""

    files: Mapping[str, bytes]  # by relative path
    digest: str  # of paths and contents


def files_at(path: Path) -> SentFiles:
    """Read a file, or everything in a folder.

    Raises:
        FileNotFoundError: If there is nothing.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected a file or folder to send, found none")
    files = files_in(path) if path.is_dir() else {"": path.read_bytes()}
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name} {len(content)} ".encode())
        digest.update(content)
    return SentFiles(files, digest.hexdigest())


def place_at(sent: SentFiles, name: str, within: str) -> Path:
    """Where sent files lie on this machine; they are written there if they are not.

    Args:
        sent: By `files_at`.
        name: Of the file or folder that was read.
        within: Path in the folder; ``.`` is the folder, or the file, itself.
    """
    place = _of_this_machine() / sent.digest
    if not place.is_dir():
        with atomic_folder(place) as draft:
            place_files({f"{name}/{each}" if each else name: content
                         for each, content in sent.files.items()}, draft)  # fmt: skip
    with suppress(OSError):
        os.utime(place)  # it is of use
    return place / name / within if within != "." else place / name


def _of_this_machine() -> Path:
    """Where this machine keeps what it is sent; what nobody used for a week is removed."""
    folder = Path(tempfile.gettempdir()) / f"b2m-drive-{getpass.getuser()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder}: expected a folder of one's own, came another user's")
    sweep(folder, depth=0)
    for each in folder.iterdir():
        with suppress(OSError):
            if time.time() - each.stat().st_mtime > _KEPT_FOR:
                shutil.rmtree(each, ignore_errors=True)
    return folder
