"""What only the intersection has: vehicles that come and go.

Source: highway-env 1.12, `IntersectionEnv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, no_type_check

import numpy as np
from highway_env.road.regulation import RegulatedRoad

from b2m_envs.compiled import allocating_kernel, kernel
from b2m_envs.engine.initial_traffic import EXPONENTS, aim_at_level, plans_to, put
from b2m_envs.engine.lanes import LaneTable, local
from b2m_envs.engine.layout import DRIVER, NOBODY

ARMS: Final = 4  # roads that meet
LAST_SPAWN: Final = 80.0  # [m] along an arm, at the start
WARM_UP: Final = 3  # [s] of traffic before the ego vehicle comes
CHALLENGER: Final = 60.0  # [m] along its arm: the vehicle that surely crosses
EGO_ALONG, EGO_SPREAD = 60.0, 5.0  # [m]
CLEAR: Final = 20.0  # [m] about the ego vehicle, at the start
SPAWN_DISTANCE: Final = 15.0  # [m] that a new vehicle keeps
SPAWN_SPEED: Final = 8.0  # [m/s]
SPAWN_PROBABILITY: Final = 0.6  # of those at the start
LEAVING: Final = 20.0  # [m] before its end, a vehicle leaves the road


class Arms(NamedTuple):
    """The lanes of an intersection, and how it fills."""

    incoming: np.ndarray  # int64 [arm] lanes
    leaves: np.ndarray  # bool [lane] leads away from the intersection
    along: np.ndarray  # float64 [attempt] [m] where vehicles are tried to be put at the start
    probability: float  # of one more vehicle after a step
    goal: int  # arm that the ego vehicle is to leave by; NOBODY: drawn


def arms_of(table: LaneTable, config: Mapping[str, Any]) -> Arms:
    """Find the lanes by highway-env's names: o (outer), ir and il (inner right, left)."""
    n_others, goal = int(config["initial_vehicle_count"]), config["destination"]
    return Arms(
        incoming=np.array([table.number[f"o{arm}", f"ir{arm}", 0] for arm in range(ARMS)]),
        leaves=np.array(["il" in start and "o" in end for start, end, _ in table.names]),
        along=np.linspace(0, LAST_SPAWN, n_others)[: max(n_others - 1, 0)],
        probability=float(config["spawn_probability"]),
        goal=NOBODY if goal is None else int(goal.removeprefix("o")),
    )


@allocating_kernel
@no_type_check
def draw_route(generator):
    """Two different arms, as NumPy's `choice` without replacement draws them."""
    first = generator.integers(0, ARMS - 1)
    second = generator.integers(0, ARMS)
    if second == first:
        second = ARMS - 1
    if generator.integers(0, 2) == 0:
        first, second = second, first
    return first, second


@kernel
@no_type_check
def remove(vehicles, routes, row, count):
    """Take a vehicle off the road; those behind it in the order move up."""
    for later in range(row, count - 1):
        vehicles[later] = vehicles[later + 1]
        for step in range(routes.shape[1]):
            routes[later, step, 0] = routes[later + 1, step, 0]
            routes[later, step, 1] = routes[later + 1, step, 1]


@kernel
@no_type_check
def distance(one, other):
    """Between the centres of two vehicles [m]."""
    dx, dy = one.x - other.x, one.y - other.y
    return math.sqrt(dx * dx + dy * dy)


@allocating_kernel
@no_type_check
def spawn(
    network, plans, arms, levels, generator, vehicles, routes, search, count, along, spreads,
    probability, straight,
):  # fmt: skip
    """Perhaps put a vehicle on one of the arms; returns the number of vehicles then.

    `along` says where [m], `spreads` by how much place [m] and speed [m/s] vary, `straight` whether
    it goes straight on.
    """
    if generator.uniform(0.0, 1.0) > probability:
        return count
    start, end = draw_route(generator)
    if straight:
        end = (start + ARMS // 2) % ARMS
    along = along + 5.0 + generator.normal() * spreads[0]
    speed = SPAWN_SPEED + generator.normal() * spreads[1]
    lane = arms.incoming[start]
    put(network, plans, vehicles, routes, search, count, DRIVER, lane, along, speed, end, levels)
    for row in range(count):
        if distance(vehicles[row], vehicles[count]) < SPAWN_DISTANCE:
            return count
    vehicles[count].exponent = generator.uniform(EXPONENTS[0], EXPONENTS[1])
    return count + 1


@allocating_kernel
@no_type_check
def fill(network, plans, arms, levels, generator, vehicles, routes, search):
    """Put the first vehicles on the arms; returns their number."""
    count = 0
    for attempt in range(len(arms.along)):
        count = spawn(
            network, plans, arms, levels, generator, vehicles, routes, search, count,
            arms.along[attempt], (1.0, 1.0), SPAWN_PROBABILITY, False,
        )  # fmt: skip
    return count


@allocating_kernel
@no_type_check
def arrive(network, plans, arms, levels, ego_kind, generator, vehicles, routes, search, count):
    """Put the vehicle that surely crosses, and the ego vehicle.

    Returns the number of vehicles and the row of the ego vehicle.
    """
    count = spawn(
        network, plans, arms, levels, generator, vehicles, routes, search, count,
        CHALLENGER, (0.1, 0.0), 1.0, True,
    )  # fmt: skip
    lane, goal = arms.incoming[0], arms.goal
    if goal == NOBODY:
        goal = generator.integers(1, ARMS)
    along = EGO_ALONG + EGO_SPREAD * generator.normal(1.0, 1.0)
    speed = network.lanes[lane].speed_limit
    put(network, plans, vehicles, routes, search, count, ego_kind, lane, along, speed, goal, levels)
    ego = count
    count += 1
    if ego_kind == DRIVER:
        aim_at_level(vehicles[ego], levels)
    row = 0
    while row < count:
        if row != ego and distance(vehicles[row], vehicles[ego]) < CLEAR:
            remove(vehicles, routes, row, count)
            count -= 1
            if row < ego:
                ego -= 1
        else:
            row += 1
    return count, ego


@allocating_kernel
@no_type_check
def renew(network, plans, arms, levels, generator, vehicles, routes, search, count, ego):
    """Take off those who leave, and perhaps put one more; returns as `arrive`."""
    row = 0
    while row < count:
        own = vehicles[row]
        lane = network.lanes[own.lane]
        along, _ = local(lane, own.x, own.y)
        if row != ego and arms.leaves[own.lane] and along >= lane.length - LEAVING:
            remove(vehicles, routes, row, count)
            count -= 1
            if row < ego:
                ego -= 1
        else:
            row += 1
    count = spawn(
        network, plans, arms, levels, generator, vehicles, routes, search, count,
        0.0, (1.0, 1.0), arms.probability, False,
    )  # fmt: skip
    return count, ego


class Crossing:
    """The traffic of an intersection, which fills before an episode begins, comes and goes.

    An episode begins with `fill`, `warm_up` simulation steps without the ego vehicle, and
    `arrive`; after every policy step comes `renew`.

    Args:
        source: highway-env's environment of it, which has begun an episode.
        table: Of its road network.
        levels: float64 `[level]` target speeds of the ego vehicle [m/s].
        ego_kind: META, STEERED or DRIVER.
        frequency: Simulation steps per second [Hz].
    """

    def __init__(
        self, source: Any, table: LaneTable, levels: np.ndarray, ego_kind: int, frequency: int
    ) -> None:
        goals = [f"o{arm}" for arm in range(ARMS)]
        plans = plans_to(goals, source.road.network, table)
        arms = arms_of(table, source.config)
        self._common = (table.network, plans, arms, levels)
        self._ego_kind = ego_kind
        self.kernels = (fill, arrive, renew)
        step = 1 / frequency  # [s] highway-env's rounding, which is not that of frequency / 2
        self.period = int(1 / step / RegulatedRoad.REGULATION_FREQUENCY)
        self.warm_up = WARM_UP * frequency

    def fill(self, generator: np.random.Generator, *rows: Any) -> int:
        """Put the first vehicles on the arms; returns their number.

        Args:
            generator: Of the world.
            rows: VEHICLE `[row]` and int32 `[row step 2]`, written, and NeighbourSearch, room to
                work in.
        """
        count: int = fill(*self._common, generator, *rows)
        return count

    def arrive(self, generator: np.random.Generator, *rows: Any) -> tuple[int, int]:
        """Put the ego vehicle on the road; returns the number of vehicles and the ego's row.

        Args:
            generator: Of the world.
            rows: As for `fill`, and the number of vehicles.
        """
        count, ego = arrive(*self._common, self._ego_kind, generator, *rows)
        return count, ego

    def renew(self, generator: np.random.Generator, *rows: Any) -> tuple[int, int]:
        """Some leave and one may come; returns as `arrive`.

        Args:
            generator: Of the world.
            rows: As for `arrive`, and the row of the ego vehicle.
        """
        count, ego = renew(*self._common, generator, *rows)
        return count, ego
