"""How episodes begin: the draws that highway-env makes, from the same random numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple, no_type_check

import numpy as np
from highway_env.road.road import RoadNetwork

from b2m_envs.compiled import allocating_kernel, kernel
from b2m_envs.engine.driving_model import LENGTH
from b2m_envs.engine.lanes import LaneIndex, LaneTable, heading_at, position
from b2m_envs.engine.layout import DRIVER, META, NOBODY, ROUTE_LENGTH, STEERED
from b2m_envs.engine.neighbour_search import find_place
from b2m_envs.engine.traffic import nearest_level

WIDTH: Final = 2.0  # [m] of a vehicle
EXPONENT: Final = 4.0  # IDM's delta
EXPONENTS: Final = (3.5, 4.5)  # from which it is drawn
EGO_SPEED: Final = 25.0  # [m/s] on highways

SPAWN: Final = np.dtype(
    [
        ("along", "f8"),  # [m] in its lane
        ("along_spread", "f8"),  # [m] nothing is drawn for 0
        ("speed", "f8"),  # [m/s]
        ("speed_spread", "f8"),
        ("target_speed", "f8"),  # [m/s] that of its start if NaN
        ("lane", "i4"),
        ("target_lane", "i4"),  # NOBODY: the one it is in
        ("n_lanes", "i4"),  # lanes to draw from, beginning with `lane`
        ("first_goal", "i4"),  # destinations to draw from
        ("n_goals", "i4"),
        ("normal", "?"),  # spreads are standard deviations; else half ranges
        ("varies", "?"),  # draws its exponent
        ("changes_lane", "?"),
    ],
    align=True,
)


class Plans(NamedTuple):
    """The shortest ways through a network."""

    roads: np.ndarray  # int32 [goal node step] from the node to the goal
    lengths: np.ndarray  # int32 [goal node]


@dataclass(frozen=True)
class Spawn:
    """One vehicle of a scenario that always has the same ones, near the same places."""

    lane: LaneIndex
    along: float  # [m]
    speed: float  # [m/s]
    spread: tuple[float, float] = (0.0, 0.0)  # [m], [m/s]
    normal: bool = True
    n_lanes: int = 1
    goals: tuple[str, ...] = ()  # nodes, one of which is drawn
    varies: bool = False
    changes_lane: bool = True
    target_lane: LaneIndex | None = None
    target_speed: float = math.nan


def _ramp_traffic(along: float, speed: float) -> Spawn:
    return Spawn(("a", "b", 0), along, speed, (5.0, 1.0), normal=False, n_lanes=2)


def _overtaken(along: float) -> Spawn:
    return Spawn(("a", "b", 1), along, 24.0, (10.0, 2.0), changes_lane=False)


def _oncoming(along: float) -> Spawn:
    lane = ("b", "a", 0)
    return Spawn(lane, along, 20.0, (10.0, 5.0), changes_lane=False, target_lane=lane)


def _turning(lane: LaneIndex, along: float, speed: float, varies: bool = False) -> Spawn:
    return Spawn(lane, along, speed, (2.0, 2.0), goals=("d",), varies=varies)


def _circling(lane: LaneIndex, along: float) -> Spawn:
    return Spawn(lane, along, 16.0, (2.0, 2.0), goals=("exr", "sxr", "nxr"), varies=True)


SPAWNS: Mapping[str, Sequence[Spawn]] = {  # the ego vehicle first, in highway-env's order
    "merge": (
        Spawn(("a", "b", 1), 30.0, 30.0),
        _ramp_traffic(90.0, 29.0),
        _ramp_traffic(70.0, 31.0),
        _ramp_traffic(5.0, 31.5),
        Spawn(("j", "k", 0), 110.0, 20.0, target_speed=30.0),
    ),
    "two_way": (
        Spawn(("a", "b", 1), 30.0, 30.0),
        _overtaken(70.0),
        _overtaken(110.0),
        _overtaken(150.0),
        _oncoming(200.0),
        _oncoming(300.0),
    ),
    "u_turn": (
        Spawn(("a", "b", 0), 0.0, 16.0, goals=("d",)),
        _turning(("a", "b", 0), 25.0, 13.5, varies=True),
        _turning(("a", "b", 1), 56.0, 14.5),
        _turning(("b", "c", 1), 0.5, 4.5),
        _turning(("b", "c", 0), 17.5, 5.5),
        _turning(("c", "d", 0), 1.0, 3.5),
        _turning(("c", "d", 1), 30.0, 5.5),
    ),
    "roundabout": (
        Spawn(("ser", "ses", 0), 125.0, 8.0, goals=("nxs",)),
        _circling(("we", "sx", 1), 5.0),
        _circling(("we", "sx", 0), 20.0),
        _circling(("we", "sx", 0), -20.0),
        _circling(("eer", "ees", 0), 50.0),
    ),
}


def spawn_table(spawns: Sequence[Spawn], table: LaneTable, goals: Sequence[str]) -> np.ndarray:
    """The spawns as records of SPAWN."""
    records = np.zeros(len(spawns), SPAWN)
    for record, spawn in zip(records, spawns, strict=True):
        record["along"], record["speed"] = spawn.along, spawn.speed
        record["along_spread"], record["speed_spread"] = spawn.spread
        record["target_speed"] = spawn.target_speed
        record["lane"], record["n_lanes"] = table.number[spawn.lane], spawn.n_lanes
        target = spawn.target_lane
        record["target_lane"] = NOBODY if target is None else table.number[target]
        record["first_goal"] = goals.index(spawn.goals[0]) if spawn.goals else 0
        record["n_goals"] = len(spawn.goals)
        record["normal"], record["varies"] = spawn.normal, spawn.varies
        record["changes_lane"] = spawn.changes_lane
    return records


def plans_to(goals: Sequence[str], road_network: RoadNetwork, table: LaneTable) -> Plans:
    """highway-env's shortest ways from every node to some goals."""
    shape = (max(len(goals), 1), len(table.node_number))
    roads = np.full((*shape, ROUTE_LENGTH), NOBODY, np.int32)
    lengths = np.zeros(shape, np.int32)
    for index, goal in enumerate(goals):
        for node, number in table.node_number.items():
            try:
                way = road_network.shortest_path(node, goal)
            except KeyError:  # highway-env takes the same for "no way"
                way = []
            steps = [table.road_number[pair] for pair in pairwise(way)]
            roads[index, number, : len(steps)] = steps
            lengths[index, number] = len(steps)
    return Plans(roads, lengths)


@kernel
@no_type_check
def put(network, plans, vehicles, routes, search, row, kind, lane, along, speed, goal, levels):
    """Put a vehicle on a lane, as highway-env makes one; a driver's exponent is the usual one."""
    own = vehicles[row]
    own.x, own.y = position(network.lanes[lane], along, 0.0)
    own.heading, own.speed = heading_at(network.lanes[lane], along), speed
    own.steering = own.acceleration = 0.0
    own.crashed = own.hit = own.yields = False
    own.length, own.width = LENGTH, WIDTH
    own.diagonal = math.sqrt(LENGTH * LENGTH + WIDTH * WIDTH)
    own.checks_collisions = True
    own.kind = kind
    own.lane = own.target_lane = find_place(network.lanes, vehicles, row, search)
    own.route_start = own.route_end = 0
    own.target_speed, own.timer, own.exponent, own.speed_index = 0.0, 0.0, 0.0, 0
    own.changes_lane = False
    if kind == STEERED:
        return
    own.target_speed = speed
    if kind == META:
        own.speed_index = nearest_level(levels, speed)
        own.target_speed = levels[own.speed_index]
    else:
        own.timer = ((own.x + own.y) * np.pi) % 1.0
        own.exponent = EXPONENT
        own.changes_lane = True
    if goal != NOBODY:
        start = network.lanes[own.lane].road
        end = network.roads[start].end
        routes[row, 0, 0], routes[row, 0, 1] = start, network.lanes[own.lane].number
        for step in range(plans.lengths[goal, end]):
            routes[row, step + 1, 0] = plans.roads[goal, end, step]
            routes[row, step + 1, 1] = NOBODY
        own.route_end = plans.lengths[goal, end] + 1


@kernel
@no_type_check
def aim_at_level(own, levels):
    """Let a driver in the ego vehicle aim at the target speed nearest to its own."""
    nearest = 0
    for level in range(1, len(levels)):
        if abs(levels[level] - own.speed) < abs(levels[nearest] - own.speed):
            nearest = level
    own.target_speed = levels[nearest]


@allocating_kernel
@no_type_check
def drawn(generator, centre, spread, normal):
    """A number near another one; nothing is drawn if there is no spread."""
    if spread == 0:
        return centre
    if normal:
        return centre + generator.normal() * spread
    return centre + generator.uniform(-spread, spread)


@allocating_kernel
@no_type_check
def start_from_spawns(
    network, plans, spawns, levels, ego_kind, generator, vehicles, routes, search
):
    """Begin an episode of a scenario with a list of spawns; returns the number of vehicles."""
    for row in range(len(spawns)):
        spawn = spawns[row]
        kind = ego_kind if row == 0 else DRIVER
        lane, goal = spawn.lane, NOBODY
        if spawn.n_lanes > 1:
            lane += generator.integers(0, spawn.n_lanes)
        along = drawn(generator, spawn.along, spawn.along_spread, spawn.normal)
        speed = drawn(generator, spawn.speed, spawn.speed_spread, spawn.normal)
        if spawn.n_goals > 0:
            goal = spawn.first_goal
            if spawn.n_goals > 1:
                goal += generator.integers(0, spawn.n_goals)
        put(network, plans, vehicles, routes, search, row, kind, lane, along, speed, goal, levels)
        own = vehicles[row]
        if row == 0:
            if kind == DRIVER:
                aim_at_level(own, levels)
            continue
        own.changes_lane = spawn.changes_lane
        if not np.isnan(spawn.target_speed):
            own.target_speed = spawn.target_speed
        if spawn.target_lane != NOBODY:
            own.target_lane = spawn.target_lane
        if spawn.varies:
            own.exponent = generator.uniform(EXPONENTS[0], EXPONENTS[1])
    return len(spawns)


class HighwayStart(NamedTuple):
    """How a highway is filled."""

    n_others: int
    n_lanes: int
    ego_lane: int  # NOBODY: drawn
    ego_spacing: float  # 1: highway-env's usual distance
    spacing: float
    crowding: float  # share of it on a road of that many lanes
    exits: bool  # lanes to the right are likelier, and everybody goes straight on
    all_collide: bool  # whether vehicles check collisions among each other
    likelihood: np.ndarray  # float64 [lane] of this lane or one to its left, if `exits`


@allocating_kernel
@no_type_check
def next_place(network, vehicles, row, lane, offset, generator):
    """Coordinate [m] behind all vehicles so far, highway-env's "spacing" ahead of the last one."""
    if row == 0:
        farthest = 3 * offset
    else:
        farthest = -np.inf
        for other in range(row):
            dx = vehicles[other].x - network.lanes[lane].start_x
            dy = vehicles[other].y - network.lanes[lane].start_y
            along = dx * network.lanes[lane].direction_x + dy * network.lanes[lane].direction_y
            farthest = max(farthest, along)
    return farthest + offset * generator.uniform(0.9, 1.1)


@allocating_kernel
@no_type_check
def start_on_highway(network, plans, start, levels, ego_kind, generator, vehicles, routes, search):
    """Begin an episode on a highway; returns the number of vehicles."""
    for row in range(start.n_others + 1):
        lane, goal, kind = 0, NOBODY, ego_kind if row == 0 else DRIVER
        speed, spacing = EGO_SPEED, start.ego_spacing
        if start.exits and row > 0:
            draw = generator.random()
            while start.likelihood[lane] <= draw:
                lane += 1
            goal = 0
        elif row == 0 and start.ego_lane != NOBODY:
            lane = start.ego_lane
        elif not start.exits:
            lane = generator.integers(0, start.n_lanes)
        if row > 0:
            spacing = start.spacing
            speed = network.lanes[lane].speed_limit
            if not start.exits:
                speed = generator.uniform(0.7 * speed, 0.8 * speed)
        offset = spacing * (12 + 1.0 * speed) * start.crowding
        along = next_place(network, vehicles, row, lane, offset, generator)
        put(network, plans, vehicles, routes, search, row, kind, lane, along, speed, goal, levels)
        own = vehicles[row]
        if row == 0:
            if kind == DRIVER:
                aim_at_level(own, levels)
            continue
        own.checks_collisions = start.all_collide
        own.changes_lane = not start.exits
        if not start.exits:
            own.exponent = generator.uniform(EXPONENTS[0], EXPONENTS[1])
    return start.n_others + 1


def highway_start(scenario: str, config: Mapping[str, Any]) -> HighwayStart:
    """How highway-env fills a highway under a configuration."""
    n_lanes = int(config["lanes_count"])
    lanes = np.arange(n_lanes)
    drawn_lane = scenario == "exit" or config["initial_lane_id"] is None  # exit reads it not
    likelihood = (lanes / max(lanes.sum(), 1)).cumsum()
    return HighwayStart(
        n_others=int(config["vehicles_count"]),
        n_lanes=n_lanes,
        ego_lane=NOBODY if drawn_lane else int(config["initial_lane_id"]),
        ego_spacing=float(config["ego_spacing"]),
        spacing=1 / float(config["vehicles_density"]),
        crowding=float(np.exp(-5 / 40 * n_lanes)),
        exits=scenario == "exit",
        all_collide=scenario != "highway_fast",
        likelihood=likelihood / max(likelihood[-1], 1e-9),
    )
