"""What an agent that drives observes: names, and what its environments show under them.

latents and pixels are pictures, for a frozen encoder or a network of the agent's own; state and
those that are objects of `b2m_envs`, with settings of their own, need none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from b2m_envs.observations.crossing_traffic import CrossingTraffic
from b2m_envs.observations.exit_kinematics import ExitKinematics
from b2m_envs.observations.exit_place import ExitPlace
from b2m_envs.observations.flat_observation import FlatObservation
from b2m_envs.observations.goal_state import GoalState
from b2m_envs.observations.kinematics import Kinematics
from b2m_envs.observations.kinematics_goal import KinematicsGoal
from b2m_envs.observations.lane_gaps import LaneGaps
from b2m_envs.observations.lidar import Lidar
from b2m_envs.observations.occupancy_grid import OccupancyGrid
from b2m_envs.observations.time_to_collision import TimeToCollision
from b2m_envs.scenes.observation import ObservationObject
from b2m_envs.scenes.settings import ENGINE, SceneSettings

Observed: TypeAlias = Literal[
    "latents", "pixels", "state", "kinematics", "occupancy_grid", "lidar", "time_to_collision",
    "crossing_traffic", "lane_gaps", "goal_state", "crossing_state", "exit_state", "exit_gaps",
    "gaps_state", "exit_kinematics", "kinematics_goal",
]  # fmt: skip
OBSERVATIONS: tuple[str, ...] = get_args(Observed)


def beside_state(
    made: Callable[..., ObservationObject], *others: ObservationObject
) -> Callable[..., ObservationObject]:
    """What makes the scaled state, other observations and one with options, in one vector."""

    @wraps(made, updated=())
    def together(**options: Any) -> FlatObservation:
        return FlatObservation(("scaled_state", *others, made(**options)))

    return together


OBJECTS: Mapping[str, Callable[..., ObservationObject]] = {
    "kinematics": Kinematics,
    "exit_kinematics": ExitKinematics,
    "occupancy_grid": OccupancyGrid,
    "lidar": Lidar,
    "time_to_collision": TimeToCollision,
    "crossing_traffic": CrossingTraffic,
    "lane_gaps": LaneGaps,
    "goal_state": GoalState,
    "crossing_state": beside_state(CrossingTraffic),
    "gaps_state": beside_state(LaneGaps),
    "exit_state": beside_state(ExitPlace),
    "exit_gaps": beside_state(LaneGaps, ExitPlace()),
    "kinematics_goal": KinematicsGoal,
}
STATE, SCENE = "state", "scene"
GOALS = "kinematics_goal"  # what is reached and what is wanted, apart: of hindsight replay alone


def as_environments_take_it(name: str, options: Mapping[str, Any]) -> str | ObservationObject:
    """What the environments of an agent are given as ``observation``.

    Args:
        name: One of `OBSERVATIONS`.
        options: Settings of an observation that is an object.

    Raises:
        ValueError: For an unknown option, one that does not fit, or options of a name that has
            none.
    """
    if name not in OBJECTS:
        if options:
            having = ", ".join(OBJECTS)
            raise ValueError(
                f"observation_options: expected none of {name} ({having} have some), "
                f"came {dict(options)}"
            )
        return STATE if name == STATE else SCENE
    made = OBJECTS[name]
    known = list(inspect.signature(made).parameters)
    for option in options:
        if option not in known:
            expected = f"some of {', '.join(known)}"
            raise ValueError(f"observation_options: expected {expected}, came {option!r}")
    return made(**options)


def check_is_shown(scene: SceneSettings, observation: str | ObservationObject) -> None:
    """Refuse an observation of the traffic for a scene off our engine, or one it does not have.

    Raises:
        ValueError: Names both.
    """
    if isinstance(observation, str):
        return
    if not observation.kind.of_highway_env and scene.chosen_engine != ENGINE:
        shown = "pixels, state or goal_state" if scene.of.has_goal else "pixels or state"
        raise ValueError(
            f"observation: expected latents, {shown} in {scene.of.id}, which highway-env "
            f"simulates, came {type(observation).__name__}: scenes on our engine alone have it"
        )
    observation.kind.space(scene)  # refuses a scenario without a goal, an exit, straight lanes, ...


def plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON gives them back: NumPy's numbers as Python's, tuples as lists."""
    return {name: _plain(value) for name, value in options.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(each) for each in value]
    return value
