"""One sentence out of whatever a library throws at a damaged file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SENTENCE = ": expected "  # of our own errors: NAME: expected THIS, came THAT
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)  # where a report is written, not what is read
_LONGEST = 300  # characters of a library's own words; some quote the whole file


@contextmanager
def naming(path: Path, expected: str) -> Iterator[None]:
    """Let damage that is met within end in a ValueError that names the file.

    A damaged file makes a library raise whatever its bytes happen to mean (h5py alone: OSError,
    KeyError, RuntimeError, TypeError, SystemError, ...), so every exception is taken. One that
    names the file, or one beside it, already passes as it is.

    Args:
        path: Of the file that is read.
        expected: What it should be, such as "a session (HDF5)".

    Raises:
        ValueError: File, what was expected, what came.
        OSError: Where the system refuses the file itself, such as a missing permission.
    """
    try:
        yield
    except Exception as error:  # see above
        if _names(error, path):
            raise
        if isinstance(error, ValueError) and _SENTENCE in str(error):
            raise ValueError(f"{path}: {error}") from error
        raise ValueError(f"{path}: expected {expected}, came {said(error)}") from error


@contextmanager
def prefixed(path: Path) -> Iterator[None]:
    """Let a ValueError raised within that names neither the file nor one beside it name it.

    Unlike `naming`, it takes no other exception for damage.

    Raises:
        ValueError: As within, behind the file's path.
    """
    try:
        yield
    except ValueError as error:
        if _names(error, path):
            raise
        raise ValueError(f"{path}: {error}") from error


def said(error: BaseException) -> str:
    """What an exception says, in one line of bounded length."""
    if isinstance(error, MemoryError):
        return "one that asks for more memory than there is"
    if isinstance(error, RecursionError):
        return "one that is nested too deep"
    text = " ".join(str(error).split())
    if isinstance(error, KeyError):
        text = f"no entry {text}"
    text = text or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def require_file(path: Path, expected: str) -> int:
    """The size of a file [bytes], which must be there and be a file.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is a folder, a pipe or a device, or has no content.
    """
    if path.is_dir():
        raise ValueError(f"{path}: expected {expected}, came a folder")
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected {expected}, found none")
    if not path.is_file():
        raise ValueError(f"{path}: expected {expected}, came something that is no file")
    size = path.stat().st_size
    if size == 0:
        raise ValueError(f"{path}: expected {expected}, came an empty file")
    return size


def _names(error: Exception, path: Path) -> bool:
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _NO_ROOM):
        return True
    if isinstance(error, FileNotFoundError):
        return True
    beside = f"{path.parent}{os.sep}" if path.parent.name else str(path)  # of the same run
    return isinstance(error, ValueError) and (str(path) in str(error) or beside in str(error))
