"""Recordings in a CSV or TSV file: a column of times, and one for each channel."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from b2m_drive.recordings.column_files import MISSING, read_columns
from b2m_drive.recordings.contents import Contents, EventTable, StoredArray, label_of
from b2m_drive.recordings.sampled_signal import SampledSignal, signal_from_times

_SIGNAL = "signal"
_MARKERS = "markers"
_WITH_UNIT = re.compile(r"(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]")
_TIMES = ("time", "times", "t", "timestamp", "timestamps", "seconds", "time_s", "time_ms")
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "milliseconds": 1e-3}
_IS_MARKER = re.compile(r"marker|trigger|event|stim|annotation", re.IGNORECASE)


def open_csv(path: Path) -> Contents:
    """What lies in a CSV or TSV file with a header.

    Columns of numbers beside one called ``time`` (``t``, ``timestamp``, ``time [ms]``, ...) are
    channels of the signal ``signal``; brackets after a name are the unit. A column of text, or of
    numbers that is called a marker, trigger, event or stimulus, makes the table ``markers``: one
    row wherever it is not empty (not 0) and not what it was a sample before. A file without times
    is the table ``events``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no table, or its times do not increase at one rate.
    """
    columns = read_columns(path, "a recording as CSV or TSV")
    arrays = {name: _stored(values) for name, values in columns.items()}
    timed = _time_column(columns)
    if timed is None:
        onset = next((name for name in columns if name.lower() == "onset"), "")
        duration = next((name for name in columns if name.lower() == "duration"), "")
        table = EventTable("events", columns, onset, duration)
        return Contents(path, _format(path), tables=(table,), arrays=arrays)
    name, factor = timed
    times = columns[name] * factor
    markers = [each for each in columns if each != name and _marks(each, columns[each])]
    channels = [each for each in columns if each != name and each not in markers]
    return Contents(
        path,
        _format(path),
        signals=(_signal(columns, channels, times),) if channels else (),
        tables=_marked(columns, markers, times),
        arrays=arrays,
        clock=f"the file's column {name}",
    )


def _format(path: Path) -> str:
    return f"{path.suffix.lower()[1:].upper()} table"


def _stored(values: np.ndarray) -> StoredArray:
    return StoredArray(
        values.shape, str(values.dtype), lambda: values, part=lambda a, b: values[a:b]
    )


def _time_column(columns: dict[str, np.ndarray]) -> tuple[str, float] | None:
    """Its name, and what its values are multiplied by to be seconds."""
    for column, values in columns.items():
        name, unit = _parted(column)
        if name.lower() in _TIMES and values.dtype.kind == "f":
            unit = unit or ("ms" if name.lower().endswith("_ms") else "")
            if unit.lower() not in _SECONDS:
                raise ValueError(f"column {column}: expected seconds or ms, came {unit!r}")
            return column, _SECONDS[unit.lower()]
    return None


def _parted(column: str) -> tuple[str, str]:
    """A column's name and its unit, which may stand behind it in brackets."""
    found = _WITH_UNIT.fullmatch(column)
    return (found["name"], found["unit"].strip()) if found else (column, "")


def _marks(name: str, values: np.ndarray) -> bool:
    return values.dtype == object or bool(_IS_MARKER.search(name))


def _signal(
    columns: dict[str, np.ndarray], channels: list[str], times: np.ndarray
) -> SampledSignal:
    parts = [_parted(channel) for channel in channels]
    units = {unit for _, unit in parts}
    one_unit = len(units) == 1 and units != {""}
    names = [name for name, _ in parts]
    shown = names if one_unit and len(set(names)) == len(names) else channels

    def read(start: int, stop: int) -> np.ndarray:
        return np.stack([columns[channel][start:stop] for channel in channels], axis=1)

    about = {"unit": units.pop()} if one_unit else {}
    return signal_from_times(_SIGNAL, tuple(shown), times, read, **about)


def _marked(
    columns: dict[str, np.ndarray], markers: list[str], times: np.ndarray
) -> tuple[EventTable, ...]:
    """Where a marker begins: it says something, and said something else a sample before."""
    if not markers:
        return ()
    begins = np.zeros(len(times), dtype=bool)
    for name in markers:
        values = columns[name]
        says = np.array([label_of(each).lower() not in (*MISSING, "0") for each in values])
        begins |= says & np.append(True, values[1:] != values[:-1])
    if not begins.any():
        return ()
    table = {"onset": times[begins], **{name: columns[name][begins] for name in markers}}
    return (EventTable(_MARKERS, table, "onset"),)
