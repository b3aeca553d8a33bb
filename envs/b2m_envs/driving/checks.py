"""What the environments of a scene refuse, in the same words whether they are one or many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from jaxtyping import Float32, Int64

from b2m_envs.scenes.observation import action_space
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings, is_whole


def check_id(spec: EnvSpec | None, settings: SceneSettings) -> None:
    """Refuse a scenario that is not the one of the id.

    Raises:
        ValueError: naming both.
    """
    named = None if spec is None else spec.id
    if named != settings.of.id and named in {scenario.id for scenario in SCENARIOS.values()}:
        raise ValueError(
            f"{named}: scenario: expected none, the id says it, came {settings.scenario!r}"
        )


def check_render_mode(
    settings: SceneSettings, render_mode: str | None, permitted: Sequence[str]
) -> str | None:
    """Give back a render mode that there is.

    Raises:
        ValueError: for any other.
    """
    if render_mode is not None and render_mode not in permitted:
        expected = f"one of {list(permitted)} or None"
        raise ValueError(
            f"{settings.of.id}: render_mode: expected {expected}, came {render_mode!r}"
        )
    return render_mode


def valid_seed(settings: SceneSettings, seed: Any) -> int | None:
    """A seed as Gymnasium wants it, or None.

    Raises:
        ValueError: for anything but None or a whole number of 0 or more.
    """
    if seed is None:
        return None
    if not is_whole(seed) or seed < 0:
        expected = "None or a whole number of 0 or more"
        raise ValueError(f"{settings.of.id}: reset: seed: expected {expected}, came {seed!r}")
    return int(seed)


def valid_seeds(settings: SceneSettings, seed: Any, n_worlds: int) -> list[int | None]:
    """A seed, or None, of each world: one number counts up from world to world.

    Raises:
        ValueError: for another number of seeds, or what is no seed.
    """
    given = seed.tolist() if isinstance(seed, np.ndarray) else seed
    if given is None or is_whole(given):
        first = valid_seed(settings, given)
        return [None if first is None else first + world for world in range(n_worlds)]
    listed = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    if not listed or len(given) != n_worlds:
        came = f"{len(given)} of them" if listed else repr(seed)
        raise ValueError(
            f"{settings.of.id}: reset: seed: expected None, a whole number of 0 or more, "
            f"or {n_worlds} of them, came {came}"
        )
    return [valid_seed(settings, each) for each in given]


def valid_action(settings: SceneSettings, action: Any) -> int | Float32[np.ndarray, " control"]:
    """One action; controls beyond -1 and 1 are clipped.

    Raises:
        ValueError: for an action outside the action space.
    """
    space = action_space(settings)
    if isinstance(space, gymnasium.spaces.Discrete):
        if isinstance(action, bool) or not space.contains(action):
            expected = f"0 to {space.n - 1}"
            raise ValueError(f"{settings.of.id}: action: expected {expected}, came {action!r}")
        return int(action)
    controls = _as_array(action)
    valid = controls.shape == space.shape and controls.dtype.kind in "fiu"
    if not valid or not np.isfinite(controls).all():
        expected = f"an array of finite {' and '.join(settings.controls)}"
        raise ValueError(f"{settings.of.id}: action: expected {expected}, came {action!r}")
    clipped: np.ndarray = np.clip(controls, -1, 1).astype(np.float32)
    return clipped


def valid_actions(
    settings: SceneSettings, actions: Any, n_worlds: int
) -> Int64[np.ndarray, " world"] | Float32[np.ndarray, "world control"]:
    """One action a world; controls beyond -1 and 1 are clipped.

    Raises:
        ValueError: for another number or type of actions, or one outside the action space.
    """
    space, given = action_space(settings), _as_array(actions)
    if isinstance(space, gymnasium.spaces.Discrete):
        expected, kinds = f"{n_worlds} whole numbers 0 to {space.n - 1}", "iu"
    else:
        expected, kinds = f"{n_worlds} x {len(settings.controls)} finite numbers", "fiu"
    if given.shape != (n_worlds, *(space.shape or ())) or given.dtype.kind not in kinds:
        raise ValueError(
            f"{settings.of.id}: actions: expected {expected}, "
            f"came {given.dtype} of shape {given.shape}"
        )
    if isinstance(space, gymnasium.spaces.Discrete):
        wrong = (given < 0) | (given >= space.n)
        result: np.ndarray = given.astype(np.int64)
    else:
        wrong = ~np.isfinite(given).all(axis=1)
        result = np.clip(given, -1, 1).astype(np.float32)
    if wrong.any():
        world = int(wrong.argmax())
        raise ValueError(
            f"{settings.of.id}: actions: expected {expected}, "
            f"came {given[world].tolist()} in world {world}"
        )
    return result


def _as_array(given: Any) -> np.ndarray:
    try:
        return np.asarray(given)
    except ValueError:  # a list of lists that are not of one length
        return np.empty(0)
