"""What counts as a number, and as a range of numbers, in settings; NumPy's as Python's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def is_number(value: object) -> bool:
    """Whether it is a finite number, of Python or NumPy; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return math.isfinite(value)


def is_whole(value: object) -> bool:
    """Whether it is a whole number, of Python or NumPy; a bool is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def as_python(value: Any) -> Any:
    """A value, or what lists, tuples and dictionaries hold, without NumPy's numbers and arrays.

    Lists become tuples and dictionaries are copied, so that nobody changes them afterwards.
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: as_python(each) for key, each in value.items()}
    return tuple(map(as_python, value)) if isinstance(value, list | tuple) else value


def as_numbers(value: Any) -> tuple[float | int, ...] | None:
    """Finite numbers of a list, tuple or array as Python's own; None if it is something else."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple) or not all(map(is_number, value)):
        return None
    return tuple(each.item() if isinstance(each, np.generic) else each for each in value)


def as_range(value: Any) -> tuple[float | int, float | int] | None:
    """Two rising numbers; None if it is something else."""
    numbers = as_numbers(value)
    if numbers is None or len(numbers) != 2 or not numbers[0] < numbers[1]:
        return None
    return numbers[0], numbers[1]
