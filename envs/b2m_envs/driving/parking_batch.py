"""Many car parks at once, to train in: as highway-env simulates them, without pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float32, Float64

from b2m_envs.driving.checks import valid_actions, valid_seeds
from b2m_envs.driving.masked_actions import require_masks
from b2m_envs.driving.own_reward import SHORTEST_START
from b2m_envs.highway_env.bridge import build_world
from b2m_envs.highway_env.parking_model import ParkingModel
from b2m_envs.observations.goal_state import GoalState
from b2m_envs.observations.kinematics_goal import KinematicsGoal
from b2m_envs.scenes.chosen_reward import USUAL_REWARD, earned, reward_weights
from b2m_envs.scenes.driven_step import DrivenStep
from b2m_envs.scenes.named_rewards import REWARDS
from b2m_envs.scenes.observation import action_space
from b2m_envs.scenes.reward import Reward
from b2m_envs.scenes.settings import HIGHWAY_ENV_ENGINE, SceneSettings
from b2m_envs.scenes.state import STATE_INDEX, STATE_VARIABLES

SCENARIO = "parking"
POSE = ("x", "y", "vx", "vy", "cos_h", "sin_h")  # what highway-env's reward of a goal compares
SCALES = np.array([100.0, 100.0, 5.0, 5.0, 1.0, 1.0])  # of highway-env's poses
Observed: TypeAlias = GoalState | KinematicsGoal
Mask = Bool[np.ndarray, " world"]


def has_parking_batch(settings: SceneSettings, observation: object) -> bool:
    """Whether `ParkingBatch` has a scene, seen so: parking without parked cars, with its goal."""
    function = settings.reward
    known = isinstance(function, Reward) or function in (USUAL_REWARD, *REWARDS)
    plain = settings.scenario == SCENARIO and settings.action == "continuous"
    return (
        plain and known and not settings.vehicles_count and _is_shown(observation)
        and len(settings.controls) == 2 and not settings.vehicle_mask
    )  # fmt: skip


def _is_shown(observation: object) -> bool:
    if isinstance(observation, KinematicsGoal):
        return set(observation.features) == set(POSE)
    return isinstance(observation, GoalState)


class ParkingBatch(VectorEnv[Any, Any, np.ndarray]):
    """Parking of many worlds, whose episodes wait to be begun (`AutoresetMode.DISABLED`).

    World *k* of `reset(seed=s)` goes through the episodes of a single environment after
    `reset(seed=s + k)`, to rounding; only where a vehicle stands after it met a wall differs, by
    less than the way of a substep, as the wall does not push it back.

    Args:
        settings: Of scenes that `has_parking_batch` has.
        num_envs: Number of worlds.
        observation: What is observed.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": [],
        "autoreset_mode": AutoresetMode.DISABLED,
    }
    render_mode = None

    def __init__(self, settings: SceneSettings, num_envs: int, observation: Observed) -> None:
        self.settings, self.num_envs, self._observed = settings, num_envs, observation
        self.metadata = type(self).metadata | {  # type: ignore[misc]
            "render_fps": settings.steps_per_second
        }
        self.single_action_space = action_space(settings)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.single_observation_space = observation.space(settings)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        world = build_world(settings)
        world.begin(np.random.default_rng(0))
        self._network = world.road.network
        weights = reward_weights(settings)
        self._weights = np.array(weights["reward_weights"], np.float64)
        self._near_enough = float(weights["success_goal_reward"])
        self._crash = float(weights["collision_reward"])
        self._named = isinstance(settings.reward, str) and settings.reward != USUAL_REWARD
        self._model = ParkingModel.of(num_envs, walled=settings.walls is not False)
        self._generators = [np.random.default_rng() for _ in range(num_envs)]
        self._step = np.zeros(num_envs, np.int64)
        self._accelerated, self._at_start, self._before = np.zeros((3, num_envs))
        self._reached = np.zeros(num_envs, np.bool_)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every world, or in those of `options["reset_mask"]`."""
        seeds = valid_seeds(self.settings, seed, self.num_envs)
        chosen = (options or {}).get("reset_mask", np.ones(self.num_envs, np.bool_))
        for world in np.flatnonzero(chosen):
            if seeds[world] is not None:
                self._generators[world], _ = seeding.np_random(seeds[world])
            self._model.begin(int(world), self._generators[world], self._network)
        self._step[chosen], self._accelerated[chosen], self._reached[chosen] = 0, 0.0, False
        distance = self._distance()
        self._before[chosen] = distance[chosen]
        self._at_start[chosen] = np.maximum(distance[chosen], SHORTEST_START)
        return self._observation(), self._info()

    def step(
        self, actions: Any
    ) -> tuple[Any, Float64[np.ndarray, " world"], Mask, Mask, dict[str, Any]]:
        """Drive on for one policy step."""
        actions = valid_actions(self.settings, actions, self.num_envs)
        named = dict(zip(self.settings.controls, actions.T, strict=True))
        acceleration, steering = (
            _scaled(named[name], self.settings.control_ranges[name])
            for name in ("acceleration", "steering")
        )
        for _ in range(self.settings.substeps):
            self._accelerated = self._model.drive(
                acceleration, steering, 1 / self.settings.simulated_per_second
            )
        self._step += 1
        distance = self._distance()
        success = -np.sqrt(distance) > -self._near_enough
        terminated = self._model.crashed | success
        reward = self._reward(actions, distance, success, terminated)
        self._before, self._reached = distance, success
        info = self._info() | {"is_success": success.copy(), "action": actions.copy()}
        return self._observation(), reward, terminated, self._step >= self.settings.last_step, info

    def render(self) -> None:
        """Draw nothing: single environments have pictures."""

    def compute_reward(
        self, achieved: Any, desired: Any, info: Any = None
    ) -> Float64[np.ndarray, "*goal"]:
        """The reward of achieved goals where others were desired, crashes aside.

        Args:
            achieved: As `KinematicsGoal` shows them, `[feature]` with any axes in front.
            desired: As many.
            info: Not looked at.

        Raises:
            AttributeError: If no goals are observed.
            ValueError: If a reward was chosen that does not hang on goals alone.
        """
        if not isinstance(self._observed, KinematicsGoal):
            raise AttributeError(
                "parking: compute_reward: expected an observation with goals, such as "
                f"b2m_envs.KinematicsGoal(), came {type(self._observed).__name__}"
            )
        if self._named:
            raise ValueError(
                "parking: compute_reward: expected reward='highway_env' or its weights, of which "
                f"the reward of a goal is made, came reward={self.settings.reward!r}"
            )
        here, there = (
            self._observed.rescaled(each, POSE, SCALES.tolist()) for each in (achieved, desired)
        )
        reward: np.ndarray = -np.sqrt(np.abs(here - there) @ self._weights)
        return reward

    def action_masks(self) -> Bool[np.ndarray, "world action"]:
        """Refuse: controls have no mask.

        Raises:
            ValueError: always.
        """
        require_masks(self.settings)
        raise AssertionError("parking has no meta-actions")

    def _reward(
        self, actions: np.ndarray, distance: np.ndarray, success: Mask, terminated: Mask
    ) -> Float64[np.ndarray, " world"]:
        model = self._model
        terms = {"goal_reward": -np.sqrt(distance), "collision_reward": model.crashed * 1.0}
        if not self._named:
            plain: np.ndarray = terms["goal_reward"] + self._crash * terms["collision_reward"]
            return plain
        unknown = np.full(self.num_envs, np.nan)
        driven = DrivenStep(
            settings=self.settings,
            terms=terms,
            state=self._state(),
            action=actions,
            crashed=model.crashed.copy(),
            on_road=np.ones(self.num_envs, np.bool_),
            terminated=terminated,
            step=self._step.copy(),
            progress=unknown,
            success=success,
            success_before=self._reached,
            goal_distance=distance,
            goal_distance_before=self._before,
            goal_distance_at_start=self._at_start,
        )
        return earned(REWARDS[str(self.settings.reward)].function, driven)

    def _distance(self) -> Float64[np.ndarray, " world"]:
        """Weighted distance between poses, as `b2m_envs.highway_env.tasks.Parking` has it."""
        achieved, desired = self._poses()
        apart = np.abs(np.stack(achieved, -1) / SCALES - np.stack(desired, -1) / SCALES)
        weighted: np.ndarray = apart @ self._weights
        return weighted

    def _poses(self) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """`POSE` of every vehicle, and of its spot."""
        model, (x, y, heading) = self._model, self._model.goal.T
        here = (np.cos(model.heading), np.sin(model.heading))
        rest = np.zeros_like(x)
        achieved = (model.x, model.y, model.speed * here[0], model.speed * here[1], *here)
        return achieved, (x, y, rest, rest, np.cos(heading), np.sin(heading))

    def _state(self) -> Float32[np.ndarray, "world variable"]:
        """As `b2m_envs.scenes.parking_state.parking_state`."""
        model, (x, y, heading) = self._model, self._model.goal.T
        turned = model.heading - heading
        values = {
            "lateral_offset": (model.y - y) * np.cos(heading) - (model.x - x) * np.sin(heading),
            "heading": (turned + np.pi) % (2 * np.pi) - np.pi,
            "speed": model.speed,
            "acceleration": self._accelerated,
            "hazard": model.crashed,
        }
        state = np.full((self.num_envs, len(STATE_VARIABLES)), np.nan, np.float32)
        for name, column in values.items():
            state[:, STATE_INDEX[name]] = column
        return state

    def _observation(self) -> Any:
        if isinstance(self._observed, KinematicsGoal):
            achieved, desired = (dict(zip(POSE, each, strict=True)) for each in self._poses())
            return self._observed.of_poses(achieved, desired)
        model = self._model
        x, y = model.goal[:, 0] - model.x, model.goal[:, 1] - model.y
        ahead, right = np.cos(model.heading), np.sin(model.heading)
        place = np.stack([x * ahead + y * right, y * ahead - x * right], -1).astype(np.float32)
        return self._observed.of_state(self.settings, self._state(), place)

    def _info(self) -> dict[str, Any]:
        return {
            "state": self._state(),
            "speed": self._model.speed.copy(),
            "crashed": self._model.crashed.copy(),
            "time": self._step / self.settings.steps_per_second,
            "engine": np.full(self.num_envs, HIGHWAY_ENV_ENGINE, dtype=object),
        }


def _scaled(control: np.ndarray, ends: Sequence[float | int]) -> Float64[np.ndarray, " world"]:
    """A control from -1 to 1 between the ends of its range, in float32 as highway-env has it."""
    low, high = ends
    scaled: np.ndarray = low + (control - -1) * (high - low) / (1 - -1)
    return scaled.astype(np.float64)
