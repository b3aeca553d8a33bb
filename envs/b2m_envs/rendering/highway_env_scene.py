"""Reads highway-env's road and vehicles; the one file of this folder that knows highway-env."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from highway_env.road.lane import AbstractLane, LineType, SineLane, StraightLane
from highway_env.road.road import Road, RoadNetwork
from highway_env.vehicle.objects import Landmark

from b2m_envs.rendering.geometry import Goal, LaneShape, LineKind, RoadGeometry, Traffic

STRAIGHT_STEP = 20.0  # [m] between samples of a straight lane
CURVED_STEP = 1.5  # [m] the chord of a 9 m radius then leaves its arc by 3 cm
LONGEST_BARRIER = 5.0  # [m] a longer wall is a row of barriers: the farthest is painted first
BRAKING = -0.5  # [m/s2] a lower commanded acceleration lights the brake lights
LINE_KINDS = {
    LineType.NONE: LineKind.NONE,
    LineType.STRIPED: LineKind.STRIPED,
    LineType.CONTINUOUS: LineKind.CONTINUOUS,
    LineType.CONTINUOUS_LINE: LineKind.CONTINUOUS,
}


def road_geometry(road_network: RoadNetwork) -> RoadGeometry:
    """All lanes of a road network, sampled."""
    return RoadGeometry(
        tuple(
            lane_shape(lane)
            for destinations in road_network.graph.values()
            for lanes in destinations.values()
            for lane in lanes
        )
    )


def lane_shape(lane: AbstractLane) -> LaneShape:
    """One lane, sampled every 20 m where it is straight and every 1.5 m where it is not."""
    straight = isinstance(lane, StraightLane) and not isinstance(lane, SineLane)
    step = STRAIGHT_STEP if straight else CURVED_STEP
    along = np.linspace(0, lane.length, max(2, math.ceil(lane.length / step) + 1))
    if straight:
        centre = np.linspace(lane.position(0, 0), lane.position(lane.length, 0), len(along))
        heading = np.full(len(along), float(lane.heading_at(0)))
        width = np.full(len(along), float(lane.width_at(0)))
    else:
        centre = np.array([lane.position(s, 0) for s in along], dtype=np.float64)
        heading = np.array([lane.heading_at(s) for s in along], dtype=np.float64)
        width = np.array([lane.width_at(s) for s in along], dtype=np.float64)
    left, right = (LINE_KINDS[kind] for kind in lane.line_types)
    return LaneShape(centre, width, heading, left, right)


def traffic(road: Road, ego: Any) -> Traffic:
    """The vehicles and obstacles of the road now, the ego vehicle first; and the ego's goal.

    Landmarks stand nowhere: of them, the ego's goal alone is seen, as a mark on the ground.
    """
    vehicles = [ego, *(vehicle for vehicle in road.vehicles if vehicle is not ego)]
    rows = [placed(thing, thing.LENGTH) for thing in vehicles]
    for thing in road.objects:
        if not isinstance(thing, Landmark):
            rows.extend(barriers(thing))
    columns = np.array(rows, dtype=np.float64)
    x_y, heading, length, width = np.split(columns, (2, 3, 4), axis=1)
    braking = np.zeros(len(rows), dtype=bool)
    braking[: len(vehicles)] = [is_braking(vehicle) for vehicle in vehicles]
    return Traffic(
        position=x_y.copy(),
        heading=heading[:, 0],
        length=length[:, 0],
        width=width[:, 0],
        braking=braking,
        obstacle=np.arange(len(rows)) >= len(vehicles),
        goal=goal_of(ego),
    )


def placed(thing: Any, length: float | int, along: float = 0.0) -> tuple[float, ...]:
    """A row of `Traffic`: x, y, heading, length and width of (a part of) a thing.

    Args:
        thing: Of highway-env.
        length: [m] of the part.
        along: [m] from the thing's centre to that of the part.
    """
    x, y = thing.position
    cos, sin = math.cos(thing.heading), math.sin(thing.heading)
    shape = float(thing.heading), float(length), float(thing.WIDTH)
    return float(x + along * cos), float(y + along * sin), *shape


def barriers(obstacle: Any) -> list[tuple[float, ...]]:
    """An obstacle as rows of `Traffic`, of equal parts if it is long."""
    n_parts = math.ceil(obstacle.LENGTH / LONGEST_BARRIER)
    length = obstacle.LENGTH / n_parts
    first = (length - obstacle.LENGTH) / 2
    return [placed(obstacle, length, first + length * part) for part in range(n_parts)]


def goal_of(ego: Any) -> Goal | None:
    """The ego vehicle's goal, as large as the lane (a parking spot) that it lies in."""
    goal = getattr(ego, "goal", None)
    if goal is None:
        return None
    x, y = goal.position
    lane = goal.lane
    return Goal(float(x), float(y), float(goal.heading), float(lane.length), float(lane.width))


def is_braking(thing: Any) -> bool:
    """Whether a vehicle commands a deceleration; a thing that commands nothing does not brake."""
    action = getattr(thing, "action", None)
    return bool(action and action["acceleration"] < BRAKING)
