"""highway-env's observation dictionaries as observations of ours.

A type joins by one line of `TYPES`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from types import MappingProxyType
from typing import Any

from b2m_envs.migration.refusing import NO_DEFAULT, refuse
from b2m_envs.scenes.highway_env_names import OBSERVATION_TYPES
from b2m_envs.scenes.numbers import as_python, is_number

USUAL_SCALING = 5.5  # [px/m] highway-env's, if its configuration says no other


@dataclass(frozen=True)
class ObservationType:
    """One of highway-env's types of observation, which one of our classes repeats."""

    home: str  # module:class, imported where it is used
    passed_over: tuple[str, ...] = ()  # keys that highway-env's configurations have and never read
    # what highway-env takes where a setting is left out, if it is not the default of ours
    usual: Mapping[str, Any] = field(default_factory=dict)


class OtherPicture(UserWarning):
    """A picture of ours stands for one that highway-env's pygame would draw."""


_NONE_IS_USUAL = ("features", "features_range", "grid_size", "grid_step")
_KINEMATICS = ("absolute", "flatten", "observe_intentions", "vehicles_count", "normalize", "order")
TYPES: Mapping[str, ObservationType] = MappingProxyType(
    {
        "Kinematics": ObservationType("kinematics:Kinematics", ("flatten",)),
        "TimeToCollision": ObservationType("time_to_collision:TimeToCollision"),
        "OccupancyGrid": ObservationType("occupancy_grid:OccupancyGrid"),
        "LidarObservation": ObservationType("lidar:Lidar"),
        "AttributesObservation": ObservationType("attributes:Attributes"),
        "KinematicsGoal": ObservationType(
            "kinematics_goal:KinematicsGoal",
            _KINEMATICS,
            {"features": ("presence", "x", "y", "vx", "vy")},
        ),
        "ExitObservation": ObservationType("exit_kinematics:ExitKinematics", ("flatten",)),
    }
)


def observation_settings(env_id: str, observation: Any, scaling: Any) -> dict[str, Any]:
    """The keywords of ours that an observation dictionary is.

    Args:
        env_id: highway-env's, for messages.
        observation: The dictionary.
        scaling: [px/m] of the whole configuration, for pictures that do not say theirs.

    Raises:
        ValueError: naming what cannot be mapped, and what to use instead.
    """
    observation = as_python(observation)
    kind = observation.get("type") if isinstance(observation, Mapping) else None
    if kind == "GrayscaleObservation":
        return _picture(env_id, observation, scaling)
    return {"observation": _observation(env_id, observation)}


def _observation(env_id: str, observation: Any) -> Any:
    kind = observation.get("type") if isinstance(observation, Mapping) else None
    if kind == "TupleObservation":
        return _several(env_id, observation)
    if not isinstance(kind, str) or kind not in TYPES:
        types = f"a dictionary whose type is one of {', '.join(TYPES)}"
        instead = OBSERVATION_TYPES.get(str(kind), types)
        refuse(env_id, "observation", observation, f"use {instead}")
    row = TYPES[kind]
    module, name = row.home.split(":")
    made = getattr(import_module(f"b2m_envs.observations.{module}"), name)
    known = [item.name for item in fields(made)]
    settings = {key: value for key, value in observation.items() if key != "type"}
    for key in settings:
        if key not in known and key not in row.passed_over:
            instead = f"highway-env reads {', '.join(known)} of a {kind} and passes over others"
            refuse(env_id, f"observation: {key}", settings[key], instead)
        if settings[key] is None and key not in _NONE_IS_USUAL:
            refuse(env_id, f"observation: {key}", None, NO_DEFAULT)
    given = {key: value for key, value in settings.items() if key in known and value is not None}
    return made(**{**row.usual, **given})


def _several(env_id: str, observation: Mapping[str, Any]) -> tuple[Any, ...]:
    for key in observation:
        if key not in ("type", "observation_configs"):
            instead = "highway-env reads observation_configs alone and passes over others"
            refuse(env_id, f"observation: {key}", observation[key], instead)
    parts = observation.get("observation_configs")
    if not isinstance(parts, tuple) or not parts:
        instead = "give a list of one dictionary or more"
        refuse(env_id, "observation: observation_configs", parts, instead)
    return tuple(_observation(env_id, each) for each in parts)


def _picture(env_id: str, observation: Mapping[str, Any], scaling: Any) -> dict[str, Any]:
    """The picture of ours that shows as much road, in as many pixels, as often stacked."""
    known = ("observation_shape", "stack_size", "weights", "scaling", "centering_position")
    for key in observation:
        if key not in ("type", *known):
            refuse(env_id, f"observation: {key}", observation[key], f"expected {', '.join(known)}")
    shape = observation.get("observation_shape")
    if not isinstance(shape, tuple) or len(shape) != 2 or not all(map(is_number, shape)):
        refuse(env_id, "observation: observation_shape", shape, "give (width, height) in pixels")
    width, height = shape
    scaling = observation.get("scaling") or scaling
    if not is_number(scaling) or scaling <= 0:
        refuse(env_id, "observation: scaling", scaling, "give a number of pixels in a metre")
    warnings.warn(
        f"{env_id}: observation: GrayscaleObservation: pictures are drawn by us, [height width "
        "frame] and not [frame width height], with the vehicle in the middle; their grey is our "
        "own. See docs/from-highway-env.md",
        OtherPicture,
        stacklevel=6,
    )
    return {
        "observation": "scene",
        "width": width,
        "height": height,
        "n_frames": observation.get("stack_size", 1),
        "view_length": height / scaling,
        "heading_up": False,
    }
