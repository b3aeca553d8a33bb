"""The registry as users meet it: the wrappers and libraries that make an environment by its id."""

from __future__ import annotations

import importlib
import sys
import types
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation, RecordEpisodeStatistics, RecordVideo
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv

HIGHWAY = "b2m_envs:B2M/HighwayFastScene-v0"  # the name before the colon is imported: no import
LANE_KEEPING = "b2m_envs:B2M/LaneKeepingScene-v0"
MEMORY = "b2m_envs:B2M/MemoryDecision-v0"
FEW: dict[str, Any] = {"vehicles_count": 3, "duration": 5}


class Clip:
    """moviepy's clip, which keeps what it would write."""

    written: list[tuple[list[np.ndarray], float]]

    def __init__(self, sequence: list[np.ndarray], fps: float) -> None:
        self.written.append((sequence, fps))

    def write_videofile(self, path: str, **_: Any) -> None:
        """Write no file."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[np.ndarray], float]]:
    """The clips that `RecordVideo` hands to moviepy, which need not be installed."""
    Clip.written = []
    for name in ("moviepy", "moviepy.video", "moviepy.video.io"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    writer = types.ModuleType("moviepy.video.io.ImageSequenceClip")
    writer.ImageSequenceClip = Clip  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, writer.__name__, writer)
    return Clip.written


def play(env: gymnasium.Env[Any, Any], seed: int = 0) -> tuple[list[float], dict[str, Any]]:
    """Rewards of an episode under random actions, and the info of its end."""
    env.action_space.seed(seed)
    env.reset(seed=seed)
    rewards, ended = [], False
    while not ended:
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        rewards.append(float(reward))
        ended = terminated or truncated
    return rewards, info


def same_as_alone(envs: VecEnv, name: str, **settings: Any) -> None:
    """Compare Stable-Baselines3's environments with single ones of the same seeds."""
    try:
        envs.seed(7)
        observations = envs.reset()
        alone = [gymnasium.make(name, **settings) for _ in range(envs.num_envs)]
        for index, env in enumerate(alone):
            np.testing.assert_array_equal(observations[index], env.reset(seed=7 + index)[0])
        envs.action_space.seed(0)
        actions = np.array([envs.action_space.sample() for _ in alone])
        observations, rewards, _, infos = envs.step(actions)
        for index, env in enumerate(alone):
            observation, reward, *_ = env.step(actions[index])
            seen = infos[index].get("terminal_observation", observations[index])
            np.testing.assert_array_equal(seen, observation)
            assert np.float32(rewards[index]) == np.float32(reward)
    finally:
        envs.close()


@pytest.mark.parametrize("title", ["UTurn", "Parking", "LaneKeeping"])
def test_a_scene_is_made_and_driven_by_its_id_alone(title: str):
    env = gymnasium.make(f"b2m_envs:B2M/{title}Scene-v0")  # with Gymnasium's own checks
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    observation = env.step(env.action_space.sample())[0]
    assert observation in env.observation_space


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mode", "kind"),
    [
        (HIGHWAY, None, DrivingSceneVectorEnv),
        (HIGHWAY, "sync", SyncVectorEnv),
        (LANE_KEEPING, "async", AsyncVectorEnv),
    ],
)
def test_make_vec_gives_the_scenes_of_single_environments(name: str, mode: str | None, kind: type):
    spawn = {"vector_kwargs": {"context": "spawn"}} if mode == "async" else {}
    envs = gymnasium.make_vec(name, num_envs=2, vectorization_mode=mode, **spawn)
    assert type(envs) is kind
    try:
        alone = [gymnasium.make(name).reset(seed=4 + index)[0] for index in range(2)]
        np.testing.assert_array_equal(envs.reset(seed=4)[0], alone)
        assert envs.step(envs.action_space.sample())[1].shape == (2,)
    finally:
        envs.close()


def record(folder: Path) -> int:
    """Record an episode of 1 s, and give back its number of steps."""
    env = gymnasium.make(LANE_KEEPING, render_mode="rgb_array", duration=1)
    recorded = RecordVideo(env, str(folder), episode_trigger=lambda episode: True)
    rewards, _ = play(recorded)
    recorded.close()
    return len(rewards)


@pytest.mark.slow
def test_record_video_gets_every_frame_at_the_speed_of_the_scene(tmp_path: Path, written):
    n_steps = record(tmp_path / "videos")
    ((frames, frames_per_second),) = written
    assert frames_per_second == 10
    assert len(frames) == 1 + n_steps
    assert {frame.shape for frame in frames} == {(480, 480, 3)}
    assert (frames[0] != frames[-1]).any()


def test_record_video_writes_a_file_that_can_be_read(tmp_path: Path):
    pytest.importorskip("moviepy.video.io.ImageSequenceClip", exc_type=ImportError)
    n_steps = record(tmp_path / "videos")
    (path,) = (tmp_path / "videos").glob("*.mp4")
    video = cv2.VideoCapture(str(path))
    try:
        assert video.get(cv2.CAP_PROP_FPS) == 10
        assert n_steps <= video.get(cv2.CAP_PROP_FRAME_COUNT) <= n_steps + 1  # moviepy may lose one
        assert np.ptp(video.read()[1]) > 100
    finally:
        video.release()


@pytest.mark.slow
@pytest.mark.parametrize("name", [HIGHWAY, LANE_KEEPING, MEMORY])
def test_record_episode_statistics_sums_an_episode(name: str):
    rewards, info = play(RecordEpisodeStatistics(gymnasium.make(name)))
    assert info["episode"]["r"] == pytest.approx(sum(rewards))
    assert info["episode"]["l"] == len(rewards)


def test_record_episode_statistics_sums_the_episodes_of_a_native_batch():
    envs = RecordVectorStatistics(gymnasium.make_vec(HIGHWAY, num_envs=3, **FEW))
    envs.reset(seed=0)
    total, lengths = np.zeros(3), np.zeros(3)
    running = np.ones(3, bool)
    while running.any():
        _, reward, terminated, truncated, info = envs.step(np.ones(3, int))
        total += np.where(running, reward, 0)
        lengths += running
        for index in np.flatnonzero(running & (terminated | truncated)):
            assert info["episode"]["r"][index] == pytest.approx(total[index])
            assert info["episode"]["l"][index] == lengths[index]
        running &= ~(terminated | truncated)


def test_frames_stack_on_an_axis_of_their_own():
    env = FrameStackObservation(gymnasium.make(HIGHWAY, n_frames=1, **FEW), stack_size=3)
    first, _ = env.reset(seed=0)
    assert first.shape == (3, 64, 64, 1)
    later = env.step(1)[0]
    np.testing.assert_array_equal(later[:2], first[1:])
    stacked = gymnasium.make(HIGHWAY, n_frames=3, **FEW)  # ours, on the channels' axis
    stacked.reset(seed=0)
    np.testing.assert_array_equal(later[..., 0], stacked.step(1)[0].transpose(2, 0, 1))


def test_memory_tasks_stack_too():
    env = FrameStackObservation(gymnasium.make(MEMORY), stack_size=4)
    observation, _ = env.reset(seed=0)
    assert observation.shape == (4, *env.unwrapped.observation_space.shape)


def test_stable_baselines3_makes_the_environments_by_id():
    envs = make_vec_env(HIGHWAY, n_envs=2, env_kwargs=FEW)
    assert isinstance(envs, DummyVecEnv)
    same_as_alone(envs, HIGHWAY, **FEW)


@pytest.mark.slow
def test_a_dummy_vec_env_of_single_environments():
    makers = [partial(gymnasium.make, LANE_KEEPING) for _ in range(2)]
    same_as_alone(DummyVecEnv(makers), LANE_KEEPING)


@pytest.mark.slow
@pytest.mark.thorough
def test_spawned_processes_make_the_environments_by_id():
    envs = make_vec_env(
        LANE_KEEPING, n_envs=2, vec_env_cls=SubprocVecEnv, vec_env_kwargs={"start_method": "spawn"}
    )
    same_as_alone(envs, LANE_KEEPING)


@pytest.mark.slow
def test_stable_baselines3_learns_from_the_pictures():
    envs = make_vec_env("b2m_envs:B2M/ParkingScene-v0", n_envs=2)
    agent = PPO("CnnPolicy", envs, n_steps=8, batch_size=8, n_epochs=1, seed=0, device="cpu")
    before = [weight.detach().clone() for weight in agent.policy.parameters()]
    agent.learn(16)
    after = list(agent.policy.parameters())
    assert any((old != new).any() for old, new in zip(before, after, strict=True))
    envs.close()


@pytest.mark.slow
@pytest.mark.thorough
def test_rl_zoo_finds_an_environment_of_a_package_it_was_told(monkeypatch: pytest.MonkeyPatch):
    """What `python -m rl_zoo3.train --env B2M/... --gym-packages b2m_envs --vec-env subproc` does.

    rl_zoo3 (2.9) imports the packages, looks the id up in the registry, and hands every process
    a function that makes the environment from its spec.
    """
    name = "B2M/LaneKeepingScene-v0"
    monkeypatch.delitem(gymnasium.registry, name, raising=False)
    monkeypatch.delitem(sys.modules, "b2m_envs")
    for package in ["b2m_envs"]:
        importlib.import_module(package)
    assert name in gymnasium.registry
    spec = gymnasium.spec(name)

    def make_env(**keywords: Any) -> gymnasium.Env[Any, Any]:
        return spec.make(**keywords)

    envs = make_vec_env(
        make_env,
        n_envs=1,
        env_kwargs={"height": 48},
        vec_env_cls=SubprocVecEnv,
        vec_env_kwargs={"start_method": "spawn"},
    )
    same_as_alone(envs, name, height=48)
