"""Every environment can be pickled, and goes on in its copy as it would have gone on itself."""

from __future__ import annotations

import copy
import pickle
from multiprocessing import get_context
from typing import Any

import cloudpickle
import gymnasium
import numpy as np
import pytest

from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_envs.registration import REGISTRATIONS
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings

IDS = [f"b2m_envs:{row.id}" for row in REGISTRATIONS]
SCENES = [scenario.id for scenario in SCENARIOS.values()]
BATCHED = [
    row.id
    for row in REGISTRATIONS
    if row.vector_entry_point and (row.id not in SCENES or SCENARIOS[row.kwargs["scenario"]].fast)
]
N_STEPS = 2


def under_way(env: Any, n_steps: int = N_STEPS) -> Any:
    """The environment in the middle of an episode."""
    env.reset(seed=3)
    env.action_space.seed(0)
    for _ in range(n_steps):
        env.step(neutral(env))
    return env


def neutral(env: Any) -> Any:
    """An action that ends no episode early: keep lane and speed, or fixation."""
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Box):
        return np.zeros(space.shape, space.dtype)
    idle = 0 if hasattr(env.unwrapped, "task") else 1  # of a memory task, or of a scene
    return np.full(space.shape, idle) if space.shape else idle


def steps_from_here(env: Any) -> list[Any]:
    """What the rest of the episode, and the start of the next one, bring."""
    seen: list[Any] = []
    for _ in range(N_STEPS):
        seen.append(env.step(neutral(env)))
        if not hasattr(env, "num_envs") and (seen[-1][2] or seen[-1][3]):
            break
    return [*seen, env.reset()]  # without a seed: the generator goes on


def assert_same(there: list[Any], here: list[Any]) -> None:
    for one, other in zip(there, here, strict=True):
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)


def assert_equal(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for name in a:
            assert_equal(a[name], b[name])
        return
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.slow
@pytest.mark.parametrize("env_id", IDS)
def test_an_environment_made_by_its_id_goes_on_from_its_pickle_as_it_would_have(env_id: str):
    env = under_way(gymnasium.make(env_id))
    copied = pickle.loads(pickle.dumps(env))
    assert_same(steps_from_here(env), steps_from_here(copied))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env_id", "driver"),
    [*((env_id, "agent") for env_id in SCENES), ("B2M/IntersectionScene-v0", "highway_env"),
     ("B2M/RacetrackScene-v0", "highway_env")],
)  # fmt: skip
def test_highway_envs_own_engine_goes_on_from_a_pickle_too(env_id: str, driver: str):
    env = under_way(gymnasium.make(env_id, engine="highway-env", driver=driver))
    copied = pickle.loads(pickle.dumps(env))
    assert_same(steps_from_here(env), steps_from_here(copied))


@pytest.mark.slow
@pytest.mark.parametrize("env_id", BATCHED)
def test_a_native_batch_goes_on_from_its_pickle(env_id: str):
    envs = under_way(gymnasium.make_vec(env_id, num_envs=3))
    copied = pickle.loads(pickle.dumps(envs))
    assert_same(steps_from_here(envs), steps_from_here(copied))


@pytest.mark.slow
@pytest.mark.parametrize(
    "copied_by", [copy.deepcopy, lambda env: pickle.loads(cloudpickle.dumps(env))]
)
@pytest.mark.parametrize("action", ["discrete", "continuous"])
@pytest.mark.parametrize("engine", ["b2m", "highway-env"])
def test_a_copy_by_deepcopy_or_cloudpickle_shares_nothing(copied_by, action: str, engine: str):
    env = under_way(gymnasium.make("B2M/IntersectionScene-v0", action=action, engine=engine))
    copied, again = copied_by(env), copied_by(env)
    first = steps_from_here(copied)
    assert_same(first, steps_from_here(env))  # unmoved by what the copy did
    assert_same(first, steps_from_here(again))


def test_what_was_never_begun_is_pickled_with_its_spaces_and_specs():
    env = gymnasium.make("B2M/RacetrackScene-v0")
    copied = pickle.loads(pickle.dumps(env))
    assert copied.spec == env.spec
    assert copied.observation_space == env.observation_space
    assert_equal(copied.reset(seed=1)[0], env.reset(seed=1)[0])


def test_worlds_of_sb3_are_pickled():
    envs = make_scene_vec_env(SceneSettings("highway_fast"), 2, seed=0)
    envs.reset()
    copied = pickle.loads(pickle.dumps(envs))
    for there, here in zip(
        envs.step(np.ones(2, int))[:3], copied.step(np.ones(2, int))[:3], strict=True
    ):
        np.testing.assert_array_equal(there, here)


def first_reward(env: gymnasium.Env[Any, Any]) -> float:
    """What a worker process gets of its first step."""
    env.reset(seed=5)
    return float(env.step(1)[1])


@pytest.mark.slow
@pytest.mark.thorough
def test_a_pool_of_processes_is_given_environments():
    envs = [
        gymnasium.make("B2M/HighwayFastScene-v0", observation="state", vehicles_count=2),
        gymnasium.make("B2M/UTurnScene-v0", observation="state", engine="highway-env"),
    ]
    with get_context("spawn").Pool(1) as pool:
        came = pool.map(first_reward, envs)
    assert came == [first_reward(env) for env in envs]
