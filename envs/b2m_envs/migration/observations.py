"""highway-env's observation dictionaries as observations of ours.

A type joins by one line of `TYPES`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from types import MappingProxyType
from typing import Any

from b2m_envs.migration.refusing import refuse
from b2m_envs.scenes.highway_env_names import OBSERVATION_TYPES

USUAL_SCALING = 5.5  # [px/m] highway-env's, if its configuration says no other


@dataclass(frozen=True)
class ObservationType:
    """One of highway-env's types of observation, which one of our classes repeats."""

    home: str  # module:class, imported where it is used
    passed_over: tuple[str, ...] = ()  # keys that highway-env's configurations have and never read


class OtherPicture(UserWarning):
    """A picture of ours stands for one that highway-env's pygame would draw."""


_KINEMATICS = ("absolute", "flatten", "observe_intentions", "vehicles_count", "normalize", "order")
TYPES: Mapping[str, ObservationType] = MappingProxyType(
    {
        "Kinematics": ObservationType("kinematics:Kinematics", ("flatten",)),
        "TimeToCollision": ObservationType("time_to_collision:TimeToCollision"),
        "OccupancyGrid": ObservationType("occupancy_grid:OccupancyGrid"),
        "LidarObservation": ObservationType("lidar:Lidar"),
        "AttributesObservation": ObservationType("attributes:Attributes"),
        "KinematicsGoal": ObservationType("kinematics_goal:KinematicsGoal", _KINEMATICS),
    }
)


def observation_settings(env_id: str, observation: Any, scaling: float) -> dict[str, Any]:
    """The keywords of ours that an observation dictionary is.

    Args:
        env_id: highway-env's, for messages.
        observation: The dictionary.
        scaling: [px/m] of the whole configuration, for pictures that do not say theirs.

    Raises:
        ValueError: naming what cannot be mapped, and what to use instead.
    """
    kind = observation.get("type") if isinstance(observation, Mapping) else None
    if kind == "GrayscaleObservation":
        return _picture(env_id, observation, scaling)
    return {"observation": _observation(env_id, observation)}


def _observation(env_id: str, observation: Any) -> Any:
    kind = observation.get("type") if isinstance(observation, Mapping) else None
    if kind == "TupleObservation":
        parts = observation.get("observation_configs", ())
        return tuple(_observation(env_id, each) for each in parts)
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
    given = {key: value for key, value in settings.items() if key in known and value is not None}
    return made(**given)


def _picture(env_id: str, observation: Mapping[str, Any], scaling: float) -> dict[str, Any]:
    """The picture of ours that shows as much road, in as many pixels, as often stacked."""
    known = ("observation_shape", "stack_size", "weights", "scaling", "centering_position")
    for key in observation:
        if key not in ("type", *known):
            refuse(env_id, f"observation: {key}", observation[key], f"expected {', '.join(known)}")
    shape = observation.get("observation_shape")
    if not isinstance(shape, list | tuple) or len(shape) != 2:
        refuse(env_id, "observation: observation_shape", shape, "give (width, height) in pixels")
    width, height = shape
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
        "view_length": height / (observation.get("scaling") or scaling),
        "heading_up": False,
    }
