"""The grids of TimeToCollision, for many worlds."""

from __future__ import annotations

import math
from typing import Final, no_type_check

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import local
from b2m_envs.engine.layout import NOBODY

LEAST_SPEED: Final = 1e-2  # [m/s] that stands for a difference below it
DEPTH: Final = 3  # roads ahead on which others count
NO_LANE: Final = 1.0  # beside the road, a collision at all times


@kernel
@no_type_check
def write_grids(network, vehicles, count, ego, routes, which, levels, step, out):
    """Write the grid of each world of `which` into `out` [chosen speed lane time]."""
    for index in range(len(which)):
        world = which[index]
        rows, mine = vehicles[world], ego[world]
        own = rows[mine]
        lane = network.lanes[own.lane]
        own_along, _ = local(lane, own.x, own.y)
        mark_beside(network.roads[lane.road].n_lanes, lane.number, out[index])
        for row in range(count[world]):
            other = rows[row]
            if row == mine or not is_connected(
                network,
                lane.road,
                network.lanes[other.lane].road,
                routes[world, mine],
                own.route_start,
                own.route_end,
            ):
                continue
            along, _ = local(lane, other.x, other.y)
            mark_vehicle(network, own, other, along - own_along, levels, step, out[index])


@kernel
@no_type_check
def mark_beside(n_lanes, number, grid):
    """Mark the lanes that there are not."""
    for column in range(grid.shape[1]):
        if not 0 <= number + column - 1 < n_lanes:
            grid[:, column] = NO_LANE


@kernel
@no_type_check
def mark_vehicle(network, own, other, distance, levels, step, grid):
    """Mark when the ego vehicle would meet a vehicle, at each speed."""
    its_lane, lane = network.lanes[other.lane], network.lanes[own.lane]
    alike = network.roads[its_lane.road].n_lanes == network.roads[lane.road].n_lanes
    facing = math.cos(other.heading) * math.cos(own.heading) + math.sin(other.heading) * math.sin(
        own.heading
    )
    margin = other.length / 2 + own.length / 2
    for row in range(grid.shape[0]):
        level = min(max(own.speed_index + row - 1, 0), len(levels) - 1)
        speed = levels[level]
        if speed == other.speed:
            continue
        closing = not_zero(speed - other.speed * facing)
        for part in range(3):
            place = distance + (part - 1) * margin
            cost = 1.0 if part == 1 else 0.5
            time = place / closing
            if time < 0:
                continue
            for column in range(grid.shape[1]):
                if alike and its_lane.number != lane.number + column - 1:
                    continue
                mark(grid[row, column], math.floor(time / step), cost)
                mark(grid[row, column], math.ceil(time / step), cost)


@kernel
@no_type_check
def mark(times, time, cost):
    """Mark a collision at a time, unless it is beyond the horizon or there is a worse one."""
    if time < len(times):
        times[int(time)] = max(times[int(time)], cost)


@kernel
@no_type_check
def not_zero(speed):
    """A difference of speeds that may be divided by [m/s]."""
    if abs(speed) > LEAST_SPEED:
        return speed
    return LEAST_SPEED if speed >= 0 else -LEAST_SPEED


@kernel
@no_type_check
def is_connected(network, road, other, route, start, end):
    """Whether a road is this one, leads to it, or is among the next of its route.

    Where the route does not say how to go on, all roads that leave count. Every way of `DEPTH`
    roads has a number, whose digits are its branches: numba keeps no recursive function on disk.
    """
    n_branches = network.leaving.shape[1]
    for way in range(n_branches**DEPTH):
        if is_on_way(network, road, other, route, start, end, way):
            return True
    return False


@kernel
@no_type_check
def is_on_way(network, road, other, route, start, end, way):
    """Whether a road is on a way, or leads to it."""
    n_branches = network.leaving.shape[1]
    for _ in range(DEPTH):
        if is_joined(network, road, other):
            return True
        while start < end and route[start, 0] == road:
            start += 1
        node = network.roads[road].end
        if start < end and network.roads[route[start, 0]].start == node:
            road = route[start, 0]
            start += 1
        else:
            road = network.leaving[node, way % n_branches]
        way //= n_branches
        if road == NOBODY:
            return False
    return is_joined(network, road, other)


@kernel
@no_type_check
def is_joined(network, road, other):
    """Whether two roads are one, or the other leads to the first."""
    return road == other or network.roads[other].end == network.roads[road].start
