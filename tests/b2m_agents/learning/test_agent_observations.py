"""Agents that see the traffic as highway-env shows it, and learning rates that fall."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from b2m_agents.drivers.drivers import drive_episode, drive_episodes, rollout_spec_of
from b2m_agents.learning.agent_file import read_agent_file
from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.algorithm_settings import learning_rate_at
from b2m_agents.learning.settings_json import training_from_json, training_json
from b2m_agents.learning.trained_agent import TrainedAgent, read_agent_config
from b2m_agents.learning.training import train_agent
from b2m_envs.observations.kinematics import Kinematics
from tests.shared.tiny_agents import SMALL, tiny_agent

NEAR = {"vehicles_count": 3, "features": ["x", "y", "vx"], "absolute": True}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "agent"
    return tiny_agent(folder, None, observation="kinematics", observation_options=NEAR)


@pytest.mark.slow
def test_an_agent_drives_by_the_observation_that_it_learnt_from(agent: Path) -> None:
    config = read_agent_config(agent)
    assert config.settings.environments_observe == Kinematics(**NEAR)
    spec = rollout_spec_of("highway_fast", str(agent), {})
    episodes = list(drive_episodes(spec, [3, 5]))
    for episode in episodes:
        assert episode.observed is not None
        assert episode.observed.shape == (len(episode.frames), 3, 3)
        read = TrainedAgent.read(agent).driver()
        chosen = [read(*each) for each in zip(episode.observed, episode.state, strict=True)]
        np.testing.assert_array_equal(chosen[:-1], episode.action)


@pytest.mark.slow
def test_an_episode_of_a_batch_is_that_of_a_single_environment(agent: Path) -> None:
    spec = rollout_spec_of("highway_fast", str(agent), {})
    (batched,), alone = drive_episodes(spec, [7]), drive_episode(spec, 7)
    for name in ("frames", "observed", "action", "reward"):
        np.testing.assert_array_equal(getattr(batched, name), getattr(alone, name))


@pytest.mark.parametrize(
    ("observation", "options", "message"),
    [
        ("kinematics", {"vehicles": 3}, "expected some of features, .* came 'vehicles'"),
        ("kinematics", {"vehicles_count": 0}, "vehicles_count: .* came 0"),
        ("state", {"absolute": True}, "expected none of state"),
    ],
)
def test_options_that_do_not_fit_are_refused(observation: str, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings_for("highway_fast", observation=observation, observation_options=options)


def test_an_observation_of_the_traffic_is_refused_where_highway_env_simulates(tmp_path) -> None:
    settings = settings_for("highway_fast", observation="kinematics")
    environment = {**SMALL, "engine": "highway-env"}
    with pytest.raises(ValueError, match="B2M/HighwayFastScene-v0, which highway-env simulates"):
        train_agent("highway_fast", None, tmp_path / "agent", settings, environment)
    assert not (tmp_path / "agent").exists()


def test_settings_with_options_pass_through_json_and_old_files_have_none() -> None:
    options = {**NEAR, "vehicles_count": np.int64(4)}
    settings = settings_for(
        "highway_fast", observation="kinematics", observation_options=options, learning_rate_end=0.0
    )
    entries = json.loads(json.dumps(training_json(settings)))
    assert training_from_json(entries) == settings
    plain = training_json(settings_for("merge", observation="state"))
    assert "observation_options" not in plain
    assert "learning_rate_end" not in plain["algorithm"]


def test_a_learning_rate_falls_in_a_straight_line() -> None:
    falling = settings_for("highway_fast", learning_rate=1e-3, learning_rate_end=0.0).algorithm
    assert [learning_rate_at(falling, share) for share in (0.0, 0.25, 1.0)] == [1e-3, 7.5e-4, 0]
    assert learning_rate_at(settings_for("merge").algorithm, 0.9) == 5e-4
    with pytest.raises(
        ValueError, match=r"learning_rate_end: expected 0 or more, or None, came -1\.0"
    ):
        settings_for("highway_fast", learning_rate_end=-1.0)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "sac"])
def test_a_training_learns_at_the_rate_of_its_step(algorithm: str, tmp_path: Path) -> None:
    folder = tiny_agent(
        tmp_path / "agent",
        None,
        algorithm,
        observation="state",
        n_steps=128,
        checkpoint_every=32,
        learning_rate=8e-3,
        learning_rate_end=0.0,
    )
    states = read_agent_file(folder / "agent.zip").states
    rates = {
        group["lr"]
        for name, state in states.items()
        if name.endswith("optimizer")
        for group in state["param_groups"]
    }
    assert sorted(rates) == [pytest.approx(8e-3 * (1 - 96 / 128))]


@pytest.mark.slow
def test_how_fast_a_rate_falls_holds_the_number_of_steps(tmp_path: Path) -> None:
    changes = {"observation": "state", "learning_rate_end": 0.0}
    folder = tiny_agent(tmp_path / "agent", None, **changes)
    with pytest.raises(ValueError, match=r"training.n_steps: there 32, now 64"):
        tiny_agent(folder, None, **changes, n_steps=64)


@pytest.mark.slow
def test_weights_are_finite_after_a_fall_to_nothing(tmp_path: Path) -> None:
    folder = tiny_agent(tmp_path / "agent", None, observation="state", learning_rate_end=0.0)
    for tensor in read_agent_file(folder / "agent.zip").states["policy"].values():
        assert torch.isfinite(tensor).all()


@pytest.mark.slow
def test_an_agent_learns_to_park_from_the_state_with_the_goal(tmp_path: Path) -> None:
    folder = tiny_agent(
        tmp_path / "agent", None, "sac", scenario="parking", observation="goal_state"
    )
    episode = drive_episode(rollout_spec_of("parking", str(folder), {}), seed=3)
    assert episode.observed is not None
    assert episode.observed.shape == (len(episode.frames), 16)
    read = TrainedAgent.read(folder).driver()
    chosen = [read(*each) for each in zip(episode.observed, episode.state, strict=True)]
    np.testing.assert_array_equal(chosen[:-1], episode.action)


def test_a_goal_is_refused_where_there_is_none(tmp_path: Path) -> None:
    settings = settings_for("highway_fast", observation="goal_state")
    with pytest.raises(ValueError, match=r"expected a scenario with a goal \(parking\) for GoalS"):
        train_agent("highway_fast", None, tmp_path / "agent", settings, SMALL)
    assert not (tmp_path / "agent").exists()


@pytest.mark.slow
def test_an_agent_learns_from_the_usual_reward_unless_another_is_set(tmp_path: Path) -> None:
    usual = tiny_agent(tmp_path / "usual", None, scenario="racetrack", observation="state")
    assert read_agent_config(usual).environment["reward"] == "safe"
    settings = read_agent_config(usual).settings
    other = train_agent(
        "racetrack", None, tmp_path / "other", settings, {**SMALL, "reward": "highway_env"},
        in_processes=False, progress=False,
    )  # fmt: skip
    assert read_agent_config(other).scene.reward == "highway_env"
    (episode,) = drive_episodes(rollout_spec_of("racetrack", str(usual), {}), [3])
    assert episode.reward.max() < 0.1  # of safe: the steps of an episode share 1
