"""The one place that builds highway-env's environments, and keeps their traps from our users.

What is changed, and why:

- Configuration keys are checked against highway-env's own; it accepts misspelt ones in silence.
- The observation is empty: its own (a pandas table) takes 3 ms a step and nobody reads it.
- Nothing is drawn with pygame, which returns black frames under ``SDL_VIDEODRIVER=dummy`` and,
  once asked, draws every simulation step.
- `reset` draws from the generator it is given and samples no action (highway-env samples one from
  a space without seed, for ``info``); no world is built before the first `reset`.
- Metadata belongs to the environment, not to the class that all environments share.
- It truncates no episode: the environment's own clock does, so that `duration` may be longer.
- Rewards are highway-env's, and are made to work for continuous actions (its merge and roundabout
  compare the action with a list) and for racetracks under meta-actions (its reward would take the
  number of the action for its size).
"""

from __future__ import annotations

import math
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from gymnasium import spaces
from highway_env.envs.common.abstract import AbstractEnv
from highway_env.envs.common.action import ContinuousAction, DiscreteAction, DiscreteMetaAction
from highway_env.envs.common.observation import ObservationType
from highway_env.envs.two_way_env import TwoWayEnv
from highway_env.vehicle.kinematics import Vehicle
from jaxtyping import Bool, Float32

from b2m_envs.highway_env.vehicles import ego_class, restate_driver
from b2m_envs.scenes.actions import control_table, nearest_action
from b2m_envs.scenes.chosen_reward import reward_weights
from b2m_envs.scenes.reward import USUAL
from b2m_envs.scenes.scenarios import ANY_ARM, Scenario
from b2m_envs.scenes.settings import SceneSettings

UNLISTED = {"on_road_reward"}  # a weight that highway-env reads, and lists in no configuration
Action = int | Float32[np.ndarray, " control"]


class EmptyObservation(ObservationType):  # type: ignore[misc]
    """What highway-env observes for us: nothing."""

    def space(self) -> spaces.Space[Any]:
        """The space of an observation."""
        return spaces.Box(0, 1, (0,))

    def observe(self) -> np.ndarray:
        """An array without elements."""
        return np.empty(0, dtype=np.float32)


class MetaActions(DiscreteMetaAction):  # type: ignore[misc]
    """highway-env's meta-actions, for the vehicle of our choice."""

    @property
    def vehicle_class(self) -> type[Vehicle]:
        """The ego vehicle's class."""
        kind: type[Vehicle] = self.env.ego_class
        return kind


class Controls(ContinuousAction):  # type: ignore[misc]
    """highway-env's acceleration and steering, for the vehicle of our choice."""

    @property
    def vehicle_class(self) -> type[Vehicle]:
        """The ego vehicle's class."""
        kind: type[Vehicle] = self.env.ego_class
        return kind


class DiscreteControls(DiscreteAction):  # type: ignore[misc]
    """highway-env's controls to choose from, for the vehicle of our choice."""

    @property
    def vehicle_class(self) -> type[Vehicle]:
        """The ego vehicle's class."""
        kind: type[Vehicle] = self.env.ego_class
        return kind


class TwoWay(TwoWayEnv):  # type: ignore[misc]
    """highway-env's two-way road, whose reward divides by zero for a vehicle that has turned."""

    def _rewards(self, action: Any) -> dict[str, float]:
        if len(self.road.network.all_side_lanes(self.vehicle.lane_index)) > 1:
            rewards: dict[str, float] = super()._rewards(action)
            return rewards
        share = self.vehicle.speed_index / (self.vehicle.target_speeds.size - 1)
        return {"high_speed_reward": share, "left_lane_reward": 0.0}


class World:
    """Mixed into a highway-env environment by `build_world`; see the module's docstring."""

    settings: SceneSettings
    config: dict[str, Any]
    road: Any
    vehicle: Vehicle
    steps: int
    last_action: Action  # what the ego vehicle did in the last step, as an action
    progress: float  # [m] that it drove along the nearest lane in the last step

    def __init__(self, settings: SceneSettings, config: dict[str, Any]) -> None:
        self.settings = settings
        super().__init__(config=config)  # type: ignore[call-arg]

    def __reduce__(self) -> tuple[Any, ...]:
        return _blank_world, (self.settings.of.highway_env,), vars(self)

    @property
    def ego_class(self) -> type[Vehicle]:
        """The ego vehicle's class."""
        return ego_class(self.settings)

    def configure(self, config: dict[str, Any]) -> None:
        """Take the configuration."""
        self.config.update(config)

    def update_metadata(self, video_real_time_ratio: float = 2) -> None:
        """Leave the metadata that all environments share alone."""

    def define_spaces(self) -> None:
        """Set the action type, and the empty observation."""
        self.observation_type = EmptyObservation(self)
        self.action_type: Any = action_type(self, self.settings)
        self.observation_space = self.observation_type.space()
        self.action_space = self.action_type.space()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        """Do nothing: highway-env's constructor calls this. `begin` begins an episode."""
        return np.empty(0, dtype=np.float32), {}

    def begin(self, np_random: np.random.Generator) -> None:
        """Build road and vehicles with this generator."""
        self.np_random = np_random
        self.define_spaces()
        self.time = self.steps = 0
        self._reset()  # type: ignore[attr-defined]
        self.road.neighbour_vehicles_connected_lanes = self.settings.connects_lanes
        for vehicle in self.road.vehicles:
            restate_driver(vehicle)

    def action_mask(self) -> Bool[np.ndarray, " action"]:
        """Whether each meta-action is possible."""
        mask = np.zeros(self.action_space.n, np.bool_)
        mask[self.action_type.get_available_actions()] = True
        return mask

    def _info(self, obs: Any, action: Any = None) -> dict[str, Any]:
        return {}

    def _is_truncated(self) -> bool:
        return False

    def _simulate(self, action: Action | None = None) -> None:
        """Repeat an action over a policy step; ``None`` lets the driver's model drive."""
        controls, turns, self.progress = np.zeros(2), 0, 0.0
        for substep in range(self.settings.substeps):
            if action is not None and substep == 0:
                self.action_type.act(action)
            lane_wanted = self.vehicle.target_lane_index
            self.road.act()
            turns += lanes_to_the_right(lane_wanted, self.vehicle.target_lane_index)
            self.road.step(1 / self.settings.simulated_per_second)
            self.steps += 1
            self.progress += along_lane(self.vehicle) / self.settings.simulated_per_second
            controls += self.vehicle.action["acceleration"], self.vehicle.action["steering"]
        self.last_controls = controls / self.settings.substeps
        self.last_action = self._as_action(turns) if action is None else action

    def _as_action(self, turns: int) -> Action:
        """What the driver's model did, as the nearest action: see `DrivingSceneEnv`."""
        acceleration, steering = self.last_controls
        if self.settings.action == "continuous":
            done = {"acceleration": acceleration, "steering": steering}
            controls = np.array([done[each] for each in self.settings.controls], np.float64)
            action: Float32[np.ndarray, " control"] = nearest_action(self.settings, controls)
            return action
        number: dict[str, int] = self.action_type.actions_indexes
        if turns and self.settings.steers:
            return number["LANE_RIGHT" if turns > 0 else "LANE_LEFT"]
        if not self.settings.accelerates or abs(acceleration) <= half_a_speed_level(self.settings):
            return number["IDLE"]
        return number["FASTER" if acceleration > 0 else "SLOWER"]

    def _rewards(self, action: Any) -> dict[str, float]:
        rewards = super()._rewards(self._action_for_reward())  # type: ignore[misc]
        return {name: float(value) for name, value in rewards.items()}

    def _action_for_reward(self) -> Any:
        """The action as highway-env's rewards take it: meta-actions by number, else its size."""
        continuous = self.settings.action == "continuous"
        if not self.settings.of.penalises_action:
            return None if continuous else self.last_action
        if continuous:
            return self.last_action
        if self.settings.action == "discrete_controls":
            return control_table(len(self.settings.controls), self.settings.n_per_axis)[
                self.last_action
            ]
        return self.last_controls[1:] / ContinuousAction.STEERING_RANGE[1]


def build_world(settings: SceneSettings) -> Any:
    """A highway-env environment of the scenario that is a `World` too.

    Raises:
        KeyError: for a configuration key that highway-env does not have (a fault of ours: users
            give `SceneSettings`).
    """
    base = world_class(settings.of.highway_env)
    config = world_config(settings)
    known = base.default_config()
    unknown = sorted(set(config) - set(known) - UNLISTED)
    if unknown:
        raise KeyError(f"{settings.of.id}: highway-env does not know {', '.join(unknown)}")
    return _scene_world(settings.of.highway_env)(settings, config)


@cache
def _scene_world(path: str) -> type[Any]:
    """One of highway-env's environments that is a `World` too."""
    return type("SceneWorld", (World, world_class(path)), {})


def _blank_world(path: str) -> Any:
    """A world without anything, to be filled by `copy` or `pickle`, which find no `SceneWorld`."""
    kind = _scene_world(path)
    return object.__new__(kind)


@cache
def world_class(path: str) -> type[AbstractEnv]:
    """The class at a path."""
    module, name = path.rsplit(".", 1)
    found: type[AbstractEnv] = getattr(import_module(module), name)
    return found


def world_config(settings: SceneSettings) -> dict[str, Any]:
    """highway-env's configuration of the scenario under these settings."""
    scenario: Scenario = settings.of
    config: dict[str, Any] = {
        "policy_frequency": settings.steps_per_second,
        "simulation_frequency": int(settings.simulated_per_second),
        "other_vehicles_type": scenario.traffic,
        "neighbour_vehicles_connected_lanes": settings.connects_lanes,
    }
    for name, key in scenario.options.items():
        value = getattr(settings, name)
        if value is None:
            continue
        if isinstance(key, str):
            config[key] = None if value == ANY_ARM else value
        else:
            config |= zip(key, value, strict=True)
    given = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in reward_weights(settings).items()
        if value != USUAL[settings.scenario][name]
    }
    return config | given


def action_type(world: Any, settings: SceneSettings) -> Any:
    """highway-env's type of these actions."""
    if settings.action == "discrete":
        return MetaActions(
            world,
            longitudinal=settings.accelerates,
            lateral=settings.steers,
            target_speeds=settings.aimed_speeds,
        )
    controls = {
        "longitudinal": "acceleration" in settings.controls,
        "lateral": "steering" in settings.controls,
        "acceleration_range": settings.control_ranges["acceleration"],
        "steering_range": settings.control_ranges["steering"],
    }
    if settings.action == "discrete_controls":
        return DiscreteControls(world, actions_per_axis=settings.n_per_axis, **controls)
    return Controls(world, **controls)


def along_lane(vehicle: Vehicle) -> float:
    """Speed [m/s] along the lane that a vehicle is in."""
    along, _ = vehicle.lane.local_coordinates(vehicle.position)
    return float(vehicle.speed * math.cos(vehicle.heading - vehicle.lane.heading_at(along)))


def half_a_speed_level(settings: SceneSettings) -> float:
    """Mean acceleration [m/s2] over a step, above which FASTER is nearer than IDLE.

    A vehicle under FASTER closes the distance to the next target speed with a time constant of
    `TAU_ACC`; the threshold is half of what it gains in a step.
    """
    slower, faster = settings.aimed_speeds[:2]
    step = 1 / settings.steps_per_second
    time_constant = 0.6  # [s] highway-env's ControlledVehicle.TAU_ACC
    return (faster - slower) * (1 - math.exp(-step / time_constant)) / step / 2


def lanes_to_the_right(before: Any, after: Any) -> int:
    """Lanes between two lanes of one road; 0 if the road is another one (the vehicle goes on)."""
    return int(after[2] - before[2]) if before[:2] == after[:2] else 0
