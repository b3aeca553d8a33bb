"""Columns of CSV and TSV files: numbers where every cell is one, else text."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from pathlib import Path

import numpy as np

from b2m_drive.files.refusals import naming
from b2m_drive.files.text_files import read_text

MISSING = ("", "n/a", "na", "nan", "null", "none")  # cells without a value, whatever their case
_DELIMITERS = {".csv": (",", ";", "\t"), ".tsv": ("\t",)}
_MOST_BYTES = 1 << 28  # of numbers
_MOST_TEXT_BYTES = 1 << 26  # where some cells are text, which takes far more memory


def read_columns(path: Path, expected: str) -> dict[str, np.ndarray]:
    """The columns of a table with one line of names, then one line a row.

    Cells may be quoted. A CSV file may part its cells by semicolons or tabs, if its first line
    does. Missing cells (empty, ``n/a``, ``nan``) are NaN in a column of numbers.

    Args:
        path: Of the file, ``.csv`` or ``.tsv``.
        expected: What it should be, for the message of an error.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has no rows, a row of other length, a column without a name or named
            twice, is no UTF-8 text, or is larger than a table should be; names file and line.
    """
    text = read_text(path, expected, _MOST_BYTES).removeprefix("\ufeff")
    with naming(path, expected):
        delimiter = _delimiter_of(path, text)
        lines = io.StringIO(text, newline="")
        names = _names(next(csv.reader(itertools.islice(lines, 1), delimiter=delimiter), []))
        start = lines.tell()
        if not text[start:].strip():
            raise ValueError(f"{path}: expected rows below the names of columns, came none")
        if '"' in text[start:]:  # which NumPy reads even where it is never closed
            return _mixed(path, lines, names, delimiter, len(text))
        try:
            values = np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2)
        except ValueError:
            lines.seek(start)
            return _mixed(path, lines, names, delimiter, len(text))
        if values.shape[1:] != (len(names),) or not len(values):
            raise ValueError(
                f"{path}: expected rows of {len(names)} cells, came {len(values)} rows of "
                f"{values.shape[-1]}"
            )
        return {name: values[:, k] for k, name in enumerate(names)}


def _delimiter_of(path: Path, text: str) -> str:
    first = text.split("\n", 1)[0]
    possible = _DELIMITERS.get(path.suffix.lower())
    if possible is None:
        raise ValueError(f"{path}: expected a file .csv or .tsv, came {path.suffix or 'none'}")
    return max(possible, key=lambda each: (first.count(each), -possible.index(each)))


def _names(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if not names or "" in names or twice:
        raise ValueError(
            "line 1: expected the name of each column once, came "
            + (f"{twice[0]!r} twice" if twice and twice[0] else "a column without a name")
        )
    if all(_is_number(name) for name in names):
        raise ValueError(f"line 1: expected names of columns, came numbers: {names[:3]}")
    return names


def _mixed(
    path: Path, lines: io.StringIO, names: list[str], delimiter: str, size: int
) -> dict[str, np.ndarray]:
    """The same where some cells are text or missing."""
    if size > _MOST_TEXT_BYTES:
        raise ValueError(
            f"{path}: expected numbers alone in a table of over {_MOST_TEXT_BYTES} characters, "
            "came text or missing cells too"
        )
    rows = []
    for number, row in enumerate(csv.reader(lines, delimiter=delimiter, strict=True), start=2):
        if len(row) != len(names) and row:
            raise ValueError(f"{path}: row {number}: expected {len(names)} cells, came {len(row)}")
        if row:
            rows.append(row)
    if not rows:
        raise ValueError(f"{path}: expected rows below the names of columns, came none")
    columns = zip(*rows, strict=True)
    return {name: _column(cells) for name, cells in zip(names, columns, strict=True)}


def _column(cells: tuple[str, ...]) -> np.ndarray:
    stripped = [cell.strip() for cell in cells]
    there = [cell for cell in stripped if cell.lower() not in MISSING]
    if there and all(map(_is_number, there)):
        return np.array(
            [float(cell) if cell.lower() not in MISSING else np.nan for cell in stripped]
        )
    return np.array(stripped, dtype=object)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
