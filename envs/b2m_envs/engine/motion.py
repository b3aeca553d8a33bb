"""How vehicles move: a kinematic bicycle, and what a collision does to it.

Sources: Polack et al. (2017), IEEE IV, for the bicycle; separating axes for rectangles; constants
and details, highway-env 1.12.
"""

from __future__ import annotations

import math
from typing import Final, no_type_check

import numpy as np

from b2m_envs.compiled import kernel

FASTEST: Final = 40.0  # [m/s] forwards and backwards


@kernel
@no_type_check
def move(vehicle, duration):
    """Move a vehicle for a time [s]; after a crash it brakes, wheels straight."""
    if vehicle.crashed:
        vehicle.steering = 0.0
        vehicle.acceleration = -1.0 * vehicle.speed
    if vehicle.speed > FASTEST:
        vehicle.acceleration = min(vehicle.acceleration, FASTEST - vehicle.speed)
    elif vehicle.speed < -FASTEST:
        vehicle.acceleration = max(vehicle.acceleration, -FASTEST - vehicle.speed)
    slip = 0.0
    if vehicle.steering != 0:
        slip = math.atan(0.5 * math.tan(vehicle.steering))
    vehicle.x += vehicle.speed * math.cos(vehicle.heading + slip) * duration
    vehicle.y += vehicle.speed * math.sin(vehicle.heading + slip) * duration
    if vehicle.hit:
        vehicle.x += vehicle.impact_x
        vehicle.y += vehicle.impact_y
        vehicle.crashed = True
        vehicle.hit = False
    vehicle.heading += vehicle.speed * math.sin(slip) / (vehicle.length / 2) * duration
    vehicle.speed += vehicle.acceleration * duration


@kernel
@no_type_check
def write_corners(vehicle, cos, sin, corners):
    """The corners of a vehicle [m], round about it."""
    half_length, half_width = vehicle.length / 2, vehicle.width / 2
    for corner in range(4):
        along = half_length if corner >= 2 else -half_length
        across = half_width if corner == 1 or corner == 2 else -half_width
        corners[corner, 0] = cos * along - sin * across + vehicle.x
        corners[corner, 1] = sin * along + cos * across + vehicle.y


@kernel
@no_type_check
def extent(corners, axis_x, axis_y):
    """The shortest and the longest projection of corners on an axis."""
    low, high = np.inf, -np.inf
    for corner in range(4):
        place = corners[corner, 0] * axis_x + corners[corner, 1] * axis_y
        low, high = min(low, place), max(high, place)
    return low, high


@kernel
@no_type_check
def distance_between(low, high, other_low, other_high):
    """Distance between two intervals, negative where they overlap."""
    return other_low - high if low < other_low else low - other_high


@kernel
@no_type_check
def overlap(first, second, moved_x, moved_y):
    """Whether two rectangles overlap, or will after a move of the first against the second.

    Returns both answers, and the shortest way (x, y) [m] out of the overlap that will be.
    """
    now = soon = True
    shortest, way_x, way_y = np.inf, 0.0, 0.0
    between_x = between_y = 0.0
    for corner in range(4):
        between_x += first[corner, 0] - second[corner, 0]
        between_y += first[corner, 1] - second[corner, 1]
    for corners in (first, second):
        for corner in range(4):
            following = (corner + 1) % 4
            axis_x = corners[corner, 1] - corners[following, 1]
            axis_y = corners[following, 0] - corners[corner, 0]
            length = math.sqrt(axis_x * axis_x + axis_y * axis_y)
            axis_x, axis_y = axis_x / length, axis_y / length
            low, high = extent(first, axis_x, axis_y)
            other_low, other_high = extent(second, axis_x, axis_y)
            if distance_between(low, high, other_low, other_high) > 0:
                now = False
            step = axis_x * moved_x + axis_y * moved_y
            if step < 0:
                low += step
            else:
                high += step
            distance = distance_between(low, high, other_low, other_high)
            if distance > 0:
                soon = False
            if not now and not soon:
                return False, False, 0.0, 0.0
            if abs(distance) < shortest:
                shortest = abs(distance)
                outwards = between_x * axis_x + between_y * axis_y > 0
                way_x, way_y = (axis_x, axis_y) if outwards else (-axis_x, -axis_y)
    return now, soon, shortest * way_x, shortest * way_y


@kernel
@no_type_check
def collide(vehicles, search, count, first_obstacle, duration):
    """Find the collisions of this simulation step [s]: who has crashed, and who is pushed where."""
    corners, others = search.corners[0], search.corners[1]
    for row in range(count):
        own = vehicles[row]
        for other_row in range(row + 1, len(vehicles)):
            if count <= other_row < first_obstacle:
                continue
            other = vehicles[other_row]
            if not (own.checks_collisions or other.checks_collisions):
                continue
            dx, dy = other.x - own.x, other.y - own.y
            reach = (own.diagonal + other.diagonal) / 2 + own.speed * duration
            if reach < 0 or dx * dx + dy * dy > reach * reach:
                continue
            write_corners(own, search.cos[row], search.sin[row], corners)
            write_corners(other, search.cos[other_row], search.sin[other_row], others)
            moved_x = own.speed * search.cos[row] * duration
            moved_x -= other.speed * search.cos[other_row] * duration
            moved_y = own.speed * search.sin[row] * duration
            moved_y -= other.speed * search.sin[other_row] * duration
            now, soon, way_x, way_y = overlap(corners, others, moved_x, moved_y)
            if soon:
                share = 0.5 if other_row < count else 1.0
                own.hit, own.impact_x, own.impact_y = True, way_x * share, way_y * share
                if other_row < count:
                    other.hit, other.impact_x, other.impact_y = True, -way_x / 2, -way_y / 2
            if now:
                own.crashed = True
                other.crashed = True
