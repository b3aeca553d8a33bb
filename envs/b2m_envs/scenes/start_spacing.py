"""How far apart the vehicles of highway-env's straight roads begin.

highway-env puts each vehicle ahead of all others, on any lane, at a distance that it draws: 0.9 to
1.1 times (12 m + 1 s of its speed) / density * exp(-lanes / 8). So the vehicles overlap if there
are too many lanes or the density is too high, and begin beyond the road's end if it is too low.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

LENGTH: Final = 5.0  # [m] of a vehicle
STANDING: Final = 12.0  # [m] of the distance, whatever the speed
DRAWN: Final = (0.9, 1.1)  # parts of the distance
EGO_SPEED: Final = 25.0  # [m/s]
BEFORE_EGO: Final = 3.0  # distances of the ego vehicle that are free behind it


@dataclass(frozen=True)
class StraightRoad:
    """What highway-env puts on one of its straight roads if it is not told otherwise."""

    lanes: int
    vehicles: int
    density: float
    ego_spacing: float  # 1: as far apart as the others at density 1
    length: float  # [m]
    limit: tuple[float, float]  # [m/s] of the leftmost lane, and how much less on each further one
    speeds: tuple[float, float]  # parts of a lane's limit: slowest, fastest
    first_lane: int  # the leftmost lane that the others begin on


LANE_WIDTH: Final = 4.0  # [m] highway-env's AbstractLane.DEFAULT_WIDTH
STRAIGHT_ROADS: Mapping[str, StraightRoad] = MappingProxyType(
    {
        "highway": StraightRoad(4, 50, 1.0, 2.0, 10_000.0, (30.0, 0.0), (0.7, 0.8), 0),
        "highway_fast": StraightRoad(3, 20, 1.0, 1.5, 10_000.0, (30.0, 0.0), (0.7, 0.8), 0),
        "exit": StraightRoad(6, 20, 1.5, 2.0, 1_000.0, (26.0, 3.4), (1.0, 1.0), 1),
    }
)


def distance_at_start(speed: float, lanes: int, density: float) -> float:
    """Distance [m] by which a vehicle begins ahead of all others, on average."""
    return (STANDING + speed) / density * math.exp(-lanes / 8)


def largest_density(road: StraightRoad, lanes: int) -> float:
    """The largest density at which no two vehicles overlap at the start."""
    limit, less = road.limit
    slowest = road.speeds[0] * (limit - less * (lanes - 1))
    return DRAWN[0] * distance_at_start(slowest, lanes, 1.0) / LENGTH


def farthest_start(road: StraightRoad, lanes: int, density: float, number: int) -> float:
    """The farthest place [m] at which the other vehicle of a number can begin, the first is 1."""
    limit, less = road.limit
    fastest = road.speeds[1] * (limit - less * road.first_lane)
    own = distance_at_start(EGO_SPEED, lanes, 1 / road.ego_spacing) * (BEFORE_EGO + DRAWN[1])
    return own + number * DRAWN[1] * distance_at_start(fastest, lanes, density)


def wrong_density(road: StraightRoad, count: int, density: float, lanes: int) -> str:
    """What is expected instead of a density that makes no sense; "" if it makes sense.

    Refused are vehicles that may overlap at the start, and those of which none is on the road.
    """
    most = largest_density(road, lanes)
    if count and density > most:
        return f"{floored(most)} or less with {lanes} lanes, or vehicles overlap at the start"
    if count and farthest_start(road, lanes, density, 1) > road.length:
        return f"more: the first vehicle may begin beyond the {road.length:g} m of road"
    return ""


def floored(value: float) -> float:
    """A number rounded down to two decimals, or to three digits if it is below 1."""
    scale = 10.0 ** max(2, 2 - math.floor(math.log10(value)))
    return math.floor(value * scale) / scale
