"""A straight road without end, the cars on it, and what a camera and a state say of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from b2m_envs.engine.motion import move
from b2m_envs.rendering.geometry import LaneShape, LineKind, RoadGeometry, Traffic
from b2m_envs.scenes.state import (
    HAZARD_TIME,
    LONGEST_TIME,
    SLOWEST_CLOSING,
    SceneState,
)

LANE_WIDTH = 4.0  # [m]
LENGTH, WIDTH = 5.0, 2.0  # [m] of a car, as of highway-env's
BRAKE_LIGHTS = -0.5  # [m/s2] a lower commanded acceleration lights them
_REPEATS = 480.0  # [m] after which dashes and pieces of asphalt are where they were
_REACH = 2 * _REPEATS  # [m] of road drawn behind and ahead of x = 0
_SAMPLE = 20.0  # [m] between points of a lane

_move: Any = getattr(move, "py_func", move)  # the engine's kernel, as plain Python


@dataclass
class Car:
    """A car, a kinematic bicycle as the engine moves it; x along the road, y to the right."""

    x: float  # [m]
    y: float  # [m]
    speed: float  # [m/s]
    heading: float = 0.0  # [rad] positive to the right
    steering: float = 0.0  # [rad] of the front wheels
    acceleration: float = 0.0  # [m/s2] commanded
    length: float = LENGTH
    crashed: bool = False
    hit: bool = False
    impact_x: float = 0.0
    impact_y: float = 0.0

    def move(self, duration: float) -> None:
        """Drive on for a time [s]; a car that brakes comes to a stand, it does not reverse."""
        self.acceleration = max(self.acceleration, -self.speed / duration)
        _move(self, duration)


def lane_centre(lane: int) -> float:
    """Where a lane's centre is across the road: y [m]; the leftmost one's is 0."""
    return lane * LANE_WIDTH


def straight_road(n_lanes: int) -> RoadGeometry:
    """Lanes side by side, as far as a camera sees from the ego vehicle of `traffic_of`."""
    along = np.arange(-_REACH, _REACH + _SAMPLE / 2, _SAMPLE)
    return RoadGeometry(
        tuple(
            LaneShape(
                centre=np.stack((along, np.full(len(along), lane_centre(lane))), axis=1),
                width=np.full(len(along), LANE_WIDTH),
                heading=np.zeros(len(along)),
                left=LineKind.STRIPED if lane else LineKind.CONTINUOUS,
                right=LineKind.CONTINUOUS if lane == n_lanes - 1 else LineKind.NONE,
            )
            for lane in range(n_lanes)
        )
    )


def traffic_of(cars: Sequence[Car]) -> Traffic:
    """The cars in the picture, the ego first; the road repeats itself, so x stays small."""
    start = math.floor(cars[0].x / _REPEATS) * _REPEATS
    return Traffic(
        position=np.array([(car.x - start, car.y) for car in cars]),
        heading=np.array([car.heading for car in cars]),
        length=np.full(len(cars), LENGTH),
        width=np.full(len(cars), WIDTH),
        braking=np.array([car.acceleration < BRAKE_LIGHTS for car in cars]),
        obstacle=np.zeros(len(cars), dtype=bool),
    )


def gap_between(ego: Car, lead: Car) -> float:
    """Bumper to bumper [m], negative where the cars overlap."""
    return lead.x - ego.x - LENGTH


def state_of(
    ego: Car, lead: Car | None, n_lanes: int, perception: float | int
) -> Float32[np.ndarray, " variable"]:
    """The variables of `b2m_envs.scenes.state.STATE_VARIABLES` on this road.

    There is nobody in the lanes beside, and the road is straight.

    Args:
        ego: The car that is driven.
        lead: The one ahead in its lane, if there is one.
        n_lanes: Of the road.
        perception: [m] a wider gap does not count.
    """
    nearest = min(max(round(ego.y / LANE_WIDTH), 0), n_lanes - 1)
    across = ego.y - lane_centre(nearest)
    on_road = abs(across) <= LANE_WIDTH / 2
    heading = math.remainder(ego.heading, math.tau)
    gap = closing = time = math.nan
    if lead is not None and on_road and gap_between(ego, lead) <= perception:
        gap = max(gap_between(ego, lead), 0.0)
        closing = ego.speed * math.cos(heading) - lead.speed
        if closing > SLOWEST_CLOSING and gap / closing < LONGEST_TIME:
            time = gap / closing
    values = (
        nearest if on_road else math.nan,
        across,
        heading,
        ego.speed,
        ego.acceleration,
        gap,
        closing,
        time,
        *(math.nan,) * 4,
        0.0 if on_road else math.nan,
        float(ego.crashed or time < HAZARD_TIME),
    )
    return np.array(values, dtype=np.float32).view(SceneState)
