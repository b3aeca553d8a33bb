"""highway-env's KinematicsGoal observation: where the vehicle is, and where it is to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float64

from b2m_envs.observations.checks import check_features, is_finite_number, refuse, settle
from b2m_envs.scenes.goal_state import check_goal
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings

FEATURES = ("presence", "x", "y", "vx", "vy", "cos_h", "sin_h", "cos_d", "sin_d")
PARTS = ("observation", "achieved_goal", "desired_goal")
Goal = Float64[np.ndarray, "*goal feature"]


@dataclass(frozen=True)
class KinematicsGoal:
    """Pose and velocity of the ego vehicle and of its goal, equal to highway-env's to 1e-6.

    It is a dictionary of `observation`, `achieved_goal` (both the vehicle's) and `desired_goal`, as
    goal environments have it; `compute_reward` of the environment then gives the reward of any goal
    reached where any was wanted, for Stable-Baselines3's `HerReplayBuffer`.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import KinematicsGoal
    >>> env = gymnasium.make("b2m_envs:B2M/ParkingScene-v0", observation=KinematicsGoal())
    >>> seen, info = env.reset(seed=0)
    >>> seen["desired_goal"].shape
    (6,)
    >>> float(env.unwrapped.compute_reward(seen["desired_goal"], seen["desired_goal"], info))
    -0.0

    ```

    Features are those of `Kinematics`, in the world's axes. The goal stands: its velocity is 0.

    Args:
        features: What is given of the vehicle and of its goal.
        scales: What each feature is divided by.

    Raises:
        ValueError: For a setting that does not fit.
    """

    features: Sequence[str] = ("x", "y", "vx", "vy", "cos_h", "sin_h")
    scales: Sequence[float | int] = (100, 100, 5, 5, 1, 1)

    def __post_init__(self) -> None:
        settle(self)
        check_features(self, self.features, FEATURES)
        listed = isinstance(self.scales, Sequence) and not isinstance(self.scales, str)
        fits = listed and len(self.scales) == len(self.features)
        if not fits or not all(is_finite_number(each) and each > 0 for each in self.scales):
            expected = f"{len(self.features)} numbers above 0, one for each feature"
            refuse(self, "scales", expected, self.scales)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers in each part."""
        return tuple(self.features)

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(
            self.space, self._observe, of_highway_env=True, compute_reward=self.compute_reward
        )

    def space(self, settings: SceneSettings) -> spaces.Space[Any]:
        """The space of one world's dictionary.

        Raises:
            ValueError: If the scenario has no goal.
        """
        check_goal(settings, type(self).__name__)
        shape = (len(self.features),)
        return spaces.Dict({name: spaces.Box(-np.inf, np.inf, shape, np.float64) for name in PARTS})

    def observe(self, vehicle: Any) -> dict[str, Float64[np.ndarray, " feature"]]:
        """The dictionary of one of highway-env's vehicles, which has a goal."""
        return self.of_poses(vehicle.to_dict(), vehicle.goal.to_dict())

    def of_poses(
        self, achieved: Mapping[str, Any], desired: Mapping[str, Any]
    ) -> dict[str, Float64[np.ndarray, "*world feature"]]:
        """The dictionary of a vehicle and its goal, or of many, by the names of features."""
        here, there = (
            np.stack([np.asarray(found[name], np.float64) for name in self.features], -1)
            / self.scales
            for found in (achieved, desired)
        )
        return dict(zip(PARTS, (here, here.copy(), there), strict=True))

    def compute_reward(self, world: Any, achieved: Any, desired: Any, info: Any = None) -> Any:
        """The reward of achieved goals where others were desired, crashes aside.

        It is highway-env's, whatever the scales of this observation.

        Args:
            world: highway-env's environment.
            achieved: `[feature]` of one, or with the axis of many in front.
            desired: As many.
            info: Not looked at.

        Raises:
            ValueError: If the goals lack what the reward compares.
        """
        description = world.PARKING_OBS["observation"]
        theirs, scales = description["features"], description["scales"]
        self.check_compared(theirs, world.config["reward_weights"])
        goals = np.broadcast_arrays(
            *(self.rescaled(each, theirs, scales) for each in (achieved, desired))
        )
        # One after the other: NumPy's product of a matrix may round otherwise than a row's.
        pairs = zip(*(each.reshape(-1, len(theirs)) for each in goals), strict=True)
        rewards = np.array([world.compute_reward(*pair, info) for pair in pairs])
        return rewards.reshape(goals[0].shape[:-1])[()]

    def check_compared(self, features: Sequence[str], weights: Sequence[float | int]) -> None:
        """Refuse to do without a feature that the reward of a goal compares.

        Args:
            features: Of the reward.
            weights: Of each in it.

        Raises:
            ValueError: Names those that are compared.
        """
        compared = [name for name, weight in zip(features, weights, strict=True) if weight]
        if any(name not in self.features for name in compared):
            expected = f"{', '.join(compared)}, which the reward of a goal compares"
            refuse(self, "features", expected, self.features)

    def _observe(self, settings: SceneSettings, scene: Any, world: Any) -> Any:
        return self.observe(world.vehicle)

    def rescaled(self, goal: Any, features: Sequence[str], scales: Sequence[float | int]) -> Goal:
        """A goal in other features and scales; 0 for those that this observation lacks.

        Raises:
            ValueError: For a goal of another number of features.
        """
        given = np.asarray(goal, np.float64)
        if given.ndim == 0 or given.shape[-1] != len(self.features):
            refuse(self, "goal", f"{len(self.features)} numbers in the last axis", given.shape)
        rescaled = np.zeros((*given.shape[:-1], len(features)))
        for column, (name, scale) in enumerate(zip(features, scales, strict=True)):
            if name in self.features:
                place = list(self.features).index(name)
                rescaled[..., column] = given[..., place] * (self.scales[place] / scale)
        return rescaled
