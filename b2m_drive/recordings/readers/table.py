"""Readers of recordings: a table from a file's suffix to the function that reads it.

A reader of the user's own joins by one line: ``READERS[".abc"] = function``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from b2m_drive.recordings.readers.session_file import read_session_file
from b2m_drive.recordings.recording import Recording

Reader: TypeAlias = Callable[[Path], Recording]

READERS: dict[str, Reader] = {".h5": read_session_file, ".hdf5": read_session_file}


def read_recording(path: str | Path) -> Recording:
    """Read a recording in a format of `READERS`, told by how the file's name ends.

    Where several suffixes fit, as ``.gz`` and ``.abc.gz`` do, the longest decides; capitals do not
    matter.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no reader has the suffix, or the file is not what its reader expects.
    """
    path = Path(path)
    fitting = [suffix for suffix in READERS if path.name.lower().endswith(_dotted(suffix))]
    if not fitting:
        raise ValueError(
            f"{path}: expected a recording that ends in one of "
            f"{', '.join(sorted(map(_dotted, READERS)))}, came {path.suffix or 'no suffix'}; "
            "READERS takes a reader of your own"
        )
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected a recording, found none")
    reader = READERS[max(fitting, key=len)]
    found = reader(path)
    if not isinstance(found, Recording):
        raise ValueError(
            f"{path}: expected a Recording of the reader {getattr(reader, '__name__', reader)!s}, "
            f"came {type(found).__name__}"
        )
    return found


def _dotted(suffix: str) -> str:
    return f".{suffix.lstrip('.')}".lower()
