"""Trainings use a batch wherever it is what single environments would be."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.training_worlds import batch_of, make_environment, make_environments
from b2m_agents.worlds.replayable_episodes import ReplayableSceneVecEnv
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_envs.driving.parking_batch import ParkingBatch
from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv
from b2m_envs.observations.goal_state import GoalState
from b2m_envs.scenes.settings import SceneSettings

LANE_KEEPING = SceneSettings("lane_keeping")
CLOSE = 1e-6


@pytest.mark.slow
def test_scenes_that_highway_env_simulates_are_trained_in_as_a_batch_where_there_is_one() -> None:
    assert isinstance(batch_of(LANE_KEEPING, 2, "scaled_state"), DrivingSceneVectorEnv)
    assert isinstance(batch_of(SceneSettings("parking"), 2, GoalState()), ParkingBatch)
    assert batch_of(LANE_KEEPING, 2, "scene") is None
    assert batch_of(replace(LANE_KEEPING, engine="highway-env"), 2, "state") is None
    assert batch_of(SceneSettings("parking"), 2, "state") is None


@pytest.mark.slow
def test_worlds_of_a_training_are_its_single_environments_and_are_taken_up_alike() -> None:
    scene = replace(LANE_KEEPING, duration=1, reward="keep_lane")
    settings = settings_for("lane_keeping", observation="state")
    batch, again = (make_environments(scene, settings, in_processes=False) for _ in range(2))
    observes = settings.environments_observe
    alone = DummyVecEnv([partial(make_environment, scene, observes)] * 4)
    assert isinstance(batch, ReplayableSceneVecEnv)
    assert isinstance(again, ReplayableSceneVecEnv)
    for worlds in (batch, alone):
        worlds.seed(4)
    np.testing.assert_allclose(batch.reset(), alone.reset(), atol=CLOSE)
    random = np.random.default_rng(0)
    for _ in range(24):
        actions = random.uniform(-1, 1, (4, 1)).astype(np.float32)
        here, there = batch.step(actions), alone.step(actions)
        np.testing.assert_allclose(here[0], there[0], atol=CLOSE)
        np.testing.assert_allclose(here[1], there[1], atol=CLOSE)
        np.testing.assert_array_equal(here[2], there[2])
        for one, other in zip(here[3], there[3], strict=True):
            assert ("episode" in one) == ("episode" in other)
            if "episode" in one:
                assert one["episode"]["r"] == pytest.approx(other["episode"]["r"], abs=1e-5)
                assert one["TimeLimit.truncated"] is other["TimeLimit.truncated"] is True
    under_way = alone.env_method("under_way")  # as saved by a version without the batch
    assert batch.env_method("under_way") == under_way
    again.resume(under_way)
    actions = random.uniform(-1, 1, (4, 1)).astype(np.float32)
    np.testing.assert_array_equal(batch.step(actions)[0], again.step(actions)[0])


def test_stable_baselines3_gets_the_batch_by_its_name() -> None:
    envs = make_scene_vec_env("lane_keeping", n_envs=4, seed=0, observation="scaled_state")
    assert np.asarray(envs.reset()).shape == (4, 14)
    assert envs.step(np.zeros((4, 1), np.float32))[1] == pytest.approx(0.84, abs=0.05)
    with pytest.raises(ValueError, match="observation: expected one of the state alone"):
        make_scene_vec_env("lane_keeping", n_envs=4)
