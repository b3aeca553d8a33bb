"""Lanes as records, and coordinates along and across them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, no_type_check

import numpy as np
from highway_env.road.lane import AbstractLane, CircularLane, SineLane, StraightLane
from highway_env.road.road import RoadNetwork

from b2m_envs.compiled import kernel
from b2m_envs.engine.layout import CIRCULAR, LANE, NOBODY, ROAD, SINE, STRAIGHT

LaneIndex = tuple[str, str, int]  # as highway-env names a lane: from, to, number


class Network(NamedTuple):
    """What kernels read of a road network; lanes in highway-env's order."""

    lanes: np.ndarray  # LANE [lane]
    roads: np.ndarray  # ROAD [road]
    leaving: np.ndarray  # int32 [node branch] roads that begin at a node; NOBODY fills the rest
    joined: np.ndarray  # int32 [lane part] lanes on which a driver looks for others, its own first
    shift: np.ndarray  # float64 [lane part] [m] added to their coordinates


@dataclass(frozen=True, eq=False)
class LaneTable:
    """A road network for the engine, and highway-env's names of its lanes."""

    network: Network
    names: tuple[LaneIndex, ...]
    number: dict[LaneIndex, int]  # the reverse of `names`
    road_number: dict[tuple[str, str], int]
    node_number: dict[str, int]


def lane_table(road_network: RoadNetwork, connected: bool) -> LaneTable:
    """Read highway-env's road network.

    Args:
        road_network: With straight, sine and circular lanes.
        connected: Whether drivers look for others beyond the ends of their lane.

    Raises:
        ValueError: For a lane of another kind.
    """
    graph = road_network.graph
    names = tuple(
        (start, end, number)
        for start, roads in graph.items()
        for end, lanes in roads.items()
        for number in range(len(lanes))
    )
    number = {name: index for index, name in enumerate(names)}
    road_names = list(dict.fromkeys(name[:2] for name in names))
    road_number = {name: index for index, name in enumerate(road_names)}
    nodes = dict.fromkeys([name[0] for name in road_names] + [name[1] for name in road_names])
    node_number = {name: index for index, name in enumerate(nodes)}
    lanes = np.zeros(len(names), LANE)
    for index, name in enumerate(names):
        write_lane(lanes[index], road_network.get_lane(name))
        lanes[index]["road"], lanes[index]["number"] = road_number[name[:2]], name[2]
    roads = np.zeros(len(road_names), ROAD)
    for index, (start, end) in enumerate(road_names):
        first, count = number[start, end, 0], len(graph[start][end])
        roads[index] = (first, count, node_number[start], node_number[end])
    leaving = padded(
        [[road_number[node, end] for end in graph.get(node, {})] for node in node_number],
        NOBODY,
        np.int32,
    )
    parts = [connected_lanes(road_network, name) if connected else [(name, 0.0)] for name in names]
    joined = padded([[number[name] for name, _ in part] for part in parts], NOBODY, np.int32)
    shift = padded([[float(offset) for _, offset in part] for part in parts], 0.0, np.float64)
    network = Network(lanes, roads, leaving, joined, shift)
    return LaneTable(network, names, number, road_number, node_number)


def write_lane(record: Any, lane: AbstractLane) -> None:
    """Write one lane into its record."""
    record["length"], record["width"] = lane.length, lane.width
    record["speed_limit"] = math.inf if lane.speed_limit is None else lane.speed_limit
    record["priority"], record["forbidden"] = lane.priority, lane.forbidden
    if isinstance(lane, CircularLane):
        record["kind"] = CIRCULAR
        record["centre_x"], record["centre_y"] = lane.center
        record["radius"], record["start_phase"] = lane.radius, lane.start_phase
        record["turn"] = lane.direction
        return
    if not isinstance(lane, StraightLane):
        raise ValueError(
            f"lane: expected a straight, sine or circular one, came {type(lane).__name__}"
        )
    record["kind"] = STRAIGHT
    record["start_x"], record["start_y"] = lane.start
    record["direction_x"], record["direction_y"] = lane.direction
    record["heading"] = lane.heading
    if isinstance(lane, SineLane):
        record["kind"] = SINE
        record["amplitude"], record["pulsation"] = lane.amplitude, lane.pulsation
        record["phase"] = lane.phase


def connected_lanes(road_network: RoadNetwork, name: LaneIndex) -> list[tuple[LaneIndex, float]]:
    """A lane, those that continue it and those that lead to it, in highway-env's order.

    Beside each, what turns its coordinate along into that of the first lane [m].
    """
    start, end, number = name
    found = [(name, 0.0)]
    length = road_network.get_lane(name).length
    for after, lanes in road_network.graph.get(end, {}).items():
        found.append(((end, after, number if number < len(lanes) else 0), length))
    for before, roads in road_network.graph.items():
        if start in roads:
            previous = (before, start, number if number < len(roads[start]) else 0)
            found.append((previous, -road_network.get_lane(previous).length))
    return found


def padded(rows: list[list[Any]], filler: float | int, kind: type[np.generic]) -> np.ndarray:
    """Rows of different lengths as one array."""
    table = np.full((len(rows), max(1, max(map(len, rows)))), filler, dtype=kind)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


@kernel
@no_type_check
def wrap_to_pi(angle):
    """An angle from -pi to pi [rad]."""
    return ((angle + np.pi) % (2 * np.pi)) - np.pi


@kernel
@no_type_check
def local(lane, x, y):
    """Coordinates along a lane and to the right of its centre [m]."""
    if lane.kind == CIRCULAR:
        dx = x - lane.centre_x
        dy = y - lane.centre_y
        turned = wrap_to_pi(math.atan2(dy, dx) - lane.start_phase)
        phase = lane.start_phase + turned
        along = lane.turn * (phase - lane.start_phase) * lane.radius
        return along, lane.turn * (lane.radius - math.sqrt(dx * dx + dy * dy))
    dx = x - lane.start_x
    dy = y - lane.start_y
    along = dx * lane.direction_x + dy * lane.direction_y
    across = dx * -lane.direction_y + dy * lane.direction_x
    if lane.kind == SINE:
        across -= lane.amplitude * math.sin(lane.pulsation * along + lane.phase)
    return along, across


@kernel
@no_type_check
def position(lane, along, across):
    """The place (x, y) of coordinates along and across a lane [m]."""
    if lane.kind == CIRCULAR:
        phase = lane.turn * along / lane.radius + lane.start_phase
        distance = lane.radius - across * lane.turn
        return lane.centre_x + distance * math.cos(phase), lane.centre_y + distance * math.sin(
            phase
        )
    if lane.kind == SINE:
        across += lane.amplitude * math.sin(lane.pulsation * along + lane.phase)
    x = lane.start_x + along * lane.direction_x + across * -lane.direction_y
    y = lane.start_y + along * lane.direction_y + across * lane.direction_x
    return x, y


@kernel
@no_type_check
def heading_at(lane, along):
    """The lane's heading [rad]."""
    if lane.kind == CIRCULAR:
        return lane.turn * along / lane.radius + lane.start_phase + np.pi / 2 * lane.turn
    if lane.kind == SINE:
        slope = lane.amplitude * lane.pulsation * math.cos(lane.pulsation * along + lane.phase)
        return lane.heading + math.atan(slope)
    return lane.heading


@kernel
@no_type_check
def beside(lane, along, across):
    """Distance from a lane [m], that along it and that across it added."""
    return abs(across) + max(along - lane.length, 0.0) + max(-along, 0.0)
