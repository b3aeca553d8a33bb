"""Files and folders that appear whole or not at all, on disk before they count.

Everything is first written to a draft of a unique name beside its place. What a killed process
leaves is such a draft, which `sweep` recognises by its name and removes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

_DRAFT = re.compile(r"\.b2m-draft-(?P<host>\w*)-(?P<pid>\d+)-[0-9a-f]{8}(\.\w+)*")
_DEPTH = 3  # folders below: encoders/seed-0/NAME of a run, sessions/NAME/groups of many
_AGE_OF_A_STRANGERS = 24 * 3600.0  # [s] drafts of other machines are taken for left behind


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give the path of a draft to write; it becomes the file once that is whole and on disk.

    ::

        with atomic_write("runs/scores.csv") as draft:
            draft.write_text("a,b")

    The draft lies in the file's folder, which is made if need be, and has the file's ending. If
    anything fails, the draft is removed and what was there before stays.

    Raises:
        OSError: As the system has it, of the file's own name.
    """
    path = Path(path)
    with _named_after(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft_beside(path)
        try:
            yield draft
            _to_disk(draft)
            os.replace(draft, path)
            _to_disk(path.parent)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Give a new draft folder to fill; it takes the place of the folder once that is whole.

    Raises:
        OSError: As the system has it, of the folder's own name.
    """
    path = Path(path)
    with _named_after(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft, old = _draft_beside(path), _draft_beside(path)
        draft.mkdir()
        try:
            yield draft
            for each in draft.rglob("*"):
                _to_disk(each)
            if path.exists():  # a folder cannot be put over one that holds files
                os.replace(path, old)
            os.replace(draft, path)
            _to_disk(path.parent)
        finally:
            for each in (draft, old):
                shutil.rmtree(each, ignore_errors=True)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file, whole or not at all."""
    with atomic_write(path) as draft, draft.open("wb") as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write a file of UTF-8, whole or not at all; ends of lines stay as they are."""
    write_bytes(path, text.encode())


def write_json(path: Path, entries: dict[str, Any], indent: int = 2) -> None:
    """Write entries as JSON, whole or not at all."""
    write_text(path, json.dumps(entries, indent=indent) + "\n")


def write_array(path: Path, values: np.ndarray) -> None:
    """Write an array into a file of its own (NPY), whole or not at all."""
    with atomic_write(path) as draft:
        np.save(draft, values)


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, compressed: bool = True) -> None:
    """Write arrays into one file (NPZ), whole or not at all."""
    save = np.savez_compressed if compressed else np.savez
    with atomic_write(path) as draft:
        save(draft, allow_pickle=False, **arrays)


def is_draft(path: Path) -> bool:
    """Whether this is a draft of ours, by its name."""
    return _DRAFT.fullmatch(path.name) is not None


def sweep(folder: Path, depth: int = _DEPTH) -> None:
    """Remove the drafts that dead processes left in a folder, and in those so far below it."""
    for place, folders, names in os.walk(folder):
        if len(Path(place).relative_to(folder).parts) >= depth:
            folders.clear()
        for draft in [Path(place, name) for name in (*folders, *names)]:
            if _is_left_behind(draft):
                _remove(draft)
        folders[:] = [name for name in folders if not is_draft(Path(name))]


def _is_left_behind(path: Path) -> bool:
    found = _DRAFT.fullmatch(path.name)
    if found is None:
        return False
    if found["host"] == _host():
        return not _is_alive(int(found["pid"]))
    try:
        return time.time() - path.lstat().st_mtime > _AGE_OF_A_STRANGERS
    except OSError:  # it has just become a file
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def _remove(draft: Path) -> None:
    if draft.is_dir() and not draft.is_symlink():
        shutil.rmtree(draft, ignore_errors=True)
        return
    with suppress(OSError):
        draft.unlink()


def _draft_beside(path: Path) -> Path:
    ending = path.suffix if re.fullmatch(r"\.\w{1,16}", path.suffix) else ""
    return path.with_name(f".b2m-draft-{_host()}-{os.getpid()}-{token_hex(4)}{ending}")


def _host() -> str:
    """This machine's name, of letters and digits."""
    return re.sub(r"\W", "_", socket.gethostname(), flags=re.ASCII)[:40]


def _to_disk(path: Path) -> None:
    """Have the system write a file or the names in a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # some file systems have nothing to do for a folder, and say so
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _named_after(path: Path) -> Iterator[None]:
    """Errors of the system within name this path, where they name a draft or nothing."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (
            error.filename is None or is_draft(Path(str(error.filename)))
        ):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
