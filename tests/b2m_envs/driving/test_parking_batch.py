"""Car parks in a batch go through the episodes of highway-env's."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from b2m_envs.driving.parking_batch import ParkingBatch, has_parking_batch
from b2m_envs.observations.goal_state import GoalState
from b2m_envs.observations.kinematics_goal import PARTS, KinematicsGoal
from b2m_envs.scenes.settings import SceneSettings

N_WORLDS, N_STEPS = 4, 60


@pytest.mark.slow
@pytest.mark.parametrize("reward", ["highway_env", "goal"])
def test_a_world_of_the_batch_is_highway_envs_until_and_with_its_crash(reward: str) -> None:
    settings = SceneSettings("parking", reward=reward)
    batch = ParkingBatch(settings, N_WORLDS, GoalState())
    env = gymnasium.make("B2M/ParkingScene-v0", observation=GoalState(), reward=reward)
    actions = np.random.default_rng(0).uniform(-1, 1, (N_STEPS // 10, N_WORLDS, 2))
    actions = np.repeat(actions, 10, axis=0).astype(np.float32)
    begun, _ = batch.reset(seed=0)
    steps = [batch.step(action) for action in actions]
    crashes = 0
    for world in range(N_WORLDS):
        observation, _ = env.reset(seed=world)
        np.testing.assert_allclose(begun[world], observation, atol=1e-6)
        for action, (seen, earned, terminated, _, info) in zip(actions, steps, strict=True):
            observation, reward_there, ended, _, there = env.step(action[world])
            assert (ended, there["crashed"]) == (terminated[world], info["crashed"][world])
            if ended:
                crashes += there["crashed"]
                break
            np.testing.assert_allclose(seen[world], observation, atol=1e-6)
            assert earned[world] == pytest.approx(reward_there, abs=1e-9)
            np.testing.assert_allclose(info["state"][world], there["state"], atol=1e-6)
    assert crashes  # a wall was met


@pytest.mark.parametrize(("walls", "crashes"), [(None, True), (False, False)])
def test_who_drives_straight_on_meets_a_wall_where_there_is_one(walls: bool | None, crashes: bool):
    settings = SceneSettings("parking", walls=walls)
    batch = ParkingBatch(settings, 1, GoalState())
    env = gymnasium.make("B2M/ParkingScene-v0", observation=GoalState(), walls=walls)
    batch.reset(seed=0)
    env.reset(seed=0)
    for _ in range(25):
        _, earned, terminated, _, info = batch.step(np.array([[1, 0]], np.float32))
        _, reward, ended, _, there = env.step(np.array([1, 0], np.float32))
        assert (terminated[0], info["crashed"][0]) == (ended, there["crashed"])
        pushed = 0.01 if there["crashed"] else 1e-9  # by the wall, in highway-env's world alone
        assert earned[0] == pytest.approx(reward, abs=pushed)
        if ended:
            break
    assert there["crashed"] == crashes


def test_a_vehicle_on_its_spot_has_parked() -> None:
    batch = ParkingBatch(SceneSettings("parking"), 2, GoalState())
    batch.reset(seed=1)
    model = batch._model
    model.x[1], model.y[1], model.heading[1] = model.goal[1]
    _, reward, terminated, truncated, info = batch.step(np.zeros((2, 2)))
    assert terminated.tolist() == info["is_success"].tolist() == [False, True]
    assert not truncated.any()
    assert reward[1] == pytest.approx(0, abs=1e-6)


OTHERWISE = KinematicsGoal(
    features=("sin_h", "cos_h", "vx", "vy", "y", "x"), scales=(1, 2, 3, 4, 50, 60)
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [KinematicsGoal(), OTHERWISE])
def test_goals_and_rewards_of_any_goals_are_those_of_single_environments(
    kind: KinematicsGoal,
) -> None:
    weights = {"reward_weights": (1, 0.3, 0.1, 0, 0.02, 0.02)}
    settings = SceneSettings("parking", reward=weights)
    assert has_parking_batch(settings, kind)
    batch = ParkingBatch(settings, 2, kind)
    env = gymnasium.make("B2M/ParkingScene-v0", observation=kind, reward=weights)
    begun, _ = batch.reset(seed=0)
    assert batch.observation_space.contains(begun)
    actions = np.random.default_rng(0).uniform(-0.3, 0.3, (5, 2, 2)).astype(np.float32)
    steps = [batch.step(action) for action in actions]
    for world in range(2):
        seen, (observation, _) = begun, env.reset(seed=world)
        for action, (after, earned, *_) in zip(actions, steps, strict=True):
            for part in PARTS:
                np.testing.assert_allclose(seen[part][world], observation[part], atol=1e-9)
            observation, reward, *_ = env.step(action[world])
            assert earned[world] == pytest.approx(reward, abs=1e-9)
            seen = after
    pairs = np.random.default_rng(1).normal(size=(2, 3, 6))
    ours = batch.compute_reward(*pairs, [{}] * 3)
    np.testing.assert_allclose(ours, env.unwrapped.compute_reward(*pairs, [{}] * 3), atol=1e-12)


def test_a_batch_refuses_rewards_of_goals_that_it_has_not() -> None:
    with pytest.raises(AttributeError, match=r"expected an observation with goals.*GoalState"):
        ParkingBatch(SceneSettings("parking"), 1, GoalState()).compute_reward(0, 0)
    named = ParkingBatch(SceneSettings("parking", reward="goal"), 1, KinematicsGoal())
    with pytest.raises(ValueError, match=r"expected reward='highway_env' or .*came reward='goal'"):
        named.compute_reward(np.zeros(6), np.zeros(6))
    assert not has_parking_batch(SceneSettings("parking"), KinematicsGoal(("x", "y"), (1, 1)))


@pytest.mark.parametrize(
    "changes", [{"vehicles_count": 3}, {"reward": "some.module:function"}, {"lateral": False}]
)
def test_other_car_parks_are_left_to_highway_env(changes: dict[str, object]) -> None:
    assert has_parking_batch(SceneSettings("parking"), GoalState())
    assert not has_parking_batch(SceneSettings("parking", **changes), GoalState())
    assert not has_parking_batch(SceneSettings("parking"), "state")
