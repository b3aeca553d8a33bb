"""Several observations at once: a tuple or a dictionary, single and batched."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import b2m_agents
import b2m_envs
from b2m_envs.observations.goal_state import GoalState
from b2m_envs.observations.kinematics import Kinematics
from b2m_envs.observations.lidar import Lidar
from b2m_envs.observations.occupancy_grid import OccupancyGrid

FAST = "B2M/HighwayFastScene-v0"
BOTH = (Kinematics(), OccupancyGrid())
MIXED = {"near": Kinematics(vehicles_count=3), "picture": "scene", "rest": ("state", Lidar())}


def parts_of(observation: Any) -> list[np.ndarray]:
    if isinstance(observation, dict):
        return [part for each in observation.values() for part in parts_of(each)]
    if isinstance(observation, tuple):
        return [part for each in observation for part in parts_of(each)]
    return [observation]


def world_of(observation: Any, world: int) -> list[np.ndarray]:
    return [part[world] for part in parts_of(observation)]


def assert_alike(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_tuple_and_a_dictionary_have_gymnasiums_spaces() -> None:
    pair = gymnasium.make(FAST, observation=BOTH)
    assert isinstance(pair.observation_space, spaces.Tuple)
    assert pair.observation_space[0].shape == (5, 5)
    assert pair.observation_space[1].shape == (4, 11, 11)
    named = gymnasium.make(FAST, observation=MIXED)
    assert isinstance(named.observation_space, spaces.Dict)
    assert set(named.observation_space) == {"near", "picture", "rest"}


@pytest.mark.parametrize("observation", [BOTH, MIXED], ids=["tuple", "dictionary"])
def test_each_part_is_what_it_is_alone(observation: Any) -> None:
    env = gymnasium.make(FAST, observation=observation)
    alone = [
        gymnasium.make(FAST, observation=each)
        for each in (BOTH if observation is BOTH else (MIXED["near"], "scene", "state", Lidar()))
    ]
    assert_alike(parts_of(env.reset(seed=3)[0]), [each.reset(seed=3)[0] for each in alone])
    assert_alike(parts_of(env.step(4)[0]), [each.step(4)[0] for each in alone])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*A Box observation space m")  # infinite, as highway-env's
@pytest.mark.parametrize("observation", [BOTH, MIXED], ids=["tuple", "dictionary"])
def test_gymnasiums_checker_finds_no_fault(observation: Any) -> None:
    env = gymnasium.make(FAST, observation=observation)
    check_env(env.unwrapped, skip_render_check=True)
    again = pickle.loads(pickle.dumps(env.unwrapped))
    assert_alike(parts_of(again.reset(seed=1)[0]), parts_of(env.reset(seed=1)[0]))


@pytest.mark.slow
@pytest.mark.parametrize("observation", [BOTH, MIXED], ids=["tuple", "dictionary"])
@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_a_batch_equals_single_environments_through_the_ends_of_episodes(
    observation: Any, mode: AutoresetMode
) -> None:
    batch = gymnasium.make_vec(
        FAST, num_envs=3, observation=observation, autoreset_mode=mode, duration=2.0, n_threads=2
    )
    singles = gymnasium.vector.SyncVectorEnv(
        [lambda: gymnasium.make(FAST, observation=observation, duration=2.0)] * 3,
        autoreset_mode=mode,
    )
    ours, theirs = batch.reset(seed=7)[0], singles.reset(seed=7)[0]
    assert batch.observation_space == singles.observation_space
    ends = 0
    for _ in range(5):
        assert batch.observation_space.contains(ours)
        assert_alike(parts_of(ours), parts_of(theirs))
        (ours, *_, info), (theirs, *_, expected) = (
            each.step(np.array([3, 1, 4])) for each in (batch, singles)
        )
        if mode is AutoresetMode.SAME_STEP and "final_obs" in expected:
            ends += 1
            np.testing.assert_array_equal(info["_final_obs"], expected["_final_obs"])
            for last, its in zip(info["final_obs"], expected["final_obs"], strict=True):
                assert_alike(parts_of(last), parts_of(its))
    assert ends >= 2 or mode is AutoresetMode.NEXT_STEP


def test_what_was_seen_is_not_written_over_by_the_next_step() -> None:
    batch = gymnasium.make_vec(FAST, num_envs=2, observation=MIXED)
    first, _ = batch.reset(seed=0)
    before = [part.copy() for part in parts_of(first)]
    batch.step(np.full(2, 4))
    assert_alike(parts_of(first), before)


def test_stable_baselines_gets_the_last_of_each_at_the_end_of_an_episode() -> None:
    worlds = b2m_agents.make_scene_vec_env(
        b2m_envs.SceneSettings("highway_fast", duration=1.0),
        2,
        seed=0,
        observation={"near": Kinematics(), "lidar": Lidar()},
    )
    worlds.reset()
    begun, *_, infos = worlds.step(np.ones(2, np.int64))
    for world, info in enumerate(infos):
        last = info["terminal_observation"]
        assert worlds.observation_space.contains(last)
        assert not np.array_equal(last["near"], begun["near"][world])


def test_the_worlds_of_highway_env_have_pictures_and_state_together() -> None:
    env = gymnasium.make("B2M/ParkingScene-v0", observation=("scene", GoalState()))
    scene, state = env.reset(seed=0)[0]
    assert (scene.shape, state.shape) == ((64, 64, 2), (16,))
    with pytest.raises(ValueError, match="only scenarios on our engine have"):
        gymnasium.make("B2M/ParkingScene-v0", observation=("scene", Kinematics()))


def test_events_have_pictures_and_state_together() -> None:
    env = gymnasium.make("B2M/LaneDeparture-v0", observation={"eye": "scene", "body": "state"})
    seen, _ = env.reset(seed=0)
    assert env.observation_space.contains(seen)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("observation", "message"),
    [
        ((), r"expected one or more, came \(\)"),
        ({}, r"expected one or more, came \{\}"),
        ({1: "scene"}, "expected names, as text, in a dictionary of observations, came 1"),
        (("scene", "mirror"), "expected 'scene' or .*, came 'mirror'"),
        ({"near": Kinematics}, "expected 'scene' or .*, came <class"),
        (None, "or several in a tuple or dictionary, came None"),
    ],
)
def test_what_is_no_observation_is_refused(observation: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gymnasium.make(FAST, observation=observation)
