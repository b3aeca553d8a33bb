"""How vehicles are driven: IDM, MOBIL and the steering controller, as highway-env has them.

Sources: Intelligent Driver Model, Treiber, Hennecke and Helbing (2000), Phys. Rev. E 62:1805;
MOBIL, Kesting, Treiber and Helbing (2007), Transp. Res. Rec. 1999:86; constants and details,
highway-env 1.12 (Leurent 2018). Politeness is 0 there, so MOBIL asks for the driver's own gain
and for the safety of the vehicle behind.
"""

from __future__ import annotations

import math
from typing import Final, no_type_check

import numpy as np

from b2m_envs.compiled import inlined_kernel, kernel
from b2m_envs.engine.lanes import beside, heading_at, local, position, wrap_to_pi
from b2m_envs.engine.layout import DRIVER, META, MODEL, NOBODY, OBSTACLE
from b2m_envs.engine.neighbour_search import VEHICLE_LENGTH, neighbours

LENGTH: Final = 5.0  # [m] of a vehicle
SPEED_GAIN: Final = 1 / 0.6  # [1/s]
HEADING_GAIN: Final = 1 / 0.2  # [1/s]
SIDE_GAIN: Final = 1 / 0.6  # [1/s]
LOOK_AHEAD: Final = 0.5 * 0.2  # [s]
LARGEST_STEERING: Final = np.pi / 3  # [rad]
LARGEST_CORRECTION: Final = np.pi / 4  # [rad] of heading
SLOWEST_LANE_CHANGE: Final = 1.0  # [m/s]
STANDARD: Final = (3.0, -5.0, 6.0, 10.0, 1.5, 0.2, 2.0, 1.0)  # of MODEL: highway-env's drivers
AT_INTERSECTION: Final = (6.0, -3.0, 6.0, 7.0, 1.5, 0.2, 2.0, 1.0)  # what it makes of them there


def driver_model(scenario: str) -> np.ndarray:
    """The constants of highway-env's drivers in a scenario, one record of MODEL in an array."""
    return np.array([AT_INTERSECTION if scenario == "intersection" else STANDARD], MODEL)


@kernel
@no_type_check
def not_zero(value):
    """The value, or 0.01 with its sign if it is smaller than that."""
    if abs(value) > 1e-2:
        return value
    return 1e-2 if value >= 0 else -1e-2


@kernel
@no_type_check
def clip(value, low, high):
    """The value, or the bound that it passes."""
    return min(max(value, low), high)


@kernel
@no_type_check
def desired_gap(model, vehicles, search, row, ahead):
    """IDM's desired distance [m] from a vehicle to the one ahead."""
    own, other = vehicles[row], vehicles[ahead]
    cos, sin = search.cos[row], search.sin[row]
    closing = (own.speed * cos - other.speed * search.cos[ahead]) * cos
    closing += (own.speed * sin - other.speed * search.sin[ahead]) * sin
    product = -model.acceleration * model.deceleration
    return (
        model.distance + own.speed * model.headway + own.speed * closing / (2 * math.sqrt(product))
    )


@kernel
@no_type_check
def idm_acceleration(model, exponent, network, vehicles, search, row, ahead):
    """IDM's acceleration [m/s2] of a vehicle behind another one; 0 for nobody or an obstacle.

    The exponent is that of the driver who asks, who may think about somebody else's vehicle.
    """
    if row == NOBODY or vehicles[row].kind == OBSTACLE:
        return 0.0
    own = vehicles[row]
    target_speed = clip(own.target_speed, 0.0, network.lanes[own.lane].speed_limit)
    ratio = max(own.speed, 0.0) / abs(not_zero(target_speed))
    acceleration = model.acceleration * (1 - ratio**exponent)
    if ahead != NOBODY:
        distance = search.along[own.lane, ahead] - search.along[own.lane, row]
        share = desired_gap(model, vehicles, search, row, ahead) / not_zero(distance)
        acceleration -= model.acceleration * (share * share)
    return acceleration


@kernel
@no_type_check
def steering_to(network, vehicles, search, row, lane):
    """Steering angle [rad] that follows a lane's centre."""
    own = vehicles[row]
    across = search.across[lane, row]
    future = heading_at(network.lanes[lane], search.along[lane, row] + own.speed * LOOK_AHEAD)
    if across == 0 and own.heading == future:
        return 0.0
    speed = not_zero(own.speed)
    correction = math.asin(clip(-SIDE_GAIN * across / speed, -1.0, 1.0))
    wanted = future + clip(correction, -LARGEST_CORRECTION, LARGEST_CORRECTION)
    rate = HEADING_GAIN * wrap_to_pi(wanted - own.heading)
    slip = math.asin(clip(LENGTH / 2 / speed * rate, -1.0, 1.0))
    return clip(math.atan(2 * math.tan(slip)), -LARGEST_STEERING, LARGEST_STEERING)


@kernel
@no_type_check
def closest_lane(network, road, x, y):
    """The lane of a road that a place is nearest to, and its distance [m]."""
    first = network.roads[road].first_lane
    nearest, shortest = first, np.inf
    for lane in range(first, first + network.roads[road].n_lanes):
        along, across = local(network.lanes[lane], x, y)
        distance = beside(network.lanes[lane], along, across)
        if distance < shortest:
            nearest, shortest = lane, distance
    return nearest, shortest


@kernel
@no_type_check
def lane_on_road(network, lane, road, wanted, x, y):
    """The lane to take on the road that follows a lane, and how far off [m] it is."""
    own = network.lanes[lane]
    following = network.roads[road]
    if network.roads[own.road].n_lanes != following.n_lanes:
        return closest_lane(network, road, x, y)
    number = own.number if wanted == NOBODY else wanted
    found = following.first_lane + number
    along, across = local(network.lanes[found], x, y)
    return found, beside(network.lanes[found], along, across)


@kernel
@no_type_check
def next_lane(network, vehicles, routes, row, lane):
    """The lane that a vehicle takes at the end of a lane: along its route, else the nearest."""
    own = vehicles[row]
    end = network.roads[network.lanes[lane].road].end
    along, _ = local(network.lanes[lane], own.x, own.y)
    x, y = position(network.lanes[lane], along, 0.0)
    if own.route_start < own.route_end:
        if routes[row, own.route_start, 0] == network.lanes[lane].road:
            own.route_start += 1
        if own.route_start < own.route_end:
            road = routes[row, own.route_start, 0]
            if network.roads[road].start == end:
                wanted = routes[row, own.route_start, 1]
                return lane_on_road(network, lane, road, wanted, x, y)[0]
    found, shortest = lane, np.inf
    for branch in range(network.leaving.shape[1]):
        road = network.leaving[end, branch]
        if road == NOBODY:
            break
        candidate, distance = lane_on_road(network, lane, road, NOBODY, x, y)
        if distance < shortest:
            found, shortest = candidate, distance
    return found


@inlined_kernel
@no_type_check
def follow_road(network, vehicles, routes, search, row):
    """At the end of its target lane, a vehicle takes the next one as its target."""
    own = vehicles[row]
    lane = own.target_lane
    if search.along[lane, row] > network.lanes[lane].length - VEHICLE_LENGTH / 2:
        own.target_lane = next_lane(network, vehicles, routes, row, lane)


@kernel
@no_type_check
def is_reachable(lane, along, across):
    """Whether one may change to a lane from these coordinates."""
    return (
        not lane.forbidden
        and abs(across) <= 2 * lane.width
        and 0 <= along < lane.length + VEHICLE_LENGTH
    )


@kernel
@no_type_check
def give_way(model, network, vehicles, search, count, row):
    """Abandon a lane change if somebody just ahead is already changing into the same lane."""
    own = vehicles[row]
    if network.lanes[own.lane].road != network.lanes[own.target_lane].road:
        return
    for other_row in range(count):
        other = vehicles[other_row]
        if (
            other_row != row
            and other.lane != own.target_lane
            and (other.kind == META or other.kind == DRIVER)
            and other.target_lane == own.target_lane
        ):
            distance = search.along[own.lane, other_row] - search.along[own.lane, row]
            if 0 < distance < desired_gap(model, vehicles, search, row, other_row):
                own.target_lane = own.lane
                return


@kernel
@no_type_check
def recommends(model, network, vehicles, routes, search, count, first_obstacle, row, lane):
    """Whether MOBIL recommends to change to a lane."""
    own = vehicles[row]
    exponent = own.exponent
    ahead, behind = neighbours(network, search, count, first_obstacle, row, lane)
    imposed = idm_acceleration(model, exponent, network, vehicles, search, behind, row)
    if imposed < -model.largest_braking:
        return False
    expected = idm_acceleration(model, exponent, network, vehicles, search, row, ahead)
    if own.route_start < own.route_end and routes[row, own.route_start, 1] != NOBODY:
        present = network.lanes[own.target_lane].number
        there = np.sign(network.lanes[lane].number - present)
        if there != np.sign(routes[row, own.route_start, 1] - present):
            return False
        return not expected < -model.largest_braking
    ahead_now, _ = neighbours(network, search, count, first_obstacle, row, own.lane)
    now = idm_acceleration(model, exponent, network, vehicles, search, row, ahead_now)
    return not expected - now < model.least_gain


@inlined_kernel
@no_type_check
def think_of_lanes(model, network, vehicles, routes, search, count, first_obstacle, row):
    """Decide on the target lane."""
    own = vehicles[row]
    if own.lane != own.target_lane:
        give_way(model, network, vehicles, search, count, row)
        return
    if not model.lane_change_delay < own.timer:
        return
    own.timer = 0.0
    number = network.lanes[own.lane].number
    n_lanes = network.roads[network.lanes[own.lane].road].n_lanes
    for step in (-1, 1):
        if not 0 <= number + step < n_lanes:
            continue
        lane = own.lane + step
        along, across = search.along[lane, row], search.across[lane, row]
        if not is_reachable(network.lanes[lane], along, across):
            continue
        if abs(own.speed) < SLOWEST_LANE_CHANGE:
            continue
        if recommends(model, network, vehicles, routes, search, count, first_obstacle, row, lane):
            own.target_lane = lane


@inlined_kernel
@no_type_check
def drive(model, network, vehicles, routes, search, count, first_obstacle, row):
    """Decide on steering and acceleration as highway-env's driver."""
    own = vehicles[row]
    if own.crashed:
        return
    follow_road(network, vehicles, routes, search, row)
    if own.changes_lane:
        think_of_lanes(model, network, vehicles, routes, search, count, first_obstacle, row)
    own.steering = steering_to(network, vehicles, search, row, own.target_lane)
    ahead, _ = neighbours(network, search, count, first_obstacle, row, own.lane)
    acceleration = idm_acceleration(model, own.exponent, network, vehicles, search, row, ahead)
    if own.lane != own.target_lane:
        ahead, _ = neighbours(network, search, count, first_obstacle, row, own.target_lane)
        there = idm_acceleration(model, own.exponent, network, vehicles, search, row, ahead)
        acceleration = min(acceleration, there)
    own.acceleration = clip(acceleration, -model.largest_acceleration, model.largest_acceleration)


@inlined_kernel
@no_type_check
def keep_course(network, vehicles, routes, search, row):
    """Decide on steering and acceleration towards target lane and target speed."""
    own = vehicles[row]
    follow_road(network, vehicles, routes, search, row)
    own.steering = steering_to(network, vehicles, search, row, own.target_lane)
    own.acceleration = SPEED_GAIN * (own.target_speed - own.speed)
