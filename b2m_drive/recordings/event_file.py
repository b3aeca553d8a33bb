"""A table of events or trials in a CSV or TSV file that lies beside its recording."""

from __future__ import annotations

from pathlib import Path

from b2m_drive.files.names import inside
from b2m_drive.recordings.column_files import read_columns
from b2m_drive.recordings.contents import EventTable

_ONSETS = ("onset", "time", "t")  # as columns of seconds are called, the likeliest first
_DURATION = "duration"


def table_beside(recording: Path, file: str) -> EventTable:
    """The table of a file in the folder of a recording, or below it.

    Args:
        recording: Path of the file, or the folder, that was recorded.
        file: Of the table, from the recording's folder.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it lies elsewhere, or is no table.
    """
    columns = read_columns(inside(recording.parent, file), "a table of events")
    lower = {name.lower(): name for name in reversed(columns)}
    onset = next((lower[name] for name in _ONSETS if name in lower), "")
    return EventTable(file, columns, onset, lower.get(_DURATION, ""))
