"""The driving scenarios: highway-env's worlds, and what a user may change in each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Scenario:
    """One of highway-env's worlds, and what a user may change in it."""

    title: str  # in the id: B2M/<title>Scene-v0, or as `ending` says
    highway_env: str  # path of highway-env's class
    duration: float  # [s] until truncation
    target_speeds: tuple[float, ...]  # [m/s] of SLOWER and FASTER; none: no meta-actions
    policy_frequency: float = 1.0  # [Hz]
    simulation_frequency: int = 15  # [Hz]
    lane_changes: bool = True  # whether there are meta-actions for them
    connected_lanes: bool = False  # other drivers look beyond the end of their lane, see below
    # setting -> highway-env's key, or its keys, one for each number
    options: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    lanes: tuple[int, int] = (1, 100)  # fewest and most, where lanes_count is an option
    traffic: str = "b2m_envs.highway_env.vehicles.TrafficDriver"  # class of the other vehicles
    penalises_action: bool = False  # the reward holds the action's size
    fast: bool = True  # whether `b2m_envs.engine` runs it, unless settings say otherwise
    also_fast: bool = False  # whether that has it too, though highway-env runs single ones
    controls: tuple[str, ...] = ("acceleration", "steering")  # of a continuous action, in order
    largest_steering: float = math.pi / 4  # [rad] under continuous actions
    behind: float = 0.25  # bird's-eye: share of the picture behind the ego, with heading_up
    ending: str = "Scene-v0"  # of the id
    has_goal: bool = False  # a pose to reach, that of `vehicle.goal`

    @property
    def id(self) -> str:
        """Id of the environment."""
        return f"B2M/{self.title}{self.ending}"

    @property
    def steered_only(self) -> bool:
        """Whether there are neither meta-actions nor a driver model: only continuous actions."""
        return not self.target_speeds


_EXIT_OPTIONS = {
    "vehicles_count": "vehicles_count",
    "vehicles_density": "vehicles_density",
    "lanes_count": "lanes_count",
    "ego_spacing": "ego_spacing",
}
_HIGHWAY_OPTIONS = {**_EXIT_OPTIONS, "initial_lane": "initial_lane_id"}
ARMS = ("o1", "o2", "o3")  # of the intersection, from the ego vehicle's: left, straight on, right
ANY_ARM = "any"  # drawn in each episode; None in highway-env's configuration
MERGE_LENGTHS = (  # highway-env's keys of the parts of a merge's road
    "before_merge_length",
    "converge_merge_length",
    "parallel_merge_length",
    "after_merge_length",
)
USUAL_MERGE_LENGTHS = (150, 80, 80, 150)  # [m]
_RACETRACK: dict[str, Any] = {
    "duration": 300.0,
    "target_speeds": (0.0, 5.0, 10.0),
    "policy_frequency": 5.0,
    "connected_lanes": True,
    "penalises_action": True,
}

# connected_lanes is what highway-env's later versions of an id add (merge-v1, intersection-v2);
# without it drivers overlook a vehicle that stands just behind the end of their lane.
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "highway": Scenario(
            title="Highway",
            highway_env="highway_env.envs.highway_env.HighwayEnv",
            duration=40.0,
            target_speeds=(20.0, 25.0, 30.0),
            options=_HIGHWAY_OPTIONS,
        ),
        "highway_fast": Scenario(
            title="HighwayFast",
            highway_env="highway_env.envs.highway_env.HighwayEnvFast",
            duration=30.0,
            target_speeds=(20.0, 25.0, 30.0),
            simulation_frequency=5,
            options=_HIGHWAY_OPTIONS,
        ),
        "merge": Scenario(
            title="Merge",
            highway_env="highway_env.envs.merge_env.MergeEnv",
            duration=30.0,  # ours: highway-env lets a vehicle that stands wait for ever
            target_speeds=(20.0, 25.0, 30.0),
            connected_lanes=True,
        ),
        "merge_generic": Scenario(
            title="MergeGeneric",
            highway_env="highway_env.envs.merge_env.MergeGenericEnv",
            duration=30.0,  # ours, as for `merge`
            target_speeds=(20.0, 25.0, 30.0),
            connected_lanes=True,
            options={
                "vehicles_count": "vehicles_count",
                "lanes_count": "lanes_count",
                "merge_lengths": MERGE_LENGTHS,
            },
        ),
        "exit": Scenario(
            title="Exit",
            highway_env="highway_env.envs.exit_env.ExitEnv",
            duration=18.0,
            target_speeds=(18.0, 24.0, 30.0),
            simulation_frequency=5,
            connected_lanes=True,
            options=_EXIT_OPTIONS,
            # its vehicles choose a lane with a probability of lane / sum(lanes), and from the
            # ninth lane on, its speed limit of 26 - 3.4 lane m/s is negative
            lanes=(2, 8),
        ),
        "roundabout": Scenario(
            title="Roundabout",
            highway_env="highway_env.envs.roundabout_env.RoundaboutEnv",
            duration=11.0,
            target_speeds=(0.0, 8.0, 16.0),
            connected_lanes=True,
        ),
        "roundabout_generic": Scenario(
            title="RoundaboutGeneric",
            highway_env="highway_env.envs.roundabout_env.RoundaboutGenericEnv",
            duration=17.0,
            target_speeds=(0.0, 8.0, 16.0),
            connected_lanes=True,
            options={
                "vehicles_count": "vehicles_count",
                "lanes_count": "roundabout_lanes",
                "roundabout_radius": "roundabout_radius",
            },
        ),
        "intersection": Scenario(
            title="Intersection",
            highway_env="highway_env.envs.intersection_env.IntersectionEnv",
            duration=13.0,
            target_speeds=(0.0, 4.5, 9.0),
            lane_changes=False,
            connected_lanes=True,
            options={
                "vehicles_count": "initial_vehicle_count",
                "spawn_probability": "spawn_probability",
                "destination": "destination",
            },
            traffic="b2m_envs.highway_env.vehicles.IntersectionDriver",
        ),
        "two_way": Scenario(
            title="TwoWay",
            highway_env="b2m_envs.highway_env.bridge.TwoWay",
            duration=15.0,  # highway-env's registration limits it to 15 steps of 1 s
            target_speeds=(20.0, 25.0, 30.0),
        ),
        "u_turn": Scenario(
            title="UTurn",
            highway_env="highway_env.envs.u_turn_env.UTurnEnv",
            duration=10.0,
            target_speeds=(8.0, 16.0, 24.0),
            connected_lanes=True,
        ),
        "racetrack": Scenario(
            title="Racetrack",
            highway_env="highway_env.envs.racetrack_env.RacetrackEnv",
            options={"vehicles_count": "other_vehicles"},
            **_RACETRACK,
        ),
        "racetrack_large": Scenario(
            title="RacetrackLarge",
            highway_env="highway_env.envs.racetrack_env.RacetrackEnvLarge",
            options={"vehicles_count": "other_vehicles", "speed_limit": "speed_limit"},
            **_RACETRACK,
        ),
        "racetrack_oval": Scenario(
            title="RacetrackOval",
            highway_env="highway_env.envs.racetrack_env.RacetrackEnvOval",
            options={
                "vehicles_count": "other_vehicles",
                "lanes_count": "no_lanes",
                "oval_length": "length",
                "block_lane": "block_lane",
                "force_decision": "force_decision",
            },
            lanes=(2, 7),  # highway-env takes 0 for "any number", from a generator without seed
            **_RACETRACK,
        ),
        "parking": Scenario(
            title="Parking",
            highway_env="b2m_envs.highway_env.tasks.Parking",
            duration=100.0,
            target_speeds=(),
            fast=False,
            policy_frequency=5.0,
            options={"vehicles_count": "vehicles_count", "walls": "add_walls"},
            behind=0.5,  # the spot to park in may be behind the vehicle
            has_goal=True,
        ),
        "lane_keeping": Scenario(
            title="LaneKeeping",
            highway_env="b2m_envs.highway_env.tasks.LaneKeeping",
            duration=20.0,  # highway-env's registration limits it to 200 steps of 0.1 s
            target_speeds=(),
            fast=False,
            also_fast=True,
            policy_frequency=10.0,
            simulation_frequency=10,
            controls=("steering",),
            largest_steering=math.pi / 3,
        ),
    }
)
