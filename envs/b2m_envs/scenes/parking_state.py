"""The variables of a scene in which one parks: there is no road, but a spot to reach."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from highway_env.utils import wrap_to_pi
from jaxtyping import Float32

from b2m_envs.scenes.state import STATE_INDEX, STATE_VARIABLES, SceneState


def parking_state(ego: Any) -> Float32[np.ndarray, " variable"]:
    """The variables of `STATE_VARIABLES`, in that order; NaN where one has no meaning.

    Offset and heading are relative to the spot to park in, along its axis from the aisle to the
    wall. Nobody drives in a car park: lane, gaps, closing speed and curvature have no meaning.
    There is a hazard once the vehicle has crashed.

    Args:
        ego: the ego vehicle, with its goal.
    """
    goal = ego.goal
    x, y = ego.position - goal.position
    values = {
        "lateral_offset": y * math.cos(goal.heading) - x * math.sin(goal.heading),
        "heading": wrap_to_pi(ego.heading - goal.heading),
        "speed": ego.speed,
        "acceleration": ego.action["acceleration"],
        "hazard": float(ego.crashed),
    }
    state = np.full(len(STATE_VARIABLES), np.nan, np.float32)
    for name, value in values.items():
        state[STATE_INDEX[name]] = value
    return state.view(SceneState)
