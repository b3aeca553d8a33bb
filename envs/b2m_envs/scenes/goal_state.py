"""Where the goal of a scene lies, for a vehicle that is to reach it."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32

from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import StateVariable

GOAL_VARIABLES = (
    StateVariable("goal_ahead", "m", "of the goal's middle before the vehicle's, along its axis"),
    StateVariable("goal_right", "m", "of the goal's middle to the right of the vehicle's axis"),
)
GOAL_BOUND = 1000.0  # [m] beyond it, cut off
GOAL_SCALE = 20.0  # [m] what they are divided by where the state is scaled


def goal_place(ego: Any) -> Float32[np.ndarray, " variable"]:
    """The variables of `GOAL_VARIABLES`, in that order.

    Args:
        ego: highway-env's vehicle, with its goal.
    """
    (x, y), (ahead_x, ahead_y) = ego.goal.position - ego.position, ego.direction
    place = (x * ahead_x + y * ahead_y, y * ahead_x - x * ahead_y)
    return np.array(place, np.float32)


def check_goal(settings: SceneSettings, observation: str) -> None:
    """Refuse an observation of the goal where the scenario has none.

    Raises:
        ValueError: saying which scenarios have one.
    """
    if not settings.of.has_goal:
        having = " or ".join(each for each in SCENARIOS if SCENARIOS[each].has_goal)
        raise ValueError(
            f"{settings.of.id}: observation: expected a scenario with a goal ({having}) for "
            f"{observation}, came {settings.scenario!r}"
        )
