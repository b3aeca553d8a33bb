"""Tables on disk: CSV, written whole or not at all, and refused when a column is not the one."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from b2m_drive.files.refusals import naming
from b2m_drive.files.text_files import read_rows
from b2m_drive.files.writing import write_text

Row = TypeVar("Row")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a header and rows as CSV, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_table(
    path: Path, columns: tuple[str, ...], of: str, parse: Callable[[Path, int, list[str]], Row]
) -> list[Row]:
    """Read a table with exactly these columns.

    Args:
        path: Of the file.
        columns: Expected.
        of: What the table is of, for an error.
        parse: From path, line number and cells to a row; raises ValueError naming the line.

    Raises:
        FileNotFoundError: If there is no such table.
        ValueError: If a column or row is not what it should be.
    """
    expected = f"a table of {of}"
    rows = read_rows(path, expected)
    header = tuple(next(rows, ()))
    if header != columns:
        raise ValueError(f"{path}: expected the columns {columns}, came {header}")
    with naming(path, expected):
        return [parse(path, line, row) for line, row in enumerate(rows, start=2)]
