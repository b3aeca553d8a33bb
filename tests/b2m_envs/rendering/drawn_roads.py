"""Vehicles and lanes for tests of the cameras."""

from __future__ import annotations

import numpy as np

from b2m_envs.rendering import LaneShape, LineKind, Traffic


def vehicles(
    places: list[tuple[float, float]],
    headings: list[float] | None = None,
    braking: tuple[int, ...] = (),
    obstacle: tuple[int, ...] = (),
) -> Traffic:
    n = len(places)
    return Traffic(
        position=np.array(places, dtype=np.float64).reshape(-1, 2),
        heading=np.array(headings or [0.0] * n, dtype=np.float64),
        length=np.full(n, 5.0),
        width=np.full(n, 2.0),
        braking=np.isin(np.arange(n), braking),
        obstacle=np.isin(np.arange(n), obstacle),
    )


def straight_lane(
    start: tuple[float, float],
    heading: float,
    length: float,
    left: LineKind = LineKind.CONTINUOUS,
    right: LineKind = LineKind.CONTINUOUS,
) -> LaneShape:
    along = np.linspace(0, length, round(length / 20) + 1)
    direction = np.array([np.cos(heading), np.sin(heading)])
    n = len(along)
    centre = np.array(start) + along[:, None] * direction
    return LaneShape(centre, np.full(n, 4.0), np.full(n, heading), left, right)
