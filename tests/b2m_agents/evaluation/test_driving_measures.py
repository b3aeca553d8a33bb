from __future__ import annotations

import numpy as np
import pytest

from b2m_agents.evaluation.driving_measures import (
    count_lane_changes,
    has_succeeded,
    share_in_hazard,
    share_not_measured,
    share_off_road,
    smallest_time_to_collision,
)
from b2m_envs.scenes.state import STATE_INDEX, STATE_VARIABLES

NAN = float("nan")


def states(**variables: list[float]) -> np.ndarray:
    rows = np.zeros((len(next(iter(variables.values()))), len(STATE_VARIABLES)), np.float32)
    for name, values in variables.items():
        rows[:, STATE_INDEX[name]] = values
    return rows


@pytest.mark.parametrize(
    ("lane", "offset", "changes"),
    [
        ([1, 1, 2, 2], [0, 1.8, -1.8, 0], 1),  # to the right
        ([1, 0, 1], [-1.5, 1.5, -1.5], 2),  # to the left and back
        ([0, 1, 1], [0.1, 0.7, 0.0], 0),  # on into a road whose lanes are numbered otherwise
        ([1, NAN, 2], [1.9, 3.0, -1.9], 0),  # off the road between
        ([NAN, NAN], [0, 1], 0),  # a car park
        ([2], [0], 0),
    ],
)
def test_a_lane_change_is_a_line_that_is_crossed(lane, offset, changes) -> None:
    assert count_lane_changes(states(lane=lane, lateral_offset=offset)) == changes


def test_the_time_to_collision_is_that_after_each_step() -> None:
    driven = states(time_to_collision=[0.5, NAN, 3.0, 1.9, 2.0])
    assert smallest_time_to_collision(driven) == pytest.approx(1.9)
    assert share_in_hazard(driven) == 1 / 4


def test_what_is_off_the_road_is_not_safe_but_not_measured() -> None:
    driven = states(lane=[0, NAN, NAN, 1], time_to_collision=[NAN, NAN, NAN, 1.0])
    assert share_off_road(driven, "highway") == pytest.approx(2 / 3)
    assert share_in_hazard(driven) == 1  # of the one step on the road
    lost = states(lane=[0, NAN, NAN], time_to_collision=[NAN, NAN, NAN])
    assert share_off_road(lost, "highway") == 1
    assert np.isnan(share_in_hazard(lost))


def test_a_car_park_has_no_road_to_be_off() -> None:
    driven = states(lane=[NAN, NAN], time_to_collision=[NAN, NAN])
    assert np.isnan(share_off_road(driven, "parking"))
    assert share_not_measured(driven) == 1
    assert np.isnan(share_in_hazard(driven))


@pytest.mark.parametrize(
    ("scenario", "terminated", "crashed", "is_success", "expected"),
    [
        ("exit", False, False, True, True),
        ("exit", True, True, True, False),  # in the exit, and crashed
        ("parking", True, False, False, False),
        ("merge", True, False, None, True),  # passed
        ("merge", False, False, None, False),  # waits on the ramp's end
        ("intersection", True, True, None, False),
        ("racetrack", True, False, None, None),  # left the track: no arrival
        ("highway", False, False, None, None),
    ],
)
def test_success_is_what_highway_env_asks_for_without_a_crash(
    scenario, terminated, crashed, is_success, expected
) -> None:
    came = has_succeeded(scenario, terminated=terminated, crashed=crashed, is_success=is_success)
    assert came is expected


def test_nobody_ahead_is_no_hazard() -> None:
    driven = states(time_to_collision=[1.0, NAN, NAN])
    assert np.isnan(smallest_time_to_collision(driven))
    assert share_in_hazard(driven) == 0
