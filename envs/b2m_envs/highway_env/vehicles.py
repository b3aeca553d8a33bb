"""The vehicles of a scene: the ego vehicle in its three kinds, and the traffic.

They behave as highway-env's; they are classes of our own because highway-env's intersection
rewrites constants of the shared `IDMVehicle` class, and so changes every other environment of
the process. Here each constant is restated where nobody else writes it.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
from highway_env.vehicle.behavior import IDMVehicle
from highway_env.vehicle.controller import MDPVehicle
from highway_env.vehicle.dynamics import BicycleVehicle
from highway_env.vehicle.kinematics import Vehicle

from b2m_envs.scenes.settings import SceneSettings


class TrafficDriver(IDMVehicle):  # type: ignore[misc]
    """highway-env's driver: Intelligent Driver Model, lane changes by MOBIL."""

    COMFORT_ACC_MAX = 3.0  # [m/s2]
    COMFORT_ACC_MIN = -5.0  # [m/s2]
    DISTANCE_WANTED = 10.0  # [m] between centres


class IntersectionDriver(IDMVehicle):  # type: ignore[misc]
    """The same driver with what highway-env's intersection writes into the class."""

    COMFORT_ACC_MAX = 6
    COMFORT_ACC_MIN = -3
    DISTANCE_WANTED = 7


class SpeedLevels:
    """What highway-env's rewards ask of a vehicle that does not choose between target speeds."""

    target_speeds: np.ndarray  # [m/s]
    speed: float

    @property
    def speed_index(self) -> int:
        """Index of the target speed nearest to the vehicle's speed."""
        return int(np.abs(self.target_speeds - self.speed).argmin())


class SteeredVehicle(SpeedLevels, Vehicle):  # type: ignore[misc]
    """The ego vehicle under continuous actions."""

    @property
    def target_lane_index(self) -> Any:
        """The lane it is in: nobody knows where it wants to go."""
        return self.lane_index

    def predict_trajectory_constant_speed(self, times: np.ndarray) -> tuple[list[Any], list[Any]]:
        """Positions and headings if steering stays as it is.

        highway-env's own copies the whole road for this, once for every other vehicle.
        """
        ghost = copy.copy(self)
        ghost.road = None
        ghost.position = self.position.copy()
        ghost.action = {"acceleration": 0.0, "steering": self.action["steering"]}
        positions, headings = [], []
        for duration in np.diff(np.concatenate(([0.0], times))):
            ghost.step(duration)
            positions.append(ghost.position.copy())
            headings.append(ghost.heading)
        return positions, headings


class SlippingVehicle(SteeredVehicle, BicycleVehicle):  # type: ignore[misc]
    """The ego vehicle that keeps its lane, on highway-env's bicycle model with slipping tyres."""


class ParkingVehicle(SteeredVehicle):
    """The ego vehicle in a car park, whose long walls are near by highway-env's quick check."""

    def _is_colliding(self, other: Any, dt: float) -> Any:
        """highway-env's answer, without its polygons where one of the other's axes lies between."""
        apart, (ahead_x, ahead_y) = self.position - other.position, other.direction
        along = abs(apart[0] * ahead_x + apart[1] * ahead_y) - other.LENGTH / 2
        across = abs(apart[1] * ahead_x - apart[0] * ahead_y) - other.WIDTH / 2
        reach = self.diagonal / 2 + (abs(self.speed) + abs(other.speed)) * dt
        if max(along, across) > reach:
            return False, False, None
        return super()._is_colliding(other, dt)


class DrivenByModel(SpeedLevels):
    """The ego vehicle under highway-env's driver, which aims at the nearest target speed."""

    target_speed: float  # [m/s]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        speeds = self.target_speeds
        self.target_speed = float(speeds[np.abs(speeds - self.target_speed).argmin()])


class MadeForScene:
    """An ego vehicle whose class was made for a scene: it is copied and pickled by what for."""

    made_for: tuple[str, bool, str, tuple[float | int, ...]]  # arguments of `_ego_class`

    def __reduce__(self) -> tuple[Any, ...]:
        return _blank_ego, self.made_for, vars(self)


_STEERED = {"lane_keeping": SlippingVehicle, "parking": ParkingVehicle}


def ego_class(settings: SceneSettings) -> type[Vehicle]:
    """The ego vehicle's class: a class and not a partial, as highway-env's racetracks need."""
    steered = settings.action != "discrete"
    return _ego_class(settings.scenario, steered, settings.driver, settings.aimed_speeds)


@cache
def _ego_class(
    scenario: str, steered: bool, driver: str, target_speeds: tuple[float | int, ...]
) -> type[Vehicle]:
    members: dict[str, Any] = {"made_for": (scenario, steered, driver, target_speeds)}
    speeds = np.array(target_speeds, np.float64)
    if driver == "highway_env":
        model = IntersectionDriver if scenario == "intersection" else TrafficDriver
        members["target_speeds"] = speeds
        return type("ModelEgo", (MadeForScene, DrivenByModel, model), members)
    if steered:
        kind = _STEERED.get(scenario, SteeredVehicle)
        members["target_speeds"] = speeds
        return type("SteeredEgo", (MadeForScene, kind), members)
    members["DEFAULT_TARGET_SPEEDS"] = speeds
    return type("MetaEgo", (MadeForScene, MDPVehicle), members)


def _blank_ego(*made_for: Any) -> Vehicle:
    """An ego vehicle without anything, to be filled by `copy` or `pickle`."""
    kind = _ego_class(*made_for)
    return object.__new__(kind)


def restate_driver(vehicle: Vehicle) -> None:
    """Make a `TrafficDriver` of a driver that highway-env made as the shared class itself."""
    if type(vehicle) is IDMVehicle:
        vehicle.__class__ = TrafficDriver
