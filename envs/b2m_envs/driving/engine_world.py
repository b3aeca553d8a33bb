"""A single world of our engine: a batch of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from b2m_envs.driving.scene_batch import SceneBatch
from b2m_envs.driving.single_world import StepResult
from b2m_envs.engine.observed_traffic import ObservedTraffic
from b2m_envs.rendering.geometry import RoadGeometry, Traffic
from b2m_envs.scenes.settings import ENGINE, SceneSettings
from b2m_envs.scenes.state import SceneState


class EngineWorld:
    """See `SingleWorld`."""

    engine = ENGINE

    def __init__(self, settings: SceneSettings, *, draws: bool) -> None:
        self.settings = settings
        alone = replace(settings, n_frames=1)
        self._batch = SceneBatch(alone, 1, draws=draws, told=settings)
        self._only = np.zeros(1, np.int64)

    def begin(self, np_random: np.random.Generator) -> None:
        """Begin an episode with this generator."""
        self._batch.begin(self._only, [np_random])

    def drive(self, action: Any) -> StepResult:
        """Drive on for one policy step."""
        self._batch.drive(np.array([action]), self._only)
        worlds = self._batch.worlds
        discrete = self.settings.action != "continuous"
        terms = worlds.terms[0].tolist()
        return StepResult(
            reward=float(worlds.reward[0]),
            terminated=bool(worlds.terminated[0]),
            action=int(worlds.did[0]) if discrete else worlds.did[0].copy(),
            rewards=dict(zip(worlds.term_names, terms, strict=True)),
            is_success=bool(worlds.success[0]) if worlds.has_success else None,
        )

    def speed(self) -> float:
        """[m/s] of the ego vehicle."""
        return float(self._batch.speed[0])

    def crashed(self) -> bool:
        """Whether the ego vehicle has crashed."""
        return bool(self._batch.crashed[0])

    def action_mask(self) -> Bool[np.ndarray, " action"]:
        """Whether each meta-action is possible."""
        mask: np.ndarray = self._batch.worlds.action_masks()[0]
        return mask

    def road(self) -> RoadGeometry:
        """The lanes."""
        return self._batch.worlds.geometry

    def traffic(self) -> Traffic:
        """Everything on the road."""
        return self._batch.traffic(0)

    def state(self) -> Float32[np.ndarray, " variable"]:
        """The variables of `STATE_VARIABLES`."""
        state: np.ndarray = self._batch.state[0].copy().view(SceneState)
        return state

    def observed(self) -> ObservedTraffic:
        """What an observation of the traffic reads."""
        return self._batch.observed(self._only)

    def frame(self) -> UInt8[np.ndarray, "height width channel"]:
        """The newest frame alone."""
        frame: np.ndarray = self._batch.scenes[0].copy()
        return frame

    def mask(self) -> Bool[np.ndarray, "height width"]:
        """The pixels of other vehicles in it."""
        mask: np.ndarray = self._batch.masks[0].copy()
        return mask
