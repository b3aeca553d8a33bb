"""A batch that keeps its lane goes through the episodes of highway-env's single environments."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from b2m_envs.driving.batch_checks import has_batch
from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv
from b2m_envs.observations.attributes import Attributes
from b2m_envs.observations.kinematics import Kinematics
from b2m_envs.scenes.driven_step import DrivenStep
from b2m_envs.scenes.observation import observation_kind
from b2m_envs.scenes.settings import SceneSettings

ID = "b2m_envs:B2M/LaneKeepingScene-v0"
N = 4
CLOSE = 1e-6  # rewards fall without end off the lane, and are compared by size there
SWAY = np.array([0.05, 0.2, 1.0, 1.0])  # of the steering, a world


def progress_on_road(step: DrivenStep) -> np.ndarray:
    """A reward of one's own, of what a step has beside the terms."""
    aside = step.of_state("lateral_offset").astype(np.float64)
    return step.progress * step.on_road - abs(step.action[:, 0]) + step.step + aside / 1000


def assert_close(ours: Any, theirs: Any) -> None:
    """Equal in keys and types, and numbers to rounding; NaN equals NaN."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs)
        for name in theirs:
            if name != "engine":
                assert_close(ours[name], theirs[name])
    elif theirs.dtype == object:
        assert ours.dtype == object
        for here, there in zip(ours, theirs, strict=True):
            assert (here is None) == (there is None)
            if there is not None:
                assert_close(here, there)
    else:
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, atol=CLOSE, rtol=CLOSE)


def drive_both(mode: AutoresetMode, n_steps: int, **settings: Any) -> int:
    """Compare all that a reset and random steps return; gives the number of ended episodes."""
    ours: Any = gymnasium.make_vec(ID, num_envs=N, autoreset_mode=mode, **settings)
    assert isinstance(ours, DrivingSceneVectorEnv)
    makers = [lambda: DrivingSceneEnv("lane_keeping", **settings)] * N
    theirs = SyncVectorEnv(makers, autoreset_mode=mode)
    assert ours.single_observation_space == theirs.single_observation_space
    here, there = ours.reset(seed=3), theirs.reset(seed=3)
    assert_close(here[0], there[0])
    assert_close(here[1], there[1])
    assert (here[1]["engine"].tolist(), there[1]["engine"].tolist()) == (
        ["b2m"] * N, ["highway-env"] * N,
    )  # fmt: skip
    random, ended, n_ended = np.random.default_rng(3), np.zeros(N, np.bool_), 0
    for _ in range(n_steps):
        if mode is AutoresetMode.DISABLED and ended.any():
            options = {"reset_mask": ended}
            for one, other in zip(
                ours.reset(options=options), theirs.reset(options=options), strict=True
            ):
                assert_close(one, other)
        actions = (random.uniform(-1, 1, (N, 1)) * SWAY[:, None]).astype(np.float32)
        here, there = ours.step(actions), theirs.step(actions)
        for one, other in zip(here, there, strict=True):
            assert_close(one, other)
        ended = here[2] | here[3]
        n_ended += int(ended.sum())
    return n_ended


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_world_of_a_batch_is_the_single_environment(mode: AutoresetMode) -> None:
    assert drive_both(mode, 25, observation="state", duration=1) >= 2 * N


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"observation": "state"},
        {"observation": "scaled_state", "reward": "keep_lane"},
        {"observation": {"a": "state", "b": "scaled_state"}, "reward": progress_on_road},
        {
            "observation": "state", "vehicle_mask": True, "perception": 30,
            "policy_frequency": 5, "simulation_frequency": 25,
        },
    ],
    ids=["usual", "keep_lane", "function", "clock"],
)  # fmt: skip
def test_so_it_is_over_a_whole_episode_under_other_settings(settings: dict[str, Any]) -> None:
    assert drive_both(AutoresetMode.SAME_STEP, 203, **settings) >= N


def test_a_batch_shows_its_worlds_as_the_single_environment_does() -> None:
    envs = gymnasium.make_vec(ID, num_envs=2, observation="state", render_mode="rgb_array")
    env = DrivingSceneEnv("lane_keeping", render_mode="rgb_array")
    envs.reset(seed=0)
    env.reset(seed=0)
    for _ in range(5):
        envs.step(np.full((2, 1), 0.1, np.float32))
        env.step(np.full(1, 0.1, np.float32))
    pictures: Any = envs.render()
    np.testing.assert_array_equal(pictures[1], env.render())


def test_a_pickled_batch_goes_on_as_it_would_have_gone_on_itself() -> None:
    envs = gymnasium.make_vec(ID, num_envs=2, observation="state")
    envs.reset(seed=0)
    actions = np.full((2, 1), 0.3, np.float32)
    for _ in range(3):
        envs.step(actions)
    other = pickle.loads(pickle.dumps(envs))
    for _ in range(3):
        here, there = envs.step(actions), other.step(actions)
        np.testing.assert_array_equal(here[0], there[0])
        np.testing.assert_array_equal(here[1], there[1])


@pytest.mark.parametrize(
    "observation", ["scene", "both", Attributes(), Kinematics(), ("state", Attributes())]
)
def test_pictures_noise_and_traffic_are_left_to_single_environments(observation: Any) -> None:
    settings = SceneSettings("lane_keeping")
    assert not has_batch(settings, observation_kind(settings, observation))
    message = r"LaneKeepingScene-v0: observation: expected one of the state alone.*mode=\"sync\""
    with pytest.raises(ValueError, match=message):
        gymnasium.make_vec(ID, num_envs=2, observation=observation)


def test_noise_is_not_in_the_engine_either() -> None:
    message = r"expected one that does without highway-env's world.*mode=\"sync\""
    with pytest.raises(ValueError, match=message):
        gymnasium.make_vec(ID, num_envs=2, observation=Attributes(), engine="b2m")


def test_who_asks_for_highway_env_gets_no_batch() -> None:
    settings = SceneSettings("lane_keeping", engine="highway-env")
    assert not has_batch(settings, observation_kind(settings, "state"))
    with pytest.raises(ValueError, match=r'expected a scene of the engine .*engine="highway-env"'):
        gymnasium.make_vec(ID, num_envs=2, observation="state", engine="highway-env")


def test_single_environments_stay_highway_envs() -> None:
    env = gymnasium.make(ID, observation="state")
    assert env.reset(seed=0)[1]["engine"] == "highway-env"
    assert env.unwrapped.highway_env.vehicle.lateral_speed == 0
    parking = SceneSettings("parking")
    assert not has_batch(parking, observation_kind(parking, "state"))


@pytest.mark.slow
@pytest.mark.parametrize("camera", ["birds_eye", "drivers_eye"])
def test_on_our_engine_a_batch_has_pictures_and_is_the_single_environment(camera: str) -> None:
    settings: dict[str, Any] = {"engine": "b2m", "camera": camera, "observation": "both"}
    ours = gymnasium.make_vec(ID, num_envs=N, **settings)
    theirs = SyncVectorEnv([lambda: DrivingSceneEnv("lane_keeping", **settings)] * N)
    random = np.random.default_rng(0)
    scenes = [ours.reset(seed=0)[0]["scene"]]
    np.testing.assert_array_equal(scenes[0], theirs.reset(seed=0)[0]["scene"])
    for _ in range(12):
        actions = random.uniform(-1, 1, (N, 1)).astype(np.float32)
        here, there = ours.step(actions), theirs.step(actions)
        for name in ("scene", "state"):
            np.testing.assert_array_equal(here[0][name], there[0][name])
        np.testing.assert_array_equal(here[1], there[1])
        assert there[4]["engine"].tolist() == ["b2m"] * N
        scenes.append(here[0]["scene"])
    assert np.std(scenes, axis=0).max() > 3  # something is to be seen, and moves
