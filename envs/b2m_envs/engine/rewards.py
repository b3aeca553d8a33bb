"""Rewards and ends of episodes, as highway-env has them, for many worlds at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from b2m_envs.engine.lanes import LaneTable
from b2m_envs.engine.layout import DRIVER, META, NOBODY
from b2m_envs.scenes.reward import SPANS
from b2m_envs.scenes.road_options import PENALISED_LANE

Values = Float64[np.ndarray, " world"]
Flags = Bool[np.ndarray, " world"]
DEFAULT_LEVELS = 3  # target speeds of highway-env's default vehicle
ARRIVED = 25.0  # [m] behind the intersection


@dataclass(frozen=True, eq=False)
class SteppedWorlds:
    """The worlds after a policy step, one entry a world of those stepped."""

    table: LaneTable
    every: np.ndarray  # VEHICLE [any row] of all worlds of the batch
    which: np.ndarray  # int64 [world] indices in it of those stepped
    ego: np.ndarray  # VEHICLE [world]
    along: Values  # [m] of the ego vehicle, in its lane
    across: Values  # [m] to the right of its lane's centre
    on_road: Values  # 1 or 0
    levels: Float64[np.ndarray, " level"]  # [m/s] target speeds
    changes_lane: Flags  # the action was a change of lane
    effort: Values  # size of the action, where it is penalised
    weights: Mapping[str, Any]  # the scenario's settings of the reward, see `Reward.of`
    merge_end: float  # [m] along the road, where a merge is passed

    @property
    def lane(self) -> np.ndarray:
        """LANE of each ego vehicle."""
        lane: np.ndarray = self.table.network.lanes[self.ego["lane"]]
        return lane

    @property
    def wanted(self) -> np.ndarray:
        """LANE that each ego vehicle follows; a steered one follows the lane it is in."""
        lane: np.ndarray = self.table.network.lanes[self.ego["target_lane"]]
        return lane

    @property
    def n_lanes(self) -> np.ndarray:
        """Lanes of the road that each ego vehicle is on."""
        n_lanes: np.ndarray = self.table.network.roads["n_lanes"][self.lane["road"]]
        return n_lanes

    @property
    def crashed(self) -> Values:
        """1 if the ego vehicle has crashed."""
        crashed: Values = self.ego["crashed"].astype(np.float64)
        return crashed

    @property
    def level(self) -> Values:
        """Number of the target speed: the chosen one, or the one nearest to the speed."""
        nearest = np.abs(self.levels - self.ego["speed"][:, None]).argmin(axis=1)
        level: Values = np.where(self.ego["kind"] == META, self.ego["speed_index"], nearest)
        return level.astype(np.float64)

    def scaled(self, speed: Values) -> Values:
        """Speed [m/s] as a share of the rewarded ones, beyond 0 and 1 where it leaves them."""
        low, high = self.weights["reward_speed_range"]
        share: Values = 0.0 + (speed - low) * (1 - 0) / (high - low)
        return share


def ends_in_crash(stepped: SteppedWorlds) -> Flags:
    """Whether the ego vehicle has crashed."""
    crashed: Flags = stepped.ego["crashed"]
    return crashed


@dataclass(frozen=True)
class Scoring:
    """How a scenario rewards: terms, added by weight, perhaps scaled; and when it ends."""

    terms: Callable[[SteppedWorlds], dict[str, Values]]
    weighted: bool = True  # else the terms add up as they are
    clipped: bool = False  # the scaled sum is kept within 0 and 1
    prize: str | None = None  # the term that, where it is not 0, is the whole reward
    on_road_only: bool = False  # no reward off the road
    scaled_last: bool = False  # after that, and not before
    ends: Callable[[SteppedWorlds], Flags] = ends_in_crash
    off_road_ends: str | None = None  # the setting that ends episodes off the road
    succeeds: Callable[[SteppedWorlds], Flags] | None = None

    def reward(self, scenario: str, terms: Mapping[str, Values], stepped: SteppedWorlds) -> Values:
        """The reward of a policy step."""
        weights = stepped.weights
        total: Values = np.zeros(len(stepped.ego))
        for name, values in terms.items():
            total = total + (weights.get(name, 0) if self.weighted else 1) * values
        if not self.scaled_last:
            total = self._scaled(scenario, weights, total)
        if self.prize is not None:
            won = weights[self.prize] * terms[self.prize]
            total = np.where(terms[self.prize] > 0, won, total)
        if self.on_road_only:
            total = total * stepped.on_road
        return self._scaled(scenario, weights, total) if self.scaled_last else total

    def terminates(self, stepped: SteppedWorlds) -> Flags:
        """Whether the episodes end."""
        ended = self.ends(stepped)
        if self.off_road_ends is None or not stepped.weights[self.off_road_ends]:
            return ended
        result: Flags = ended | (stepped.on_road == 0)
        return result

    def _scaled(self, scenario: str, weights: Mapping[str, Any], total: Values) -> Values:
        if scenario not in SPANS or not weights.get("normalize_reward", True):
            return total
        low, high = SPANS[scenario](weights)
        total = 0 + (total - low) * (1 - 0) / (high - low)
        return np.clip(total, 0, 1) if self.clipped else total


def highway_terms(stepped: SteppedWorlds) -> dict[str, Values]:
    """Speed along the road and a lane to the right."""
    forward = stepped.ego["speed"] * np.cos(stepped.ego["heading"])
    return {
        "collision_reward": stepped.crashed,
        "right_lane_reward": stepped.wanted["number"] / np.maximum(stepped.n_lanes - 1, 1),
        "high_speed_reward": np.clip(stepped.scaled(forward), 0, 1),
        "on_road_reward": stepped.on_road,
    }


def merge_terms(stepped: SteppedWorlds) -> dict[str, Values]:
    """Speed, and room for those who merge.

    highway-env looks at lane 2 beside the merge, which is the ramp's own if there are two others;
    with more, it is one of the highway's, and with one, there is none.
    """
    vehicles = stepped.every[stepped.which]
    ramp = stepped.table.number.get(("b", "c", PENALISED_LANE), NOBODY)
    delay: Values = np.zeros(len(vehicles))
    for row in range(vehicles.shape[1]):
        each = vehicles[:, row]
        merges = (each["lane"] == ramp) & np.isin(each["kind"], (META, DRIVER))
        target = np.where(merges, each["target_speed"], 1.0)
        delay = delay + np.where(merges, (target - each["speed"]) / target, 0.0)
    return {
        "collision_reward": stepped.crashed,
        "right_lane_reward": stepped.lane["number"] / 1,
        "high_speed_reward": stepped.scaled(stepped.ego["speed"]),
        "lane_change_reward": stepped.changes_lane.astype(np.float64),
        "merging_speed_reward": delay,
    }


def exit_terms(stepped: SteppedWorlds) -> dict[str, Values]:
    """The exit, and speed."""
    speed = stepped.scaled(stepped.ego["speed"])
    return {
        "collision_reward": stepped.crashed,
        "goal_reward": takes_exit(stepped).astype(np.float64),
        "high_speed_reward": np.clip(speed, 0, 1),
        "right_lane_reward": stepped.wanted["number"].astype(np.float64),
    }


def takes_exit(stepped: SteppedWorlds) -> Flags:
    """Whether the ego vehicle follows the exit lane."""
    number = stepped.table.number
    last = max(name[2] for name in number if name[:2] == ("1", "2"))
    goals = (number["1", "2", last], number["2", "exit", 0])
    return np.isin(stepped.ego["target_lane"], goals)


def two_way_terms(stepped: SteppedWorlds) -> dict[str, Values]:
    """Speed and the left lane; none for a vehicle that has turned."""
    others = stepped.n_lanes - 1
    left = (others - stepped.wanted["number"]) / np.maximum(others, 1)
    return {
        "high_speed_reward": stepped.level / (len(stepped.levels) - 1),
        "left_lane_reward": np.where(others > 0, left, 0.0),
    }


def u_turn_terms(stepped: SteppedWorlds) -> dict[str, Values]:
    """Speed and the left lane (highway-env numbers it from the inside of the turn)."""
    speed = stepped.scaled(stepped.ego["speed"])
    return {
        "collision_reward": stepped.crashed,
        "left_lane_reward": stepped.lane["number"] / np.maximum(stepped.n_lanes - 1, 1),
        "high_speed_reward": np.clip(speed, 0, 1),
        "on_road_reward": stepped.on_road,
    }


def roundabout_terms(stepped: SteppedWorlds) -> dict[str, Values]:
    """Speed, and few changes of lane."""
    return {
        "collision_reward": stepped.crashed,
        "high_speed_reward": stepped.level / (DEFAULT_LEVELS - 1),
        "lane_change_reward": stepped.changes_lane.astype(np.float64),
        "on_road_reward": stepped.on_road,
    }


def intersection_terms(stepped: SteppedWorlds) -> dict[str, Values]:
    """Speed, and arrival behind the intersection."""
    speed = stepped.scaled(stepped.ego["speed"])
    return {
        "collision_reward": stepped.crashed,
        "high_speed_reward": np.clip(speed, 0, 1),
        "arrived_reward": has_arrived(stepped).astype(np.float64),
        "on_road_reward": stepped.on_road,
    }


def has_arrived(stepped: SteppedWorlds) -> Flags:
    """Whether the ego vehicle is well behind the intersection."""
    names = stepped.table.names
    leaving = [index for index, name in enumerate(names) if "il" in name[0] and "o" in name[1]]
    arrived: Flags = np.isin(stepped.ego["lane"], leaving) & (stepped.along >= ARRIVED)
    return arrived


def has_crossed(stepped: SteppedWorlds) -> Flags:
    """A crash, or arrival."""
    ended: Flags = stepped.ego["crashed"] | has_arrived(stepped)
    return ended


def racetrack_terms(stepped: SteppedWorlds) -> dict[str, Values]:
    """The middle of the lane, and little action."""
    return {
        "lane_centering_reward": 1
        / (1 + stepped.weights["lane_centering_cost"] * stepped.across**2),
        "action_reward": stepped.effort,
        "collision_reward": stepped.crashed,
        "on_road_reward": stepped.on_road,
    }


def has_merged(stepped: SteppedWorlds) -> Flags:
    """A crash, or the merge is passed."""
    ended: Flags = stepped.ego["crashed"] | (stepped.ego["x"] > stepped.merge_end)
    return ended


_HIGHWAY = Scoring(highway_terms, on_road_only=True, off_road_ends="offroad_terminal")
_RACETRACK = Scoring(racetrack_terms, on_road_only=True, off_road_ends="terminate_off_road")
SCORING: Mapping[str, Scoring] = {
    "highway": _HIGHWAY,
    "highway_fast": _HIGHWAY,
    "merge": Scoring(merge_terms, ends=has_merged),
    "exit": Scoring(exit_terms, clipped=True, succeeds=takes_exit),
    "two_way": Scoring(two_way_terms),
    "u_turn": Scoring(u_turn_terms, on_road_only=True),
    "roundabout": Scoring(roundabout_terms, on_road_only=True),
    "intersection": Scoring(
        intersection_terms,
        on_road_only=True,
        scaled_last=True,
        ends=has_crossed,
        off_road_ends="offroad_terminal",
        prize="arrived_reward",
    ),
    "racetrack": _RACETRACK,
    "racetrack_large": _RACETRACK,
    "racetrack_oval": _RACETRACK,
    "merge_generic": Scoring(merge_terms, ends=has_merged),
    "roundabout_generic": Scoring(roundabout_terms, on_road_only=True),
}


def exit_lane(table: LaneTable) -> np.void:
    """The LANE that leads to the exit: the rightmost one of the road before it."""
    lane: np.void = table.network.lanes[exit_lane_number(table)]
    return lane


def exit_lane_number(table: LaneTable) -> int:
    """Its place among all lanes."""
    last = max(name[2] for name in table.number if name[:2] == ("1", "2"))
    return int(table.number["1", "2", last])


def exit_distance(stepped: SteppedWorlds) -> Values:
    """[m] to the lane that leads to the exit, at its nearest place; 0 where it is followed."""
    lane = exit_lane(stepped.table)  # a straight one
    x, y = stepped.ego["x"] - lane["start_x"], stepped.ego["y"] - lane["start_y"]
    along = x * lane["direction_x"] + y * lane["direction_y"]
    across = -x * lane["direction_y"] + y * lane["direction_x"]
    beyond = np.maximum(np.maximum(-along, along - lane["length"]), 0)
    distance: Values = np.where(takes_exit(stepped), 0.0, np.hypot(beyond, across))
    return distance
