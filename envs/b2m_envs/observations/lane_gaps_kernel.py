"""The gaps of LaneGaps, for many worlds."""

from __future__ import annotations

import math
from typing import Final, no_type_check

from b2m_envs.compiled import kernel

GAP: Final = 0
RELATIVE_SPEED: Final = 1


@kernel
@no_type_check
def write_gaps(vehicles, count, ego, slots, which, left, ahead, width, reach, out):
    """Write the gaps of each world of `which` into `out` [chosen lane place column].

    Args:
        vehicles: VEHICLE [world row], obstacles from row `slots` on.
        count: Vehicles [world].
        ego: Row of the ego vehicle [world].
        slots: Rows for vehicles.
        which: Worlds.
        left: Lanes to the left of the ego vehicle's.
        ahead: Places of vehicles ahead; the others are of those behind.
        width: Of a lane [m].
        reach: How far is seen [m].
        out: float32.
    """
    n_lanes, n_places = out.shape[1], out.shape[2]
    for index in range(len(which)):
        world = which[index]
        rows, mine = vehicles[world], ego[world]
        own = rows[mine]
        own_speed = own.speed * math.cos(own.heading)
        lanes = out[index]
        lanes[:, :, GAP] = reach
        lanes[:, :, RELATIVE_SPEED] = 0.0
        for row in range(len(rows)):
            if row == mine or count[world] <= row < slots:
                continue
            other = rows[row]
            lane = round(other.y / width) - round(own.y / width) + left
            way = other.x - own.x
            if not 0 <= lane < n_lanes or not abs(way) < reach:
                continue
            speed = other.speed * math.cos(other.heading) - own_speed
            if way >= 0:
                keep_nearest(lanes[lane, :ahead], way, speed)
            else:
                keep_nearest(lanes[lane, ahead:n_places], -way, speed)


@kernel
@no_type_check
def keep_nearest(places, gap, speed):
    """Put one more among those that are there, nearest first; the farthest falls out."""
    for place in range(len(places)):
        if gap < places[place, GAP]:
            for after in range(len(places) - 1, place, -1):
                places[after, GAP] = places[after - 1, GAP]
                places[after, RELATIVE_SPEED] = places[after - 1, RELATIVE_SPEED]
            places[place, GAP] = gap
            places[place, RELATIVE_SPEED] = speed
            return
