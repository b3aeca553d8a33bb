"""Readers of recordings: a table from a file's suffix to the function that reads it.

A reader of the user's own joins by one line: ``READERS[".abc"] = function``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from b2m_drive.recordings.brain_recording import Recording
from b2m_drive.recordings.readers.session_file import read_session_file

Reader: TypeAlias = Callable[[Path], Recording]

READERS: dict[str, Reader] = {".h5": read_session_file, ".hdf5": read_session_file}


def read_recording(path: str | Path) -> Recording:
    """Read a recording in a format of `READERS`, told by the file's suffix.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no reader has the suffix, or the file is not what its reader expects.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(
            f"{path}: expected a recording that ends in one of {', '.join(sorted(READERS))}, "
            f"came {path.suffix or 'no suffix'}; READERS takes a reader of your own"
        )
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected a recording, found none")
    return reader(path)
