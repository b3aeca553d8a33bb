"""Episodes driven all at once, and how each went: evaluation of many small agents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from gymnasium.utils import seeding
from jaxtyping import Bool, Float64

from b2m_agents.evaluation.driving_measures import has_succeeded
from b2m_agents.studies.agents.senses import Scenes, States
from b2m_envs.driving.scene_batch import SceneBatch
from b2m_envs.scenes.observation import action_space
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import STATE_INDEX

ActBatched = Callable[[Scenes | None, States], np.ndarray]  # actions, one a row


@dataclass(frozen=True)
class Driven:
    """How episodes went, in the order of their seeds."""

    returned: Float64[np.ndarray, " episode"]  # sum of the rewards
    crashed: Bool[np.ndarray, " episode"]
    speed: Float64[np.ndarray, " episode"]  # [m/s] mean over the episode
    off_road: Float64[np.ndarray, " episode"]  # share of the steps
    succeeded: Bool[np.ndarray, " episode"] | None  # see `has_succeeded`; None: there is no goal


def evaluate_batched(
    scene: SceneSettings, seeds: Sequence[int], act: ActBatched | None, *, draws: bool = True
) -> Driven:
    """Drive one episode a seed, all side by side, to their ends.

    The driver sees the scenes of all episodes that still run at once, which is fast. Its network
    may round differently than for one scene alone, so that a single action may differ from the
    one that the same agent takes in `batched_episodes`; called again, it takes the same.

    Args:
        scene: One that the engine has.
        seeds: Of the episodes.
        act: Chooses actions; None: highway-env's driver model is in the car.
        draws: Whether the driver is shown pictures; otherwise it is given None.
    """
    batch = _batch(scene, len(seeds), draws)
    space = action_space(scene)
    running = np.arange(len(seeds))
    batch.begin(running, [seeding.np_random(seed)[0] for seed in seeds])
    returned, speed = np.zeros(len(seeds)), np.zeros(len(seeds))
    crashed, terminated = (np.zeros(len(seeds), np.bool_) for _ in range(2))
    off_road, success = np.zeros(len(seeds)), np.zeros(len(seeds), np.bool_)
    while len(running):
        actions = np.zeros((len(seeds), *(space.shape or ())), space.dtype)
        if act is not None:
            scenes = batch.scenes[running] if draws else None
            actions[running] = act(scenes, batch.state[running])
        batch.drive(actions, running)
        returned[running] += batch.worlds.reward[running]
        speed[running] += batch.speed[running]
        off_road[running] += np.isnan(batch.state[running, STATE_INDEX["lane"]])
        over = (batch.worlds.terminated | batch.truncated)[running]
        ended, running = running[over], running[~over]
        crashed[ended] = batch.crashed[ended]
        terminated[ended] = batch.worlds.terminated[ended]
        success[ended] = batch.worlds.success[ended]
        speed[ended] /= batch.step[ended]
        off_road[ended] /= batch.step[ended]
    is_success = success if batch.worlds.has_success else None
    succeeded = _succeeded(scene.scenario, terminated, crashed, is_success)
    return Driven(returned, crashed, speed, off_road, succeeded)


def _succeeded(
    scenario: str,
    terminated: Bool[np.ndarray, " episode"],
    crashed: Bool[np.ndarray, " episode"],
    is_success: Bool[np.ndarray, " episode"] | None,
) -> Bool[np.ndarray, " episode"] | None:
    found = [
        has_succeeded(
            scenario,
            terminated=bool(terminated[index]),
            crashed=bool(crashed[index]),
            is_success=None if is_success is None else bool(is_success[index]),
        )
        for index in range(len(crashed))
    ]
    return None if None in found else np.array(found, np.bool_)


@lru_cache(maxsize=4)
def _batch(scene: SceneSettings, n_worlds: int, draws: bool) -> SceneBatch:
    """Kept: every agent of a process is evaluated on as many episodes."""
    return SceneBatch(scene, n_worlds, draws=draws)
