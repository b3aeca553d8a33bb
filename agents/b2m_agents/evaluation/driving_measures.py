"""What an episode says of the driving: lane changes, time to collision, road, success.

What cannot be measured is NaN and never counts as good driving: off the road there is no lane, and
so neither a gap nor a time to collision.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from b2m_envs.scenes.state import HAZARD_TIME, STATE_INDEX

_WITHOUT_LANES = ("parking",)
_ENDED_BY_ARRIVAL = ("merge", "merge_generic", "intersection")


def count_lane_changes(state: Float32[np.ndarray, "frame variable"]) -> int:
    """How often the vehicle went over into another lane.

    The lane's number changes where the vehicle crosses a line, and also where it drives on into a
    road that is numbered otherwise (the entries of a roundabout). Who crosses the line to the
    right comes from the right of one lane's centre to the left of the next one's: the number
    rises and the offset falls. Who drives on keeps the offset, or nearly. So a change counts if
    number and offset went opposite ways. Steps off the road, where there is no number, and the
    return from there do not count; of two changes within a step that take each other back, none.

    Checked against highway-env's own lanes after every simulation step, 12 episodes of each of
    nine scenarios: no change that was there after a policy step is missed; 3 of 11 renumberings
    in the roundabout and 1 on the exit's ramp are taken for changes, as the offset swung there.
    """
    lane, offset = state[:, STATE_INDEX["lane"]], state[:, STATE_INDEX["lateral_offset"]]
    crossed = np.diff(lane) * np.diff(offset) < 0  # false where one is NaN
    return int(crossed.sum())


def smallest_time_to_collision(state: Float32[np.ndarray, "frame variable"]) -> float:
    """The smallest time to collision [s] after a step; NaN if there was never one below 20 s."""
    times = state[1:, STATE_INDEX["time_to_collision"]]
    known = times[~np.isnan(times)]
    return float(known.min()) if len(known) else float("nan")


def share_not_measured(state: Float32[np.ndarray, "frame variable"]) -> float:
    """The share of steps after which there was no lane, gap or time to collision to measure."""
    return float(np.isnan(state[1:, STATE_INDEX["lane"]]).mean())


def share_off_road(state: Float32[np.ndarray, "frame variable"], scenario: str) -> float:
    """The share of steps after which the vehicle was off the road; NaN where there is no road."""
    return float("nan") if scenario in _WITHOUT_LANES else share_not_measured(state)


def share_in_hazard(state: Float32[np.ndarray, "frame variable"]) -> float:
    """The share of steps with a time to collision below `HAZARD_TIME`, 2 s, of those on the road.

    NaN if the vehicle never was on it: nothing was measured then.
    """
    on_road = ~np.isnan(state[1:, STATE_INDEX["lane"]])
    times = state[1:, STATE_INDEX["time_to_collision"]][on_road]
    return float((times < HAZARD_TIME).mean()) if len(times) else float("nan")


def has_succeeded(
    scenario: str, *, terminated: bool, crashed: bool, is_success: bool | None
) -> bool | None:
    """Whether the vehicle reached what the scenario asks for, without a crash.

    The exit is taken, or the car parked, as highway-env says at the episode's end; the merge is
    passed or the intersection crossed, which ends the episode. None where highway-env knows no
    goal: on highways, in the roundabout, on two-way roads, in the U-turn, on racetracks, in lane
    keeping.
    """
    if is_success is not None:
        return is_success and not crashed
    return terminated and not crashed if scenario in _ENDED_BY_ARRIVAL else None
