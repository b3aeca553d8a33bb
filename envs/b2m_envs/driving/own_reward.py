"""Rewards by a function in place of highway-env's weights, for batches and for single worlds."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from b2m_envs.driving.single_world import StepResult
from b2m_envs.engine.rewards import SteppedWorlds, exit_distance
from b2m_envs.engine.sharing import Chosen
from b2m_envs.engine.worlds import Worlds
from b2m_envs.scenes.chosen_reward import earned
from b2m_envs.scenes.driven_step import DrivenStep
from b2m_envs.scenes.named_rewards import RewardFunction
from b2m_envs.scenes.settings import SceneSettings

SHORTEST_START = 1e-6  # of a goal's distance at the start, by which others are divided


class BatchReward:
    """Rewards of worlds of our engine.

    Args:
        function: That gives them.
        worlds: Whose `reward` it writes.
        settings: Of the environment, which the function is told.
    """

    def __init__(self, function: RewardFunction, worlds: Worlds, settings: SceneSettings) -> None:
        self._function, self._worlds, self._settings = function, worlds, settings
        self._at_start, self._before = np.full((2, worlds.n_worlds), np.nan)
        self._reached = np.zeros(worlds.n_worlds, np.bool_)

    def begin(self, which: Chosen) -> None:
        """Note where new episodes begin."""
        distance = self._distance(self._worlds.stepped(which))
        self._before[which] = distance
        self._at_start[which] = np.maximum(distance, SHORTEST_START)
        self._reached[which] = False

    def give(
        self,
        which: Chosen,
        state: Float32[np.ndarray, "every variable"],
        step: Int64[np.ndarray, " every"],
    ) -> None:
        """Write the rewards of worlds that have just driven on."""
        worlds = self._worlds
        stepped = worlds.stepped(which)
        driven = DrivenStep(
            settings=self._settings,
            terms=dict(zip(worlds.term_names, worlds.terms[which].T.copy(), strict=True)),
            state=state[which],
            action=worlds.did[which],
            crashed=stepped.ego["crashed"].copy(),
            on_road=stepped.on_road == 1,
            terminated=worlds.terminated[which],
            step=step[which],
            progress=worlds.progress[which],
            success=worlds.success[which],
            success_before=self._reached[which],
            goal_distance=self._distance(stepped),
            goal_distance_before=self._before[which],
            goal_distance_at_start=self._at_start[which],
        )
        worlds.reward[which] = earned(self._function, driven)
        self._before[which] = self._distance(stepped)
        self._reached[which] = worlds.success[which]

    def _distance(self, stepped: SteppedWorlds) -> Float64[np.ndarray, " chosen"]:
        if self._worlds.settings.scenario != "exit":
            return np.full(len(stepped.ego), np.nan)
        return exit_distance(stepped)


class SingleReward:
    """Rewards of one of highway-env's worlds.

    Args:
        function: That gives them.
        world: See `b2m_envs.highway_env.bridge.World`.
    """

    def __init__(self, function: RewardFunction, world: Any) -> None:
        self._function, self._world = function, world
        self._at_start = self._before = np.nan
        self._reached, self._step = False, 0

    def begin(self) -> None:
        """Note where a new episode begins."""
        self._before = self._distance()
        self._at_start = max(self._before, SHORTEST_START)
        self._reached, self._step = False, 0

    def given(self, result: StepResult, state: Float32[np.ndarray, " variable"]) -> float:
        """The reward of the step that has just been driven."""
        self._step += 1
        world, distance, success = self._world, self._distance(), bool(result.is_success)
        driven = DrivenStep(
            settings=world.settings,
            terms={name: np.array([float(value)]) for name, value in result.rewards.items()},
            state=np.asarray(state)[None].copy(),
            action=np.array([result.action]),
            crashed=np.array([bool(world.vehicle.crashed)]),
            on_road=np.array([bool(world.vehicle.on_road)]),
            terminated=np.array([result.terminated]),
            step=np.array([self._step]),
            progress=np.array([world.progress]),
            success=np.array([success]),
            success_before=np.array([self._reached]),
            goal_distance=np.array([distance]),
            goal_distance_before=np.array([self._before]),
            goal_distance_at_start=np.array([self._at_start]),
        )
        reward = float(earned(self._function, driven)[0])
        self._before, self._reached = distance, success
        return reward

    def _distance(self) -> float:
        world = self._world
        if world.settings.scenario == "parking":
            return float(world.pose_distance())
        return float(distance_to_exit(world)) if world.settings.scenario == "exit" else np.nan


def distance_to_exit(world: Any) -> float:
    """[m] to the lane that leads to the exit, as `exit_distance` of our engine."""
    if world._is_success():
        return 0.0
    lane = world.road.network.get_lane(("1", "2", world.config["lanes_count"]))
    along, across = lane.local_coordinates(world.vehicle.position)
    return float(np.hypot(max(-along, along - lane.length, 0), across))
