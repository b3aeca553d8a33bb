"""Rewards of ours, by name: each a function of a `DrivenStep`, like a user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

from b2m_envs.scenes.driven_step import DrivenStep
from b2m_envs.scenes.start_spacing import LANE_WIDTH, STRAIGHT_ROADS

_WAY_OF_A_LANE, _STILL_IN_TIME = 28.0, 60.0  # [m], see `in_time_reward`
_PAY_FOR_SPEED = 0.004
RewardFunction: TypeAlias = Callable[[DrivenStep], Float64[np.ndarray, " world"]]


@dataclass(frozen=True)
class NamedReward:
    """A reward by name, and the scenarios where it says something."""

    function: RewardFunction
    scenarios: tuple[str, ...]
    elsewhere: str  # why the other scenarios are refused


def progress_reward(step: DrivenStep) -> Float64[np.ndarray, " world"]:
    """Distance along the track, as a share of what the highest target speed covers in a step.

    1 is a step at that speed (racetracks: 10 m/s), whatever the policy frequency; driving against
    the track's direction is negative. A step that ends off the road or in a crash earns -1, and
    its distance does not count.
    """
    farthest = max(step.settings.aimed_speeds) / step.settings.steps_per_second  # [m]
    failed = step.crashed | ~step.on_road
    reward: np.ndarray = np.where(failed, -1.0, step.progress / farthest)
    return reward


def goal_reward(step: DrivenStep) -> Float64[np.ndarray, " world"]:
    """Nearing the goal, and a prize of 1 for reaching it (exit: taking the exit lane; parking).

    What the step took off the distance, as a share of the distance at the start; 1 on reaching the
    goal and -1 on leaving it; -1 for a crash. The shares and prizes of an episode add up to how
    much nearer it ended, so that driving to and fro, or in and out of the exit lane, earns nothing
    (a reward by the difference of a potential: Ng, Harada & Russell 1999).
    """
    nearer = (step.goal_distance_before - step.goal_distance) / step.goal_distance_at_start
    reached = step.success.astype(np.float64) - step.success_before
    reward: np.ndarray = nearer + reached - step.crashed
    return reward


def in_time_reward(step: DrivenStep) -> Float64[np.ndarray, " world"]:
    """Taking the exit, a price for being late on the way to it, and a crash at twice the prize.

    1 on reaching the exit lane and -1 on leaving it, -2 for a crash, .004 for a second at full
    speed. A second costs up to .4, a sixth of that for each lane that is still to be crossed and no
    longer can be: a vehicle at 28 m/s that changes one lane a second crosses one in 28 m, and the
    last of them 60 m after the exit lane's begin. Who has passed the exit pays for all of them: a
    miss has to cost about as much as a crash, or the agent learns not to try. Off the road, where
    no lane tells how many are to be crossed, a second costs .4.
    """
    settings, usual = step.settings, STRAIGHT_ROADS["exit"].lanes
    chosen = settings.lanes_count
    n_lanes = usual if chosen is None else chosen  # to the left of the exit lane
    to_cross = n_lanes - step.terms["right_lane_reward"]  # the number of the lane that is aimed at
    across = LANE_WIDTH * (n_lanes - step.of_state("lane")) - step.of_state("lateral_offset")
    before = np.sqrt(np.maximum(step.goal_distance**2 - np.nan_to_num(across) ** 2, 0))  # [m]
    passed = step.goal_distance > np.maximum(step.goal_distance_before, np.abs(across) + 1)
    possible = np.where(passed, 0, (before + _STILL_IN_TIME) / _WAY_OF_A_LANE)
    lanes_late = np.where(step.on_road, np.clip(to_cross - possible, 0, 6), 6)
    late = np.where(step.success, 0, lanes_late) / 6
    reached = step.success.astype(np.float64) - step.success_before
    speed, a_second = _PAY_FOR_SPEED * step.terms["high_speed_reward"], settings.steps_per_second
    reward: np.ndarray = reached - 2.0 * step.crashed - 0.4 * late / a_second + speed / a_second
    return reward


def safe_reward(step: DrivenStep) -> Float64[np.ndarray, " world"]:
    """Speed, and a crash that costs more than any speed over the rest of the episode can earn.

    A step earns `s / T`: *s* is the speed as a share of the highest target speed, within 0 and 1
    and 0 off the road, and *T* the number of steps after which an episode is truncated. A step
    with a crash earns -1 and ends the episode.

    The bound: before step *t* of an episode, T - t + 1 steps are left, which together earn at most
    (T - t + 1) / T <= 1, and less if discounted. Crashing in step *t* therefore costs at least as
    much as all of them could earn, and more than those after it, (T - t) / T < 1. Of whole
    episodes, undiscounted: one that ends in a crash earned at most (T - 1) / T before, so its
    return is below 0; one without a crash has 0 or more. No speed makes up for a crash, and an
    agent that never crashes is ranked by its speed.
    """
    settings = step.settings
    speed = step.of_state("speed").astype(np.float64)
    share = np.clip(speed / max(settings.aimed_speeds), 0, 1)
    earned = np.where(step.on_road, share, 0.0) / settings.last_step
    reward: np.ndarray = np.where(step.crashed, -1.0, earned)
    return reward


def keep_lane_reward(step: DrivenStep) -> Float64[np.ndarray, " world"]:
    """highway-env's reward of lane keeping, which falls without end off the lane, down to -1.

    It is 1 in the middle and .75 at the edge of the lane, and -1 from 1.4 widths off the middle.
    Without the bound, one early drive across the fields outweighs all that is learnt later.
    """
    reward: np.ndarray = np.maximum(step.terms["lane_reward"], -1.0)
    return reward


REWARDS: Mapping[str, NamedReward] = MappingProxyType(
    {
        "progress": NamedReward(
            progress_reward,
            ("racetrack", "racetrack_large", "racetrack_oval", "highway", "highway_fast", "u_turn"),
            "elsewhere lanes cross, merge or come towards the vehicle, and the distance along the "
            "nearest one is no progress",
        ),
        "goal": NamedReward(goal_reward, ("exit", "parking"), "the others have no goal"),
        "in_time": NamedReward(in_time_reward, ("exit",), "the others have no exit"),
        "safe": NamedReward(
            safe_reward,
            (
                "highway", "highway_fast", "merge", "merge_generic", "exit", "roundabout",
                "roundabout_generic", "intersection", "two_way", "u_turn", "racetrack",
                "racetrack_large", "racetrack_oval",
            ),
            "parking and lane keeping are not about speed in traffic",
        ),
        "keep_lane": NamedReward(
            keep_lane_reward, ("lane_keeping",), "the others' rewards have bounds"
        ),
    }
)  # fmt: skip
