"""The reward that an environment's settings choose: highway-env's, one of ours, or a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import Float64

from b2m_envs.scenes.driven_step import DrivenStep
from b2m_envs.scenes.named_function import find_function, is_function_name, name_of_function
from b2m_envs.scenes.named_rewards import REWARDS, RewardFunction
from b2m_envs.scenes.reward import USUAL, Reward, reward_from_mapping, wrong_reward

if TYPE_CHECKING:
    from b2m_envs.scenes.settings import SceneSettings

USUAL_REWARD = "highway_env"
RewardChoice: TypeAlias = str | Reward | Callable[[DrivenStep], Any]


def chosen_reward(scenario: str, given: Any) -> RewardChoice:
    """A reward as settings keep it: a name, a `Reward`, or a function.

    Raises:
        ValueError: if it is none, or the scenario cannot have it; without the id.
    """
    if isinstance(given, Mapping):
        given = reward_from_mapping(given)
    if isinstance(given, Reward):
        _require(not wrong_reward(scenario, given), wrong_reward(scenario, given), given.given)
        return given
    if scenario not in USUAL:
        _require(given == USUAL_REWARD, "none: this environment has a reward of its own", given)
    elif isinstance(given, str):
        _check_name(scenario, given)
    else:
        names = ", ".join(map(repr, (USUAL_REWARD, *REWARDS)))
        expected = f"{names}, settings such as {{'collision_reward': -5}}, 'module:function' or a "
        _require(callable(given), f"{expected}function", given)
        _check_takes_step(given)
    choice: RewardChoice = given
    return choice


def reward_weights(settings: SceneSettings) -> dict[str, Any]:
    """highway-env's settings of the reward, which also say when an episode ends off the road."""
    reward = settings.reward if isinstance(settings.reward, Reward) else Reward()
    return reward.of(settings.scenario)


def reward_function(settings: SceneSettings) -> RewardFunction | None:
    """What gives the reward, if not highway-env's weights do.

    "module:function" is looked up here and not as settings are made: settings that stand in a file,
    such as a stranger's agent's, are read without importing what they name.

    Raises:
        ValueError: If there is no such module or function, or it does not take a step.
    """
    reward = settings.reward
    if isinstance(reward, Reward) or reward == USUAL_REWARD:
        return None
    if isinstance(reward, str):
        return REWARDS[reward].function if reward in REWARDS else _found(settings, reward)
    assert callable(reward), reward  # settings hold no mapping once they are made
    return reward


def reward_json(reward: RewardChoice) -> str | dict[str, Any]:
    """A reward as JSON can hold it, and as settings take it.

    Raises:
        ValueError: for a function that another process cannot find by its name.
    """
    if isinstance(reward, str):
        return reward
    if isinstance(reward, Reward):
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in reward.given.items()
        }
    name = name_of_function(reward)
    if name is None:
        raise ValueError(
            "reward: expected a function of a module, which is saved as 'module:function', "
            f"came {_title(reward)}; put it into a file of its own and give its name"
        )
    return name


def earned(reward: RewardFunction, step: DrivenStep) -> Float64[np.ndarray, " world"]:
    """What a function gives for a step.

    Raises:
        ValueError: naming the function, if it does not give one finite number a world.
    """
    given = reward(step)
    try:
        values = np.asarray(given)
    except ValueError:  # lists that are not of one length
        values = np.empty(0, dtype=object)
    name, expected = _title(reward), f"{step.n_worlds} finite numbers, one a world"
    if values.shape != (step.n_worlds,) or values.dtype.kind not in "fiub":
        came = f"{values.dtype} of shape {values.shape}"
        raise ValueError(f"{step.settings.of.id}: reward {name}: expected {expected}, came {came}")
    finite = np.isfinite(values)
    if not finite.all():
        world = int(finite.argmin())
        raise ValueError(
            f"{step.settings.of.id}: reward {name}: expected {expected}, "
            f"came {values[world]} for world {world} of them"
        )
    numbers: np.ndarray = values.astype(np.float64)
    return numbers


def _check_name(scenario: str, name: str) -> None:
    if name == USUAL_REWARD:
        return
    if name in REWARDS:
        named = REWARDS[name]
        fits = f"one for this scenario: {name!r} is for {', '.join(named.scenarios)}"
        _require(scenario in named.scenarios, f"{fits}, since {named.elsewhere}", name)
        return
    names = ", ".join(map(repr, (USUAL_REWARD, *REWARDS)))
    _require(is_function_name(name), f"{names} or 'module:function'", name)


def _found(settings: SceneSettings, name: str) -> RewardFunction:
    try:
        function = find_function(name)
        _check_takes_step(function)
    except ValueError as error:
        raise ValueError(f"{settings.of.id}: reward {name!r}: {error}") from error
    return function


def _check_takes_step(function: Callable[..., Any]) -> None:
    try:
        inspect.signature(function).bind(object())
    except TypeError as error:
        raise ValueError(
            f"reward {_title(function)}: expected a function of one argument, a DrivenStep, "
            f"came {_title(function)}{inspect.signature(function)}"
        ) from error
    except ValueError:  # a compiled function without a signature: its first call tells
        return


def _title(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", type(function).__module__)
    path = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{module}:{path}"


def _require(valid: bool, expected: str, came: object) -> None:
    if not valid:
        raise ValueError(f"reward: expected {expected}, came {came!r}")
