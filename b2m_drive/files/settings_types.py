"""Settings take what their fields declare: NumPy's numbers and lists too, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
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
        taken = _plain(came)
        if not _fits(taken, hint):
            raise ValueError(f"{each.name}: expected {_words(hint)}, came {came!r}{_hint(came)}")
        object.__setattr__(settings, each.name, taken)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(_plain, value)) if isinstance(value, list | tuple | range) else value


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is Literal:
        return any(value is each or (type(value) is type(each) and value == each) for each in inner)
    if origin is tuple:
        return isinstance(value, tuple) and _are(value, inner)
    if hint in (int, float):
        kinds: tuple[type, ...] = (int,) if hint is int else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and value == value
    return isinstance(value, hint) if isinstance(hint, type) else True


def _are(values: tuple[Any, ...], hints: tuple[Any, ...]) -> bool:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return all(_fits(each, hints[0]) for each in values)
    return len(values) == len(hints) and all(map(_fits, values, hints))


def _words(hint: Any) -> str:
    """What a field takes, in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_words(each) for each in inner)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, inner))
    if origin is tuple:
        return (
            f"several, each {_words(inner[0])}" if inner[1:] == (...,) else f"{len(inner)} values"
        )
    if hint is NoneType:
        return "None"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def _hint(came: Any) -> str:
    if isinstance(came, Callable) and not isinstance(came, type):  # type: ignore[arg-type]
        return " (settings are written down, and a function such as a schedule cannot be)"
    return ""
