"""The cells of Lidar, for many worlds."""

from __future__ import annotations

import math
from typing import Final, no_type_check

from b2m_envs.compiled import kernel

DISTANCE: Final = 0
SPEED: Final = 1


@kernel
@no_type_check
def write_cells(vehicles, count, ego, slots, which, reach, scale, corners, out):
    """Write the cells of each world of `which` into `out` [chosen cell column].

    Args:
        vehicles: VEHICLE [world row], obstacles from row `slots` on.
        count: Vehicles [world].
        ego: Row of the ego vehicle [world].
        slots: Rows for vehicles.
        which: Worlds.
        reach: How far is seen [m].
        scale: What both columns are divided by, float32.
        corners: float64 [4 2], to work in.
        out: float32.
    """
    for index in range(len(which)):
        world = which[index]
        rows, mine = vehicles[world], ego[world]
        cells = out[index]
        cells[:] = reach  # both columns, as highway-env does
        for row in range(len(rows)):
            if row != mine and not count[world] <= row < slots:
                trace(rows[mine], rows[row], reach, corners, cells)
        for cell in range(len(cells)):
            for column in range(2):
                cells[cell, column] /= scale


@kernel
@no_type_check
def trace(own, thing, reach, corners, cells):
    """Write where a vehicle or obstacle is nearer than what is in the cells."""
    dx, dy = thing.x - own.x, thing.y - own.y
    distance = math.sqrt(dx * dx + dy * dy)
    if distance > reach:
        return
    width = 2 * math.pi / len(cells)
    middle = cell_at(math.atan2(dy, dx) + width / 2, width, len(cells))
    write_nearer(own, thing, middle, width, distance - thing.width / 2, cells)
    write_corners(thing, corners)
    lowest, highest = math.inf, -math.inf
    for k in range(4):
        angle = math.atan2(corners[k, 1] - own.y, corners[k, 0] - own.x) + width / 2
        lowest, highest = min(lowest, angle), max(highest, angle)
    if lowest < -math.pi / 2 and math.pi / 2 < highest:  # behind, where angles begin anew
        lowest, highest = highest, lowest + 2 * math.pi
    first = cell_at(lowest, width, len(cells))
    last = cell_at(highest, width, len(cells))
    n = last - first + 1 if first < last else len(cells) - first + last + 1
    for k in range(n):
        cell = (first + k) % len(cells)
        meets = beam_length(own, cell * width, reach, corners)
        write_nearer(own, thing, cell, width, meets, cells)


@kernel
@no_type_check
def cell_at(angle, width, n_cells):
    """Number of the cell that an angle is in."""
    return math.floor(angle / width) % n_cells


@kernel
@no_type_check
def write_nearer(own, thing, cell, width, distance, cells):
    """Write distance and relative speed of a thing into a cell, unless a nearer one is there."""
    if not distance <= float(cells[cell, DISTANCE]):
        return
    vx = thing.speed * math.cos(thing.heading) - own.speed * math.cos(own.heading)
    vy = thing.speed * math.sin(thing.heading) - own.speed * math.sin(own.heading)
    cells[cell, DISTANCE] = distance
    cells[cell, SPEED] = vx * math.cos(cell * width) + vy * math.sin(cell * width)


@kernel
@no_type_check
def write_corners(thing, corners):
    """Write the corners of a vehicle or obstacle, one after the other around it [m]."""
    cos, sin = math.cos(thing.heading), math.sin(thing.heading)
    for k in range(4):
        ahead = -thing.length / 2 if k < 2 else thing.length / 2
        aside = -thing.width / 2 if k == 0 or k == 3 else thing.width / 2
        corners[k, 0] = cos * ahead - sin * aside + thing.x
        corners[k, 1] = sin * ahead + cos * aside + thing.y


@kernel
@no_type_check
def beam_length(own, angle, reach, corners):
    """Distance [m] along a beam to a rectangle; infinite where it meets none.

    The beam is cut by the two pairs of parallel sides: https://math.stackexchange.com/a/2788041.
    """
    beam_x = (own.x + reach * math.cos(angle)) - own.x
    beam_y = (own.y + reach * math.sin(angle)) - own.y
    from_1, to_1 = stretch_between(own, beam_x, beam_y, corners[0], corners[1])
    from_2, to_2 = stretch_between(own, beam_x, beam_y, corners[0], corners[3])
    if (
        apart(from_1, to_1, from_2, to_2) <= 0
        and apart(0.0, 1.0, from_1, to_1) <= 0
        and apart(0.0, 1.0, from_2, to_2) <= 0
    ):
        return max(from_1, from_2) * math.sqrt(beam_x * beam_x + beam_y * beam_y)
    return math.inf


@kernel
@no_type_check
def stretch_between(own, beam_x, beam_y, corner, other):
    """Where a beam is between the two sides through these corners, in lengths of the beam."""
    side_x, side_y = other[0] - corner[0], other[1] - corner[1]
    length = math.sqrt(side_x * side_x + side_y * side_y)
    side_x, side_y = side_x / length, side_y / length
    along = beam_x * side_x + beam_y * side_y
    first = ((corner[0] - own.x) * side_x + (corner[1] - own.y) * side_y) / along
    second = ((other[0] - own.x) * side_x + (other[1] - own.y) * side_y) / along
    return (first, second) if along >= 0 else (second, first)


@kernel
@no_type_check
def apart(from_1, to_1, from_2, to_2):
    """Distance of two intervals, below 0 where they overlap."""
    return from_2 - to_1 if from_1 < from_2 else from_1 - to_2
