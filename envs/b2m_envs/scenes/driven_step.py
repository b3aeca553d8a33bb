"""What a reward of one's own is computed from: a policy step of many worlds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

if TYPE_CHECKING:
    from b2m_envs.scenes.settings import SceneSettings


@dataclass(frozen=True, eq=False)
class DrivenStep:
    """One policy step, after which a reward is given; one entry of each array a world.

    A reward is ``function(step) -> [world]``. It is called with the worlds that have just driven
    on, which may be any number of them (a single environment: one), and each has to get what it
    would get alone. The arrays belong to the function.
    """

    settings: SceneSettings  # of the environment
    terms: Mapping[str, Float64[np.ndarray, " world"]]  # highway-env's, as in info["rewards"]
    state: Float32[np.ndarray, "world variable"]  # `STATE_VARIABLES` after the step, with NaN
    action: Int64[np.ndarray, " world"] | Float32[np.ndarray, "world control"]  # that was taken
    crashed: Bool[np.ndarray, " world"]
    on_road: Bool[np.ndarray, " world"]  # parking, lane keeping: as highway-env says of the lanes
    terminated: Bool[np.ndarray, " world"]  # the episode ends with this step
    step: Int64[np.ndarray, " world"]  # number of this step in its episode, from 1
    progress: Float64[np.ndarray, " world"]  # [m] driven along the nearest lane in this step
    success: Bool[np.ndarray, " world"]  # exit, parking: is the goal reached; elsewhere False
    success_before: Bool[np.ndarray, " world"]  # the same before the step
    # Exit: [m] to the exit lane, 0 in it. Parking: highway-env's weighted distance between the
    # poses (`reward_weights`; 1 is 100 m in x). Elsewhere NaN.
    goal_distance: Float64[np.ndarray, " world"]
    goal_distance_before: Float64[np.ndarray, " world"]  # before the step
    goal_distance_at_start: Float64[np.ndarray, " world"]  # of the episode

    @property
    def n_worlds(self) -> int:
        """Number of worlds."""
        return len(self.step)

    def of_state(self, variable: str) -> Float32[np.ndarray, " world"]:
        """One of `b2m_envs.STATE_VARIABLES`, by its name."""
        from b2m_envs.scenes.state import STATE_INDEX

        values: np.ndarray = self.state[:, STATE_INDEX[variable]]
        return values
