"""Settings of the driving environments in which something happens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from b2m_envs.driving_events.schedules import LanePerturbations, LeadBrakings, nearest_steps
from b2m_envs.engine.motion import FASTEST
from b2m_envs.scenes.scenarios import Scenario
from b2m_envs.scenes.settings import HIGHWAY_ENV_ENGINE, SceneSettings, is_number

SLOWEST = 5.0  # [m/s] at which a kinematic bicycle still answers the wheel at once
FASTEST_DRIFT = 5.0  # [m/s]
LARGEST_STEERING = math.radians(5)  # of the front wheels

EVENT_SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "lane_departure": Scenario(
            title="LaneDeparture",
            ending="-v0",
            highway_env="",  # it has no such world
            duration=60.0,
            target_speeds=(),
            policy_frequency=10.0,
            simulation_frequency=50,
            options={"lanes_count": ""},
            lanes=(1, 8),
            controls=("steering",),
            largest_steering=LARGEST_STEERING,
        ),
        "emergency_braking": Scenario(
            title="EmergencyBraking",
            ending="-v0",
            highway_env="",
            duration=60.0,
            target_speeds=(),
            policy_frequency=10.0,
            simulation_frequency=50,
            options={"lanes_count": ""},
            lanes=(1, 8),
            controls=("pedals",),
        ),
    }
)


@dataclass(frozen=True)
class EventSettings(SceneSettings):
    """What both environments have beside the settings of any scene.

    Raises:
        ValueError: naming the setting, what was expected and what came.
    """

    scenarios: ClassVar[Mapping[str, Scenario]] = EVENT_SCENARIOS

    speed: float | int = 20.0  # [m/s] that the car drives with, or begins with
    interval: tuple[float | int, float | int] = (8.0, 14.0)  # [s] between two onsets that are drawn

    def __post_init__(self) -> None:
        super().__post_init__()
        expected = "none but 'b2m': highway-env has no such world"
        self._require(self.engine != HIGHWAY_ENV_ENGINE, "engine", expected)
        valid = is_number(self.speed) and SLOWEST <= self.speed <= FASTEST
        self._require(valid, "speed", f"{SLOWEST:g} to {FASTEST:g} m/s")
        pair = self.interval
        valid = isinstance(pair, tuple | list) and len(pair) == 2 and all(map(is_number, pair))
        valid = valid and 0 < pair[0] <= pair[1] and pair[0] * self.steps_per_second >= 1
        self._require(valid, "interval", "the shortest and the longest time [s], a step or more")

    @property
    def n_lanes(self) -> int:
        """Lanes of the road; the car drives in the rightmost one."""
        return 2 if self.lanes_count is None else self.lanes_count

    @property
    def seconds(self) -> float:
        """Until truncation."""
        return self.last_step / self.steps_per_second

    def _require_apart(self, name: str, given: LanePerturbations | LeadBrakings) -> None:
        steps = nearest_steps(given.onset, self.steps_per_second)
        expected = f"onsets in time steps of their own ({1 / self.steps_per_second:g} s)"
        self._require(len(set(steps)) == len(steps), name, expected)


@dataclass(frozen=True)
class LaneDepartureSettings(EventSettings):
    """Settings of `b2m_envs.driving_events.lane_departure.LaneDepartureEnv`."""

    drift: float | int = 0.6  # [m/s] sideways, while the car is pushed
    perturbations: LanePerturbations | None = None  # None: drawn

    def __post_init__(self) -> None:
        super().__post_init__()
        valid = is_number(self.drift) and 0 < self.drift <= FASTEST_DRIFT
        self._require(valid, "drift", f"above 0 and up to {FASTEST_DRIFT:g} m/s")
        given = self.perturbations
        valid = given is None or isinstance(given, LanePerturbations)
        self._require(valid, "perturbations", "LanePerturbations or None")
        if given is not None:
            self._require_apart("perturbations", given)


@dataclass(frozen=True)
class EmergencyBrakingSettings(EventSettings):
    """Settings of `b2m_envs.driving_events.emergency_braking.EmergencyBrakingEnv`."""

    speed: float | int = 27.0
    interval: tuple[float | int, float | int] = (15.0, 25.0)
    gap: float | int = 30.0  # [m] to the car ahead at the start, bumper to bumper
    brakings: LeadBrakings | None = None  # None: drawn

    def __post_init__(self) -> None:
        super().__post_init__()
        valid = is_number(self.gap) and 0 < self.gap <= self.perception
        self._require(valid, "gap", f"above 0 and up to `perception` ({self.perception:g} m)")
        given = self.brakings
        valid = given is None or isinstance(given, LeadBrakings)
        self._require(valid, "brakings", "LeadBrakings or None")
        if given is not None:
            self._require_apart("brakings", given)
