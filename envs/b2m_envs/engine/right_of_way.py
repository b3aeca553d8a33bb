"""Right of way, where roads cross: who will be in whose way, and who then stops.

Source: highway-env 1.12, `RegulatedRoad`.
"""

from __future__ import annotations

import math
from typing import Final, no_type_check

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import heading_at, position
from b2m_envs.engine.layout import DRIVER, STEERED
from b2m_envs.engine.motion import move
from b2m_envs.engine.neighbour_search import AHEAD, N_AHEAD

CONFLICT_LENGTH: Final = 1.5  # share of a vehicle's length that is kept free
CONFLICT_WIDTH: Final = 0.9


@kernel
@no_type_check
def predict(network, vehicles, routes, search, row, path):
    """Write where a vehicle will be if it keeps its speed: path [moment 3] of x, y, heading.

    Along its route; a steered one, with its wheels as they are.
    """
    own = vehicles[row]
    if own.kind == STEERED:
        ghost = search.ghost[0]
        ghost.x, ghost.y, ghost.heading, ghost.speed = own.x, own.y, own.heading, own.speed
        ghost.length, ghost.steering = own.length, own.steering
        ghost.crashed, ghost.hit = own.crashed, own.hit
        ghost.impact_x, ghost.impact_y = own.impact_x, own.impact_y
        ghost.acceleration = 0.0
        for moment in range(N_AHEAD):
            move(ghost, AHEAD)
            path[moment, 0], path[moment, 1], path[moment, 2] = ghost.x, ghost.y, ghost.heading
        return
    here = search.along[own.lane, row]
    for moment in range(N_AHEAD):
        along = here + own.speed * (AHEAD * (moment + 1))
        lane = own.lane
        step = own.route_start
        if step < own.route_end:
            lane = network.roads[routes[row, step, 0]].first_lane
            while step + 1 < own.route_end and along > network.lanes[lane].length:
                along -= network.lanes[lane].length
                step += 1
                lane = network.roads[routes[row, step, 0]].first_lane
        path[moment, 0], path[moment, 1] = position(network.lanes[lane], along, 0.0)
        path[moment, 2] = heading_at(network.lanes[lane], along)


@kernel
@no_type_check
def reaches_into(place, other, length, width):
    """Whether a corner, the middle of a side or the centre of one rectangle is in another one."""
    cos, sin = math.cos(place[2]), math.sin(place[2])
    other_cos, other_sin = math.cos(other[2]), math.sin(other[2])
    for side in range(-1, 2):
        for end in range(-1, 2):
            along, across = end * length / 2, side * width / 2
            dx = cos * along - sin * across + place[0] - other[0]
            dy = sin * along + cos * across + place[1] - other[1]
            # highway-env turns by the heading here, not back by it
            there, aside = other_cos * dx - other_sin * dy, other_sin * dx + other_cos * dy
            if abs(there) <= length / 2 and abs(aside) <= width / 2:
                return True
    return False


@kernel
@no_type_check
def conflict(path, other, length, width):
    """Whether two vehicles will be in each other's way."""
    for moment in range(N_AHEAD):
        dx = other[moment, 0] - path[moment, 0]
        dy = other[moment, 1] - path[moment, 1]
        if math.sqrt(dx * dx + dy * dy) > length:
            continue
        room, aside = CONFLICT_LENGTH * length, CONFLICT_WIDTH * width
        if reaches_into(path[moment], other[moment], room, aside):
            return True
        if reaches_into(other[moment], path[moment], room, aside):
            return True
    return False


@kernel
@no_type_check
def who_yields(network, vehicles, search, first, second):
    """The vehicle that yields: without priority, else the one behind."""
    one, other = vehicles[first], vehicles[second]
    priority = network.lanes[one.lane].priority
    other_priority = network.lanes[other.lane].priority
    if priority != other_priority:
        return second if priority > other_priority else first
    dx, dy = other.x - one.x, other.y - one.y
    ahead = search.cos[first] * dx + search.sin[first] * dy
    ahead_of_other = -search.cos[second] * dx - search.sin[second] * dy
    return first if ahead > ahead_of_other else second


@kernel
@no_type_check
def regulate(network, vehicles, routes, search, count):
    """Let those who yielded go on, and those who are in the way of somebody yield."""
    for row in range(count):
        own = vehicles[row]
        if own.yields:
            own.target_speed = network.lanes[own.lane].speed_limit
            own.yields = False
        predict(network, vehicles, routes, search, row, search.path[row])
    for first in range(count):
        own = vehicles[first]
        for second in range(first + 1, count):
            if not conflict(search.path[first], search.path[second], own.length, own.width):
                continue
            row = who_yields(network, vehicles, search, first, second)
            if vehicles[row].kind == DRIVER:
                vehicles[row].target_speed = 0.0
                vehicles[row].yields = True
