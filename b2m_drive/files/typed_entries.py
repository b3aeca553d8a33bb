"""JSON entries as a frozen dataclass: each looked at once, where it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from b2m_drive.files.settings_types import fits, in_words, plain

Entries = TypeVar("Entries")


def entries_as(
    kind: type[Entries], entries: Mapping[str, Any], path: Path, prefix: str = ""
) -> Entries:
    """A frozen dataclass from the entries of a JSON object.

    A field takes the entry of its name; one with a default may lack it; an entry that no field
    takes is ignored. Fields may be dataclasses, tuples of them, or mappings as they are.

    Args:
        kind: The dataclass.
        entries: From JSON.
        path: Of the file, for the message of an error.
        prefix: Of the entries' names there.

    Raises:
        ValueError: If an entry is missing, or is not of its field's type; names file and entry.
    """
    hints = _hints(kind)  # type: ignore[arg-type]
    taken = {
        each.name: _taken(hints[each.name], entries[each.name], path, prefix + each.name)
        for each in fields(kind)  # type: ignore[arg-type]
        if _is_there(each, entries, path, prefix)
    }
    return kind(**taken)


@lru_cache(maxsize=256)
def _hints(kind: type[Any]) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _is_there(field: Field[Any], entries: Mapping[str, Any], path: Path, prefix: str) -> bool:
    if field.name in entries:
        return True
    if field.default is MISSING and field.default_factory is MISSING:
        raise ValueError(f"{path}: expected the entry {prefix}{field.name}, found none")
    return False


def _taken(hint: Any, value: Any, path: Path, name: str) -> Any:
    inner = get_args(hint)
    if NoneType in inner and any(map(is_dataclass, inner)):
        if value is None:
            return None
        hint = next(each for each in inner if is_dataclass(each))
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ValueError(f"{path}: {name}: expected an object, came {value!r}")
        return entries_as(hint, value, path, f"{name}.")  # type: ignore[arg-type]
    if get_origin(hint) is tuple and is_dataclass(inner[0]):
        if not isinstance(value, list):
            raise ValueError(f"{path}: {name}: expected a list of objects, came {value!r}")
        return tuple(_taken(inner[0], each, path, name) for each in value)
    if not fits(plain(value), hint):
        raise ValueError(f"{path}: {name}: expected {in_words(hint)}, came {value!r}")
    return plain(value)
