"""What agents learn from unless another reward is set, by scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COSTLY_CRASH = {"collision_reward": -15, "normalize_reward": False}
_COSTLIER_CRASH = {"collision_reward": -30, "normalize_reward": False}
_UNHURRIED = {"collision_reward": -15, "high_speed_reward": 0.5, "normalize_reward": False}
_ARRIVAL = {"collision_reward": -6, "arrived_reward": 4, "high_speed_reward": 0.1}
_REWARDS: Mapping[str, str | Mapping[str, Any]] = {  # from which driving without crashes is learnt
    "u_turn": _COSTLY_CRASH,
    **dict.fromkeys(("highway", "highway_fast"), _COSTLIER_CRASH),
    **dict.fromkeys(("two_way", "racetrack", "racetrack_large", "racetrack_oval"), "safe"),
    "exit": "in_time",
    "intersection": _ARRIVAL,
    "roundabout": _UNHURRIED,
    "parking": "goal",
    "lane_keeping": "keep_lane",
}


def usual_reward(scenario: str) -> str | Mapping[str, Any] | None:
    """What a training learns from unless another reward is set; None: highway-env's own.

    highway-env's own pays for speed more than it takes for crashes.
    """
    return _REWARDS.get(scenario)
