"""How a vehicle with slipping tyres moves: highway-env's dynamic bicycle, at a speed that stays.

Source: Rajamani (2011), Vehicle Dynamics and Control, chapter 2, equations 2.21 to 2.28; constants
and the step by Runge and Kutta, highway-env 1.12. Of highway-env's, its damping below 1 m/s and its
limit of the steering angle are left out: the speed along the vehicle's axis stays 8.3 m/s, and no
action steers as far as the limit.
"""

from __future__ import annotations

import math
from typing import Final, no_type_check

import numpy as np

from b2m_envs.compiled import kernel
from b2m_envs.engine.lanes import local
from b2m_envs.engine.neighbour_search import find_place, is_on
from b2m_envs.engine.traffic import along_lane

MASS: Final = 1.0  # [kg]
TO_AXLE: Final = 2.5  # [m] from the centre, forwards and backwards
INERTIA: Final = 1 / 12 * MASS * (5.0**2 + 2.0**2)  # [kg m2] of a rectangle of 5 m x 2 m
STIFFNESS: Final = 15.0 * MASS  # [N/rad] of a tyre, of which an axle has two
FASTEST_TURN: Final = 2 * np.pi  # [rad/s]
LATERAL_SPEED, YAW_RATE = 0, 1  # columns of what a slipping vehicle has beside its record


@kernel
@no_type_check
def rates(speed, steering, heading, lateral_speed, yaw_rate):
    """By how much x, y [m], heading [rad], lateral speed and yaw rate change in a second."""
    slip_front = math.atan2(lateral_speed + TO_AXLE * yaw_rate, speed)
    slip_rear = math.atan2(lateral_speed - TO_AXLE * yaw_rate, speed)
    front = 2 * STIFFNESS * (steering - slip_front)
    rear = 2 * STIFFNESS * (0 - slip_rear)
    cos, sin = math.cos(heading), math.sin(heading)
    return (
        cos * speed - sin * lateral_speed,
        sin * speed + cos * lateral_speed,
        yaw_rate,
        1 / MASS * (front + rear) - yaw_rate * speed,
        1 / INERTIA * (TO_AXLE * front - TO_AXLE * rear),
    )


@kernel
@no_type_check
def slide(vehicle, slip, duration):
    """Move a vehicle for a time [s]; `slip` is its lateral speed [m/s] and yaw rate [rad/s]."""
    turning = min(max(slip[YAW_RATE], -FASTEST_TURN), FASTEST_TURN)
    speed, steering = vehicle.speed, vehicle.steering
    heading, lateral = vehicle.heading, slip[LATERAL_SPEED]
    half = duration / 2
    a = rates(speed, steering, heading, lateral, turning)
    b = rates(speed, steering, heading + a[2] * half, lateral + a[3] * half, turning + a[4] * half)
    c = rates(speed, steering, heading + b[2] * half, lateral + b[3] * half, turning + b[4] * half)
    d = rates(
        speed,
        steering,
        heading + c[2] * duration,
        lateral + c[3] * duration,
        turning + c[4] * duration,
    )
    sixth = duration / 6
    vehicle.x += sixth * (a[0] + 2 * b[0] + 2 * c[0] + d[0])
    vehicle.y += sixth * (a[1] + 2 * b[1] + 2 * c[1] + d[1])
    vehicle.heading = heading + sixth * (a[2] + 2 * b[2] + 2 * c[2] + d[2])
    slip[LATERAL_SPEED] = lateral + sixth * (a[3] + 2 * b[3] + 2 * c[3] + d[3])
    slip[YAW_RATE] = turning + sixth * (a[4] + 2 * b[4] + 2 * c[4] + d[4])


@kernel
@no_type_check
def keep_lane(
    network, last, vehicles, slip, which, controls, duration, n_substeps, progress, search
):
    """Drive on for one policy step, in some of the worlds, whose only vehicle is in row 0.

    Args:
        network: Network.
        last: Index of the lane that is to be kept once the vehicle has left its lane.
        vehicles: VEHICLE [world row], changed; `target_lane` is the lane that is to be kept.
        slip: float64 [world 2] lateral speed [m/s] and yaw rate [rad/s], changed.
        which: int64 [chosen] indices of worlds.
        controls: float64 [world 2], of which the second is the steering angle [rad].
        duration: Of a simulation step [s].
        n_substeps: Simulation steps.
        progress: float64 [world] metres driven along the nearest lane; written.
        search: NeighbourSearch, room to work in.
    """
    for world in which:
        here = vehicles[world]
        own = here[0]
        kept = network.lanes[own.target_lane]
        along, across = local(kept, own.x, own.y)
        if not is_on(kept, along, across, 0.0):
            own.target_lane = last
        own.steering = controls[world, 1]
        driven = 0.0
        for _ in range(n_substeps):
            slide(own, slip[world], duration)
            own.lane = find_place(network.lanes, here, 0, search)
            driven += along_lane(network, own, search.along[own.lane, 0]) * duration
        progress[world] = driven
