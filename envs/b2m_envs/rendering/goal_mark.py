"""The mark of a goal on the ground: a painted rectangle, and an arrow for its heading."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from b2m_envs.rendering import palette
from b2m_envs.rendering.geometry import Goal
from b2m_envs.rendering.palette import Paint
from b2m_envs.rendering.road_pieces import Pieces

# (along, across) in shares of half the length and half the width; the heading is along.
RECTANGLE = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
ARROW = ((-0.5, -0.7), (0.7, 0.0), (-0.5, 0.7))


def goal_mark(goal: Goal | None) -> tuple[tuple[Pieces, Paint], ...]:
    """What is painted on the ground for a goal, in painting order; nothing if there is none."""
    if goal is None:
        return ()
    return (
        (Pieces.of(_placed(goal, RECTANGLE)), palette.GOAL),
        (Pieces.of(_placed(goal, ARROW)), palette.ROAD),
    )


def _placed(goal: Goal, form: tuple[tuple[float, float], ...]) -> Float64[np.ndarray, "1 corner 2"]:
    cos, sin = math.cos(goal.heading), math.sin(goal.heading)
    local = np.array(form) * (goal.length / 2, goal.width / 2)
    placed: Float64[np.ndarray, "1 corner 2"] = (
        local @ np.array([(cos, sin), (-sin, cos)]) + (goal.x, goal.y)
    )[None]
    return placed
