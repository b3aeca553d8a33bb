"""How episodes begin whose vehicles try for a place, as in highway-env's generic scenarios.

Each of the others draws a lane and a place on it, up to ten times; who finds none that is far
enough from the others is left out, so that the number of vehicles varies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, no_type_check

import numpy as np

from b2m_envs.compiled import allocating_kernel, kernel
from b2m_envs.engine.initial_traffic import EXPONENTS, aim_at_level, put
from b2m_envs.engine.lanes import LaneTable, position
from b2m_envs.engine.layout import DRIVER, NOBODY

TRIES: Final = 10  # of each vehicle
EGO_PLACE: Final = 30.0  # [m] along the highway
RAMP_PLACE: Final = EGO_PLACE + 30  # [m] along the ramp
APART: Final = 15.0  # [m] on a lane
MERGE_SPEED: Final = 30.0  # [m/s]
RAMP_SPEED: Final = 20.0  # [m/s]
SPREAD: Final = 2.0  # [m/s] half the range of speeds
ENTRY: Final = ("ser", "ses", 0)  # lane of the ego vehicle at the roundabout
BEFORE_ENTRY: Final = 2.5  # [m] of it that are left
ENTRY_SPEED: Final = 8.0  # [m/s]
CIRCLING: Final = (14.0, 2.0)  # [m/s] mean and standard deviation
MARGIN: Final = 5.0  # [m] at the ends of a lane
CLEAR: Final = 7.0  # [m] between two vehicles
ROUNDABOUT_GOALS: Final = ("nxs", "exr", "sxr", "nxr", "wxr")  # the ego vehicle's, and the others'
_ROADS: Final = (  # on which the others begin
    ("we", "sx"), ("sx", "se"), ("ee", "nx"), ("nx", "ne"),
    ("eer", "ees"), ("ner", "nes"), ("wer", "wes"),
)  # fmt: skip


class MergeStart(NamedTuple):
    """How a highway with a ramp is filled."""

    n_others: int  # that try, beside the one on the ramp
    first_lane: int  # number of the highway's leftmost lane before the merge
    n_lanes: int
    ramp: int  # number of the lane
    farthest: float  # [m] along the highway


def merge_start(n_others: int, lengths: Sequence[float | int], table: LaneTable) -> MergeStart:
    """How highway-env fills a merge whose parts have these lengths [m]."""
    first = table.number["a", "b", 0]
    n_lanes = int(table.network.roads["n_lanes"][table.road_number["a", "b"]])
    ramp = table.number["j", "k", 0]
    before, converging, parallel, _ = lengths
    return MergeStart(n_others, first, n_lanes, ramp, float(before + converging + parallel))


@allocating_kernel
@no_type_check
def start_at_merge(network, plans, start, levels, ego_kind, generator, vehicles, routes, search):
    """Begin an episode at a merge; returns the number of vehicles."""
    lanes = np.zeros(start.n_others + 1, np.int64)
    places = np.zeros(start.n_others + 1)
    lanes[0], places[0] = start.first_lane + start.n_lanes - 1, EGO_PLACE
    put(
        network, plans, vehicles, routes, search,
        0, ego_kind, lanes[0], EGO_PLACE, MERGE_SPEED, NOBODY, levels,
    )  # fmt: skip
    if ego_kind == DRIVER:
        aim_at_level(vehicles[0], levels)
    count = 1
    for _ in range(start.n_others):
        for _ in range(TRIES):
            lane = start.first_lane + generator.integers(0, start.n_lanes)
            along = generator.uniform(0.0, start.farthest)
            if not is_free(lanes, places, count, lane, along):
                continue
            speed = MERGE_SPEED + generator.uniform(-SPREAD, SPREAD)
            put(
                network, plans, vehicles, routes, search,
                count, DRIVER, lane, along, speed, NOBODY, levels,
            )  # fmt: skip
            lanes[count], places[count] = lane, along
            count += 1
            break
    put(
        network, plans, vehicles, routes, search,
        count, DRIVER, start.ramp, RAMP_PLACE, RAMP_SPEED, NOBODY, levels,
    )  # fmt: skip
    vehicles[count].target_speed = MERGE_SPEED
    return count + 1


@kernel
@no_type_check
def is_free(lanes, places, count, lane, along):
    """Whether a place is far enough from those that were drawn on the same lane."""
    for other in range(count):
        if lanes[other] == lane and abs(along - places[other]) <= APART:
            return False
    return True


class RoundaboutStart(NamedTuple):
    """How a roundabout is filled."""

    n_others: int  # that try
    entry: int  # number of the ego vehicle's lane
    roads: np.ndarray  # int32 [road] on which the others begin
    n_goals: int  # of the others, which follow the ego vehicle's in `ROUNDABOUT_GOALS`


def roundabout_start(n_others: int, table: LaneTable) -> RoundaboutStart:
    """How highway-env fills a roundabout."""
    roads = np.array([table.road_number[name] for name in _ROADS], np.int32)
    return RoundaboutStart(n_others, table.number[ENTRY], roads, len(ROUNDABOUT_GOALS) - 1)


@allocating_kernel
@no_type_check
def start_at_roundabout(
    network, plans, start, levels, ego_kind, generator, vehicles, routes, search
):
    """Begin an episode before a roundabout; returns the number of vehicles."""
    along = network.lanes[start.entry].length - BEFORE_ENTRY
    put(
        network, plans, vehicles, routes, search,
        0, ego_kind, start.entry, along, ENTRY_SPEED, 0, levels,
    )  # fmt: skip
    if ego_kind == DRIVER:
        aim_at_level(vehicles[0], levels)
    count = 1
    for _ in range(start.n_others):
        for _ in range(TRIES):
            road = network.roads[start.roads[generator.integers(0, len(start.roads))]]
            lane = road.first_lane + generator.integers(0, road.n_lanes)
            highest = max(MARGIN, network.lanes[lane].length - MARGIN)
            along = generator.uniform(MARGIN, highest)
            x, y = position(network.lanes[lane], along, 0.0)
            if not is_clear(vehicles, count, x, y):
                continue
            speed = CIRCLING[0] + generator.normal() * CIRCLING[1]
            goal = 1 + generator.integers(0, start.n_goals)
            put(
                network, plans, vehicles, routes, search,
                count, DRIVER, lane, along, speed, goal, levels,
            )  # fmt: skip
            vehicles[count].exponent = generator.uniform(EXPONENTS[0], EXPONENTS[1])
            count += 1
            break
    return count


@kernel
@no_type_check
def is_clear(vehicles, count, x, y):
    """Whether a place is far enough from the vehicles so far."""
    for other in range(count):
        dx, dy = x - vehicles[other].x, y - vehicles[other].y
        if math.sqrt(dx * dx + dy * dy) < CLEAR:
            return False
    return True
