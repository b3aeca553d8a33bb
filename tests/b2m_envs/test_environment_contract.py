"""What an environment promises to the libraries that use it, and what it refuses to be told."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from b2m_agents.learning.policy_networks import ScaledState
from b2m_envs.registration import REGISTRATIONS
from b2m_envs.scenes.observation import (
    OBSERVATIONS,
    finite_state,
    state_bounds,
    state_scales,
)
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import STATE_INDEX, STATE_VARIABLES

QUICK: dict[str, Any] = {"highway": {"vehicles_count": 3}, "exit": {"vehicles_count": 5}}


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a display."""
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("observation", ["state", "scaled_state", "both"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_gymnasium_finds_no_fault_and_warns_of_nothing(scenario: str, observation: str):
    env_id = SCENARIOS[scenario].id
    env = gymnasium.make(env_id, observation=observation, **QUICK.get(scenario, {}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=observation != "state")


@pytest.mark.slow
@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("env_id", [row.id for row in REGISTRATIONS])
def test_no_window_is_offered_where_none_can_open(env_id: str, monkeypatch: pytest.MonkeyPatch):
    assert gymnasium.make(env_id).metadata["render_modes"] == ["rgb_array"]
    for name in ("DISPLAY", "QT_QPA_PLATFORM", "SDL_VIDEODRIVER"):
        monkeypatch.setenv(name, "dummy")
    assert gymnasium.make(env_id).metadata["render_modes"] == ["human", "rgb_array"]


@pytest.mark.usefixtures("nowhere")
def test_who_asks_for_a_window_where_none_can_open_is_told_why():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = gymnasium.make("B2M/MergeScene-v0", render_mode="human")
    with pytest.raises(RuntimeError, match=r"expected a display.*rgb_array"):
        env.reset()


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["agent", "highway_env"])
@pytest.mark.parametrize("scenario", ["highway_fast", "intersection", "racetrack", "lane_keeping"])
@pytest.mark.filterwarnings("ignore::b2m_envs.driving.faults.HighwayEnvFault")
def test_states_of_wild_driving_stay_within_their_bounds(scenario: str, driver: str):
    if scenario == "lane_keeping":
        driver = "agent"
    env = gymnasium.make(
        SCENARIOS[scenario].id,
        observation="state",
        driver=driver,
        action="continuous",
        simulation_frequency=10,
        policy_frequency=10,
        duration=9,
        perception=500,
    )
    env.action_space.seed(0)
    low, high = state_bounds(env.unwrapped.settings)
    for seed in range(3):
        state, info = env.reset(seed=seed)
        ended = False
        while not ended:
            action = np.clip(3 * env.action_space.sample(), -1, 1)
            state, _, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
            assert state in env.observation_space
            known = ~np.isnan(np.asarray(info["state"]))
            raw = np.asarray(info["state"])[known]  # nothing had to be cut off
            assert ((raw >= low[known]) & (raw <= high[known])).all()


def test_an_offset_beyond_its_bound_is_cut_off_and_stays_in_the_space():
    scene = SceneSettings("highway_fast")
    state = np.zeros(len(STATE_VARIABLES), np.float32)
    state[STATE_INDEX["lateral_offset"]] = -12345.0
    finite = finite_state(scene, state)
    assert finite[STATE_INDEX["lateral_offset"]] == -1000
    assert finite in OBSERVATIONS["state"].space(scene)
    assert finite.dtype == np.float32


@pytest.mark.parametrize("scenario", ["highway_fast", "parking"])
def test_the_scaled_state_is_what_our_own_policies_make_of_the_state(scenario: str):
    plain, scaled = (
        gymnasium.make(SCENARIOS[scenario].id, observation=kind)
        for kind in ("state", "scaled_state")
    )
    scales = state_scales(plain.unwrapped.settings)
    policy = ScaledState(plain.observation_space, scales)
    pairs = [(plain.reset(seed=1)[0], scaled.reset(seed=1)[0])]
    action = np.zeros(2, np.float32) if scenario == "parking" else 3
    pairs.append((plain.step(action)[0], scaled.step(action)[0]))
    for state, came in pairs:
        assert came.dtype == np.float32
        np.testing.assert_array_equal(policy(torch.from_numpy(state[None])).numpy()[0], came)
        assert came in scaled.observation_space
        assert np.abs(came).max() < 10 < np.abs(state).max()


def test_a_batch_gives_the_scaled_state_of_single_environments():
    settings = {"observation": "scaled_state", "vehicles_count": 3}
    envs = gymnasium.make_vec("B2M/HighwayFastScene-v0", num_envs=2, **settings)
    came = envs.reset(seed=5)[0]
    for world in range(2):
        alone = gymnasium.make("B2M/HighwayFastScene-v0", **settings)
        np.testing.assert_array_equal(came[world], alone.reset(seed=5 + world)[0])


@pytest.mark.parametrize("env_id", [row.id for row in REGISTRATIONS if "Scene" not in row.id]
                         + ["B2M/MergeScene-v0", "B2M/ParkingScene-v0"])  # fmt: skip
def test_what_would_do_nothing_cannot_be_set(env_id: str):
    env = gymnasium.make(env_id)
    for name, value in {"config": {"lanes_count": 2}, "collision_reward": -5}.items():
        with pytest.raises(ValueError, match=rf"{name}: expected no attribute.*gymnasium.make"):
            setattr(env.unwrapped, name, value)
    with pytest.raises(ValueError, match="settings: expected no attribute"):
        env.unwrapped.settings = SceneSettings("highway")
    with pytest.raises(ValueError, match="render_mode: expected one of"):
        env.unwrapped.render_mode = "ansi"
    env.unwrapped.render_mode = "rgb_array"
    env.reset(seed=0)
    assert env.unwrapped.render().ndim == 3


def test_a_batch_refuses_what_would_do_nothing_too():
    for env_id in ("B2M/MergeScene-v0", "B2M/Sternberg-v0"):
        envs = gymnasium.make_vec(env_id, num_envs=2)
        with pytest.raises(ValueError, match="config: expected no attribute"):
            envs.config = {}
        envs.reset(seed=0)
        envs.close()


def test_a_class_derived_from_an_environment_keeps_its_own_attributes():
    from b2m_envs.driving.environment import DrivingSceneEnv

    class Counting(DrivingSceneEnv):
        def __init__(self) -> None:
            super().__init__("merge")
            self.n_resets = 0

        def reset(self, **keywords: Any) -> Any:
            self.n_resets += 1
            return super().reset(**keywords)

    env = Counting()
    env.reset(seed=0)
    assert env.n_resets == 1
