"""What highway-env makes of rounding errors: the only differences that exactness tests excuse.

A difference is excused if highway-env, replayed with errors in the last digit, differs from itself
as much, and if one of three causes was seen that make so much of a last digit:

- *swing*: a vehicle steers below `slowest_steady_speed`, where each simulation step multiplies its
  error sideways (by up to some hundreds);
- *lane tie*: two lanes are equally near to a vehicle, as where two arcs of the racetrack overlap;
- *contact*: two vehicles touch without overlapping, as wrecks do that were pushed apart.

No two programs agree there that do not round every sine alike; nor does highway-env on two
processors, since NumPy's tan, arcsin, arctan and dot products round by what a processor can do.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from highway_env.utils import are_polygons_intersecting
from highway_env.vehicle.controller import ControlledVehicle

from b2m_envs.driving.steady_steering import slowest_steady_speed
from b2m_envs.engine.worlds import Worlds
from tests.b2m_envs.engine.oracle import (
    TOLERANCE,
    StepResult,
    distance,
    drive,
    read_engine,
    read_oracle,
)

LAST_DIGIT = 4e-16  # of 1
N_REPLAYS = 12
AS_MUCH = 10  # times the largest difference of the replays
TIE = 1e-12  # [m + rad] between the distances of two lanes
TOUCH = 1e-12  # [m]


class Rounding:
    """What highway-env makes of rounding errors, from one of its states on."""

    def __init__(self, oracle: Any) -> None:
        self.begin = copy.deepcopy(oracle)
        self.actions: list[Any] = []

    def cause(self, state: np.ndarray, outcome: StepResult, worlds: Worlds, number: int) -> str:
        """What excuses the engine's differences from highway-env; "" if nothing does.

        Args:
            state: STATE `[thing]` of highway-env after the actions.
            outcome: Of its last step.
            worlds: Of the engine.
            number: Of the world that differs.
        """
        expected, came = values(state, outcome), engine_values(worlds, number)
        if not alike(expected, came):
            return ""
        replays: list[dict[str, np.ndarray]] = []
        for seed in range(N_REPLAYS):
            replay = Replay(self.begin, np.random.default_rng(seed))
            replayed = replay.run(self.actions)
            if alike(expected, replayed):
                replays.append(replayed)
                if replay.causes and within(expected, came, replays):
                    return replay.causes[0]
        return ""


class Replay:
    """highway-env with errors in the last digit after each simulation step."""

    def __init__(self, begin: Any, generator: np.random.Generator) -> None:
        self.oracle, self.generator = copy.deepcopy(begin), generator
        self.causes: list[str] = []
        road = self.oracle.road
        self._step = road.step
        road.step = self._disturbed_step
        road.network.get_closest_lane_index = self._lane

    def run(self, actions: list[Any]) -> dict[str, np.ndarray]:
        """The values after the actions."""
        self._disturb()
        for action in actions:
            outcome = drive(self.oracle, action)
        return values(read_oracle(self.oracle), outcome)

    def _disturbed_step(self, duration: float) -> None:
        frequency = self.oracle.settings.simulated_per_second
        if any(swings(vehicle, frequency) for vehicle in self.oracle.road.vehicles):
            self._note("swing")
        self._step(duration)
        if touch(self.oracle.road, duration):
            self._note("contact")
        self._disturb()

    def _lane(self, position: np.ndarray, heading: float) -> Any:
        """One of the nearest lanes, drawn if there are several."""
        nearest = nearest_lanes(self.oracle.road.network, position, heading)
        if len(nearest) > 1:
            self._note("lane tie")
        return nearest[self.generator.integers(len(nearest))]

    def _disturb(self) -> None:
        for vehicle in self.oracle.road.vehicles:
            factors = 1 + self.generator.choice([-LAST_DIGIT, LAST_DIGIT], 2)
            vehicle.position = vehicle.position * factors
            vehicle.heading += self.generator.choice([-LAST_DIGIT, LAST_DIGIT])

    def _note(self, cause: str) -> None:
        if cause not in self.causes:
            self.causes.append(cause)


def nearest_lanes(network: Any, position: np.ndarray, heading: float) -> list[Any]:
    """The lanes that are nearest to a vehicle, to `TIE`, in highway-env's order."""
    far = {
        index: lane.distance_with_heading(position, heading)
        for index, lane in network.lanes_dict().items()
    }
    shortest = min(far.values())
    return [index for index, value in far.items() if value <= shortest + TIE]


def swings(vehicle: Any, frequency: float) -> bool:
    """Whether a vehicle steers by the controller, and too slowly for it."""
    steers = isinstance(vehicle, ControlledVehicle) and not vehicle.crashed
    return steers and abs(vehicle.speed) < slowest_steady_speed(frequency)


def touch(road: Any, duration: float) -> bool:
    """Whether two things are so near to touching that `TOUCH` decides if they do."""
    things = [*road.vehicles, *road.objects]
    return any(
        np.linalg.norm(first.position - second.position) < (first.diagonal + second.diagonal) / 2
        and collision_hangs_on_a_digit(first, second, duration)
        for row, first in enumerate(road.vehicles)
        for second in things[row + 1 :]
    )


def collision_hangs_on_a_digit(first: Any, second: Any, duration: float) -> bool:
    """Whether a push of `TOUCH` changes if two things collide, or which way they are pushed."""
    own, other = first.polygon(), second.polygon()
    moves = first.velocity * duration, second.velocity * duration
    found = [
        are_polygons_intersecting(own, other + push, *moves)
        for push in TOUCH * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    ]
    answers = {(bool(now), bool(soon)) for now, soon, _ in found}
    if len(answers) > 1:
        return True
    ways = [way for _, _, way in found if way is not None]
    return bool(ways) and bool(np.ptp(np.array(ways), axis=0).max() > 1e3 * TOUCH)


def values(state: np.ndarray, outcome: StepResult) -> dict[str, np.ndarray]:
    """The variables of a state and the results of the step before it, by name."""
    results = {"reward": outcome.reward, "terminated": float(outcome.terminated)}
    results |= {f"term {name}": value for name, value in outcome.terms.items()}
    if outcome.success is not None:
        results["success"] = float(outcome.success)
    found = {name: state[name] for name in state.dtype.names or ()}
    found |= {name: np.array([value], np.float64) for name, value in results.items()}
    return found | {"did": np.atleast_1d(np.asarray(outcome.did, np.float64))}


def engine_values(worlds: Worlds, number: int) -> dict[str, np.ndarray]:
    """The same of a world of the engine."""
    terms = dict(zip(worlds.term_names, worlds.terms[number].tolist(), strict=True))
    success = bool(worlds.success[number]) if worlds.has_success else None
    ended = bool(worlds.terminated[number])
    reward = float(worlds.reward[number])
    outcome = StepResult(reward, ended, terms, worlds.did[number], success)
    return values(read_engine(worlds, number), outcome)


def alike(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    """Whether they have the same values of the same shapes."""
    return list(first) == list(second) and all(
        first[name].shape == second[name].shape for name in first
    )


def within(
    expected: dict[str, np.ndarray],
    came: dict[str, np.ndarray],
    replays: list[dict[str, np.ndarray]],
) -> bool:
    """Whether values differ by no more than highway-env does from itself.

    A number may be `AS_MUCH` times as far away; a name or a flag is one that was found.
    """
    for name, values in expected.items():
        found = np.stack([replay[name] for replay in replays])
        if values.dtype.kind == "f":
            error = distance(values, found).max(axis=0)
            right = distance(values, came[name]) <= np.maximum(TOLERANCE, AS_MUCH * error)
        else:
            right = (came[name] == values) | (came[name] == found).any(axis=0)
        if not right.all():
            return False
    return True
