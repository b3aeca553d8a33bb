"""What an observation reads of a single environment's world, where the world has it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from b2m_envs.driving.single_world import SingleWorld
from b2m_envs.scenes.chosen_reward import reward_function
from b2m_envs.scenes.observation import Kind
from b2m_envs.scenes.seen import Seen
from b2m_envs.scenes.settings import SceneSettings


def check_world_is_seen(settings: SceneSettings, kind: Kind, world: SingleWorld) -> None:
    """Refuse an observation of the traffic, or of highway-env's world, where there is none.

    Raises:
        ValueError: saying which engine simulates.
    """
    if kind.of_traffic and not hasattr(world, "observed"):
        raise ValueError(
            f"{settings.of.id}: observation: expected one of picture and state, such as 'scene' "
            f"or 'state', came one of the traffic, which only scenarios on our engine have "
            f"(engine: {world.engine!r})"
        )
    if kind.of_highway_env and not hasattr(world, "highway_env"):
        raise ValueError(
            f"{settings.of.id}: observation: expected one that does without highway-env's world, "
            f"came one that reads it: only scenes with engine='highway-env' have it "
            f"(engine: {world.engine!r})"
        )


def seen_of(kind: Kind, world: SingleWorld, scene: Any, state: Any) -> Seen:
    """What a kind of observation reads of a world that `check_world_is_seen` let pass."""
    return Seen(
        state=state,
        scene=scene,
        traffic=world.observed() if kind.of_traffic else None,  # type: ignore[attr-defined]
        highway_env=getattr(world, "highway_env", None) if kind.of_highway_env else None,
    )


def reward_of_goals(
    kind: Kind, world: SingleWorld, settings: SceneSettings
) -> Callable[[Any, Any, Any], Any]:
    """The reward of achieved goals where others were desired, as hindsight replay asks for it.

    Raises:
        AttributeError: If the observation is none with goals.
    """
    if kind.compute_reward is None:
        raise AttributeError(
            f"{settings.of.id}: compute_reward: expected an observation with goals, such as "
            f"b2m_envs.KinematicsGoal() in parking, came one of {kind.space(settings)}"
        )
    return partial(_reward_of_goals, kind, world, settings)


def _reward_of_goals(
    kind: Kind, world: SingleWorld, settings: SceneSettings, achieved: Any, desired: Any, info: Any
) -> Any:
    """The reward.

    Raises:
        ValueError: If another reward was chosen, which does not hang on the goals alone.
    """
    if reward_function(settings) is not None:
        raise ValueError(
            f"{settings.of.id}: compute_reward: expected reward='highway_env' or its weights, of "
            f"which the reward of a goal is made, came reward={settings.reward!r}"
        )
    assert kind.compute_reward is not None
    highway_env = world.highway_env  # type: ignore[attr-defined]  # `check_world_is_seen` saw it
    return kind.compute_reward(highway_env, achieved, desired, info)
