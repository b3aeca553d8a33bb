"""How worlds lie in memory: one record a vehicle, one row of records a world.

World frame: x to the right, y downwards in a picture, so that y grows to the *right* of a vehicle
that heads along +x; headings in radians from +x towards +y. It is highway-env's frame. Vehicles
keep highway-env's order, on which its traffic depends (each driver sees what those before it
have just decided).
"""

from __future__ import annotations

from typing import Final

import numpy as np

OBSTACLE: Final = 0  # stands; has neither lane nor driver
META: Final = 1  # the ego vehicle under meta-actions: target lane and target speed
STEERED: Final = 2  # the ego vehicle under continuous actions
DRIVER: Final = 3  # highway-env's driver: IDM for its speed, MOBIL for its lane

NOBODY: Final = -1  # no vehicle, no lane, no road
ROUTE_LENGTH: Final = 12  # roads of the longest route

VEHICLE: Final = np.dtype(
    [
        ("x", "f8"),  # [m] of the centre
        ("y", "f8"),
        ("heading", "f8"),  # [rad]
        ("speed", "f8"),  # [m/s]
        ("steering", "f8"),  # [rad] commanded
        ("acceleration", "f8"),  # [m/s2] commanded
        ("target_speed", "f8"),  # [m/s]
        ("timer", "f8"),  # [s] since the driver last thought of changing lane
        ("exponent", "f8"),  # IDM's delta
        ("impact_x", "f8"),  # [m] a collision moves it by, in the next simulation step
        ("impact_y", "f8"),
        ("length", "f8"),  # [m]
        ("width", "f8"),
        ("diagonal", "f8"),
        ("lane", "i4"),  # index of the nearest lane
        ("target_lane", "i4"),  # index of the lane it follows
        ("speed_index", "i4"),  # number of its target speed (META)
        ("route_start", "i4"),  # the first road of its route that is left
        ("route_end", "i4"),  # behind the last one; 0 if it has none
        ("kind", "i1"),
        ("crashed", "?"),
        ("hit", "?"),  # an impact waits
        ("checks_collisions", "?"),
        ("changes_lane", "?"),
        ("yields", "?"),  # to somebody with the right of way
    ],
    align=True,
)

LANE: Final = np.dtype(
    [
        ("start_x", "f8"),  # [m] straight and sine lanes
        ("start_y", "f8"),
        ("direction_x", "f8"),
        ("direction_y", "f8"),
        ("heading", "f8"),  # [rad] of its axis
        ("amplitude", "f8"),  # [m] sine lanes
        ("pulsation", "f8"),  # [rad/m]
        ("phase", "f8"),  # [rad]
        ("centre_x", "f8"),  # [m] circular lanes
        ("centre_y", "f8"),
        ("radius", "f8"),
        ("start_phase", "f8"),  # [rad]
        ("turn", "f8"),  # 1: clockwise in the picture; -1
        ("length", "f8"),  # [m]
        ("width", "f8"),
        ("speed_limit", "f8"),  # [m/s], infinite if there is none
        ("kind", "i4"),  # STRAIGHT, SINE or CIRCULAR
        ("road", "i4"),  # index of its road
        ("number", "i4"),  # from the left, in its road
        ("priority", "i4"),  # right of way at an intersection
        ("forbidden", "?"),  # nobody changes to it
    ],
    align=True,
)
STRAIGHT: Final = 0
SINE: Final = 1
CIRCULAR: Final = 2

ROAD: Final = np.dtype(
    [
        ("first_lane", "i4"),
        ("n_lanes", "i4"),
        ("start", "i4"),  # nodes of the network
        ("end", "i4"),
    ],
    align=True,
)

MODEL: Final = np.dtype(
    [
        ("acceleration", "f8"),  # [m/s2] IDM: comfortable
        ("deceleration", "f8"),  # [m/s2] IDM: comfortable, negative
        ("largest_acceleration", "f8"),  # [m/s2]
        ("distance", "f8"),  # [m] IDM: between centres, at standstill
        ("headway", "f8"),  # [s] IDM
        ("least_gain", "f8"),  # [m/s2] MOBIL: below it, no change
        ("largest_braking", "f8"),  # [m/s2] MOBIL: imposed on others
        ("lane_change_delay", "f8"),  # [s] MOBIL: between two thoughts of changing lane
    ]
)
