"""An agent that remembers its episode acts by all of it, wherever it drives."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.vec_env import DummyVecEnv

from b2m_agents.commands.learning_options import learning_settings
from b2m_agents.drivers.drivers import drive_episode, drive_episodes, rollout_spec_of
from b2m_agents.episodes.episodes import make_scene
from b2m_agents.learning.acting import Acting
from b2m_agents.learning.agent_file import read_agent_file, save_agent
from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.algorithm_settings import layer_sizes
from b2m_agents.learning.algorithms import new_policy, policy_to_resume, read_policy
from b2m_agents.learning.best_agent import select
from b2m_agents.learning.checkpoints import write_policy
from b2m_agents.learning.policy_networks import SceneCNN
from b2m_agents.learning.recurrent_policy import DrivingLstmPolicy
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.learning.training import train_agent
from b2m_agents.learning.training_worlds import selection_worlds
from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.videos.video import episode_moments
from b2m_agents.worlds.channels_first import VecChannelsFirst, channels_first
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_envs.scenes.settings import SceneSettings, settings_from_keywords
from tests.shared.tiny_agents import SMALL, tiny_agent

STEERED = SMALL | {"action": "continuous"}


def trained(folder: Path, environment: dict[str, Any], **changes: Any) -> Path:
    """An agent of pixels that has learnt for 64 steps, in whose actions its memory shows."""
    short = {
        "n_steps": 64, "n_environments": 2, "evaluate_every": 0, "tensorboard": False,
        "rollout": 16, "batch_size": 16, "n_epochs": 1, "lstm_size": 12, "hidden_sizes": (),
    }  # fmt: skip
    chosen = short | changes
    settings = settings_for(
        "highway_fast", observation="pixels", algorithm="recurrent_ppo", **chosen
    )
    return train_agent("highway_fast", None, folder, settings, environment, progress=False)


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its controls are numbers, which every change of memory changes."""
    return trained(tmp_path_factory.mktemp("runs") / "steered", STEERED)


def plain_sb3_contrib(folder: Path) -> RecurrentPPO:
    """The agent's weights in sb3-contrib's own policy, without any of our code but the CNN."""
    saved = read_agent_file(folder / "agent.zip")
    envs = VecChannelsFirst(DummyVecEnv([lambda: make_scene(scene_of(folder))]))
    networks = {
        "features_extractor_class": SceneCNN, "lstm_hidden_size": 12, "net_arch": [],
    }  # fmt: skip
    plain = RecurrentPPO("MlpLstmPolicy", envs, policy_kwargs=networks, device="cpu")
    assert type(plain.policy) is not DrivingLstmPolicy
    plain.policy.load_state_dict(saved.states["policy"])
    return plain


def scene_of(folder: Path) -> SceneSettings:
    return TrainedAgent.read(folder).config.scene


def played_by_sb3_contrib(plain: RecurrentPPO, scene: SceneSettings, seed: int) -> np.ndarray:
    """The controls of an episode, by the loop of sb3-contrib's documentation."""
    env, state, start, actions = make_scene(scene), None, np.ones(1, np.bool_), []
    seen, _ = env.reset(seed=seed)
    while True:
        action, state = plain.predict(
            channels_first(seen)[None], state=state, episode_start=start, deterministic=True
        )
        actions.append(action[0])
        seen, _, terminated, truncated, _ = env.step(action[0])
        start = np.array([terminated or truncated])
        if start[0]:
            return np.array(actions)


@pytest.mark.slow
def test_an_evaluation_is_sb3_contribs_own_loop_to_the_digit(steered: Path) -> None:
    plain, scene = plain_sb3_contrib(steered), scene_of(steered)
    drive = rollout_spec_of("highway_fast", str(steered), {})
    seeds = [1, 3, 5, 7, 9]
    together = list(drive_episodes(drive, seeds))  # side by side, and one agent for all
    for episode in (*together, drive_episode(drive, 1)):
        expected = played_by_sb3_contrib(plain, scene, episode.seed)
        np.testing.assert_array_equal(episode.action, expected)
        pictures = episode.frames[1 : len(episode.action)]
        forgetful = [
            plain.predict(channels_first(each), deterministic=True)[0] for each in pictures
        ]
        assert (np.abs(forgetful - expected[1:]).max(1) > 1e-6).all()  # so memory is looked at


@pytest.mark.slow
def test_what_a_video_shows_is_weighed_with_the_memory(tmp_path: Path) -> None:
    folder = trained(tmp_path / "agent", SMALL)
    agent, plain = TrainedAgent.read(folder), plain_sb3_contrib(folder)
    episode = drive_episode(rollout_spec_of("highway_fast", str(folder), {}), 1)
    moments = list(episode_moments(episode, agent, scene_of(folder), "one"))
    states = (torch.zeros(1, 1, 12), torch.zeros(1, 1, 12))
    for picture, moment in zip(episode.frames[:-1], moments, strict=False):
        tensor, _ = plain.policy.obs_to_tensor(channels_first(picture))
        with torch.no_grad():
            given, states = plain.policy.get_distribution(tensor, states, torch.zeros(1))
        expected = given.distribution.probs[0].numpy()
        np.testing.assert_allclose(moment.choices.values, expected, rtol=1e-6)


@pytest.mark.slow
def test_the_best_is_chosen_with_memories_that_begin_with_their_episodes(steered: Path) -> None:
    agent = TrainedAgent.read(steered)
    settings = replace(agent.config.settings, n_evaluation_episodes=3)
    policy, seen = agent.policy, []
    predict = policy.predict

    def noting(observation: Any, state: Any, begins: Any, deterministic: bool) -> Any:
        seen.append((None if state is None else state[0].copy(), begins.copy()))
        return predict(observation, state, begins, deterministic)

    policy.predict = noting  # type: ignore[method-assign]
    select(policy, selection_worlds(agent.config.scene, None, settings), seed=7)
    assert seen[0][0] is None
    assert seen[0][1].all()
    assert not seen[1][1].any()
    assert (seen[1][0] != 0).any((0, 2)).all()


def test_memories_are_each_episodes_own_and_begin_empty(steered: Path) -> None:
    policy = TrainedAgent.read(steered).policy
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 255, (4, 3, 2, 36, 40), np.uint8)  # step world
    acting = Acting(policy)
    begins = np.zeros((4, 3), np.bool_)
    begins[2, 1] = True  # where another episode begins
    together = [acting.act(now, begin) for now, begin in zip(pictures, begins, strict=True)]
    for world, first in ((0, 0), (1, 2), (2, 0)):
        alone = Acting(policy)
        for step in range(first, 4):
            np.testing.assert_allclose(
                alone.act(pictures[step, world]), together[step][world], rtol=0, atol=1e-6
            )
        forgetful = Acting(policy).act(pictures[3, world])
        assert np.abs(forgetful - together[3][world]).max() > 1e-5


def test_an_agent_that_remembers_does_not_act_at_a_moment(steered: Path) -> None:
    agent = TrainedAgent.read(steered)
    with pytest.raises(ValueError, match=r"recurrent_ppo, which remembers .*driver\(\)"):
        agent.act(np.zeros((36, 40, 2), np.uint8), np.zeros(14, np.float32))


@pytest.mark.slow
def test_a_brain_teaches_no_agent_that_remembers(tmp_path: Path) -> None:
    teacher = OnlineTeacher(
        np.zeros((64, 36, 40, 2), np.uint8), np.zeros((64, 3), np.float32), n_steps=32
    )
    settings = settings_for("highway_fast", observation="pixels", algorithm="recurrent_ppo")
    with pytest.raises(ValueError, match=r"algorithm: expected ppo beside .*came recurrent_ppo"):
        train_agent("highway_fast", None, tmp_path / "agent", settings, SMALL, teacher=teacher)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_checkpoint_whose_memory_does_not_fit_is_named(steered: Path, tmp_path: Path) -> None:
    agent = TrainedAgent.read(steered)
    settings, scene = agent.config.settings, agent.config.scene
    envs = VecChannelsFirst(make_scene_vec_env(scene, 2, seed=0))
    whole = policy_to_resume(steered / "agent.zip", envs, settings)
    assert isinstance(whole, RecurrentPPO)
    states: Any = whole._last_lstm_states
    path = tmp_path / "agent.zip"
    write_policy(path, whole)
    again: Any = policy_to_resume(path, envs, settings)
    for kept, expected in zip(again._last_lstm_states, states, strict=True):
        torch.testing.assert_close(kept, expected, rtol=0, atol=0)
    assert states.pi[0].any()
    assert states.vf[1].any()
    for damage in (
        lambda each: each[:, :1],  # of fewer worlds
        lambda each: torch.full_like(each, torch.nan),
    ):
        damaged = [tuple(damage(each) for each in part) for part in states]
        whole._last_lstm_states = type(states)(*damaged)
        save_agent(whole, path)
        with pytest.raises(ValueError, match=r"agent\.zip: .*memory"):
            policy_to_resume(path, envs, settings)


def test_an_lstm_of_another_size_than_the_file_has_is_refused(steered: Path) -> None:
    config = TrainedAgent.read(steered).config
    larger = replace(config.settings.algorithm, lstm_size=16_384)
    settings = replace(config.settings, algorithm=larger)
    observed = make_scene(config.scene).observation_space
    with pytest.raises(ValueError, match=r"agent\.zip: expected layers of \[16384\]"):
        read_policy(steered / "agent.zip", settings, config.scene, observed)


@pytest.mark.slow
def test_an_update_is_sb3_contribs_own_to_rounding() -> None:
    """Episodes of 4 s in rollouts of 16: sequences of different lengths, and so padding."""
    scene = settings_from_keywords("highway_fast", STEERED)
    settings = settings_for(
        "highway_fast", observation="pixels", algorithm="recurrent_ppo", n_environments=4,
        rollout=16, batch_size=32, lstm_size=12, n_epochs=3,
    )  # fmt: skip
    ours: Any = new_policy(VecChannelsFirst(make_scene_vec_env(scene, 4, seed=0)), settings)
    theirs: Any = RecurrentPPO(
        "MlpLstmPolicy", VecChannelsFirst(make_scene_vec_env(scene, 4, seed=0)),
        n_steps=16, batch_size=32, n_epochs=3, gamma=0.95, gae_lambda=0.95, ent_coef=0.002,
        learning_rate=5e-4, seed=ours.seed, device="cpu",
        policy_kwargs={
            "features_extractor_class": SceneCNN, "lstm_hidden_size": 12, "net_arch": [128],
        },
    )  # fmt: skip
    for policy in (theirs, ours):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        policy.learn(64)
    before = new_policy(VecChannelsFirst(make_scene_vec_env(scene, 4)), settings).policy
    for name, expected in theirs.policy.state_dict().items():
        torch.testing.assert_close(ours.policy.state_dict()[name], expected, rtol=0, atol=2e-5)
    moved = before.lstm_actor.weight_hh_l0 - ours.policy.lstm_actor.weight_hh_l0
    assert moved.abs().max() > 1e-4


def test_the_size_of_the_lstm_is_an_option() -> None:
    given = learning_settings(None, None, None, 0.01, "64", None, lstm_size=32)
    chosen = settings_for("merge", observation="state", algorithm="recurrent_ppo", **given)
    assert layer_sizes(chosen.algorithm) == (64, 32)
    assert layer_sizes(settings_for("merge", observation="state").algorithm) == (128, 128)


@pytest.mark.slow
def test_its_card_says_by_what_it_remembers(steered: Path, tmp_path: Path) -> None:
    text = (steered / "README.md").read_text()
    assert "recurrent PPO (sb3-contrib; it remembers its episode by an LSTM of 12 units)" in text
    assert '"sb3-contrib"' in (steered / "config.json").read_text()
    folder = tiny_agent(tmp_path / "ppo", None, observation="state")
    assert '"sb3-contrib"' not in (folder / "config.json").read_text()
    copied = Path(shutil.copytree(steered, tmp_path / "copy"))
    assert TrainedAgent.from_pretrained(copied).config.settings.algorithm.name == "recurrent_ppo"
