"""An agent's file is read without running anything that stands in it."""

from __future__ import annotations

import base64
import io
import json
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import load_from_zip_file

from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agent
from b2m_agents.learning.agent_file import read_agent_file
from b2m_agents.learning.algorithms import ExploringDQN
from b2m_agents.learning.online_agent_file import load_online_agent, save_online_agent
from b2m_agents.learning.trained_agent import TrainedAgent, read_agent_config
from b2m_agents.learning.training import train_agent
from b2m_agents.memory.memory_agent import MemoryAgentSettings, evaluate_memory_agent
from b2m_agents.memory.memory_training import train_memory_agent
from b2m_agents.online.online_transfer import new_online_policy
from b2m_agents.videos.video import VideoSettings, record_video
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_drive.students.scene_vae import SceneVAESettings
from b2m_envs.scenes.settings import SceneSettings
from tests.shared.tiny_agents import SMALL, tiny_agent, tiny_encoder

MEMORY = MemoryAgentSettings(
    n_steps=80, n_environments=4, rollout=20, batch_size=40, n_epochs=1, hidden_size=8,
    time_step=0.2, checkpoint_every=80,
)  # fmt: skip
KINDS = [
    "ppo-latents", "ppo-pixels", "ppo-state", "recurrent_ppo-pixels", "dqn-state", "sac-state",
]  # fmt: skip
TINY = SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8))


class Mark:
    """What leaves a mark when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.fixture(scope="module")
def agents(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("agents")
    encoder = tiny_encoder(folder / "encoder")
    made = {}
    for kind in KINDS:
        algorithm, observation = kind.split("-")
        needed = encoder if observation == "latents" else None
        made[kind] = tiny_agent(folder / kind, needed, algorithm, observation=observation)
    made["memory"] = train_memory_agent(MEMORY, folder / "memory", progress=False)
    return made


def planted(folder: Path, mark: Path) -> Path:
    """Put what leaves a mark into every pickled entry of an agent's file, and into another.

    Who can do that can delete the fingerprint beside it as well.
    """
    (folder / "fingerprints.json").unlink()
    path = folder / "agent.zip"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    data = json.loads(content["data"])
    code = base64.b64encode(pickle.dumps(Mark(mark))).decode()
    for entry in data.values():
        if isinstance(entry, dict) and ":serialized:" in entry:
            entry[":serialized:"] = code
    data["extra"] = {":type:": "x", ":serialized:": code}
    content["data"] = json.dumps(data).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return folder


@pytest.mark.slow
def test_the_planted_file_does_leave_a_mark_where_it_is_unpickled(agents, tmp_path) -> None:
    folder = planted(Path(shutil.copytree(agents["ppo-state"], tmp_path / "agent")), tmp_path / "x")
    load_from_zip_file(folder / "agent.zip")
    assert (tmp_path / "x").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_an_agents_file_is_run_when_it_drives_or_learns_on(
    agents, tmp_path, kind
) -> None:
    mark = tmp_path / "mark"
    folder = planted(Path(shutil.copytree(agents[kind], tmp_path / "agent")), mark)
    evaluate_agent(folder, EvaluationSettings(n_episodes=1), progress=False)
    drives = CollectSettings(policy=str(folder), n_episodes=1)
    collect_scenes("highway_fast", tmp_path / "scenes.h5", drives, progress=False)
    record_video(str(folder), tmp_path / "drive.mp4", VideoSettings(n_episodes=1), progress=False)
    config = read_agent_config(folder)
    longer = replace(config.settings, n_steps=64)
    encoder = folder / "encoder" if kind == "ppo-latents" else None
    action = {"action": "continuous"} if kind.startswith("sac") else {}
    train_agent("highway_fast", encoder, folder, longer, SMALL | action, progress=False)
    assert read_agent_file(folder / "agent.zip").n_steps == 64
    assert not mark.exists()


@pytest.mark.slow
def test_nothing_in_a_memory_agents_file_is_run(agents, tmp_path) -> None:
    mark = tmp_path / "mark"
    folder = planted(Path(shutil.copytree(agents["memory"], tmp_path / "agent")), mark)
    evaluate_memory_agent(folder, 4)
    train_memory_agent(replace(MEMORY, n_steps=160), folder, progress=False)
    assert not mark.exists()


@pytest.mark.slow
def test_nothing_in_an_online_agents_file_is_run(tmp_path) -> None:
    worlds = make_scene_vec_env(SceneSettings("highway_fast", **SMALL), 2, seed=0)
    policy = new_online_policy(worlds, TINY, n_steps=16, batch_size=16, n_epochs=1)
    mark = tmp_path / "mark"
    folder = planted(save_online_agent(policy.learn(32), tmp_path / "agent"), mark)
    load_online_agent(folder)
    load_online_agent(folder, worlds, force_reset=False).learn(32)
    assert not mark.exists()


@pytest.mark.slow
def test_a_setting_that_no_file_holds_is_asked_for(tmp_path) -> None:
    worlds = make_scene_vec_env(SceneSettings("highway_fast", **SMALL), 2, seed=0)
    rates = {"learning_rate": lambda left: 1e-3 * left, "n_steps": 16, "batch_size": 16}
    folder = save_online_agent(new_online_policy(worlds, TINY, **rates), tmp_path)
    with pytest.raises(ValueError, match=r"agent\.zip: .*give learning_rate again"):
        load_online_agent(folder, worlds)
    policy = load_online_agent(folder, worlds, learning_rate=rates["learning_rate"])
    assert policy.lr_schedule(0.5) == pytest.approx(5e-4)
    assert policy.n_steps == 16


@pytest.mark.parametrize("kind", [*KINDS, "memory"])
@pytest.mark.slow
def test_the_owner_opens_the_file_with_stable_baselines3_and_finds_the_same(agents, kind) -> None:
    classes: dict[str, type[BaseAlgorithm]] = {
        "memory": RecurrentPPO, "ppo": PPO, "recurrent_ppo": RecurrentPPO, "dqn": ExploringDQN,
        "sac": SAC,
    }  # fmt: skip
    opened = classes[kind.split("-")[0]].load(agents[kind] / "agent.zip", device="cpu")
    ours = read_agent_file(agents[kind] / "agent.zip").states["policy"]
    torch.testing.assert_close(dict(opened.policy.state_dict()), dict(ours), rtol=0, atol=0)


def rewritten(path: Path, **changed: bytes | None) -> None:
    """Change entries of an archive; None: take one out."""
    (path.parent / "fingerprints.json").unlink(missing_ok=True)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= changed
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in content.items():
            if each is not None:
                archive.writestr(name, each)


def as_tensors(state: Any) -> bytes:
    content = io.BytesIO()
    torch.save(state, content)
    return content.getvalue()


def test_tensors_that_do_not_fit_or_are_not_finite_are_named(agents, tmp_path) -> None:
    folder = Path(shutil.copytree(agents["ppo-state"], tmp_path / "agent"))
    path, whole = folder / "agent.zip", (folder / "agent.zip").read_bytes()
    states = read_agent_file(path).states
    name = next(iter(states["policy"]))
    broken = {**states["policy"], name: torch.full_like(states["policy"][name], np.nan)}
    other = {**states["policy"], name: torch.zeros(3)}
    moments = states["policy.optimizer"]
    moments["state"][0]["exp_avg"] = torch.zeros(7)
    for changed, message in (
        ({"policy.pth": as_tensors(broken)}, rf"policy: .*{name}.*expected finite weights"),
        ({"policy.pth": as_tensors(other)}, r"agent\.zip: .*size mismatch"),
        ({"policy.optimizer.pth": as_tensors(moments)}, r"exp_avg of parameter 0: another size"),
        ({"policy.pth": pickle.dumps(Mark(tmp_path / "mark"))}, r"agent\.zip: expected an agent"),
        ({"policy.optimizer.pth": None}, r"agent\.zip: .*the networks"),
        ({"data": b"[" * 100_000}, r"agent\.zip: .*nested too deep"),
        ({"data": b"{}"}, r"agent\.zip: .*policy_class"),
    ):
        path.write_bytes(whole)
        rewritten(path, **changed)
        with pytest.raises(ValueError, match=message):
            TrainedAgent.read(folder)
    assert not (tmp_path / "mark").exists()


def test_a_training_that_an_earlier_version_wrote_drives_but_does_not_go_on(
    agents, tmp_path
) -> None:
    folder = Path(shutil.copytree(agents["dqn-state"], tmp_path / "agent"))
    rewritten(folder / "agent.zip", **{"resume.npz": None})
    assert TrainedAgent.read(folder).policy.num_timesteps == 32
    longer = replace(read_agent_config(folder).settings, n_steps=64)
    with pytest.raises(ValueError, match=r"agent\.zip: expected resume\.npz .*earlier version"):
        train_agent("highway_fast", None, folder, longer, SMALL, progress=False)
