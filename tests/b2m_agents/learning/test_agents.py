from __future__ import annotations

import json
import multiprocessing
import re
import shutil
import time
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from b2m_agents.drivers.drivers import rollout_spec_of
from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.episodes.episodes import make_scene
from b2m_agents.learning.agent_file import read_agent_file
from b2m_agents.learning.agent_settings import TrainingSettings, settings_for
from b2m_agents.learning.algorithm_settings import PPOSettings
from b2m_agents.learning.trained_agent import TrainedAgent, read_agent_config
from b2m_agents.learning.training import train_agent
from b2m_agents.learning.training_worlds import make_environment
from b2m_agents.worlds.encoder_view import read_view, write_view
from b2m_agents.worlds.latent_observation import VecLatentObservation
from b2m_agents.worlds.replayable_episodes import ReplayableEpisodes
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_envs.scenes.settings import SceneSettings, settings_from_keywords

SMALL = {"height": 36, "width": 40, "vehicles_count": 3, "duration": 4.0}
# Legs of 32 steps of two environments: the second begins within an episode.
SHORT = TrainingSettings(
    algorithm=PPOSettings(rollout=16, batch_size=16, n_epochs=2),
    n_steps=96,
    n_environments=2,
    checkpoint_every=32,
    evaluate_every=0,
    tensorboard=False,
)


@pytest.fixture(scope="module")
def agent(encoder, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "agent"
    return train_agent(
        "highway_fast", encoder, folder, SHORT, SMALL, in_processes=False, progress=False
    )


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return PPO.load(folder / "agent.zip").policy.state_dict()


def assert_same_agent(one: Path, other: Path) -> None:
    there, here = weights_of(one), weights_of(other)
    for name, values in there.items():
        torch.testing.assert_close(here[name], values, rtol=0, atol=0, msg=name)
    curves = [(folder / "learning_curve.csv").read_text() for folder in (one, other)]
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_an_agents_folder_holds_the_encoder_in_safetensors_and_the_curve(agent, encoder) -> None:
    names = {path.name for path in agent.iterdir()}
    assert names == {
        "README.md", "config.json", "encoder", "agent.zip", "learning_curve.csv", "monitor.csv",
        "selection.csv", "episodes-under-way-96.json", "fingerprints.json",
    }  # fmt: skip
    copied = SceneVAE.from_pretrained(agent / "encoder").state_dict()
    for name, values in SceneVAE.from_pretrained(encoder).state_dict().items():
        assert torch.equal(copied[name], values)
    rows = (agent / "learning_curve.csv").read_text().splitlines()
    assert rows[0] == "step,return,length,crashed"
    assert len(rows) > 96 // 4
    assert PPO.load(agent / "agent.zip").num_timesteps == 96


@pytest.mark.slow
def test_a_training_made_longer_equals_one_that_was_long(agent, encoder, tmp_path) -> None:
    folder = tmp_path / "agent"
    for n_steps in (32, 96):
        settings = replace(SHORT, n_steps=n_steps)
        train_agent(
            "highway_fast", encoder, folder, settings, SMALL, in_processes=False, progress=False
        )
    assert_same_agent(folder, agent)


@pytest.mark.slow
def test_a_training_on_the_batch_equals_one_on_single_environments(
    agent, encoder, tmp_path, monkeypatch
) -> None:
    assert read_agent_config(agent).environment["engine"] == "b2m"

    def one_by_one(scene: SceneSettings, settings: TrainingSettings, _: bool) -> DummyVecEnv:
        return DummyVecEnv([partial(make_environment, scene, "scene")] * settings.n_environments)

    monkeypatch.setattr("b2m_agents.learning.training_worlds.make_environments", one_by_one)
    folder = tmp_path / "agent"
    train_agent("highway_fast", encoder, folder, SHORT, SMALL, progress=False)
    assert_same_agent(folder, agent)


def test_an_episode_under_way_is_taken_up_where_it_was() -> None:
    scene = settings_from_keywords("highway_fast", SMALL)
    one, other = (ReplayableEpisodes(make_scene(scene)) for _ in range(2))
    one.reset(seed=6)
    one.reset()
    for action in (3, 0):
        one.step(action)
    other.resume(one.under_way())
    for _ in range(2):
        here, there = one.step(1), other.step(1)
        np.testing.assert_array_equal(here[0], there[0])
        assert here[1] == there[1]
    np.testing.assert_array_equal(one.reset()[0], other.reset()[0])


@pytest.mark.slow
def test_another_training_in_the_same_folder_is_refused(agent, encoder) -> None:
    with pytest.raises(ValueError, match=r"training.seed: there 0, now 5"):
        train_agent("highway_fast", encoder, agent, replace(SHORT, seed=5), SMALL)
    with pytest.raises(ValueError, match=r"environment.duration: there 4.0, now 5.0"):
        train_agent("highway_fast", encoder, agent, SHORT, {**SMALL, "duration": 5.0})


@pytest.mark.parametrize(
    ("scenario", "environment", "message"),
    [
        ("motorway", SMALL, "'motorway'"),
        ("highway_fast", {**SMALL, "height": 48}, r"\(48, 40, 2\).*came one of \(36, 40, 2\)"),
        ("highway_fast", {**SMALL, "colour": True}, r"\(36, 40, 6\).*came one of \(36, 40, 2\)"),
        ("highway_fast", {**SMALL, "hieght": 48}, "hieght"),
        ("highway_fast", {**SMALL, "driver": "highway_env"}, "driver"),
    ],
)
def test_bad_input_of_a_training_is_named_and_writes_nothing(
    encoder, tmp_path, scenario, environment, message
) -> None:
    with pytest.raises(ValueError, match=message):
        train_agent(scenario, encoder, tmp_path / "agent", SHORT, environment)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "changes", [{"batch_size": 24}, {"discount": 1.5}, {"n_steps": 0}, {"learning_rate": 0.0}]
)
def test_impossible_settings_are_named(changes) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        settings_for("highway_fast", **changes)


def test_an_encoder_of_another_frame_size_before_the_policy_is_refused(agent, tmp_path) -> None:
    folder = Path(shutil.copytree(agent, tmp_path / "agent"))
    SceneVAE(SceneVAESettings(48, 48, 2, latent_size=6)).save_pretrained(folder / "encoder")
    with pytest.raises(ValueError, match=r"came one of \(48, 48, 2\)"):
        TrainedAgent.read(folder)
    SceneVAE(SceneVAESettings(36, 40, 2, latent_size=7)).save_pretrained(folder / "encoder")
    with pytest.raises(ValueError, match=r"6 latents.*came 7"):
        TrainedAgent.read(folder)
    other = SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8))
    SceneVAE(other, torch.Generator().manual_seed(1)).save_pretrained(folder / "encoder")
    with pytest.raises(ValueError, match=r"encoder: expected the encoder that the agent was train"):
        TrainedAgent.read(folder)
    (folder / "agent.zip").write_bytes((agent / "agent.zip").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"agent\.zip"):
        TrainedAgent.read(folder)
    (folder / "config.json").write_text(json.dumps({"class": "something else"}))
    with pytest.raises(ValueError, match=r"config\.json"):
        TrainedAgent.read(folder)


@pytest.mark.parametrize("environment", [[], {"height": 20}, {"heigth": 40}])
def test_an_agents_configuration_that_makes_no_scene_is_named(agent, tmp_path, environment) -> None:
    entries = json.loads((agent / "config.json").read_text()) | {"environment": environment}
    (tmp_path / "config.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=r"config\.json: .*(environment|height|heigth)"):
        read_agent_config(tmp_path)


def test_a_policy_that_is_none_of_stable_baselines3_is_named(tmp_path) -> None:
    path = tmp_path / "agent.zip"
    for name, text in (
        ("notes.txt", "hello"),
        ("data", '{"policy_class": {":serialized:": "gA=="}}'),
    ):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(name, text)
        with pytest.raises(ValueError, match=r"agent\.zip: expected an agent"):
            read_agent_file(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "longer"),
    [
        ("learning_curve.csv", "step,score\n3,4\n", 96),
        ("learning_curve.csv", "step,return,length,crashed\n3,4\n", 96),
        ("learning_curve.csv", "step,return,length,crashed\nx,1,2,0\n", 96),
        ("episodes-under-way-96.json", "{", 128),
        ("episodes-under-way-96.json", '{"episodes": [{"stream": 3}]}', 128),
        ("episodes-under-way-96.json", '{"episodes": []}', 128),
    ],
)
def test_a_damaged_checkpoint_is_named(agent, encoder, tmp_path, name, text, longer) -> None:
    folder = Path(shutil.copytree(agent, tmp_path / "agent"))
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=f"{re.escape(name)}: .*expected"):
        train_agent(
            "highway_fast", encoder, folder, replace(SHORT, n_steps=longer), SMALL,
            in_processes=False, progress=False,
        )  # fmt: skip


@pytest.mark.thorough
@pytest.mark.slow
def test_an_environments_process_that_ended_is_said_and_the_others_end(
    encoder, tmp_path, monkeypatch
) -> None:
    def end_one(folder: Path, venv: VecLatentObservation, *arguments: object) -> None:
        venv.venv.processes[0].kill()
        venv.venv.processes[0].join()
        venv.reset()

    before = set(multiprocessing.active_children())
    monkeypatch.setattr("b2m_agents.learning.training._learn", end_one)
    with pytest.raises(ChildProcessError, match=r"an environment's process ended.*call it again"):
        train_agent(
            "highway_fast", encoder, tmp_path / "agent", SHORT, SMALL | {"engine": "highway-env"},
            progress=False,
        )  # fmt: skip
    deadline = time.monotonic() + 20
    while set(multiprocessing.active_children()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not set(multiprocessing.active_children()) - before


def test_a_trained_agent_collects_the_scenes_it_was_trained_on(agent, tmp_path) -> None:
    from b2m_drive.students.scenes import SceneDataset

    settings = CollectSettings(n_episodes=2, policy=str(agent))
    path = collect_scenes("highway_fast", tmp_path / "scenes.h5", settings, progress=False)
    scenes = SceneDataset(path)
    assert scenes.frame_shape == (36, 40, 2)
    assert scenes.header.policy.startswith("agent ")
    driver = TrainedAgent.read(agent)
    episode = scenes.episode(1)
    state = np.zeros(14, np.float32)
    assert [driver.act(frame, state) for frame in episode.frames[:-1]] == episode.action.tolist()


def test_an_agent_is_not_put_before_what_it_cannot_see_or_do(agent) -> None:
    with pytest.raises(ValueError, match="width: expected 40 as the agent was trained, came 64"):
        rollout_spec_of("highway_fast", str(agent), {"width": 64})
    with pytest.raises(ValueError, match="meta-actions of 'highway_fast', came 'intersection'"):
        rollout_spec_of("intersection", str(agent), {})
    assert rollout_spec_of("merge", str(agent), {}).scene.height == 36
    with pytest.raises(ValueError, match=r"policy_frequency: expected 1.0 .*came 5.0"):
        rollout_spec_of("highway_fast", str(agent), {"policy_frequency": 5})


def test_an_agent_keeps_its_clock_where_steps_are_shorter(agent) -> None:
    track = rollout_spec_of("racetrack", str(agent), {}).scene
    assert (track.steps_per_second, track.seconds_between_frames) == (1, 1)
    with pytest.raises(ValueError, match=r"policy_frequency: expected 1.0 .*came 5.0"):
        rollout_spec_of("racetrack", str(agent), {"policy_frequency": 5})


def test_a_view_is_kept_beside_the_encoder_and_a_strange_one_is_refused(tmp_path) -> None:
    settings = {"camera": "drivers_eye", "height": 40, "vehicles_count": 3}
    write_view(tmp_path, settings)
    assert read_view(tmp_path) == {"camera": "drivers_eye", "height": 40}
    assert read_view(tmp_path / "nowhere") == {}
    write_view(tmp_path, settings | {"scenario": "highway_fast"})
    assert read_view(tmp_path)["frame_interval"] == 1
    write_view(tmp_path, {"scenario": "racetrack", "frame_interval": None, "n_frames": 2})
    assert read_view(tmp_path) == {"frame_interval": 0.2, "n_frames": 2}
    (tmp_path / "view.json").write_text('{"hight": 40}')
    with pytest.raises(ValueError, match=r"view\.json: expected some of camera"):
        read_view(tmp_path)
