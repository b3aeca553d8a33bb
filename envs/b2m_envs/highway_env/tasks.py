"""highway-env's two tasks without traffic, parking and lane keeping, as a `World` can use them.

Their worlds, rewards and ends are highway-env's. It says no terms of their rewards, and its lane
keeping stores a copy of every state for ever: both are mended here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from highway_env.envs.common.abstract import AbstractEnv
from highway_env.envs.common.observation import KinematicsGoalObservation
from highway_env.envs.lane_keeping_env import LaneKeepingEnv
from highway_env.envs.parking_env import ParkingEnv


class Goal(KinematicsGoalObservation):  # type: ignore[misc]
    """Pose of the vehicle and of its goal, which the reward compares; without a pandas table."""

    def observe(self) -> dict[str, np.ndarray]:
        """highway-env's numbers: x, y, their derivatives, cosine and sine of the heading."""
        vehicle = self.observer_vehicle
        achieved, desired = (
            np.array([found[name] for name in self.features]) / self.scales
            for found in (vehicle.to_dict(), vehicle.goal.to_dict())
        )
        return {"observation": achieved, "achieved_goal": achieved, "desired_goal": desired}


class Parking(ParkingEnv):  # type: ignore[misc]
    """highway-env's parking: reach a spot, nose first."""

    def _reset(self) -> None:
        super()._reset()
        description = self.PARKING_OBS["observation"]
        self.observation_type_parking = Goal(self, **description)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Drive on, and say whether the goal is reached."""
        *outcome, info = super().step(action)
        goal = self.observation_type_parking.observe()
        reached = self._is_success(goal["achieved_goal"], goal["desired_goal"])
        return *outcome, info | {"is_success": bool(reached)}

    def pose_distance(self) -> float:
        """Distance between the poses of vehicle and spot, each difference weighted."""
        goal = self.observation_type_parking.observe()
        apart = np.abs(goal["achieved_goal"] - goal["desired_goal"])
        return float(np.dot(apart, np.array(self.config["reward_weights"])))

    def _rewards(self, action: Any) -> dict[str, float]:
        goal = self.observation_type_parking.observe()
        return {
            "goal_reward": self.compute_reward(goal["achieved_goal"], goal["desired_goal"], {}),
            "collision_reward": self.vehicle.crashed,
        }


class LaneKeeping(LaneKeepingEnv):  # type: ignore[misc]
    """highway-env's lane keeping: steer a vehicle with slipping tyres along a winding lane."""

    lane: Any  # to keep
    lanes: list[Any]  # to keep later

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Drive on; the lane to keep is the next one once the vehicle has left its lane."""
        if self.lanes and not self.lane.on_lane(self.vehicle.position):
            self.lane = self.lanes.pop(0)
        outcome: tuple[Any, float, bool, bool, dict[str, Any]] = AbstractEnv.step(self, action)
        return outcome

    def _rewards(self, action: Any) -> dict[str, float]:
        return {"lane_reward": self._reward(action)}
