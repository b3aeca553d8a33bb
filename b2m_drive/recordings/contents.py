"""What lies in the file of a recording, before anybody says what of it was seen, and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from b2m_drive.recordings.mapping import RecordingMapping
from b2m_drive.recordings.recording import Unit
from b2m_drive.recordings.sampled_signal import SampledSignal

Named = TypeVar("Named")
_SHOWN = 12  # labels, in a message
_WHOLE = re.compile(r"(-?[0-9]+)\.0*")  # a whole number, as a table of text may write it


@dataclass(frozen=True)
class EventTable:
    """A table of a file: one row an event or a trial.

    Args:
        name: Of the table.
        columns: Each one value a row, numbers or text.
        onset: The column of seconds on the activity's clock; empty if none is known to be.
        duration: The column of seconds that an event lasts; empty if there is none.

    Raises:
        ValueError: If columns differ in length, or a column named is not there.
    """

    name: str
    columns: Mapping[str, np.ndarray]
    onset: str = ""
    duration: str = ""

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"table {self.name}: expected columns of one length, came {lengths}")
        for name in (self.onset, self.duration):
            if name:
                self.column(name)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> np.ndarray:
        """Its values, one a row.

        Raises:
            ValueError: If there is none of that name; says which there are.
        """
        if name not in self.columns:
            raise ValueError(
                f"table {self.name}: expected a column {name!r}, came {', '.join(self.columns)}"
            )
        return self.columns[name]

    def labels(self, name: str) -> np.ndarray:
        """A column as text; whole numbers are written without a point."""
        return np.array([label_of(value) for value in self.column(name)], dtype=object)

    def select(self, rows: np.ndarray) -> EventTable:
        """These rows only, by number or mask."""
        return replace(self, columns={k: v[rows] for k, v in self.columns.items()})


@dataclass(frozen=True)
class SpikeUnits:
    """Units of a file, whose spikes are read one unit at a time.

    Args:
        units: Their names, regions and kinds.
        read: Spike times [s] of the unit of this number.
    """

    units: tuple[Unit, ...]
    read: Callable[[int], Float64[np.ndarray, " spike"]]


@dataclass(frozen=True)
class StoredArray:
    """An array of a file without a meaning of its own, as MATLAB and NumPy write them."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]
    part: Callable[[int, int], np.ndarray] | None = None  # rows, where they can be read alone
    columns: Callable[[int, int], np.ndarray] | None = None  # of a matrix, alike


@dataclass(frozen=True)
class Contents:
    """What lies in a file, opened but hardly read.

    Args:
        path: Of the file.
        format: Its name in words.
        signals: Sampled ones.
        spikes: Units with spike times.
        tables: Of events and trials.
        arrays: Whatever else there is, by name.
        clock: What the seconds count from.
        recorded: From when to when spikes were recorded [s], where the file says so.
        line_frequency: Of the mains [Hz], where the file says so.
        bad_channels: That the file marks as bad; they are not left out by themselves.
        mapping: What was seen, and when, where the file's own layout says it.
    """

    path: Path
    format: str
    signals: tuple[SampledSignal, ...] = ()
    spikes: SpikeUnits | None = None
    tables: tuple[EventTable, ...] = ()
    arrays: Mapping[str, StoredArray] = field(default_factory=dict)
    clock: str = "seconds from the start of the recording"
    recorded: tuple[float, float] | None = None
    line_frequency: float | None = None
    bad_channels: tuple[str, ...] = ()
    mapping: RecordingMapping | None = None
    subject: str = "unknown"
    session: str = ""
    source: str = "unknown"
    licence: str = "unknown"
    simulated: bool = False
    notes: tuple[str, ...] = ()

    def signal(self, name: str) -> SampledSignal:
        """The signal of this name.

        Raises:
            ValueError: If there is none; says which there are.
        """
        return _named(self.path, "signal", name, {each.name: each for each in self.signals})

    def table(self, name: str) -> EventTable:
        """The table of this name.

        Raises:
            ValueError: If there is none; says which there are.
        """
        return _named(self.path, "table", name, {each.name: each for each in self.tables})

    def array(self, name: str) -> StoredArray:
        """The array of this name.

        Raises:
            ValueError: If there is none; says which there are.
        """
        return _named(self.path, "array", name, dict(self.arrays))


def label_of(value: object) -> str:
    """A value of a table as text: 3.0 and "3.0" are "3", missing ones are "n/a"."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None:
        return "n/a"
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return "n/a"
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    text = str(value).strip()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def chosen_rows(
    contents: Contents, table: EventTable, where: Mapping[str, tuple[str, ...]]
) -> EventTable:
    """The rows of a table that have one of the values asked for in every column.

    Raises:
        ValueError: If a column is not there, or a value occurs in no row; says which there are.
    """
    keep = np.ones(len(table), dtype=bool)
    for name, wanted in where.items():
        labels, values = table.labels(name), [label_of(each) for each in wanted]
        absent = sorted(set(values) - set(labels))
        if absent:
            raise ValueError(
                f"{contents.path}: table {table.name}: {name}: expected values that occur, came "
                f"{', '.join(map(repr, absent))}; there are {some_of(labels)}"
            )
        keep &= np.isin(labels.astype(str), values)
    if not keep.any():
        raise ValueError(
            f"{contents.path}: table {table.name}: expected rows where {dict(where)}, came none "
            f"of {len(table)}"
        )
    return table.select(keep)


def some_of(labels: np.ndarray) -> str:
    """Some of the labels there are, in a message."""
    found = sorted({str(label) for label in labels})
    return ", ".join(map(repr, found[:_SHOWN])) + (", ..." if len(found) > _SHOWN else "")


def _named(path: Path, what: str, name: str, found: Mapping[str, Named]) -> Named:
    if name not in found:
        raise ValueError(f"{path}: expected a {what} {name!r}, came {', '.join(found) or 'none'}")
    return found[name]
