"""Settings take what their fields declare: NumPy's numbers and lists too, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

_WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}


def take_as_declared(settings: Any) -> None:
    """Turn a frozen dataclass's values into the types of its fields, or refuse them.

    To be called first in ``__post_init__``, so that what follows may compare and count. NumPy's
    numbers become Python's, which JSON can hold, and lists become tuples.

    NaN is no number here.

    Raises:
        ValueError: Names the field, what was expected and what came.
    """
    hints = get_type_hints(type(settings))
    for each in fields(settings):
        came, hint = getattr(settings, each.name), hints[each.name]
        taken = plain(came)
        if not fits(taken, hint):
            raise ValueError(f"{each.name}: expected {in_words(hint)}, came {came!r}{_hint(came)}")
        object.__setattr__(settings, each.name, taken)


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's, and lists as tuples."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(plain, value)) if isinstance(value, list | tuple | range) else value


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type that a field declares."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in inner)
    if origin is Literal:
        return any(value is each or (type(value) is type(each) and value == each) for each in inner)
    if origin is tuple:
        return isinstance(value, tuple) and _are(value, inner)
    if hint in (int, float):
        kinds: tuple[type, ...] = (int,) if hint is int else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and value == value
    if origin is Mapping:
        return isinstance(value, Mapping)
    return isinstance(value, hint) if isinstance(hint, type) else True


def _are(values: tuple[Any, ...], hints: tuple[Any, ...]) -> bool:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return all(fits(each, hints[0]) for each in values)
    return len(values) == len(hints) and all(map(fits, values, hints))


def in_words(hint: Any) -> str:
    """What a field takes, in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(in_words(each) for each in inner)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, inner))
    if origin is tuple:
        return (
            f"several, each {in_words(inner[0])}" if inner[1:] == (...,) else f"{len(inner)} values"
        )
    if hint is NoneType:
        return "None"
    if origin is Mapping:
        return "an object"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def _hint(came: Any) -> str:
    if isinstance(came, Callable) and not isinstance(came, type):  # type: ignore[arg-type]
        return " (settings are written down, and a function such as a schedule cannot be)"
    return ""
