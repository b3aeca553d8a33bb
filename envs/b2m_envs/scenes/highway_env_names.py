"""What a user of highway-env may type, and what it is called here: hints in messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Final

from b2m_envs.scenes.reward import Reward
from b2m_envs.scenes.scenarios import MERGE_LENGTHS

OBSERVATION_TYPES: Mapping[str, str] = MappingProxyType(  # what to use instead
    {
        "Kinematics": "b2m_envs.Kinematics(...)",
        "TimeToCollision": "b2m_envs.TimeToCollision(...)",
        "OccupancyGrid": "b2m_envs.OccupancyGrid(...)",
        "LidarObservation": "b2m_envs.Lidar(...)",
        "KinematicsGoal": "b2m_envs.KinematicsGoal(...)",
        "GrayscaleObservation": 'observation="scene" with height, width, n_frames, view_length',
        "TupleObservation": "a tuple of observations",
        "ExitObservation": "b2m_envs.ExitKinematics(...)",
        "AttributesObservation": "b2m_envs.Attributes(...)",
        "MultiAgentObservation": "one vehicle's observation: one vehicle is driven here",
    }
)
ACTION_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "DiscreteMetaAction": 'action="discrete"',
        "ContinuousAction": 'action="continuous"',
        "DiscreteAction": 'action="discrete_controls"',
        "MultiAgentAction": "one vehicle's action: one vehicle is driven here",
    }
)
ONE_VEHICLE: Final = (
    "one vehicle is driven in each world; for several agents in one world use highway-env itself, "
    "for many worlds num_envs"
)
FIXED: Mapping[str, str] = MappingProxyType(  # keys that keep their value -> why, and what to do
    {
        "controlled_vehicles": ONE_VEHICLE,
        "other_vehicles_type": "other vehicles are highway-env's IDMVehicle",
        "manual_control": "call step with your own actions",
        "incoming_vehicle_destination": "destinations are drawn",
        "state_noise": "noise is up to .05, as by default",
        "derivative_noise": "noise is up to .05, as by default",
    }
)
PICTURES = (  # what highway-env's own window shows: they change nothing that an agent sees or does
    "screen_width",
    "screen_height",
    "centering_position",
    "scaling",
    "show_trajectories",
    "render_agent",
    "offscreen_rendering",
    "real_time_rendering",
)
CONVERTS: Final = "b2m_envs.from_highway_env takes highway-env's ids and dictionaries"
_REWARDS = {name: f"reward={{{name!r}: ...}}" for name in (item.name for item in fields(Reward))}
SETTINGS: Mapping[str, str] = MappingProxyType(  # of highway-env -> what to write here
    {
        **_REWARDS,
        **{name: f"nothing: {why}" for name, why in FIXED.items()},
        **dict.fromkeys(PICTURES, "nothing: it is about highway-env's window"),
        "left_lane_constraint": "nothing: highway-env never reads it",
        "initial_vehicle_count": "vehicles_count",
        "initial_lane_id": "initial_lane",
        "length": "oval_length [m]",
        "add_walls": "walls",
        "other_vehicles": "vehicles_count",
        "no_lanes": "lanes_count",
        "roundabout_lanes": "lanes_count",
        **dict.fromkeys(MERGE_LENGTHS, "merge_lengths=(before, converging, parallel, after) [m]"),
        "neighbour_vehicles_connected_lanes": "connected_lanes",
        "config": f"keywords, one a setting; {CONVERTS}",
        "observation_shape": "height and width",
        "stack_size": "n_frames",
        "scaling": "view_length [m], the road along the picture's height",
        "centering_position": "nothing: the vehicle is in the middle, or below it with heading_up",
        "screen_width": "width, of the frames; render() gives a larger picture",
        "screen_height": "height, of the frames; render() gives a larger picture",
        "offscreen_rendering": 'render_mode="rgb_array"',
        "show_trajectories": "nothing: it is not drawn",
        "dynamical": "nothing: only lane keeping has tyres that slip",
        "type": f"action=... or observation=...; {CONVERTS}",
    }
)


def hint_of_setting(name: object) -> str:
    """What to write in place of a setting of highway-env's; empty if it is none."""
    if not isinstance(name, str) or name not in SETTINGS:
        return ""
    return f" (highway-env's: use {SETTINGS[name]})"


def hint_of_options(options: object) -> str:
    """What to write in place of a configuration in the options of `reset`; empty if none came."""
    return hint_of_setting("config") if isinstance(options, Mapping) and "config" in options else ""


def hint_of_type(given: object, types: Mapping[str, str]) -> str:
    """What to write in place of a dictionary with a type of highway-env's; empty if it is none."""
    kind = given.get("type") if isinstance(given, Mapping) else given
    if not isinstance(kind, str) or kind not in types:
        return ""
    return f" (highway-env's {kind}: use {types[kind]}; {CONVERTS})"
