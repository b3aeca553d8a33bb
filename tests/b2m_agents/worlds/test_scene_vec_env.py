"""Batched scenes under Stable-Baselines3, and episodes driven many at a time."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, islice
from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from b2m_agents.drivers.drivers import RolloutSpec, block_size, drive_episode, drive_episodes
from b2m_agents.episodes.batched_episodes import play_episodes
from b2m_agents.episodes.episodes import Episode, make_scene
from b2m_agents.worlds.replayable_episodes import (
    ReplayableEpisodes,
    ReplayableSceneVecEnv,
)
from b2m_agents.worlds.scene_vec_env import SceneVecEnv, make_scene_vec_env, waiting_scenes
from b2m_envs.driving import SceneSettings
from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv

N = 4
SCENE = SceneSettings("highway_fast", height=36, width=40, vehicles_count=8, duration=4.0)
DENSE = replace(SCENE, vehicles_count=20, vehicles_density=2.0, duration=9.0)
BRIEF = SceneSettings("exit", height=36, width=40, vehicles_count=5, duration=3.0)


def single(scene: SceneSettings = SCENE) -> ReplayableEpisodes:
    return ReplayableEpisodes(Monitor(make_scene(scene)))


def replayable(scene: SceneSettings = SCENE) -> ReplayableSceneVecEnv:
    return ReplayableSceneVecEnv(waiting_scenes(scene, N))


def assert_same_steps(ours: SceneVecEnv, theirs: DummyVecEnv, n_steps: int) -> int:
    """Compare all that steps return; gives the number of ended episodes."""
    generator = np.random.default_rng(0)
    n_ended = 0
    for _ in range(n_steps):
        actions = generator.integers(ours.action_space.n, size=N)
        here, there = ours.step(actions), theirs.step(actions)
        for our_part, their_part in zip(here[:3], there[:3], strict=True):
            np.testing.assert_array_equal(our_part, their_part, strict=True)
        for our_info, their_info in zip(here[3], there[3], strict=True):
            assert_same_info(our_info, their_info)
        for our_info, their_info in zip(ours.reset_infos, theirs.reset_infos, strict=True):
            assert_same_info(our_info, their_info)
        n_ended += int(here[2].sum())
    return n_ended


def assert_same_info(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert set(ours) - {"episode"} == set(theirs) - {"episode"}
    for name in set(theirs) - {"episode"}:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    if "episode" in theirs:
        assert {**ours["episode"], "t": 0} == {**theirs["episode"], "t": 0}


@pytest.mark.slow
@pytest.mark.parametrize("scene", [SCENE, BRIEF], ids=["highway_fast", "exit"])
def test_a_batch_under_sb3_equals_single_environments(scene: SceneSettings) -> None:
    ours = make_scene_vec_env(scene, N, seed=3)
    theirs = DummyVecEnv([lambda: Monitor(make_scene(scene))] * N)
    theirs.seed(3)
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    assert assert_same_steps(ours, theirs, n_steps=9) >= N


def test_the_end_of_an_episode_is_told_as_sb3_expects() -> None:
    scene = SceneSettings("highway_fast", vehicles_count=3, duration=2.0, height=36, width=40)
    envs = make_scene_vec_env(scene, 2, seed=0)
    start = envs.reset()
    assert not envs.step(np.ones(2, np.int64))[2].any()
    begun, reward, done, infos = envs.step(np.ones(2, np.int64))
    assert done.all()
    assert reward.dtype == np.float32
    for world, info in enumerate(infos):
        assert info["TimeLimit.truncated"]
        assert info["episode"]["l"] == 2
        assert (info["terminal_observation"] != begun[world]).any()
        assert info["time"] == 2.0
    for world in range(2):
        alone = make_scene(scene)
        np.testing.assert_array_equal(start[world], alone.reset(seed=world)[0])
        np.testing.assert_array_equal(begun[world], alone.reset()[0])
        assert (begun[world] != start[world]).any()


def test_sb3_evaluates_without_another_monitor() -> None:
    envs = make_scene_vec_env(SCENE, 2, seed=0, observation="state")
    agent = PPO("MlpPolicy", envs, n_steps=8, batch_size=16, seed=0, device="cpu")
    returns, lengths = evaluate_policy(agent, envs, n_eval_episodes=4, return_episode_rewards=True)
    assert len(returns) == 4
    assert all(1 <= length <= 4 for length in lengths)
    with pytest.warns(UserWarning, match="already wrapped"):
        VecMonitor(envs)


def test_sb3_learns_on_scenes_and_on_state_variables() -> None:
    for observation, policy in (("state", "MlpPolicy"), ("both", "MultiInputPolicy")):
        envs = make_scene_vec_env(SCENE, N, seed=0, observation=observation)
        agent = PPO(policy, envs, n_steps=8, batch_size=16, n_epochs=1, seed=0, device="cpu")
        before = agent.policy.parameters_to_vector().copy()
        agent.learn(64)
        assert (agent.policy.parameters_to_vector() != before).any()
        assert len(agent.ep_info_buffer) > 0


def test_attributes_are_those_of_all_worlds() -> None:
    envs = make_scene_vec_env(SCENE, N, render_mode="rgb_array")
    assert envs.get_attr("settings", indices=[1, 2]) == [SCENE] * 2
    assert envs.get_attr("action_space") == [envs.action_space] * N
    assert not envs.has_attr("speed_limit")
    with pytest.raises(ValueError, match="expected all worlds"):
        envs.set_attr("render_mode", None, indices=[1])
    for name in ("collision_reward", "settings"):  # set and forgotten
        with pytest.raises(ValueError, match=rf"{name}: expected no attribute.*came -5"):
            envs.set_attr(name, -5)
    assert envs.env_is_wrapped(Monitor) == [True] * N
    assert envs.env_is_wrapped(ReplayableEpisodes, indices=[1]) == [False]
    with pytest.raises(AttributeError, match="no method 'jump'"):
        envs.env_method("jump")
    envs.reset()
    picture = envs.render()
    assert picture is not None
    assert picture.shape[2] == 3
    envs.close()


@pytest.mark.parametrize(
    "scene", ["highway_fast", "B2M/HighwayFastScene-v0", "b2m_envs:B2M/HighwayFastScene-v0"]
)
def test_a_scenario_is_named_or_given_by_its_id(scene: str) -> None:
    envs = make_scene_vec_env(scene, 2, seed=1)
    assert envs.get_attr("settings")[0] == SceneSettings("highway_fast")
    np.testing.assert_array_equal(envs.reset()[0], make_scene(scene).reset(seed=1)[0])


@pytest.mark.parametrize("scene", ["motorway", 3, None, {"scenario": "merge"}])
@pytest.mark.usefixtures("as_users_run_it")
def test_what_is_no_scene_is_named(scene: Any) -> None:
    for make in (lambda: make_scene_vec_env(scene, 2), lambda: make_scene(scene)):
        with pytest.raises(ValueError, match=r"scene: expected SceneSettings.*highway_fast.*came"):
            make()


def test_a_batch_that_begins_by_itself_or_takes_options_is_refused() -> None:
    with pytest.raises(ValueError, match="expected autoreset_mode 'Disabled', came 'NextStep'"):
        SceneVecEnv(DrivingSceneVectorEnv("merge"))
    envs = make_scene_vec_env(SCENE, N)
    envs.set_options({"trial": 3})
    with pytest.raises(ValueError, match="expected no options"):
        envs.reset()
    with pytest.raises(ValueError, match="num_envs: expected a whole number"):
        make_scene_vec_env(SCENE, 0)


def test_streams_of_episodes_equal_those_of_single_environments() -> None:
    ours, theirs = replayable(), DummyVecEnv([single] * N)
    for envs in (ours, theirs):
        envs.seed(5)
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    assert assert_same_steps(ours, theirs, n_steps=7) >= N
    assert ours.env_method("under_way") == theirs.env_method("under_way")


@pytest.mark.parametrize("actions", [[1, 1, 1, 9], [1, 1, 1]], ids=["outside", "too-few"])
def test_a_refused_action_is_not_noted(actions: list[int]) -> None:
    ours = replayable()
    ours.seed(5)
    ours.reset()
    ours.step(np.array([0, 1, 2, 3]))
    before = ours.env_method("under_way")
    with pytest.raises(ValueError, match="actions: expected 4 whole numbers 0 to 4, came"):
        ours.step(np.array(actions))
    assert ours.env_method("under_way") == before
    assert [episode.actions for episode in before] == [(0,), (1,), (2,), (3,)]
    ours.set_options({"trial": 3})
    with pytest.raises(ValueError, match="expected no options"):
        ours.reset()
    assert ours.env_method("under_way") == before


def test_an_environment_notes_no_refused_action_or_reset() -> None:
    alone = single()
    alone.reset(seed=5)
    alone.step(3)
    before = alone.under_way()
    with pytest.raises(ValueError, match="action: expected 0 to 4, came 9"):
        alone.step(9)
    with pytest.raises(ValueError, match="expected no options"):
        alone.reset(options={"trial": 3})
    assert alone.under_way() == before
    assert before.actions == (3,)


def test_worlds_under_way_are_taken_up_where_they_were() -> None:
    left, resumed = replayable(DENSE), replayable(DENSE)
    left.seed(5)
    left.reset()
    generator = np.random.default_rng(1)
    for _ in range(11):  # some crash: the worlds are at different steps
        left.step(generator.integers(5, size=N))
    episodes = left.env_method("under_way")
    assert len({len(episode.actions) for episode in episodes}) > 1
    resumed.seed(9)  # as loading a policy does
    resumed.resume(episodes)
    for _ in range(6):
        actions = generator.integers(5, size=N)
        here, there = resumed.step(actions), left.step(actions)
        np.testing.assert_array_equal(here[0], there[0])
        for our_info, their_info in zip(here[3], there[3], strict=True):
            assert_same_info(our_info, their_info)
    assert resumed.env_method("under_way") == left.env_method("under_way")


def assert_same_episode(one: Episode, other: Episode) -> None:
    for name in ("frames", "state", "vehicle_mask", "action", "reward", "speed"):
        here, there = getattr(one, name), getattr(other, name)
        np.testing.assert_array_equal(here, there, err_msg=name)
        assert getattr(here, "dtype", None) == getattr(there, "dtype", None)
    for name in ("terminated", "truncated", "crashed", "seed"):
        assert getattr(one, name) == getattr(other, name)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["random", "constant_speed", "highway_env"])
@pytest.mark.parametrize("action", ["discrete", "continuous"])
def test_episodes_of_a_batch_equal_those_driven_alone(policy: str, action: str) -> None:
    scene = SceneSettings(
        "merge", height=36, width=40, action=action, vehicle_mask=True, duration=6.0,
        driver="highway_env" if policy == "highway_env" else "agent",
    )  # fmt: skip
    spec, seeds = RolloutSpec(scene, policy), [8, 2, 10, 4, 6, 12, 14]
    together = list(drive_episodes(spec, seeds))
    assert [episode.seed for episode in together] == seeds
    for episode, seed in zip(together, seeds, strict=True):
        assert_same_episode(episode, drive_episode(spec, seed))


def test_the_number_of_worlds_changes_no_episode_and_seeds_may_be_endless() -> None:
    def random_driver(seed: int) -> Any:
        generator = np.random.default_rng(seed)
        return lambda scene, state: int(generator.integers(5))

    three, seven = (
        list(islice(play_episodes(DENSE, random_driver, count(0, 2), n_worlds), 9))
        for n_worlds in (3, 7)
    )
    assert len({len(episode.reward) for episode in three}) > 1
    for one, other in zip(three, seven, strict=True):
        assert_same_episode(one, other)


def test_scenes_without_the_engine_are_driven_one_by_one() -> None:
    scene = SceneSettings("merge", height=36, width=40, duration=2.0, engine="highway-env")
    spec = RolloutSpec(scene, "constant_speed")
    assert block_size(spec, n_episodes=100, n_workers=2) == 1
    assert block_size(RolloutSpec(SCENE, "random"), n_episodes=100, n_workers=2) == 50
    (episode,) = drive_episodes(spec, [4])
    env = DrivingSceneEnv("merge", height=36, width=40, duration=2.0, engine="highway-env")
    np.testing.assert_array_equal(episode.frames[0], env.reset(seed=4)[0])
