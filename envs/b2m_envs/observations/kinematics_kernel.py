"""The tables of Kinematics, for many worlds."""

from __future__ import annotations

import math
from typing import Final, NamedTuple, no_type_check

import numpy as np

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import heading_at, local, position, wrap_to_pi
from b2m_envs.engine.layout import NOBODY

PERCEPTION: Final = 200.0  # [m] highway-env's AbstractEnv.PERCEPTION_DISTANCE
BEHIND: Final = 2.0  # lengths of the ego vehicle behind it, from which on nobody counts
X: Final = 1  # columns of `b2m_envs.observations.kinematics.FEATURES`
Y: Final = 2
VX: Final = 3
VY: Final = 4
HEADING: Final = 5
COS_D: Final = 8
SIN_D: Final = 9
LONG_OFF: Final = 10
LAT_OFF: Final = 11
ANG_OFF: Final = 12


class Scratch(NamedTuple):
    """Room to work in."""

    own: np.ndarray  # float64 [feature] of the ego vehicle
    other: np.ndarray  # float64 [feature]
    near: np.ndarray  # int64 [place] rows of those that count
    distance: np.ndarray  # float64 [place] [m] along the lane, without a sign


def empty_tables(n_features: int, n_rows: int) -> Scratch:
    """Room for one thread."""
    return Scratch(
        np.empty(n_features),
        np.empty(n_features),
        np.empty(n_rows, np.int64),
        np.empty(n_rows),
    )


@kernel
@no_type_check
def write_tables(
    network,
    vehicles,
    count,
    ego,
    routes,
    slots,
    lanes_at_start,
    which,
    columns,
    ranges,
    usual,
    how,
    whom,
    lane_of_x,
    scratch,
    out,
):
    """Write the table of each world of `which` into `out` [chosen row column].

    The ego vehicle's own x is along the lane `lane_of_x`, or that of the world if it is -1.
    """
    absolute, is_sorted, clips, sees_behind = how
    intentions, obstacles = whom
    for index in range(len(which)):
        world = which[index]
        rows, mine = vehicles[world], ego[world]
        y_factor = float(lanes_at_start[world]) if usual else 1.0
        describe(network, rows[mine], routes[world, mine], False, True, scratch.own)
        if lane_of_x >= 0:
            scratch.own[X], _ = local(network.lanes[lane_of_x], rows[mine].x, rows[mine].y)
        write_row(scratch.own, columns, ranges, y_factor, clips, out[index, 0])
        scratch.own[X] = rows[mine].x  # from which the others' is counted
        limits = (count[world], slots, sees_behind, obstacles, is_sorted)
        n = find_near(network.lanes, rows, mine, limits, scratch)
        for place in range(min(n, out.shape[1] - 1)):
            row = scratch.near[place]
            describe(
                network, rows[row], routes[world, row], row >= slots, intentions, scratch.other
            )
            if not absolute:
                for feature in (X, Y, VX, VY):
                    scratch.other[feature] -= scratch.own[feature]
            write_row(scratch.other, columns, ranges, y_factor, clips, out[index, place + 1])


@kernel
@no_type_check
def describe(network, thing, route, is_obstacle, intentions, features):
    """Write all features of a vehicle or obstacle."""
    cos, sin = math.cos(thing.heading), math.sin(thing.heading)
    features[:] = 0.0
    features[0] = 1.0
    features[X], features[Y] = thing.x, thing.y
    features[6], features[7] = cos, sin
    if is_obstacle:
        features[HEADING] = features[LONG_OFF] = features[LAT_OFF] = features[ANG_OFF] = np.nan
        return
    features[VX], features[VY] = thing.speed * cos, thing.speed * sin
    features[HEADING] = thing.heading
    lane = network.lanes[thing.lane]
    along, across = local(lane, thing.x, thing.y)
    features[LONG_OFF], features[LAT_OFF] = along, across
    features[ANG_OFF] = wrap_to_pi(thing.heading - heading_at(lane, along))
    if intentions and thing.route_end > thing.route_start:
        aim(network, thing, route[thing.route_end - 1], features)


@kernel
@no_type_check
def aim(network, thing, step, features):
    """Write the direction to the end of a route's last road."""
    road = network.roads[step[0]]
    number = 0 if step[1] == NOBODY else step[1]
    lane = network.lanes[road.first_lane + number]
    x, y = position(lane, lane.length, 0.0)
    dx, dy = x - thing.x, y - thing.y
    distance = math.sqrt(dx * dx + dy * dy)
    if distance > 0:
        features[COS_D], features[SIN_D] = dx / distance, dy / distance


@kernel
@no_type_check
def find_near(lanes, rows, mine, limits, scratch):
    """Write the rows of those that count, the nearest along the lane first; returns how many."""
    count, slots, sees_behind, obstacles, is_sorted = limits
    own = rows[mine]
    lane = lanes[own.lane]
    own_along, _ = local(lane, own.x, own.y)
    n = 0
    for row in range(len(rows)):
        if row == mine or count <= row < slots or (row >= slots and not obstacles):
            continue
        dx, dy = rows[row].x - own.x, rows[row].y - own.y
        if math.sqrt(dx * dx + dy * dy) >= PERCEPTION:
            continue
        along, _ = local(lane, rows[row].x, rows[row].y)
        ahead = along - own_along
        if ahead <= -BEHIND * own.length and not (sees_behind and row < slots):
            continue
        place = n
        while is_sorted and place > 0 and scratch.distance[place - 1] > abs(ahead):
            scratch.near[place] = scratch.near[place - 1]
            scratch.distance[place] = scratch.distance[place - 1]
            place -= 1
        scratch.near[place], scratch.distance[place] = row, abs(ahead)
        n += 1
    return n


@kernel
@no_type_check
def write_row(features, columns, ranges, y_factor, clips, out):
    """Write the chosen features, normalised where they have a range; 0 for those there are not."""
    for index in range(len(columns)):
        column = columns[index]
        value, low, high = features[column], ranges[column, 0], ranges[column, 1]
        if math.isnan(value):
            continue  # the table is made of zeros
        if not math.isnan(low):
            factor = y_factor if column == Y else 1.0
            value = -1.0 + (value - low * factor) * 2.0 / ((high - low) * factor)
            if clips:
                value = min(max(value, -1.0), 1.0)
        out[index] = value
