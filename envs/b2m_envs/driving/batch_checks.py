"""What a batch of scenes refuses, beside what a single environment does."""

from __future__ import annotations

import numpy as np
from gymnasium.vector import AutoresetMode

from b2m_envs.scenes.settings import ENGINE, SceneSettings, is_whole


def check_engine(settings: SceneSettings) -> None:
    """Refuse scenes that do not run on our engine.

    Raises:
        ValueError: saying what to use instead.
    """
    if settings.chosen_engine != ENGINE:
        given = f'engine="{settings.engine}"' if settings.engine else settings.scenario
        raise ValueError(
            f"{settings.of.id}: expected a scene of the engine {ENGINE!r}, came {given}; use "
            f'gymnasium.make_vec(..., vectorization_mode="sync") or "async"'
        )


def check_number(settings: SceneSettings, name: str, value: object) -> None:
    """Refuse what is no whole number of at least 1.

    Raises:
        ValueError: naming it.
    """
    if not is_whole(value) or value < 1:  # type: ignore[operator]
        raise ValueError(
            f"{settings.of.id}: {name}: expected a whole number of 1 or more, came {value!r}"
        )


def check_flag(settings: SceneSettings, name: str, value: object) -> bool:
    """Give back what is True or False.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{settings.of.id}: {name}: expected True or False, came {value!r}")
    return bool(value)


def as_autoreset_mode(settings: SceneSettings, mode: AutoresetMode | str) -> AutoresetMode:
    """One of Gymnasium's modes, also by its value ("NextStep") or name ("NEXT_STEP").

    Raises:
        ValueError: for any other.
    """
    for each in AutoresetMode:
        if mode is each or (isinstance(mode, str) and mode in (each.value, each.name)):
            return each
    expected = ", ".join(f"{each.value!r} ({each.name})" for each in AutoresetMode)
    raise ValueError(f"{settings.of.id}: autoreset_mode: expected one of {expected}, came {mode!r}")
