"""One policy step of many worlds."""

from __future__ import annotations

import math
from typing import Final, no_type_check

import numpy as np

from b2m_envs.compiled import inlined_kernel, kernel
from b2m_envs.engine.driving_model import clip, drive, follow_road, is_reachable, keep_course
from b2m_envs.engine.lanes import heading_at
from b2m_envs.engine.layout import DRIVER, META, STEERED
from b2m_envs.engine.motion import collide, move
from b2m_envs.engine.neighbour_search import find_place, forget_queues
from b2m_envs.engine.right_of_way import regulate

LANE_LEFT: Final = 0  # highway-env's numbers of the meta-actions
IDLE: Final = 1
LANE_RIGHT: Final = 2
FASTER: Final = 3
SLOWER: Final = 4


@kernel
@no_type_check
def nearest_level(levels, speed):
    """Index of the target speed nearest to a speed; levels are evenly spaced [m/s]."""
    highest = len(levels) - 1
    share = (speed - levels[0]) / (levels[highest] - levels[0])
    return int(clip(np.rint(share * highest), 0, highest))


@kernel
@no_type_check
def command(network, vehicles, routes, search, row, action, levels):
    """Give the ego vehicle a meta-action: another target lane or target speed."""
    own = vehicles[row]
    if action in (FASTER, SLOWER):
        step = 1 if action == FASTER else -1
        index = nearest_level(levels, own.speed) + step
        own.speed_index = min(max(index, 0), len(levels) - 1)
        own.target_speed = levels[own.speed_index]
    follow_road(network, vehicles, routes, search, row)
    if action in (LANE_LEFT, LANE_RIGHT):
        target = network.lanes[own.target_lane]
        road = network.roads[target.road]
        number = target.number + (1 if action == LANE_RIGHT else -1)
        lane = road.first_lane + min(max(number, 0), road.n_lanes - 1)
        if is_reachable(network.lanes[lane], search.along[lane, row], search.across[lane, row]):
            own.target_lane = lane


@inlined_kernel
@no_type_check
def act(model, network, vehicles, routes, search, count, first_obstacle):
    """Let everybody decide, in highway-env's order."""
    forget_queues(search)
    for row in range(count):
        kind = vehicles[row].kind
        if kind == DRIVER:
            drive(model, network, vehicles, routes, search, count, first_obstacle, row)
        elif kind == META:
            keep_course(network, vehicles, routes, search, row)


@inlined_kernel
@no_type_check
def go(network, vehicles, search, count, first_obstacle, duration):
    """Move everybody for one simulation step [s], then find the collisions."""
    for row in range(count):
        own = vehicles[row]
        if own.kind == DRIVER:
            own.timer += duration
        move(own, duration)
        own.lane = find_place(network.lanes, vehicles, row, search)
        if own.kind == STEERED:
            own.target_lane = own.lane
    collide(vehicles, search, count, first_obstacle, duration)


@kernel
@no_type_check
def along_lane(network, own, along):
    """Speed [m/s] along the lane that a vehicle is in, at this place [m] of it."""
    return own.speed * math.cos(own.heading - heading_at(network.lanes[own.lane], along))


@kernel
@no_type_check
def lanes_to_the_right(network, before, after):
    """Lanes between two lanes of one road; 0 if the road is another one."""
    if network.lanes[before].road != network.lanes[after].road:
        return 0
    return network.lanes[after].number - network.lanes[before].number


@kernel
@no_type_check
def advance(
    network,
    model,
    levels,
    vehicles,
    count,
    ego,
    routes,
    slots,
    which,
    actions,
    controls,
    duration,
    n_substeps,
    mean_controls,
    turns,
    progress,
    times,
    period,
    search,
):
    """Drive on for one policy step, in some of the worlds.

    Args:
        network: Network.
        model: Record of MODEL.
        levels: float64 [level] target speeds of the ego vehicle [m/s].
        vehicles: VEHICLE [world row], changed; obstacles from row `slots` on.
        count: int32 [world] vehicles.
        ego: int32 [world] row of the ego vehicle.
        routes: int32 [world row step 2].
        slots: Rows for vehicles.
        which: int64 [chosen] indices of worlds.
        actions: int64 [world] meta-actions, for ego vehicles of kind META.
        controls: float64 [world 2] acceleration [m/s2] and steering [rad], for kind STEERED.
        duration: Of a simulation step [s].
        n_substeps: Simulation steps.
        mean_controls: float64 [world 2] what the ego vehicle did, on average; written.
        turns: int64 [world] lanes that its driver changed to the right; written.
        progress: float64 [world] metres that it drove along the nearest lane; written.
        times: int64 [world] simulation steps so far; changed.
        period: Simulation steps between two looks at the right of way; 0: there is none.
        search: NeighbourSearch, room to work in.
    """
    for world in which:
        here, way, n, own_row = vehicles[world], routes[world], count[world], ego[world]
        own = here[own_row]
        for row in range(vehicles.shape[1]):
            if row < n or row >= slots:
                find_place(network.lanes, here, row, search)
        if own.kind == META:
            command(network, here, way, search, own_row, actions[world], levels)
        elif own.kind == STEERED:
            own.acceleration, own.steering = controls[world, 0], controls[world, 1]
        acceleration, steering, turned, driven = 0.0, 0.0, 0, 0.0
        for _ in range(n_substeps):
            wanted = own.target_lane
            act(model, network, here, way, search, n, slots)
            turned += lanes_to_the_right(network, wanted, own.target_lane)
            times[world] += 1
            if period > 0 and times[world] % period == 0:
                regulate(network, here, way, search, n)
            go(network, here, search, n, slots, duration)
            acceleration += own.acceleration
            steering += own.steering
            driven += along_lane(network, own, search.along[own.lane, own_row]) * duration
        mean_controls[world, 0] = acceleration / n_substeps
        mean_controls[world, 1] = steering / n_substeps
        turns[world] = turned
        progress[world] = driven
