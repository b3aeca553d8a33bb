"""Text that is read from files: UTF-8, of bounded size, in tables of known columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from b2m_drive.files.refusals import naming, require_file

_MOST_BYTES = 1 << 30


def read_text(path: Path, expected: str, most_bytes: int = _MOST_BYTES) -> str:
    """The text of a file.

    Args:
        path: Of the file.
        expected: What it should be, for the message of an error.
        most_bytes: Larger files are refused before they are read.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, too large or not UTF-8; names the file and the line.
    """
    size = require_file(path, expected)
    if size > most_bytes:
        raise ValueError(f"{path}: expected {expected} of up to {most_bytes} bytes, came {size}")
    content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}: line {line}: expected {expected} as UTF-8 text, came the byte "
            f"{content[error.start]:#04x}"
        ) from error


def read_rows(path: Path, expected: str, delimiter: str = ",") -> Iterator[list[str]]:
    """The rows of a table, cell by cell; the columns are the caller's to check.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty or not UTF-8, or a cell is longer than any table's; names the
            file.
    """
    text = io.StringIO(read_text(path, expected), newline="")
    with naming(path, expected):
        yield from csv.reader(text, delimiter=delimiter)
