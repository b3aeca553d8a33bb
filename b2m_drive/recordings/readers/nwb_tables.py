"""Tables of an NWB file (trials, epochs, intervals, any other) as tables of events."""

from __future__ import annotations

from typing import Any

import numpy as np

from b2m_drive.recordings.contents import EventTable

MOST_ROWS = 5_000_000  # of a table, which is read at once
_ONSETS = ("start_time", "timestamp", "timestamps")
_STOP, _DURATION = "stop_time", "duration"
_NAMED = 8  # columns, in a note


def table_of(table: Any, name: str, notes: list[str]) -> EventTable | None:
    """A table with its columns of one value a row; others are named in a note.

    Where it has ``start_time`` and ``stop_time``, a column ``duration`` is added.
    """
    if len(table) > MOST_ROWS:
        notes.append(f"table {name} left out: {len(table)} rows")
        return None
    columns: dict[str, np.ndarray] = {}
    left_out = []
    for column in table.colnames:
        values = _column(table, column)
        if values is None or len(values) != len(table):
            left_out.append(column)
        else:
            columns[column] = values
    if left_out:
        shown = ", ".join(left_out[:_NAMED]) + (", ..." if len(left_out) > _NAMED else "")
        notes.append(f"table {name}: columns of several values a row left out: {shown}")
    if not columns:
        return None
    onset = next((each for each in _ONSETS if _is_number(columns, each)), "")
    if _is_number(columns, "start_time") and _is_number(columns, _STOP):
        columns.setdefault(_DURATION, columns[_STOP] - columns["start_time"])
    duration = _DURATION if onset and _is_number(columns, _DURATION) else ""
    return EventTable(name, columns, onset, duration)


def column_values(data: Any) -> np.ndarray | None:
    """Numbers, booleans or text, one a row; None if it is none of these."""
    values = np.asarray(data[:])
    if values.ndim != 1:
        return None
    if values.dtype.kind in "biuf":
        return values
    if values.dtype.kind in "SU" or all(isinstance(each, str | bytes) for each in values):
        return np.array([_text(each) for each in values], dtype=object)
    return None


def text_values(table: Any, column: str) -> list[str] | None:
    """A column of a table as text; None if there is none of one value a row."""
    if column not in table.colnames:
        return None
    values = _column(table, column)
    return None if values is None else [_text(each) for each in values]


def _column(table: Any, name: str) -> np.ndarray | None:
    """The values of a column of one value a row."""
    from hdmf.common import EnumData, VectorIndex

    column = table[name]
    if isinstance(column, VectorIndex):
        return None
    values = column_values(column.data)
    if values is None or not isinstance(column, EnumData):
        return values
    elements = column_values(column.elements.data)
    return None if elements is None else elements[values]


def _is_number(columns: dict[str, np.ndarray], name: str) -> bool:
    return name in columns and columns[name].dtype.kind in "iuf"


def _text(value: Any) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()
