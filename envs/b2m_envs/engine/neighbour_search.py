"""Where every vehicle is on every lane, worked out once a simulation step."""

from __future__ import annotations

import math
from typing import NamedTuple, no_type_check

import numpy as np

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import heading_at, local, wrap_to_pi
from b2m_envs.engine.layout import NOBODY, VEHICLE

VEHICLE_LENGTH = 5.0  # [m] by which a lane reaches beyond its ends
N_AHEAD = 11  # moments of a prediction
AHEAD = 0.25  # [s] between them
SIDE_MARGIN = 1.0  # [m] by which drivers think a lane wider than it is


class NeighbourSearch(NamedTuple):
    """Coordinates of the vehicles and obstacles of one world."""

    along: np.ndarray  # float64 [lane row] [m]
    across: np.ndarray  # float64 [lane row] [m] to the right of the lane's centre
    cos: np.ndarray  # float64 [row] of the heading
    sin: np.ndarray  # float64 [row]
    queue: np.ndarray  # int64 [lane place] rows of those on a lane, sorted along it
    queue_along: np.ndarray  # float64 [lane place] [m]
    queued: np.ndarray  # int64 [lane] how many there are; NOBODY until somebody asks
    path: np.ndarray  # float64 [row moment 3] x, y and heading that are to come
    ghost: np.ndarray  # VEHICLE [1] that drives ahead
    corners: np.ndarray  # float64 [2 4 2] [m] of two vehicles that may collide


def empty_search(n_lanes: int, n_rows: int) -> NeighbourSearch:
    """Room for the coordinates of one world."""
    return NeighbourSearch(
        np.empty((n_lanes, n_rows)),
        np.empty((n_lanes, n_rows)),
        np.empty(n_rows),
        np.empty(n_rows),
        np.empty((n_lanes, n_rows), np.int64),
        np.empty((n_lanes, n_rows)),
        np.empty(n_lanes, np.int64),
        np.empty((n_rows, N_AHEAD, 3)),
        np.zeros(1, VEHICLE),
        np.empty((2, 4, 2)),
    )


@kernel
@no_type_check
def find_place(lanes, vehicles, row, search):
    """Write a vehicle's coordinates on all lanes, and return the lane nearest to it.

    Near in highway-env's sense: metres aside and beyond the ends, and radians of heading, added.
    """
    vehicle = vehicles[row]
    search.cos[row] = math.cos(vehicle.heading)
    search.sin[row] = math.sin(vehicle.heading)
    nearest, shortest = 0, np.inf
    for index in range(len(lanes)):
        lane = lanes[index]
        along, across = local(lane, vehicle.x, vehicle.y)
        search.along[index, row] = along
        search.across[index, row] = across
        distance = abs(across) + max(along - lane.length, 0.0) + max(-along, 0.0)
        if distance < shortest:
            distance += abs(wrap_to_pi(vehicle.heading - heading_at(lane, along)))
            if distance < shortest:
                nearest, shortest = index, distance
    return nearest


@kernel
@no_type_check
def is_on(lane, along, across, margin):
    """Whether coordinates are on a lane, which reaches a vehicle's length beyond its ends."""
    return (
        abs(across) <= lane.width / 2 + margin
        and -VEHICLE_LENGTH <= along < lane.length + VEHICLE_LENGTH
    )


@kernel
@no_type_check
def forget_queues(search):
    """Somebody has moved."""
    for lane in range(len(search.queued)):
        search.queued[lane] = NOBODY


@kernel
@no_type_check
def queue_up(network, search, count, first_obstacle, lane):
    """Write who is on a lane and on those joined to it, sorted along it.

    Whoever is on several of these lanes counts on the first.
    """
    n = 0
    for row in range(len(search.cos)):
        if count <= row < first_obstacle:
            continue
        for part in range(network.joined.shape[1]):
            index = network.joined[lane, part]
            if index == NOBODY:
                break
            along = search.along[index, row]
            if is_on(network.lanes[index], along, search.across[index, row], SIDE_MARGIN):
                along += network.shift[lane, part]
                place = n
                while place > 0 and search.queue_along[lane, place - 1] > along:
                    search.queue[lane, place] = search.queue[lane, place - 1]
                    search.queue_along[lane, place] = search.queue_along[lane, place - 1]
                    place -= 1
                search.queue[lane, place] = row
                search.queue_along[lane, place] = along
                n += 1
                break
    search.queued[lane] = n


@kernel
@no_type_check
def place_in_queue(search, lane, along):
    """The first place in a lane's queue that is not behind a coordinate [m]."""
    low, high = 0, search.queued[lane]
    while low < high:
        middle = (low + high) // 2
        if search.queue_along[lane, middle] < along:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
@no_type_check
def neighbours(network, search, count, first_obstacle, row, lane):
    """Rows of the next vehicle or obstacle ahead on a lane and behind; NOBODY without one.

    Of several at the same place, highway-env takes the last one ahead and the first one behind.
    """
    if search.queued[lane] == NOBODY:
        queue_up(network, search, count, first_obstacle, lane)
    middle = place_in_queue(search, lane, search.along[lane, row])
    ahead, behind, nearest = NOBODY, NOBODY, 0.0
    for place in range(middle, search.queued[lane]):
        other, along = search.queue[lane, place], search.queue_along[lane, place]
        if other == row:
            continue
        if ahead != NOBODY and along > nearest:
            break
        ahead, nearest = other, along
    for place in range(middle - 1, -1, -1):
        other, along = search.queue[lane, place], search.queue_along[lane, place]
        if other == row:
            continue
        if behind != NOBODY and along < nearest:
            break
        behind, nearest = other, along
    return ahead, behind
