"""An observation of the driving world of the user's own: a space and a function, one line."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

import b2m_agents
import b2m_envs

NAMES = [each.name for each in b2m_envs.STATE_VARIABLES]
SPEED, GAP = NAMES.index("speed"), NAMES.index("gap")


def dashboard(
    settings: b2m_envs.SceneSettings, scene: np.ndarray | None, state: np.ndarray
) -> dict[str, np.ndarray]:
    """What a driver's dashboard shows, and the middle of the picture."""
    assert scene is not None
    finite = b2m_envs.finite_state(settings, state)
    rows, columns = settings.height // 2, settings.width // 2
    return {
        "dials": finite[..., [SPEED, GAP]],
        "middle": scene[..., rows - 4 : rows + 4, columns - 4 : columns + 4, :],
    }


def dashboard_space(settings: b2m_envs.SceneSettings) -> spaces.Dict:
    low, high = b2m_envs.state_bounds(settings)
    return spaces.Dict({
        "dials": spaces.Box(low[[SPEED, GAP]], high[[SPEED, GAP]], dtype=np.float32),
        "middle": spaces.Box(0, 255, (8, 8, settings.n_channels), np.uint8),
    })  # fmt: skip


def speed_as_it_is(settings: b2m_envs.SceneSettings, scene: Any, state: np.ndarray) -> np.ndarray:
    """A view of the state itself, which the next step must not write over."""
    return state[..., SPEED : SPEED + 1]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    own = b2m_envs.ObservationKind(dashboard_space, dashboard, draws=True)
    monkeypatch.setitem(b2m_envs.OBSERVATIONS, "dashboard", own)
    box = spaces.Box(-50, 50, (1,), np.float32)
    view = b2m_envs.ObservationKind(lambda settings: box, speed_as_it_is)
    monkeypatch.setitem(b2m_envs.OBSERVATIONS, "speed", view)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["b2m", "highway-env"])
def test_a_single_environment_takes_a_users_observation(engine: str) -> None:
    env = gymnasium.make("B2M/HighwayFastScene-v0", observation="dashboard", engine=engine)
    check_env(env.unwrapped, skip_render_check=True)
    observation, info = env.reset(seed=0)
    assert observation["dials"][0] == info["state"][SPEED]


def test_a_batch_and_stable_baselines_show_the_very_same() -> None:
    batch = gymnasium.make_vec("B2M/HighwayFastScene-v0", num_envs=3, observation="dashboard")
    worlds = b2m_agents.make_scene_vec_env("highway_fast", 3, seed=2, observation="dashboard")
    here, _ = batch.reset(seed=2)
    there = worlds.reset()
    assert batch.observation_space.contains(here)
    for world in range(3):
        env = gymnasium.make("B2M/HighwayFastScene-v0", observation="dashboard")
        alone, _ = env.reset(seed=2 + world)
        for name, values in alone.items():
            np.testing.assert_array_equal(here[name][world], values)
            np.testing.assert_array_equal(there[name][world], values)


def test_an_episode_that_ends_in_a_batch_gives_its_last_observation() -> None:
    worlds = b2m_agents.make_scene_vec_env(
        b2m_envs.SceneSettings("highway_fast", duration=2.0), 2, seed=0, observation="dashboard"
    )
    worlds.reset()
    ended = []
    for _ in range(2):
        *_, infos = worlds.step(np.ones(2, np.int64))
        ended += [info["terminal_observation"] for info in infos if "terminal_observation" in info]
    assert len(ended) == 2
    assert all(worlds.observation_space.contains(each) for each in ended)


def test_an_observation_is_not_written_over_by_the_next_step() -> None:
    batch = gymnasium.make_vec("B2M/HighwayFastScene-v0", num_envs=2, observation="speed")
    first, _ = batch.reset(seed=0)
    before = first.copy()
    batch.step(np.full(2, 4))
    np.testing.assert_array_equal(first, before)


def test_an_unknown_observation_is_refused_with_those_that_are_known() -> None:
    known = r"'scene' or .*'dashboard' or 'speed', an observation such as .*, came 'mirror'"
    with pytest.raises(ValueError, match=known):
        gymnasium.make("B2M/HighwayFastScene-v0", observation="mirror")
