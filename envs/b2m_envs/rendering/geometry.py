"""What a camera sees: the road and the traffic of one moment, as plain arrays.

World frame: x to the right, y downwards in a picture, in metres, so that y grows to the *right* of
a vehicle that heads along +x; headings in radians, from +x towards +y. It is highway-env's frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float64


class LineKind(IntEnum):
    """The marking along one side of a lane."""

    NONE = 0
    STRIPED = 1
    CONTINUOUS = 2


@dataclass(frozen=True, eq=False)
class LaneShape:
    """One lane: its centre line, sampled so densely that its curves look round.

    ``left`` and ``right`` are as seen along the lane's heading.

    Raises:
        ValueError: for fewer than two points, or numbers that are not finite.
    """

    centre: Float64[np.ndarray, "point 2"]  # [m]
    width: Float64[np.ndarray, " point"]  # [m]
    heading: Float64[np.ndarray, " point"]  # [rad]
    left: LineKind
    right: LineKind

    def __post_init__(self) -> None:
        if len(self.centre) < 2:
            raise ValueError(
                f"LaneShape: centre: expected two points or more, came {len(self.centre)}"
            )
        for name in ("centre", "width", "heading"):
            _check_finite("LaneShape", name, getattr(self, name))


@dataclass(frozen=True, eq=False)
class RoadGeometry:
    """All lanes of a road; they stay as they are for an episode."""

    lanes: tuple[LaneShape, ...]


@dataclass(frozen=True)
class Goal:
    """A place on the ground to reach, marked there; nothing stands on it.

    Raises:
        ValueError: for numbers that are not finite.
    """

    x: float  # [m] of the centre
    y: float  # [m]
    heading: float  # [rad] to arrive with
    length: float  # [m]
    width: float  # [m]

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _check_finite("Goal", name, np.array([value]))


@dataclass(frozen=True, eq=False)
class Traffic:
    """Everything on the road at one moment; row 0 is the ego vehicle.

    Raises:
        ValueError: for no row at all, or numbers that are not finite.
    """

    position: Float64[np.ndarray, "vehicle 2"]  # [m] of the centre
    heading: Float64[np.ndarray, " vehicle"]  # [rad]
    length: Float64[np.ndarray, " vehicle"]  # [m]
    width: Float64[np.ndarray, " vehicle"]  # [m]
    braking: Bool[np.ndarray, " vehicle"]  # brake lights are on
    obstacle: Bool[np.ndarray, " vehicle"]  # something in the way that is no vehicle
    goal: Goal | None = None  # of the ego vehicle

    def __post_init__(self) -> None:
        if len(self.position) == 0:
            raise ValueError("Traffic: position: expected one row or more, the ego first, came 0")
        for name in ("position", "heading", "length", "width"):
            _check_finite("Traffic", name, getattr(self, name))


def _check_finite(owner: str, name: str, values: Float64[np.ndarray, "..."]) -> None:
    if math.isfinite(values.sum()):  # one pass, for the usual case
        return
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise ValueError(f"{owner}: {name}: expected finite numbers, came {broken} NaN or infinite")
