"""Agents that learn from goals which they reached unwanted: trained, killed, read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.her import HerReplayBuffer

from b2m_agents.drivers.drivers import drive_episode, rollout_spec_of
from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agent
from b2m_agents.learning import training
from b2m_agents.learning.agent_file import read_agent_file
from b2m_agents.learning.agent_settings import TrainingSettings, settings_for
from b2m_agents.learning.algorithms import check_algorithm, new_policy
from b2m_agents.learning.checkpoints import read_replay, write_replay
from b2m_agents.learning.hindsight import check_hindsight
from b2m_agents.learning.observed import GOALS
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.learning.training_worlds import make_environments, training_worlds
from b2m_agents.learning.usual_agents import usual_agent
from b2m_agents.videos.video import episode_moments
from b2m_agents.worlds.scene_vec_env import SceneVecEnv
from b2m_envs.observations.kinematics_goal import PARTS
from b2m_envs.scenes.settings import settings_from_keywords

SMALL = {"duration": 4.0}  # 20 steps
ONE_BY_ONE = SMALL | {"vehicles_count": 1}  # with a parked car, which no batch has


def settings(**changes: Any) -> TrainingSettings:
    short = {
        "observation": "kinematics_goal", "n_steps": 240, "n_environments": 2,
        "learning_starts": 40, "buffer_size": 100, "batch_size": 16, "gradient_steps": 1,
        "train_every": 2, "hidden_sizes": (16,), "checkpoint_every": 60, "evaluate_every": 0,
        "tensorboard": False,
    }  # fmt: skip
    return settings_for("parking", algorithm="her", **short | changes)


def train(folder: Path, environment: dict[str, Any] = SMALL, **changes: Any) -> Path:
    chosen = settings(**changes)
    return training.train_agent(
        "parking", None, folder, chosen, environment, in_processes=False, progress=False
    )


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("runs") / "agent")


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment", [SMALL, pytest.param(ONE_BY_ONE, marks=pytest.mark.thorough)]
)
def test_a_training_killed_and_resumed_ends_as_one_that_was_not(
    agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, Any]
) -> None:
    """The buffer is full by then, and its oldest episode half written over."""
    whole = agent if environment is SMALL else train(tmp_path / "whole", environment)
    write = training.write_checkpoint

    def write_and_die(folder: Path, policy: Any, venv: VecEnv) -> None:
        write(folder, policy, venv)
        if policy.num_timesteps == 120:
            policy.learn(2, reset_num_timesteps=False)  # lost with the kill
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "write_checkpoint", write_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "agent", environment)
    monkeypatch.undo()
    folder = train(tmp_path / "agent", environment)
    here, there = (read_agent_file(each / "agent.zip") for each in (folder, whole))
    for part, weights in here.states.items():
        torch.testing.assert_close(weights, there.states[part], rtol=0, atol=0, msg=part)
    assert (folder / "learning_curve.csv").read_text() == (whole / "learning_curve.csv").read_text()
    with np.load(folder / "replay-240.npz") as ours, np.load(whole / "replay-240.npz") as theirs:
        assert {f"observations.{part}" for part in PARTS} < set(ours)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


@pytest.mark.slow
def test_it_drives_is_scored_and_filmed(agent: Path) -> None:
    evaluated = evaluate_agent(agent, EvaluationSettings(2), progress=False, references=False)
    assert len(evaluated.of("agent")) == 2
    episode = drive_episode(rollout_spec_of("parking", str(agent), {}), 3)
    assert episode.observed is not None
    assert set(episode.observed[0]) == set(PARTS)
    read = TrainedAgent.read(agent)
    chosen = [read.act(*each) for each in zip(episode.observed, episode.state, strict=True)]
    np.testing.assert_array_equal(chosen[:-1], episode.action)
    moments = list(episode_moments(episode, read, read.config.scene, "one"))
    assert moments[0].choices.kind == "control"


@pytest.mark.slow
def test_the_owner_opens_the_file_with_stable_baselines3_and_finds_the_same(agent: Path) -> None:
    scene = settings_from_keywords("parking", SMALL)
    with training_worlds(scene, None, settings(), False) as worlds:  # HER asks for them
        opened = SAC.load(agent / "agent.zip", env=worlds, device="cpu")
    ours = read_agent_file(agent / "agent.zip").states["policy"]
    torch.testing.assert_close(dict(opened.policy.state_dict()), dict(ours), rtol=0, atol=0)
    text = (agent / "README.md").read_text()
    assert "SAC with hindsight experience replay (Stable-Baselines3)" in text
    assert read_agent_file(agent / "agent.zip").observes_parts


@pytest.mark.slow
def test_hindsight_changes_goals_and_their_rewards_and_nothing_else() -> None:
    scene = settings_from_keywords("parking", SMALL)
    chosen = settings(hindsight_goals=3)
    with training_worlds(scene, None, chosen, False) as worlds:
        assert isinstance(worlds, SceneVecEnv)
        policy: Any = new_policy(worlds, chosen)
        policy.learn(100)
        buffer = policy.replay_buffer
        assert isinstance(buffer, HerReplayBuffer)
        sample = buffer.sample(400)
    reached = sample.next_observations["achieved_goal"].numpy()
    wanted = sample.observations["desired_goal"].numpy()
    apart = np.abs(reached - wanted) @ np.array([1, 0.3, 0, 0, 0.02, 0.02])
    np.testing.assert_allclose(sample.rewards[:, 0].numpy(), -np.sqrt(apart), atol=2e-3)
    stands = (wanted[:, 2:4] == 0).all(1)  # no spot moves; what was reached mostly does
    assert stands.sum() == pytest.approx(100, abs=20)


@pytest.mark.slow
def test_a_replay_of_episodes_beyond_the_buffer_is_named(tmp_path: Path) -> None:
    scene = settings_from_keywords("parking", SMALL)
    chosen = settings()
    with training_worlds(scene, None, chosen, False) as worlds:
        policy: Any = new_policy(worlds, chosen)
        policy.learn(80)
        path = tmp_path / "replay.npz"
        write_replay(path, policy.replay_buffer)
        another: Any = new_policy(worlds, chosen).replay_buffer
        read_replay(path, another)
        np.testing.assert_array_equal(another.ep_length, policy.replay_buffer.ep_length)
        for name, value in (("ep_start", 1000), ("ep_length", -1), ("_current_ep_start", 51)):
            damaged = getattr(policy.replay_buffer, name)
            before = damaged[0].copy()
            damaged[0] = value
            write_replay(path, policy.replay_buffer)
            damaged[0] = before
            with pytest.raises(ValueError, match=r"replay\.npz: .*episodes outside of the 50 rows"):
                read_replay(path, another)


def test_the_worlds_are_a_batch_where_there_is_one() -> None:
    for environment, in_a_batch in ((SMALL, True), (ONE_BY_ONE, False)):
        scene = settings_from_keywords("parking", environment)
        worlds = make_environments(scene, settings(), in_processes=False)
        assert isinstance(worlds, SceneVecEnv) is in_a_batch
        worlds.close()


@pytest.mark.parametrize(
    ("scenario", "algorithm", "observation", "environment", "changes", "message"),
    [
        ("parking", "her", "goal_state", {}, {}, "expected kinematics_goal beside her"),
        ("parking", "sac", GOALS, {}, {}, "algorithm: expected her .*came sac; goal_state"),
        ("parking", "ppo", GOALS, {}, {}, "algorithm: expected her .*came ppo"),
        ("highway", "her", GOALS, {}, {}, r"expected a scenario with a goal \(parking\)"),
        ("exit", "her", GOALS, {}, {}, r"expected a scenario with a goal \(parking\)"),
        ("parking", "her", GOALS, {"reward": "goal"}, {}, "reward: expected highway_env or its"),
        (
            "parking", "her", GOALS, {},
            {"observation_options": {"features": ["x", "y"], "scales": [100, 100]}},
            "features: expected x, y, cos_h, sin_h, which the reward of a goal compares",
        ),
        (
            "parking", "her", GOALS, {}, {"n_environments": 64},
            "learning_starts: expected at least 32000 beside her, of 64 episodes of up to 500 st"
            ".* came 4096; fewer environments or shorter episodes need less",
        ),
        (
            "parking", "her", GOALS, {}, {"n_environments": 8, "buffer_size": 5000},
            "buffer_size: expected at least 8000",
        ),
    ],
)  # fmt: skip
def test_what_gives_hindsight_nothing_to_learn_from_is_refused(
    tmp_path: Path, scenario: str, algorithm: str, observation: str, environment: Any, changes: Any,
    message: str,
) -> None:  # fmt: skip
    def refused() -> None:
        chosen = settings_for(scenario, algorithm=algorithm, observation=observation, **changes)
        training.train_agent(scenario, None, tmp_path / "agent", chosen, environment)

    with pytest.raises(ValueError, match=message):
        refused()
    assert not list(tmp_path.iterdir())


def test_the_usual_training_of_parking_with_hindsight_is_possible() -> None:
    usual = usual_agent("parking", "her")
    chosen = settings_for("parking", algorithm="her", **usual)
    assert chosen.observation == GOALS
    assert chosen.algorithm.discount == 0.95  # of highway-env's recipe
    check_hindsight(settings_from_keywords("parking", {}), chosen)


@pytest.mark.slow
def test_its_file_is_none_of_sac_without_hindsight(agent: Path) -> None:
    with pytest.raises(ValueError, match=r"agent\.zip: expected an agent of sac, came one of her"):
        check_algorithm(read_agent_file(agent / "agent.zip"), "sac")
