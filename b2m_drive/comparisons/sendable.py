"""What goes to other processes must survive pickling: what does not is refused by its name."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from b2m_drive.comparisons.control import Control
from b2m_drive.students.student import Student

_CANNOT = (pickle.PicklingError, AttributeError, TypeError)  # what pickling raises


class _Nowhere:
    """A file that forgets."""

    def write(self, data: bytes) -> int:
        return len(data)


def require_sendable(plans: Sequence[Any]) -> None:
    """Refuse plans that no other process could be given.

    Raises:
        ValueError: Names the control, student or function, and says what to do.
    """
    error = _why_not(list(plans))  # at once, so that what they share is looked at once
    if error is None:
        return
    name, part = _culprit("plan", list(plans))
    came = getattr(part, "__qualname__", type(part).__qualname__)
    raise ValueError(
        f"{name}: expected something that other processes find by its name, came {came}: "
        "define it at the top of a module, not in a function and not as a lambda; or run with an "
        "executor of this process, such as ThreadPoolExecutor(1)"
    ) from error


def _why_not(value: Any) -> Exception | None:
    try:
        pickle.Pickler(_Nowhere()).dump(value)
    except _CANNOT as error:
        return error
    return None


def _culprit(name: str, value: Any) -> tuple[str, Any]:
    """The smallest part that cannot be pickled, and what a user calls it or whatever holds it."""
    for key, part in _parts(value):
        if _why_not(part) is not None:
            return _culprit(_called(part) or _called(value) or key or name, part)
    return _called(value) or name, value


def _parts(value: Any) -> list[tuple[str, Any]]:
    if is_dataclass(value) and not isinstance(value, type):
        return [(each.name, getattr(value, each.name)) for each in fields(value)]
    if isinstance(value, Mapping):
        return [("", each) for each in value.values()]
    if isinstance(value, list | tuple):
        return [("", each) for each in value]
    return []


def _called(value: Any) -> str:
    if isinstance(value, Control):
        return f"control {value.name}"
    return f"student {value.name}" if isinstance(value, Student) else ""
