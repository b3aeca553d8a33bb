"""A single world of highway-env, measured and drawn by us."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from b2m_envs.driving.own_reward import SingleReward
from b2m_envs.driving.single_world import StepResult
from b2m_envs.highway_env.bridge import build_world
from b2m_envs.rendering import RoadGeometry, Traffic, make_camera
from b2m_envs.rendering.highway_env_scene import road_geometry, traffic
from b2m_envs.scenes.chosen_reward import reward_function
from b2m_envs.scenes.lane_paths import LanePaths
from b2m_envs.scenes.parking_state import parking_state
from b2m_envs.scenes.settings import HIGHWAY_ENV_ENGINE, SceneSettings
from b2m_envs.scenes.state import scene_state
from b2m_envs.scenes.view import camera_settings


class HighwayEnvWorld:
    """See `SingleWorld`."""

    engine = HIGHWAY_ENV_ENGINE

    def __init__(self, settings: SceneSettings) -> None:
        self.highway_env: Any = build_world(settings)
        self._perception = settings.perception
        self._camera = make_camera(camera_settings(settings))
        self._road: RoadGeometry | None = None  # the same in every episode
        self._paths: LanePaths | None = None
        self._traffic: Traffic | None = None
        function = reward_function(settings)
        self._reward = None if function is None else SingleReward(function, self.highway_env)

    def begin(self, np_random: np.random.Generator) -> None:
        """Begin an episode with this generator."""
        self.highway_env.begin(np_random)
        if self._road is None:
            self._road = road_geometry(self.highway_env.road.network)
            self._paths = LanePaths(self.highway_env.road.network)
        self._look()
        if self._reward is not None:
            self._reward.begin()

    def drive(self, action: Any) -> StepResult:
        """Drive on for one policy step."""
        _, reward, terminated, _, further = self.highway_env.step(action)
        self._look()
        result = StepResult(
            reward=float(reward),
            terminated=bool(terminated),
            action=self.highway_env.last_action,
            rewards=self.highway_env._rewards(action),
            is_success=bool(further["is_success"]) if "is_success" in further else None,
        )
        if self._reward is None:
            return result
        return replace(result, reward=self._reward.given(result, self.state()))

    def speed(self) -> float:
        """[m/s] of the ego vehicle."""
        return float(self.highway_env.vehicle.speed)

    def crashed(self) -> bool:
        """Whether the ego vehicle has crashed."""
        return bool(self.highway_env.vehicle.crashed)

    def action_mask(self) -> Bool[np.ndarray, " action"]:
        """Whether each meta-action is possible."""
        mask: np.ndarray = self.highway_env.action_mask()
        return mask

    def road(self) -> RoadGeometry:
        """The lanes."""
        assert self._road is not None
        return self._road

    def traffic(self) -> Traffic:
        """Everything on the road."""
        assert self._traffic is not None
        return self._traffic

    def state(self) -> Float32[np.ndarray, " variable"]:
        """The variables of `STATE_VARIABLES`."""
        assert self._paths is not None
        world = self.highway_env
        if hasattr(world.vehicle, "goal"):
            return parking_state(world.vehicle)
        return scene_state(self._paths, world.road, world.vehicle, self._perception)

    def frame(self) -> UInt8[np.ndarray, "height width channel"]:
        """The newest frame alone."""
        return self._camera.draw(self.road(), self.traffic())

    def mask(self) -> Bool[np.ndarray, "height width"]:
        """The pixels of other vehicles in it."""
        return self._camera.vehicle_mask(self.road(), self.traffic())

    def _look(self) -> None:
        self._traffic = traffic(self.highway_env.road, self.highway_env.vehicle)
