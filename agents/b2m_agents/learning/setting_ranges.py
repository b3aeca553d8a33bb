"""The ranges of settings of a training: a value outside is refused, by the setting's name."""

from __future__ import annotations

import math
from collections.abc import Mapping

from b2m_envs.scenes.settings import is_whole


def require(settings: object, name: str, valid: bool, expected: str) -> None:
    """Refuse the value of a setting that is not valid.

    Raises:
        ValueError: Names the setting, what was expected and what came.
    """
    if not valid:
        raise ValueError(f"{name}: expected {expected}, came {getattr(settings, name)!r}")


def require_whole(settings: object, least: Mapping[str, int]) -> None:
    """Refuse settings other than whole numbers of at least these."""
    for name, lowest in least.items():
        value = getattr(settings, name)
        valid = is_whole(value) and value >= lowest
        require(settings, name, valid, f"a whole number of at least {lowest}")


def require_share(settings: object, *names: str) -> None:
    """Refuse settings other than numbers from 0 to 1."""
    for name in names:
        value = getattr(settings, name)
        require(settings, name, is_number(value) and value <= 1, "0 to 1")


def is_number(value: object) -> bool:
    """Whether it is a finite number of at least 0; a bool is none."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value >= 0
    )
