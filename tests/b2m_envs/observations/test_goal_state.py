"""GoalState says where the spot to park in lies, and is otherwise the state."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import b2m_envs
from b2m_envs.observations.goal_state import GoalState

PARKING = "B2M/ParkingScene-v0"


def test_the_state_with_the_goal_tells_poses_apart_that_the_state_does_not() -> None:
    env = gymnasium.make(PARKING, observation=GoalState(scaled=False)).unwrapped
    env.reset(seed=1)
    ego = env.highway_env.vehicle
    axis = np.array([math.cos(ego.goal.heading), math.sin(ego.goal.heading)])
    aside = np.array([-axis[1], axis[0]])
    seen = []
    for back in (17.2, 11.7):
        ego.position = ego.goal.position - back * axis + 3.0 * aside
        ego.heading, ego.speed = ego.goal.heading, 0.0
        seen.append(env.step(np.zeros(2))[0])
    np.testing.assert_array_equal(seen[0][:14], seen[1][:14])
    np.testing.assert_allclose(
        [each[14:] for each in seen], [[17.2, -3.0], [11.7, -3.0]], atol=1e-5
    )
    ego.heading += math.pi / 2  # the goal that was ahead is now to the left
    np.testing.assert_allclose(env.step(np.zeros(2))[0][14:], [-3.0, -11.7], atol=1e-5)


def test_the_scaled_state_with_the_goal_is_within_its_space() -> None:
    plain, scaled = (
        gymnasium.make(PARKING, observation=GoalState(scaled=scaled)) for scaled in (False, True)
    )
    raw, small = plain.reset(seed=4)[0], scaled.reset(seed=4)[0]
    assert plain.observation_space.contains(raw)
    assert scaled.observation_space.contains(small)
    np.testing.assert_allclose(small[14:] * 20, raw[14:], rtol=1e-6)
    assert np.abs(small[14:]).max() < 2


@pytest.mark.slow
def test_gymnasiums_checker_finds_no_fault() -> None:
    check_env(gymnasium.make(PARKING, observation=GoalState()).unwrapped, skip_render_check=True)


@pytest.mark.usefixtures("as_users_run_it")
def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="GoalState: scaled: expected True or False, came 'yes'"):
        b2m_envs.GoalState(scaled="yes")
