"""Reads highway-env's road and vehicles; the one file of this folder that knows highway-env."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from highway_env.road.lane import AbstractLane, LineType, SineLane, StraightLane
from highway_env.road.road import Road, RoadNetwork
from highway_env.vehicle.objects import Landmark

from b2m_envs.rendering.geometry import LaneShape, LineKind, RoadGeometry, Traffic

STRAIGHT_STEP = 20.0  # [m] between samples of a straight lane
CURVED_STEP = 1.5  # [m] the chord of a 9 m radius then leaves its arc by 3 cm
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
    """The vehicles and obstacles of the road now; the ego vehicle first.

    Landmarks (goals to reach) are left out: nothing stands there.
    """
    others = [vehicle for vehicle in road.vehicles if vehicle is not ego]
    obstacles = [thing for thing in road.objects if not isinstance(thing, Landmark)]
    everything = [ego, *others, *obstacles]
    n = len(everything)
    shape = np.array([(thing.heading, thing.LENGTH, thing.WIDTH) for thing in everything]).T
    return Traffic(
        position=np.concatenate([thing.position for thing in everything]).reshape(n, 2),
        heading=shape[0],
        length=shape[1],
        width=shape[2],
        braking=np.array([is_braking(thing) for thing in everything]),
        obstacle=np.arange(n) > len(others),
    )


def is_braking(thing: Any) -> bool:
    """Whether a vehicle commands a deceleration; a thing that commands nothing does not brake."""
    action = getattr(thing, "action", None)
    return bool(action and action["acceleration"] < BRAKING)
