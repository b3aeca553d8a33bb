"""Values of MATLAB's workspace as arrays and tables with dotted names, however they were stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, Union

import numpy as np

from b2m_drive.recordings.contents import EventTable, StoredArray

_DEEPEST = 24  # structures within each other
_MOST_VALUES = 200_000


@dataclass(frozen=True)
class Text:
    """Lines of characters: one for a text, several for a matrix of them."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Unread:
    """A value of a kind that is not read."""

    kind: str  # such as "a function handle"


@dataclass(frozen=True)
class Cells:
    """A cell array, in MATLAB's order of columns."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Structs:
    """A structure, or an array of structures with the same fields."""

    fields: dict[str, tuple[Value, ...]]  # of each, one value a structure


Value: TypeAlias = Union[StoredArray, Text, Unread, Cells, Structs]  # noqa: UP007 - of names below


@dataclass
class Workspace:
    """What values come to, by their dotted names.

    Numbers are arrays. Text and cells of text are arrays of labels, cells of one number each are a
    column, other cells of numbers are an array of arrays. The fields of a structure are values of
    their own, ``data.eeg``; those of an array of structures are columns of a table, too.
    """

    arrays: dict[str, StoredArray] = field(default_factory=dict)
    tables: list[EventTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: Value, depth: int = 0) -> None:
        """Take a value in.

        Raises:
            ValueError: If structures lie too deep in each other, or are too many.
        """
        if depth > _DEEPEST or len(self.arrays) + len(self.notes) > _MOST_VALUES:
            raise ValueError(
                f"{name}: expected structures up to {_DEEPEST} deep and {_MOST_VALUES} values in "
                "all, came more"
            )
        if isinstance(value, StoredArray):
            self.arrays[name] = value
        elif isinstance(value, Text):
            self.arrays[name] = _known(np.array(value.lines, dtype=object))
        elif isinstance(value, Structs):
            self._add_structs(name, value, depth)
        elif isinstance(value, Cells):
            self._add_cells(name, value, depth)
        else:
            self.notes.append(f"{name} left out: {value.kind}")

    def _add_structs(self, name: str, value: Structs, depth: int) -> None:
        columns: dict[str, np.ndarray] = {}
        for key, values in value.fields.items():
            if len(values) == 1:
                self.add(f"{name}.{key}", values[0], depth + 1)
                continue
            column = _column(values)
            if column is not None:
                columns[key] = column
            self.add(f"{name}.{key}", Cells(values), depth + 1)
        if columns:
            self.tables.append(EventTable(name, columns))

    def _add_cells(self, name: str, value: Cells, depth: int) -> None:
        column = _column(value.values)
        if column is not None:
            self.arrays[name] = _known(column)
        elif all(isinstance(each, StoredArray) for each in value.values):
            stored = [each for each in value.values if isinstance(each, StoredArray)]
            self.arrays[name] = StoredArray(
                (len(stored),), "object", lambda: _objects([each.read() for each in stored])
            )
        elif all(isinstance(each, Structs) for each in value.values):
            self._add_alike(name, value, depth)
        else:
            self.notes.append(f"{name} left out: cells of several kinds")

    def _add_alike(self, name: str, value: Cells, depth: int) -> None:
        """Cells of one structure each, as an array of structures."""
        each = [one.fields for one in value.values if isinstance(one, Structs)]
        single = all(len(values) == 1 for fields in each for values in fields.values())
        if len({tuple(fields) for fields in each}) != 1 or not single:
            self.notes.append(f"{name} left out: cells of different structures")
            return
        fields = {key: tuple(one[key][0] for one in each) for key in each[0]}
        self.add(name, Structs(fields), depth + 1)


def _known(values: np.ndarray) -> StoredArray:
    return StoredArray(values.shape, str(values.dtype), lambda: values)


def _objects(values: Sequence[object]) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _column(values: Sequence[Value]) -> np.ndarray | None:
    """One number or text each, and nothing where MATLAB has an empty one; else None."""
    if not values:
        return None
    empty = [isinstance(v, StoredArray) and 0 in v.shape for v in values]
    texts = [v.lines[0] if isinstance(v, Text) and len(v.lines) == 1 else None for v in values]
    if all(text is not None or none for text, none in zip(texts, empty, strict=True)):
        if all(empty):
            return None
        return np.array([text if text is not None else "" for text in texts], dtype=object)
    numbers = [v for v in values if isinstance(v, StoredArray)]
    one_each = all((v.shape != () and set(v.shape) <= {1}) or 0 in v.shape for v in numbers)
    if len(numbers) < len(values) or not one_each:
        return None
    if any(np.dtype(v.dtype).kind not in "biuf" for v in numbers):
        return None
    return np.array([np.nan if 0 in v.shape else float(v.read().ravel()[0]) for v in numbers])
