"""highway-env's rewards as settings: each scenario's weights and switches, by its own names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from b2m_envs.scenes.numbers import as_numbers, as_range

N_POSE = 6  # numbers of a pose in parking: x, y, their derivatives, cosine and sine of the heading

Weights: TypeAlias = Mapping[str, Any]
Span: TypeAlias = tuple[float | int, float | int]

_HIGHWAY = {
    "collision_reward": -1,
    "right_lane_reward": 0.1,
    "high_speed_reward": 0.4,
    "on_road_reward": 0,
    "reward_speed_range": (20, 30),  # [m/s]
    "normalize_reward": True,
    "offroad_terminal": False,
}
_RACETRACK = {
    "collision_reward": -1,
    "lane_centering_reward": 1,
    "lane_centering_cost": 4,  # [1/m2]
    "action_reward": -0.3,
    "on_road_reward": 0,
    "terminate_off_road": True,
}
_MERGE = {
    "collision_reward": -1,
    "right_lane_reward": 0.1,
    "high_speed_reward": 0.2,
    "lane_change_reward": -0.05,
    "merging_speed_reward": -0.5,
    "reward_speed_range": (20, 30),
}
_ROUNDABOUT = {
    "collision_reward": -1,
    "high_speed_reward": 0.2,
    "lane_change_reward": -0.05,
    "on_road_reward": 0,
    "normalize_reward": True,
}
USUAL: Mapping[str, Weights] = MappingProxyType(  # scenario -> highway-env's settings
    {
        "highway": _HIGHWAY,
        "highway_fast": _HIGHWAY,
        "merge": _MERGE,
        "merge_generic": _MERGE,
        "exit": {
            "collision_reward": 0,
            "goal_reward": 1,
            "high_speed_reward": 0.1,
            "right_lane_reward": 0,
            "reward_speed_range": (20, 30),
            "normalize_reward": True,
        },
        "roundabout": _ROUNDABOUT,
        "roundabout_generic": _ROUNDABOUT,
        "intersection": {
            "collision_reward": -5,
            "high_speed_reward": 1,
            "arrived_reward": 1,
            "on_road_reward": 0,
            "reward_speed_range": (7.0, 9.0),
            "normalize_reward": False,
            "offroad_terminal": False,
        },
        "two_way": {"high_speed_reward": 0.8, "left_lane_reward": 0.2},
        "u_turn": {
            "collision_reward": -1.0,
            "left_lane_reward": 0.1,
            "high_speed_reward": 0.4,
            "on_road_reward": 0,
            "reward_speed_range": (8, 24),
            "normalize_reward": True,
        },
        "racetrack": _RACETRACK,
        "racetrack_large": _RACETRACK,
        "racetrack_oval": _RACETRACK,
        "parking": {
            "collision_reward": -5,
            "reward_weights": (1, 0.3, 0, 0, 0.02, 0.02),
            "success_goal_reward": 0.12,
        },
        "lane_keeping": {},
    }
)
# Of these, those that say when an episode ends, whatever is earned.
ENDS = ("offroad_terminal", "terminate_off_road", "success_goal_reward", "reward_weights")
# Keys that highway-env's configuration of a scenario has, and that its code never reads.
IGNORED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "highway": ("lane_change_reward",),
        "highway_fast": ("lane_change_reward",),
        "exit": ("lane_change_reward", "offroad_terminal"),
        "roundabout": ("right_lane_reward",),
        "roundabout_generic": ("right_lane_reward",),
        "two_way": ("collision_reward", "left_lane_constraint"),
        "u_turn": ("offroad_terminal",),
    }
)


def _highway_span(weights: Weights) -> Span:
    best = weights["high_speed_reward"] + weights["right_lane_reward"]
    return weights["collision_reward"], best


def _merge_span(weights: Weights) -> Span:
    worst = weights["collision_reward"] + weights["merging_speed_reward"]
    return worst, weights["high_speed_reward"] + weights["right_lane_reward"]


def _u_turn_span(weights: Weights) -> Span:
    best = weights["high_speed_reward"] + weights["left_lane_reward"]
    return weights["collision_reward"], best


def _racetrack_span(weights: Weights) -> Span:
    return weights["collision_reward"], 1


def _span_to(best: str) -> Callable[[Weights], Span]:
    return lambda weights: (weights["collision_reward"], weights[best])


SPANS: Mapping[str, Callable[[Weights], Span]] = {  # sums that become 0 and 1
    "highway": _highway_span,
    "highway_fast": _highway_span,
    "merge": _merge_span,
    "merge_generic": _merge_span,
    "exit": _span_to("goal_reward"),
    "roundabout": _span_to("high_speed_reward"),
    "roundabout_generic": _span_to("high_speed_reward"),
    "intersection": _span_to("arrived_reward"),
    "u_turn": _u_turn_span,
    "racetrack": _racetrack_span,
    "racetrack_large": _racetrack_span,
    "racetrack_oval": _racetrack_span,
}


@dataclass(frozen=True)
class Reward:
    """highway-env's reward with other weights; ``None`` stands for the scenario's own value.

    The names are those of highway-env's configuration, and so is what they do: terms, which
    ``info["rewards"]`` holds, times weights, added up, and where `normalize_reward` says so, scaled
    so that the worst becomes 0 and the best 1. `b2m_envs.scenes.reward.USUAL` lists which scenario
    has which, and their values.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import Reward
    >>> env = gymnasium.make(
    ...     "b2m_envs:B2M/HighwayFastScene-v0",
    ...     reward=Reward(collision_reward=-5, reward_speed_range=(25, 30)),
    ... )
    >>> envs = gymnasium.make_vec(  # the same as a dictionary
    ...     "b2m_envs:B2M/HighwayFastScene-v0", num_envs=8, reward={"collision_reward": -5}
    ... )

    ```

    Args:
        collision_reward: Of a crash.
        high_speed_reward: Of driving as fast as `reward_speed_range` goes.
        right_lane_reward: Of the rightmost lane (exit: of each lane to the right).
        left_lane_reward: Of the leftmost lane.
        lane_change_reward: Of an action that changes lane.
        merging_speed_reward: Of those who merge slower than they want, added up.
        goal_reward: Of the exit lane.
        arrived_reward: Of arrival behind the intersection: then the whole reward.
        on_road_reward: Of being on the road; highway-env's configurations leave it out, as 0.
        lane_centering_reward: Of the middle of the lane.
        lane_centering_cost: [1/m2] How fast that falls with the distance from the middle.
        action_reward: Of the size of the action.
        reward_speed_range: [m/s] Speeds that earn none and all of `high_speed_reward`.
        normalize_reward: Whether the sum is scaled, see above.
        offroad_terminal: Whether an episode ends off the road.
        terminate_off_road: The same of racetracks.
        reward_weights: Of x, y, their derivatives, cosine and sine of the heading in the distance
            between the poses of vehicle and spot.
        success_goal_reward: Minus the `goal_reward` above which the vehicle counts as parked.

    Raises:
        ValueError: For a value that does not fit; in an environment, also for a setting that its
            scenario does not have.
    """

    collision_reward: float | int | None = None
    high_speed_reward: float | int | None = None
    right_lane_reward: float | int | None = None
    left_lane_reward: float | int | None = None
    lane_change_reward: float | int | None = None
    merging_speed_reward: float | int | None = None
    goal_reward: float | int | None = None
    arrived_reward: float | int | None = None
    on_road_reward: float | int | None = None
    lane_centering_reward: float | int | None = None
    lane_centering_cost: float | int | None = None
    action_reward: float | int | None = None
    reward_speed_range: Sequence[float | int] | None = None
    normalize_reward: bool | None = None
    offroad_terminal: bool | None = None
    terminate_off_road: bool | None = None
    reward_weights: Sequence[float | int] | None = None
    success_goal_reward: float | int | None = None

    def __post_init__(self) -> None:
        for name, value in self.given.items():
            object.__setattr__(self, name, _valid(name, value))

    @property
    def given(self) -> dict[str, Any]:
        """The settings that are not the scenario's own."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def of(self, scenario: str) -> dict[str, Any]:
        """All settings of a scenario, its own where none are given."""
        return {**USUAL[scenario], **self.given}


def reward_from_mapping(given: Mapping[Any, Any]) -> Reward:
    """Weights and switches by highway-env's names.

    Raises:
        ValueError: for an unknown name, or a value that does not fit.
    """
    known = [item.name for item in fields(Reward)]
    for name in given:
        if name not in known:
            raise ValueError(f"reward: expected settings among {', '.join(known)}, came {name!r}")
    return Reward(**given)


def wrong_reward(scenario: str, reward: Reward) -> str:
    """Why a scenario cannot have these settings; empty if it can."""
    having = USUAL.get(scenario, {})
    for name in reward.given:
        if name in IGNORED.get(scenario, ()):
            return f"no {name}: highway-env has the key for this scenario and never reads it"
        if name not in having:
            known = ", ".join(having) or "none"
            return f"settings that highway-env has for this scenario ({known}), came {name}"
    values = reward.of(scenario)
    if scenario in SPANS and values.get("normalize_reward", True):
        worst, best = SPANS[scenario](values)
        if not worst < best:
            return (
                f"weights whose best sum is above their worst, which become 1 and 0, "
                f"came {best:g} and {worst:g}"
            )
    return ""


def _valid(name: str, value: Any) -> Any:
    """A value as Python's own.

    Raises:
        ValueError: if it does not fit.
    """
    expected, convert = _RULES.get(name, ("a finite number", _number))
    valid = convert(value)
    if valid is None:
        raise ValueError(f"reward: {name}: expected {expected}, came {value!r}")
    return valid


def _flag(value: Any) -> bool | None:
    return bool(value) if isinstance(value, bool | np.bool_) else None


def _number(value: Any) -> float | int | None:
    numbers = as_numbers([value])
    return None if numbers is None else numbers[0]


def _cost(value: Any) -> float | int | None:
    number = _number(value)
    return None if number is None or number < 0 else number


def _pose_weights(value: Any) -> tuple[float | int, ...] | None:
    numbers = as_numbers(value)
    fits = numbers is not None and len(numbers) == N_POSE and min(numbers) >= 0
    return numbers if fits else None


_RULES: Mapping[str, tuple[str, Callable[[Any], Any]]] = {  # name -> expected, value or None
    "normalize_reward": ("True or False", _flag),
    "offroad_terminal": ("True or False", _flag),
    "terminate_off_road": ("True or False", _flag),
    "reward_speed_range": ("two rising speeds [m/s]", as_range),
    "reward_weights": (f"{N_POSE} numbers of 0 or more", _pose_weights),
    "lane_centering_cost": ("a number of 0 or more", _cost),
    "success_goal_reward": ("a number of 0 or more", _cost),
}
