"""KinematicsGoal equals highway-env's own, and hindsight replay learns from it."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_checker import check_env

import b2m_envs
from b2m_envs.observations.goal_state import GoalState
from b2m_envs.observations.kinematics_goal import PARTS, KinematicsGoal

PARKING = "b2m_envs:B2M/ParkingScene-v0"


def theirs_at(seed: int) -> Any:
    """highway-env's own parking after a reset, and its first observation."""
    theirs = gymnasium.make("highway_env:parking-v0").unwrapped
    return theirs, theirs.reset(seed=seed)[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_it_equals_highway_envs_and_so_does_the_reward_of_any_goals(seed: int) -> None:
    ours = gymnasium.make(PARKING, observation=KinematicsGoal())
    theirs, expected = theirs_at(seed)
    seen, _ = ours.reset(seed=seed)
    generator, rewarded = np.random.default_rng(seed), []
    for _ in range(20):
        assert ours.observation_space == theirs.observation_type.space()
        assert ours.observation_space.contains(seen)
        for name in PARTS:
            np.testing.assert_allclose(seen[name], expected[name], rtol=1e-6, atol=1e-6)
        others = generator.normal(size=(2, 5, 6))
        rewards = ours.unwrapped.compute_reward(*others, [{}] * 5)
        expected_rewards = [theirs.compute_reward(*pair, {}) for pair in zip(*others, strict=True)]
        np.testing.assert_array_equal(rewards, expected_rewards)
        action = generator.uniform((-0.5, -1), (1, 1)).astype(np.float32)
        seen, reward, terminated, _, info = ours.step(action)
        expected, *_ = theirs.step(action)
        if not info["crashed"]:
            rewarded.append(
                reward
                == ours.unwrapped.compute_reward(seen["achieved_goal"], seen["desired_goal"], info)
            )
        if terminated:
            break
    assert len(rewarded) > 5
    assert all(rewarded)


def test_the_reward_of_goals_does_not_hang_on_the_scales_of_the_observation() -> None:
    kind = KinematicsGoal(features=("sin_h", "cos_h", "y", "x"), scales=(2, 1, 7, 50))
    env = gymnasium.make(PARKING, observation=kind)
    env.reset(seed=2)
    seen, reward, *_, info = env.step(np.array([0.5, 0.2], np.float32))
    hindsight = env.unwrapped.compute_reward(seen["achieved_goal"], seen["desired_goal"], info)
    assert hindsight == pytest.approx(reward, abs=1e-12)
    assert not info["crashed"]


@pytest.mark.slow
def test_stable_baselines_checker_finds_no_fault() -> None:
    for observation in (KinematicsGoal(), GoalState()):
        check_env(gymnasium.make(PARKING, observation=observation).unwrapped)


@pytest.mark.slow
def test_hindsight_replay_learns_from_goals_it_did_not_want() -> None:
    env = gymnasium.make(PARKING, observation=KinematicsGoal(), duration=6.0)
    agent = SAC(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4},
        learning_starts=60,
        batch_size=32,
        train_freq=4,
        policy_kwargs={"net_arch": [16]},
        seed=0,
    )
    before = [each.detach().clone() for each in agent.critic.parameters()]
    agent.learn(200)
    buffer = agent.replay_buffer
    assert isinstance(buffer, HerReplayBuffer)
    sample = buffer.sample(200)
    virtual = np.abs(sample.observations["desired_goal"].numpy()[:, 4:].round(9))
    assert (virtual != [0, 1]).any(axis=1).mean() > 0.5  # spots are at right angles to the aisle
    after = agent.critic.parameters()
    assert any(not old.equal(new) for old, new in zip(before, after, strict=True))


def test_batches_of_parking_have_it_too() -> None:
    envs = gymnasium.make_vec(
        PARKING, num_envs=2, vectorization_mode="sync", observation=KinematicsGoal()
    )
    seen, _ = envs.reset(seed=3)
    assert {name: each.shape for name, each in seen.items()} == dict.fromkeys(PARTS, (2, 6))


@pytest.mark.parametrize("observation", [GoalState(), KinematicsGoal()])
def test_scenarios_without_a_goal_refuse_it(observation: Any) -> None:
    with pytest.raises(ValueError, match=r"expected a scenario with a goal \(parking\) for"):
        gymnasium.make("B2M/LaneKeepingScene-v0", observation=observation)
    with pytest.raises(ValueError, match=r"expected a scenario with a goal \(parking\) for"):
        gymnasium.make_vec("B2M/HighwayFastScene-v0", num_envs=2, observation=observation)


def test_only_observations_with_goals_make_goal_environments() -> None:
    assert hasattr(
        gymnasium.make(PARKING, observation=KinematicsGoal()).unwrapped, "compute_reward"
    )
    env = gymnasium.make(PARKING, observation="state").unwrapped
    assert not hasattr(env, "compute_reward")
    with pytest.raises(AttributeError, match="compute_reward: expected an observation with goals"):
        env.compute_reward(np.zeros(6), np.zeros(6), {})


def test_rewards_of_goals_have_the_weights_that_were_chosen() -> None:
    weights = {"reward_weights": (0, 2, 0, 0, 0, 0)}
    env = gymnasium.make(PARKING, observation=KinematicsGoal(), reward=weights)
    env.reset(seed=2)
    seen, reward, *_, info = env.step(np.array([0.5, 0.2], np.float32))
    hindsight = env.unwrapped.compute_reward(seen["achieved_goal"], seen["desired_goal"], info)
    assert hindsight == reward
    far = seen["achieved_goal"] + np.array([1, 0, 0, 0, 0, 0])  # x does not count
    assert env.unwrapped.compute_reward(far, seen["desired_goal"], info) == hindsight


def test_rewards_of_goals_are_refused_beside_a_reward_of_more_than_goals() -> None:
    env = gymnasium.make(PARKING, observation=KinematicsGoal(), reward="goal").unwrapped
    with pytest.raises(ValueError, match=r"expected reward='highway_env' or its .*reward='goal'"):
        env.compute_reward(np.zeros(6), np.zeros(6), {})


def test_rewards_of_goals_are_refused_without_what_they_compare() -> None:
    kind = KinematicsGoal(features=("x", "y"), scales=(1, 1))
    env = gymnasium.make(PARKING, observation=kind).unwrapped
    assert env.reset(seed=0)[0]["desired_goal"].shape == (2,)
    with pytest.raises(ValueError, match="features: expected x, y, cos_h, sin_h, which the reward"):
        env.compute_reward(np.zeros(2), np.zeros(2), {})
    whole = gymnasium.make(PARKING, observation=KinematicsGoal()).unwrapped
    with pytest.raises(ValueError, match="goal: expected 6 numbers in the last axis, came"):
        whole.compute_reward(np.zeros(4), np.zeros(4), {})


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"features": ("x", "heading"), "scales": (1, 1)},
            "features: expected some of .*'heading'",
        ),
        ({"scales": (1, 2)}, "scales: expected 6 numbers above 0, one for each feature, came"),
        ({"scales": (100, 100, 5, 5, 0, 1)}, "scales: expected 6 numbers above 0"),
        ({"scales": 1}, "scales: expected 6 numbers above 0"),
    ],
)
def test_wrong_settings_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"KinematicsGoal: {message}"):
        b2m_envs.KinematicsGoal(**options)
