"""The conflicts of CrossingTraffic, for many worlds."""

from __future__ import annotations

import math
from typing import Final, no_type_check

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import heading_at, local, position, wrap_to_pi
from b2m_envs.engine.layout import NOBODY

STEP: Final = 1.0  # [m] between two places of a path
ROOM: Final = 2.0  # [m] between two paths that are in conflict: the width of a vehicle
SAME_WAY: Final = math.pi / 6  # [rad] between the headings of one who follows and who leads
LONGEST: Final = 20.0  # [s] as `b2m_envs.scenes.state.LONGEST_TIME`


@kernel
@no_type_check
def write_conflicts(network, vehicles, count, ego, routes, which, reach, paths, found, out):
    """Write the nearest conflicts of each world of `which` into `out` [chosen row column].

    Args:
        network: Of the lanes.
        vehicles: VEHICLE [world row].
        count: Vehicles [world].
        ego: Row of the ego vehicle [world].
        routes: int32 [world row step 2].
        which: Worlds.
        reach: Length of the paths [m].
        paths: float64 [2 place 3], to work in: x, y and heading along two paths.
        found: float64 [row 3], to work in.
        out: float32.
    """
    for index in range(len(which)):
        world = which[index]
        rows, mine = vehicles[world], ego[world]
        own = rows[mine]
        write_path(network, own, routes[world, mine], paths[0])
        n = 0
        for row in range(count[world]):
            other = rows[row]
            if row == mine or abs(other.x - own.x) + abs(other.y - own.y) > 4 * reach:
                continue
            write_path(network, other, routes[world, row], paths[1])
            here, there = first_conflict(paths[0], paths[1])
            if here >= 0:
                n = keep_nearest(found, n, STEP * here, STEP * there, other.speed)
        for place in range(len(found)):
            line = out[index, place]
            line[0] = 0.0
            line[1], line[2], line[3], line[4] = reach, LONGEST, reach, LONGEST
            if place < n:
                line[0], line[1], line[3] = 1.0, found[place, 0], found[place, 1]
                line[2] = time_of(found[place, 0], own.speed)
                line[4] = time_of(found[place, 1], found[place, 2])


@kernel
@no_type_check
def write_path(network, thing, route, path):
    """Write where a vehicle comes by, at every step: x, y and heading."""
    number = network.lanes[thing.lane].number
    lane, step = thing.lane, step_behind(network, thing, route)
    along, _ = local(network.lanes[lane], thing.x, thing.y)
    for place in range(len(path)):
        while along > network.lanes[lane].length:
            following, step = lane_behind(network, lane, number, thing, route, step)
            if following == NOBODY:
                break
            along -= network.lanes[lane].length
            lane = following
        path[place, 0], path[place, 1] = position(network.lanes[lane], along, 0.0)
        path[place, 2] = heading_at(network.lanes[lane], along)
        along += STEP


@kernel
@no_type_check
def step_behind(network, thing, route):
    """The step of its route that comes after the road on which a vehicle is."""
    road = network.lanes[thing.lane].road
    for step in range(thing.route_start, thing.route_end):
        if route[step, 0] == road:
            return step + 1
    return thing.route_start


@kernel
@no_type_check
def lane_behind(network, lane, number, thing, route, step):
    """The lane that follows one on a vehicle's way, NOBODY where it is not known; and the step.

    It is the one that the route names, else that of the vehicle's number, else the first.
    """
    node = network.roads[network.lanes[lane].road].end
    wanted = number
    if step < thing.route_end and network.roads[route[step, 0]].start == node:
        road = route[step, 0]
        if route[step, 1] != NOBODY:
            wanted = route[step, 1]
        step += 1
    else:
        road = network.leaving[node, 0]
        if network.leaving.shape[1] > 1 and network.leaving[node, 1] != NOBODY:
            road = NOBODY
    if road == NOBODY:
        return NOBODY, step
    if wanted >= network.roads[road].n_lanes:
        wanted = 0
    return network.roads[road].first_lane + wanted, step


@kernel
@no_type_check
def longest_step(path):
    """The longest way [m] between two places of a path: lanes may be apart, and curves longer."""
    longest = STEP
    for place in range(1, len(path)):
        dx, dy = path[place, 0] - path[place - 1, 0], path[place, 1] - path[place - 1, 1]
        longest = max(longest, math.sqrt(dx * dx + dy * dy))
    return longest


@kernel
@no_type_check
def first_conflict(own, other):
    """The first place of a path near another path, and the first of that near it; -1 for none."""
    longest = longest_step(other)
    for here in range(len(own)):
        there = 0
        while there < len(other):
            dx, dy = other[there, 0] - own[here, 0], other[there, 1] - own[here, 1]
            distance = math.sqrt(dx * dx + dy * dy)
            if distance <= ROOM:
                turned = abs(wrap_to_pi(other[there, 2] - own[here, 2]))
                if (here == 0 or there == 0) and turned < SAME_WAY:
                    return -1, -1
                return here, there
            there += max(1, int((distance - ROOM) / longest))
    return -1, -1


@kernel
@no_type_check
def keep_nearest(found, n, own_way, other_way, speed):
    """Put a conflict among the nearest, sorted by the ego vehicle's way; returns how many."""
    place = n
    while place > 0 and (found[place - 1, 0], found[place - 1, 1]) > (own_way, other_way):
        if place < len(found):
            for column in range(3):
                found[place, column] = found[place - 1, column]
        place -= 1
    if place < len(found):
        found[place, 0], found[place, 1], found[place, 2] = own_way, other_way, speed
    return min(n + 1, len(found))


@kernel
@no_type_check
def time_of(way, speed):
    """Seconds that a way takes, `LONGEST` at most; also for who stands, unless it is there."""
    if way <= 0:
        return 0.0
    return min(way / speed, LONGEST) if speed > 0 else LONGEST
