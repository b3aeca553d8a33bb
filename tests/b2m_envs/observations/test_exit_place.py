"""ExitPlace says how far the exit is, and FlatObservation puts it beside the state."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from b2m_envs.observations.crossing_traffic import CrossingTraffic
from b2m_envs.observations.exit_place import ExitPlace
from b2m_envs.observations.flat_observation import FlatObservation
from b2m_envs.observations.kinematics_goal import KinematicsGoal
from b2m_envs.scenes.state import STATE_INDEX

EXIT = "B2M/ExitScene-v0"
LANES = 6  # of the road before the exit lane begins


def test_the_exit_comes_nearer_by_the_way_that_is_driven_and_by_a_lane_for_each_change() -> None:
    env = gymnasium.make(EXIT, observation=ExitPlace(scaled=False), vehicles_count=0)
    before, info = env.reset(seed=3)
    assert before[2] == pytest.approx(4 * LANES)
    speeds = [info["speed"]]
    for _ in range(4):  # the change of lane has ended by then
        after, _, _, _, info = env.step(2)  # to the right
        speeds.append(info["speed"])
    driven = before[:2] - after[:2]
    np.testing.assert_allclose(driven, np.mean(speeds) * 4, rtol=0.1)
    assert driven[0] == pytest.approx(driven[1], abs=1e-3)  # [m]
    assert after[2] == pytest.approx(4 * LANES - 4 * info["state"][STATE_INDEX["lane"]], abs=1.5)


def test_another_scenario_has_no_exit() -> None:
    with pytest.raises(ValueError, match="expected the scenario 'exit' for ExitPlace, came 'mer"):
        gymnasium.make("B2M/MergeScene-v0", observation=ExitPlace())


@pytest.mark.slow
def test_a_flat_observation_is_its_parts_one_after_the_other() -> None:
    parts = ("scaled_state", ExitPlace(), CrossingTraffic(vehicles_count=2))
    apart = gymnasium.make_vec(EXIT, num_envs=3, observation=parts)
    flat = gymnasium.make_vec(EXIT, num_envs=3, observation=FlatObservation(parts))
    for _ in range(2):
        expected = apart.reset(seed=5)[0]
        seen = flat.reset(seed=5)[0]
        assert flat.observation_space.contains(seen)
        rows = [np.reshape(part, (3, -1)) for part in expected]
        np.testing.assert_array_equal(seen, np.concatenate(rows, axis=1))
    alone = gymnasium.make(EXIT, observation=FlatObservation(parts))
    np.testing.assert_array_equal(alone.reset(seed=7)[0], seen[2])


@pytest.mark.usefixtures("as_users_run_it")
def test_parts_that_are_no_vector_are_refused() -> None:
    with pytest.raises(ValueError, match=r"FlatObservation: parts: .* an object such as Kinem"):
        FlatObservation(("scaled_state", "nothing"))
    with pytest.raises(ValueError, match="parts of a flat observation that are arrays, came Dict"):
        gymnasium.make("B2M/ParkingScene-v0", observation=FlatObservation((KinematicsGoal(),)))
