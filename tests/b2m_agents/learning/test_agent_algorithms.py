"""PPO, DQN and SAC on latents, pixels and the state: trained, killed, resumed, read again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C
from stable_baselines3.common.monitor import load_results
from stable_baselines3.common.vec_env import DummyVecEnv

from b2m_agents.drivers.drivers import drive_episode, drive_episodes, rollout_spec_of
from b2m_agents.episodes.batched_episodes import play_episodes
from b2m_agents.episodes.episodes import FIRST_OF_SELECTION, episode_seed, selection_seed
from b2m_agents.learning.agent_file import read_agent_file
from b2m_agents.learning.agent_settings import TrainingSettings, largest_divisor, settings_for
from b2m_agents.learning.algorithm_settings import (
    ALGORITHMS,
    DQNSettings,
    PPOSettings,
    RecurrentPPOSettings,
    SACSettings,
)
from b2m_agents.learning.algorithms import ExploringDQN, check_algorithm, new_policy, steps_taken
from b2m_agents.learning.best_agent import select
from b2m_agents.learning.settings_json import training_from_json, training_json
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.learning.training import train_agent
from b2m_agents.learning.training_record import Selection, TrainingRecord
from b2m_agents.learning.training_worlds import selection_worlds
from b2m_agents.worlds.latent_observation import VecLatentObservation
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_drive.students.scene_vae import SceneVAE
from b2m_envs.scenes.observation import state_scales
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings
from tests.shared.other_process import ENVIRONMENT
from tests.shared.places import SCRIPTS

SMALL = {"height": 36, "width": 40, "vehicles_count": 3, "duration": 4.0}
PPO_SHORT = PPOSettings(rollout=16, batch_size=16, n_epochs=2, hidden_sizes=(16,))
RECURRENT_SHORT = RecurrentPPOSettings(
    rollout=16, batch_size=16, n_epochs=2, hidden_sizes=(16,), lstm_size=12
)
DQN_SHORT = DQNSettings(
    learning_starts=20, gradient_steps=1, batch_size=16, target_every=16, exploration_steps=60,
    buffer_size=64, hidden_sizes=(16,),
)  # fmt: skip
SAC_SHORT = SACSettings(
    learning_starts=20, gradient_steps=1, batch_size=16, buffer_size=64, hidden_sizes=(16,)
)
SHORT = TrainingSettings(
    algorithm=PPO_SHORT,
    observation="state",
    n_steps=96,
    n_environments=2,
    checkpoint_every=32,
    evaluate_every=0,
    tensorboard=False,
)
TRAININGS = {
    "ppo-latents": replace(SHORT, observation="latents", stack=2, speed=True),
    "ppo-pixels": replace(SHORT, observation="pixels"),
    "ppo-state": SHORT,
    "recurrent_ppo-latents": replace(SHORT, algorithm=RECURRENT_SHORT, observation="latents"),
    "recurrent_ppo-pixels": replace(SHORT, algorithm=RECURRENT_SHORT, observation="pixels"),
    "dqn-state": replace(SHORT, algorithm=DQN_SHORT),
    "sac-state": replace(SHORT, algorithm=SAC_SHORT),
}
ONCE = ("ppo-latents", "recurrent_ppo-pixels", "dqn-state")  # killed in the quick tests, too
KILLED = """
import json, os, signal, sys
from b2m_agents.learning import training
from b2m_agents.learning.settings_json import training_from_json
from b2m_agents.learning.checkpoints import write_policy
write = training.write_checkpoint
def write_and_die(folder, policy, venv):
    write(folder, policy, venv)
    if policy.num_timesteps == 64:
        policy.learn(2, reset_num_timesteps=False)  # lost with the kill
        os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    training.write_checkpoint = write_and_die
    given = json.loads(sys.argv[1])
    settings = training_from_json(given["settings"])
    training.train_agent(
        given["scenario"], given["encoder"], given["folder"], settings, given["environment"],
        progress=False,
    )
"""


def train(name: str, folder: Path, encoder: Path, **changes: object) -> Path:
    settings = replace(TRAININGS[name], **changes)
    needed = encoder if settings.observation == "latents" else None
    environment = environment_of(name)
    return train_agent("highway_fast", needed, folder, settings, environment, progress=False)


def environment_of(name: str) -> dict[str, object]:
    return SMALL | ({"action": "continuous"} if name.startswith("sac") else {})


@pytest.fixture(scope="module")
def agents(encoder, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: train(name, folder / name, encoder) for name in TRAININGS}


def assert_same_agent(one: Path, other: Path, *, of_curves: bool = True) -> None:
    here, there = (read_agent_file(folder / "agent.zip") for folder in (one, other))
    assert here.n_steps == there.n_steps
    for part, weights in here.states.items():  # optimisers too
        torch.testing.assert_close(weights, there.states[part], rtol=0, atol=0, msg=part)
    if not of_curves:
        return
    curves = [(folder / "learning_curve.csv").read_text() for folder in (one, other)]
    assert curves[0] == curves[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.thorough] if name not in ONCE else [])
        for name in TRAININGS
    ],
)
def test_a_training_killed_and_resumed_ends_as_one_that_was_not(
    agents, encoder, tmp_path, name
) -> None:
    script, folder = tmp_path / "train.py", tmp_path / "agent"
    script.write_text(KILLED)
    settings = TRAININGS[name]
    given = {
        "scenario": "highway_fast",
        "encoder": str(encoder) if settings.observation == "latents" else None,
        "folder": str(folder),
        "settings": training_json(settings),
        "environment": environment_of(name),
    }
    killed = subprocess.run(
        [sys.executable, script, json.dumps(given)],
        check=False,
        env=ENVIRONMENT,
    )
    assert killed.returncode == -signal.SIGKILL
    assert steps_taken(folder / "agent.zip") == 64
    train(name, folder, encoder)
    assert_same_agent(folder, agents[name])
    for buffer in folder.glob("replay-*.npz"):
        with np.load(buffer) as here, np.load(agents[name] / buffer.name) as there:
            assert set(here) == set(there)
            for array in here:
                np.testing.assert_array_equal(here[array], there[array])


@pytest.mark.thorough
@pytest.mark.slow
def test_a_death_at_any_moment_of_a_checkpoint_leaves_a_whole_one(
    agents, encoder, tmp_path, monkeypatch
) -> None:
    chosen = {"evaluate_every": 32, "n_evaluation_episodes": 1}
    replace_file, put = os.replace, []

    def note(source: Path, target: Path) -> None:
        put.append(Path(target))
        if len(put) == last:
            raise KeyboardInterrupt
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", note)
    last = 0
    whole = train("dqn-state", tmp_path / "whole", encoder, **chosen)
    counts = [index for index, path in enumerate(put) if path == whole / "agent.zip"]
    for last in range(counts[0] + 2, counts[1] + 3):
        put.clear()
        folder = tmp_path / str(last)
        with pytest.raises(KeyboardInterrupt):
            train("dqn-state", folder, encoder, **chosen)
        train("dqn-state", folder, encoder, **chosen)
        assert_same_agent(folder, whole)
        assert_same_agent(folder / "best", whole / "best", of_curves=False)
        names = [{path.name for path in each.iterdir()} for each in (folder, whole)]
        assert names[0] == names[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_every_agent_drives_alone_as_in_a_batch(agents, name) -> None:
    drive = rollout_spec_of("highway_fast", str(agents[name]), {})
    together = list(drive_episodes(drive, [1, 3, 5]))
    for episode in together:
        alone = drive_episode(drive, episode.seed)
        np.testing.assert_array_equal(episode.frames, alone.frames)
        np.testing.assert_array_equal(episode.action, alone.action)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_an_agent_drives_by_what_it_saw_in_its_training(agents, name) -> None:
    agent = TrainedAgent.read(agents[name])
    scene = agent.config.scene
    worlds = selection_worlds(
        scene, agent.encoder, replace(agent.config.settings, n_evaluation_episodes=3)
    )
    chosen = select(agent.policy, worlds, seed=7)
    first = selection_seed(7)
    episodes = list(play_episodes(scene, lambda seed: agent.driver(), range(first, first + 3)))
    returns = [float(episode.reward.sum()) for episode in episodes]
    assert chosen.return_ == pytest.approx(np.mean(returns), abs=1e-4)
    assert chosen.crashed == pytest.approx(np.mean([episode.crashed for episode in episodes]))


@pytest.mark.slow
def test_a_folder_holds_what_the_training_left(encoder, tmp_path) -> None:
    changes = {"evaluate_every": 32, "n_evaluation_episodes": 2, "tensorboard": True}
    folder = train("ppo-latents", tmp_path / "agent", encoder, **changes)
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "config.json", "encoder", "agent.zip", "learning_curve.csv", "monitor.csv",
        "selection.csv", "episodes-under-way-96.json", "best", "tensorboard", "fingerprints.json",
    }  # fmt: skip
    assert {path.name for path in (folder / "best").iterdir()} == {
        "README.md", "config.json", "encoder", "agent.zip", "fingerprints.json",
    }  # fmt: skip
    curve = (folder / "learning_curve.csv").read_text().splitlines()
    monitored = load_results(str(folder))
    assert len(monitored) == len(curve) - 1
    assert [float(row.split(",")[1]) for row in curve[1:]] == monitored["r"].tolist()
    rows = [line.split(",") for line in (folder / "selection.csv").read_text().split()[1:]]
    assert [int(step) for step, *_ in rows] == [32, 64, 96]
    best = max(rows, key=lambda row: float(row[1]))
    assert TrainedAgent.read(folder / "best").policy.num_timesteps == int(best[0])
    assert len(list((folder / "tensorboard").iterdir())) == 1


@pytest.mark.slow
def test_a_training_stops_when_nothing_gets_better_and_stays_stopped(encoder, tmp_path) -> None:
    changes = {"evaluate_every": 32, "n_evaluation_episodes": 1, "patience": 1, "n_steps": 3200}
    still = replace(PPO_SHORT, learning_rate=1e-12)  # so the second is as good as the first
    for _ in range(2):
        folder = train("ppo-state", tmp_path / "agent", encoder, algorithm=still, **changes)
        assert steps_taken(folder / "agent.zip") == 64


def test_patience_counts_from_the_best() -> None:
    def record(*returns: float) -> TrainingRecord:
        return TrainingRecord(
            selections=[Selection(step, each, 0.0) for step, each in enumerate(returns)]
        )

    assert not record(1.0, 2.0, 0.0).is_settled(2)
    assert record(1.0, 2.0, 0.0, 2.0).is_settled(2)
    assert not record(1.0, 2.0, 0.0, 2.1).is_settled(2)
    assert not record().is_settled(1)
    assert record(1.0, 2.0).newest_is_best
    assert not record(2.0, 2.0).newest_is_best


def test_seeds_of_training_selection_and_evaluation_never_meet() -> None:
    for seed in range(50):
        assert selection_seed(seed) >= FIRST_OF_SELECTION
        for held_out in (False, True):
            drawn = episode_seed(seed, 3, held_out=held_out)
            assert drawn < FIRST_OF_SELECTION
            assert drawn % 2 == held_out


@pytest.mark.slow
def test_every_environment_explores_on_its_own() -> None:
    envs = make_scene_vec_env(SceneSettings("highway_fast"), 64, seed=0, observation="state")
    settings = settings_for("highway_fast", observation="state", algorithm="dqn")
    policy = new_policy(envs, settings)
    assert isinstance(policy, ExploringDQN)
    observation = envs.reset()
    best, _ = policy.predict(observation, deterministic=True)
    np.random.seed(0)  # noqa: NPY002
    policy.exploration_rate = 0.5
    acts, _ = policy.predict(observation)
    explored = (acts != best).mean()  # 4 of 5 random actions are others
    assert 0.2 < explored < 0.6
    policy.num_timesteps = 30_000
    policy.set_logger(TrainedLogger)
    policy._on_step()
    assert policy.exploration_rate == pytest.approx(0.525)  # half way from 1 to 0.05


class TrainedLogger:
    @staticmethod
    def record(name: str, value: float) -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("observation", ["latents", "pixels", "state"])
def test_the_defaults_of_every_scenario_are_possible_and_come_through_json(
    scenario, observation
) -> None:
    for algorithm in ALGORITHMS:
        seen = "kinematics_goal" if algorithm == "her" else observation
        settings = settings_for(scenario, observation=seen, algorithm=algorithm)
        again = training_from_json(json.loads(json.dumps(training_json(settings))))
        assert again == settings


@pytest.mark.parametrize("scenario", ["highway", "racetrack", "parking", "lane_keeping"])
def test_state_scales_are_finite_and_positive(scenario) -> None:
    scales = state_scales(SceneSettings(scenario))
    assert all(np.isfinite(scale) and scale > 0 for scale in scales)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observation": "sound"}, "observation: expected one of latents, pixels, state"),
        ({"algorithm": "td3"}, "algorithm: expected one of ppo, recurrent_ppo, dqn, sac, her"),
        ({"learning_rat": 1e-3}, "expected some of .*learning_rate.*came 'learning_rat'"),
        ({"observation": "state", "stack": 2}, "stack: expected 1 beside state"),
        ({"observation": "pixels", "speed": True}, "speed: expected False beside pixels"),
        ({"algorithm": "ppo", "lstm_size": 8}, "came 'lstm_size', which recurrent_ppo has"),
        ({"algorithm": "recurrent_ppo", "lstm_size": 0}, "lstm_size: expected a whole number"),
        ({"algorithm": "recurrent_ppo", "lstm_size": 10**8}, "lstm_size: .* from 1 to 16384, came"),
        ({"hidden_sizes": (128, 10**9)}, "hidden_sizes: .* from 1 to 16384, came"),
        ({"algorithm": "recurrent_ppo", "batch_size": 100}, "batch_size: expected a divisor"),
        ({"patience": 2, "evaluate_every": 0}, "patience: expected evaluations to count"),
        ({"batch_size": 100}, "batch_size: expected a divisor"),
        ({"hidden_sizes": (0,)}, "hidden_sizes"),
        ({"algorithm": "dqn", "exploration_final": 2.0}, "exploration_final: expected 0 to 1"),
        ({"algorithm": "dqn", "target_every": 8}, r"target_every: expected at least n_env.*\(64\)"),
        ({"algorithm": "sac", "buffer_size": 8}, "buffer_size"),
    ],
)
def test_settings_that_cannot_be_are_named(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        settings_for("highway", **changes)


@pytest.mark.parametrize(
    ("scenario", "algorithm", "environment", "message"),
    [
        ("highway_fast", "sac", SMALL, r"ppo or dqn for discrete.*action=\"continuous\""),
        ("parking", "dqn", {}, "ppo or sac for continuous actions, came dqn"),
        ("CartPole-v1", "ppo", {}, "scenario: expected one of .*highway"),
    ],
)
def test_an_algorithm_is_not_put_before_actions_or_scenes_it_has_not(
    tmp_path, scenario, algorithm, environment, message
) -> None:
    settings = settings_for("highway", observation="state", algorithm=algorithm)
    with pytest.raises(ValueError, match=message):
        train_agent(scenario, None, tmp_path / "agent", settings, environment)
    assert not list(tmp_path.iterdir())


def test_an_encoder_is_expected_for_latents_alone(encoder, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"encoder: expected the folder of one.*compare driving"):
        train_agent("highway", None, tmp_path / "agent")
    with pytest.raises(ValueError, match="encoder: expected none for an agent that sees state"):
        train_agent("highway", encoder, tmp_path / "agent", SHORT)


@pytest.mark.slow
def test_an_agents_file_of_another_algorithm_is_refused_by_name(agents, tmp_path) -> None:
    folder = Path(shutil.copytree(agents["ppo-state"], tmp_path / "agent"))
    shutil.copy(agents["dqn-state"] / "agent.zip", folder)
    with pytest.raises(ValueError, match=r"agent\.zip: expected an agent of ppo, came one of dqn"):
        TrainedAgent.read(folder)
    with pytest.raises(ValueError, match=r"agent\.zip: expected an agent of ppo, came one of dqn"):
        train_agent("highway_fast", None, folder, replace(SHORT, n_steps=128), SMALL)
    envs = make_scene_vec_env(SceneSettings("highway_fast"), 1, observation="state")
    for other in (A2C("MlpPolicy", envs), RecurrentPPO("MlpLstmPolicy", envs, n_steps=8)):
        other.save(tmp_path / "other.zip")
        with pytest.raises(ValueError, match=r"other\.zip: expected an agent of ppo, came one of"):
            check_algorithm(read_agent_file(tmp_path / "other.zip"), "ppo")


@pytest.mark.slow
def test_a_training_is_made_longer_and_not_shorter(agents, tmp_path) -> None:
    folder = Path(shutil.copytree(agents["ppo-state"], tmp_path / "agent"))
    before = (folder / "config.json").read_text()
    with pytest.raises(ValueError, match=r"n_steps: expected at least the 96 that .*agent has tak"):
        train_agent("highway_fast", None, folder, replace(SHORT, n_steps=32), SMALL)
    assert (folder / "config.json").read_text() == before
    best = Path(shutil.copytree(folder, folder / "best"))
    train_agent("highway_fast", None, folder, replace(SHORT, n_steps=128), SMALL, progress=False)
    assert steps_taken(folder / "agent.zip") == 128
    assert (best / "config.json").read_text() == (folder / "config.json").read_text() != before


def test_what_a_kill_left_at_the_very_start_is_no_other_folder(tmp_path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / ".b2m-draft-here-99999999-0123abcd.json").write_text("{")
    (folder / ".b2m-lock").write_text("")
    train_agent("highway_fast", None, folder, replace(SHORT, n_steps=32), SMALL, progress=False)
    assert (folder / "agent.zip").is_file()


def test_a_batch_divides_any_number_of_environments() -> None:
    sizes = {64: 1024, 65: 832, 63: 1008, 50: 800, 1: 64}
    for n_environments, size in sizes.items():
        algorithm = settings_for("highway", n_environments=n_environments).algorithm
        assert isinstance(algorithm, PPOSettings)
        assert algorithm.batch_size == size
    assert largest_divisor(1031, 1024) == 1031
    many = settings_for("highway", algorithm="dqn", n_environments=5000)
    assert isinstance(many.algorithm, DQNSettings)
    assert many.algorithm.target_every == 5000


def test_a_training_too_short_to_learn_anything_is_refused() -> None:
    with pytest.raises(ValueError, match=r"n_steps: expected more than learning_starts \(4096\)"):
        settings_for("highway", algorithm="dqn", n_steps=4000)


def test_a_damaged_replay_buffer_is_named(agents, encoder, tmp_path) -> None:
    folder = Path(shutil.copytree(agents["dqn-state"], tmp_path / "agent"))
    path = folder / "replay-96.npz"
    whole = path.read_bytes()
    with np.load(path) as file:
        arrays = dict(file)
    other_size = arrays | {"rewards": arrays["rewards"][:3]}
    for damage in (
        lambda: path.write_bytes(whole[: len(whole) // 2]),
        lambda: path.write_bytes(b"hello"),
        lambda: np.savez(path, **other_size),
    ):
        damage()
        with pytest.raises(ValueError, match=rf"{re.escape(path.name)}: .*expected"):
            train("dqn-state", folder, encoder, n_steps=128)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(path.name)):
        train("dqn-state", folder, encoder, n_steps=128)


def test_a_stack_of_latents_goes_on_where_it_was(encoder) -> None:
    scene = SceneSettings("highway_fast", **SMALL)
    vae = SceneVAE.from_pretrained(encoder)
    one, other = (
        VecLatentObservation(make_scene_vec_env(scene, 2, seed=0, every_info=full), vae, stack=2,
                             speed=True)
        for full in (True, False)
    )  # fmt: skip
    np.testing.assert_array_equal(one.reset(), other.reset())
    for _ in range(9):
        here, there = one.step(np.ones(2, np.int64)), other.step(np.ones(2, np.int64))
        for ours, theirs in zip(here[:3], there[:3], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        for world in np.flatnonzero(here[2]):
            assert set(here[3][world]) == set(there[3][world])
    assert isinstance(one.venv.unwrapped, type(other.venv.unwrapped))
    assert not isinstance(one.venv, DummyVecEnv)


@pytest.mark.thorough
@pytest.mark.slow
def test_the_recipe_trains_and_drives(tmp_path) -> None:
    recipe = SCRIPTS / "train_agent.py"
    command = [
        sys.executable, recipe, tmp_path / "agent", "--scenario", "highway_fast",
        "--observation", "state", "--steps", "64", "--episodes", "2",
    ]  # fmt: skip
    ran = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert re.fullmatch(r"return \d+\.\d+, crashed \d+% of 2 episodes\n", ran.stdout)
