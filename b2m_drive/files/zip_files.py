"""Zip archives whose promises are checked before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from b2m_drive.files.refusals import naming, require_file

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1  # bit of an entry's flags
_HEADER = 30  # [bytes] before an entry's name
_MOST_BETWEEN = 64  # [bytes] of notes about an entry, after its name and after its content
_MOST_ENTRIES = 100_000
DEFLATE_RATIO = 1032  # at most, of zlib (zlib.net/zlib_tech.html)


@contextmanager
def opened_zip(
    path: Path, expected: str, content: io.BufferedIOBase | None = None
) -> Iterator[zipfile.ZipFile]:
    """An archive for reading; damage met within is a ValueError that names the file.

    Args:
        path: Of the archive.
        expected: What it should be, for the message of an error.
        content: What to read, where the archive stands inside the file; None: the file itself.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, no archive, encrypted or oddly compressed, names an entry
            twice, or promises more than its bytes can hold.
    """
    size = require_file(path, expected)
    with naming(path, expected), zipfile.ZipFile(content or path) as archive:
        entries = archive.infolist()
        if len(entries) > _MOST_ENTRIES:
            raise ValueError(f"an archive of {len(entries)} entries")
        twice = [name for name, n in Counter(each.filename for each in entries).items() if n > 1]
        if twice:
            raise ValueError(f"an archive with the entry {twice[0]!r} twice")
        for entry in entries:
            _check(entry, size)
        _check_gaps(archive)
        yield archive


def _check_gaps(archive: zipfile.ZipFile) -> None:
    """A damaged directory names some entries, or none, and is as good as any to the library."""
    at = 0
    for entry in sorted(archive.infolist(), key=lambda each: each.header_offset):
        _check_gap(at, entry.header_offset)
        at = entry.header_offset + _HEADER + len(entry.filename.encode()) + entry.compress_size
    _check_gap(at, archive.start_dir)


def _check_gap(start: int, end: int) -> None:
    if not 0 <= end - start <= _MOST_BETWEEN:
        raise ValueError(f"the bytes {start} to {end}, which belong to no entry")


def _check(entry: zipfile.ZipInfo, size: int) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise ValueError(f"an encrypted entry {entry.filename!r}")
    if entry.compress_type not in _METHODS:
        raise ValueError(
            f"an entry {entry.filename!r} of the unknown compression {entry.compress_type}"
        )
    stored = entry.compress_type == zipfile.ZIP_STORED
    most = entry.compress_size * (1 if stored else DEFLATE_RATIO)
    if entry.compress_size > size or entry.file_size > most:
        raise ValueError(
            f"an entry {entry.filename!r} that promises {entry.file_size} bytes in "
            f"{entry.compress_size} of a file of {size}"
        )
