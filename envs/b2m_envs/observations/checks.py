"""What the settings of an observation are refused for, in one form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from b2m_envs.scenes.numbers import as_python, is_whole


def refuse(observation: object, name: str, expected: str, came: object) -> None:
    """Say what was expected of a setting.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{type(observation).__name__}: {name}: expected {expected}, came {came!r}")


def settle(observation: Any) -> None:
    """Keep the settings of a frozen dataclass as its own, whatever becomes of what was given.

    NumPy's numbers and arrays become Python's.
    """
    for item in fields(observation):
        object.__setattr__(observation, item.name, as_python(getattr(observation, item.name)))


def check_flags(observation: object, *names: str) -> None:
    """Refuse what is neither True nor False."""
    for name in names:
        value = getattr(observation, name)
        if not isinstance(value, bool):
            refuse(observation, name, "True or False", value)


def check_whole(observation: object, name: str, lowest: int, highest: int) -> None:
    """Refuse what is no whole number within the limits."""
    value = getattr(observation, name)
    if not is_whole(value) or not lowest <= value <= highest:
        refuse(observation, name, f"a whole number from {lowest} to {highest}", value)


def check_features(
    observation: object, features: Any, known: Sequence[str], setting: str = "features"
) -> None:
    """Refuse names of no feature, names that come twice, and none at all."""
    listed = isinstance(features, Sequence) and not isinstance(features, str)
    texts = listed and all(isinstance(each, str) for each in features)
    if not texts or not features or len(set(features)) < len(features):
        refuse(observation, setting, f"some of {', '.join(known)}, each once", features)
    for feature in features:
        if feature not in known:
            refuse(observation, setting, f"some of {', '.join(known)}", feature)


def check_ranges(observation: object, ranges: Any, known: Sequence[str]) -> None:
    """Refuse ranges of no feature, and those that are not two rising finite numbers."""
    if ranges is None:
        return
    if not isinstance(ranges, Mapping):
        refuse(observation, "features_range", "None or a dictionary of ranges", ranges)
    for feature, limits in ranges.items():
        if feature not in known:
            refuse(observation, "features_range", f"ranges of {', '.join(known)}", feature)
        if not is_rising(limits):
            refuse(observation, f"features_range[{feature!r}]", "(lowest, highest)", limits)


def is_rising(limits: Any) -> bool:
    """Whether these are two finite numbers, the second the larger."""
    if not isinstance(limits, Sequence) or isinstance(limits, str) or len(limits) != 2:
        return False
    return all(map(is_finite_number, limits)) and bool(limits[0] < limits[1])


def is_finite_number(value: Any) -> bool:
    """Whether this is a finite number, and neither True nor False."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
