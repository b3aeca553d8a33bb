"""What a batch of scenes refuses, beside what a single environment does."""

from __future__ import annotations

import numpy as np
from gymnasium.vector import AutoresetMode

from b2m_envs.scenes.observation import Kind
from b2m_envs.scenes.settings import ENGINE, SceneSettings, is_whole

INSTEAD = 'use gymnasium.make_vec(..., vectorization_mode="sync") or "async"'


def has_batch(settings: SceneSettings, kind: Kind) -> bool:
    """Whether our engine has a batch of a scene, observed so.

    Where highway-env is the usual one and ours has the scene too (lane keeping), there is a batch
    of what comes out the same: not of pictures, which are drawn there by another camera.
    """
    if kind.of_highway_env:
        return False
    if settings.chosen_engine == ENGINE:
        return True
    reads_more = kind.draws or kind.of_traffic
    return settings.of.also_fast and settings.engine is None and not reads_more


def check_batch(settings: SceneSettings, kind: Kind) -> None:
    """Refuse scenes that our engine has no batch of.

    Raises:
        ValueError: saying what to use instead.
    """
    if has_batch(settings, kind):
        return
    if settings.of.also_fast and settings.engine is None:
        raise ValueError(
            f"{settings.of.id}: observation: expected one of the state alone, such as 'state', for "
            f"a batch, came one of pictures, of the traffic or of highway-env's world; "
            f'{INSTEAD}, or engine="{ENGINE}", which has its own pictures'
        )
    if settings.chosen_engine == ENGINE:
        raise ValueError(
            f"{settings.of.id}: observation: expected one that does without highway-env's world, "
            f"came one that reads it, which only scenes with engine='highway-env' have; {INSTEAD}"
        )
    given = f'engine="{settings.engine}"' if settings.engine else settings.scenario
    raise ValueError(
        f"{settings.of.id}: expected a scene of the engine {ENGINE!r}, came {given}; {INSTEAD}"
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
