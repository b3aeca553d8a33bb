"""A folder that one process works in at a time.

A claim is a lock of the operating system (`flock`) on a small file in the folder. The system
gives it back when its owner ends, however that ends, so no claim outlives its owner. The file
says who that is; it is removed at the end, and one that a killed owner left claims nothing.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from b2m_drive.files.writing import is_draft, sweep

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".b2m-lock"
EVALUATION = f"{LOCK}-evaluation"  # an agent may be evaluated while its training goes on
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # a link there is not ours to write through
_LONGEST = 4096  # bytes read of what a lock says
_LONGEST_COMMAND = 200
_ASKING = 0.05  # [s] that a lock may be held by one who only asks

_held: set[int] = set()  # descriptors of this process's locks


@contextmanager
def claim(folder: str | Path, what: str, *, lock: str = LOCK) -> Iterator[None]:
    """Work in a folder alone; what dead processes left there half-written is removed first.

    Args:
        folder: Made if need be, and removed again if nothing was put into it.
        what: Goes on in it, for others to be told, such as "a training".
        lock: Name of the file. Works that touch different files of a folder have different ones.

    Raises:
        ValueError: If another process works there; says who and since when. If it is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder, came a file")
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    owner = os.getpid()
    try:
        descriptor = _locked(folder / lock, what)
        try:
            sweep(folder)
            yield
        finally:
            if os.getpid() == owner:  # a copy of the process that was forked within owns nothing
                _give_back(folder / lock, descriptor)
    finally:
        if os.getpid() == owner:
            _remove_empty(made)


def is_unused(folder: Path) -> bool:
    """Whether a folder holds nothing but locks and drafts of ours, if anything."""
    return all(is_draft(each) or is_lock(each) for each in folder.iterdir())


def is_lock(path: Path) -> bool:
    """Whether this is a lock of ours, by its name."""
    return path.name.startswith(LOCK)


def work_in(folder: str | Path, *, lock: str = LOCK) -> str | None:
    """What goes on in a folder, asked without a claim; None: nothing, as far as can be told.

    Args:
        folder: Need not be there.
        lock: Name of the file, as in `claim`.

    Returns:
        The words of the claim, such as "a training"; "work" if they cannot be read.
    """
    try:
        descriptor = os.open(Path(folder) / lock, os.O_RDONLY | _NO_LINK)
    except OSError:  # nobody works there, or it is not for us to know
        return None
    try:
        return _work_of(descriptor) if _is_held(descriptor) else None
    finally:
        os.close(descriptor)


def _is_held(descriptor: int) -> bool:
    """Whether another has the lock. A shared lock asks, for an instant that `_lock` waits out."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):  # no locks can be had here
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _work_of(descriptor: int) -> str:
    try:
        return str(json.loads(os.pread(descriptor, _LONGEST, 0))["what"])
    except (OSError, ValueError, KeyError, TypeError):
        return "work"


def _locked(path: Path, what: str) -> int:
    """A descriptor that holds the lock, until it is closed."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
        try:
            _lock(descriptor, path)
            if _is_still_there(path, descriptor):  # and not removed by an owner that just ended
                _write_owner(descriptor, what)
                _held.add(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        _flock_within(descriptor, _ASKING)
    except BlockingIOError:
        raise ValueError(
            f"{path.parent}: expected a folder that no other process works in, came "
            f"{_owner_text(descriptor)}; wait for it, or give another place"
        ) from None
    except (OSError, AttributeError) as error:
        warnings.warn(
            f"{path.parent}: no lock can be had here ({error}); see that no other process works "
            "in this folder",
            stacklevel=4,
        )


def _flock_within(descriptor: int, seconds: float) -> None:
    """Lock; one who only asks whether it is held has it for far less than these seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(seconds / 10)


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def _write_owner(descriptor: int, what: str) -> None:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else "python"
    said = {
        "what": what,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now().astimezone().isoformat(" ", "seconds"),
        "command": command[:_LONGEST_COMMAND],
    }
    with suppress(OSError):  # on a full disk the lock holds, and says nothing
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(said).encode(), 0)


def _owner_text(descriptor: int) -> str:
    """Who holds a lock, and since when, in its own words."""
    try:
        said = json.loads(os.pread(descriptor, _LONGEST, 0))
        return (
            f"{said['what']} by process {said['pid']} on {said['host']} since {said['since']} "
            f"({said['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "one that works there (it has not said yet which)"


def _give_back(path: Path, descriptor: int) -> None:
    """Remove the file first, so that nobody locks one that is no longer there."""
    with suppress(OSError):
        if _is_still_there(path, descriptor):
            path.unlink()
    _held.discard(descriptor)
    os.close(descriptor)


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders that hold nothing, the innermost first."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _forget_in_child() -> None:
    """A forked process would hold the locks beyond their owner's end."""
    for descriptor in tuple(_held):
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
