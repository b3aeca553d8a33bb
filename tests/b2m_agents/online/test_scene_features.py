"""Encoders that learn with the policy, with a brain beside them and without."""

from __future__ import annotations

import base64
import json
import pickle
import zipfile
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv

from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.learning.online_agent_file import load_online_agent, save_online_agent
from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.online.online_transfer import TransferPPO, new_online_policy
from b2m_agents.online.scene_features import SceneFeatures, extractors_of, put_encoder, scene_policy
from b2m_agents.studies.driving.comparison import SimulatedViewer
from b2m_agents.studies.driving.online_teaching import teacher_from_recording
from b2m_agents.worlds.channels_first import with_channels_first
from b2m_agents.worlds.latent_observation import VecLatentObservation, encode_scenes
from b2m_agents.worlds.scene_vec_env import SceneVecEnv, make_scene_vec_env
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.transfer import BrainTargets, attach
from b2m_drive.transfer.schedule import WeightSchedule
from b2m_envs.scenes.settings import SceneSettings

ENVIRONMENT = {"height": 36, "width": 40, "vehicles_count": 8, "duration": 8.0}
SCENE = SceneSettings("highway_fast", **ENVIRONMENT)
TINY = SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8))
SHORT: dict[str, Any] = {"n_steps": 16, "batch_size": 32, "n_epochs": 2}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> tuple[OnlineTeacher, OnlineTeacher]:
    """What an ideal simulated brain teaches, and other episodes that it watched too."""
    path = tmp_path_factory.mktemp("scenes") / "highway.h5"
    settings = CollectSettings(n_episodes=40, policy="highway_env", environment=ENVIRONMENT)
    dataset = SceneDataset(collect_scenes("highway_fast", path, settings, progress=False))
    recording = SimulatedViewer("ideal").watch(dataset)
    every = teacher_from_recording(path, recording, n_latents=4, delay=0.2, batch_size=32)
    assert len(every.frames) == len(dataset.split(0.2, 0).teaching)
    cut = len(every.frames) * 3 // 4
    return part(every, slice(cut)), part(every, slice(cut, None))


def part(teacher: OnlineTeacher, rows: slice) -> OnlineTeacher:
    return replace(teacher, frames=teacher.frames[rows], latents=teacher.latents[rows])


@cache
def worlds() -> SceneVecEnv:
    """The same for all, since every new agent seeds them and begins anew."""
    return make_scene_vec_env(SCENE, 4)


def encoder_of(settings: SceneVAESettings = TINY, seed: int = 0) -> SceneVAE:
    return SceneVAE(settings, torch.Generator().manual_seed(seed)).eval()


def weights_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: values.clone() for name, values in module.state_dict().items()}


def changed(before: dict[str, torch.Tensor], module: torch.nn.Module) -> set[str]:
    return {name for name, now in module.state_dict().items() if not torch.equal(now, before[name])}


def assert_same(one: torch.nn.Module, other: torch.nn.Module) -> None:
    assert not changed(weights_of(one), other)


@pytest.mark.parametrize("transposed", [True, False])
def test_features_are_the_encoders_posterior_means(transposed: bool) -> None:
    scenes = np.random.default_rng(0).integers(0, 256, (5, 36, 40, 2), dtype=np.uint8)
    given = scenes.transpose(0, 3, 1, 2) if transposed else scenes
    space = gymnasium.spaces.Box(0, 255, given.shape[1:], np.uint8)
    features, encoder = SceneFeatures(space, asdict(TINY)), encoder_of()
    put_encoder(features, encoder)
    latents = features.train()(torch.from_numpy(given) / 255)
    assert features.features_dim == 6
    np.testing.assert_array_equal(latents.detach().numpy(), encode_scenes(encoder, scenes))


def test_the_policys_gradient_reaches_the_encoder_and_leaves_its_decoder() -> None:
    encoder = encoder_of()
    policy = new_online_policy(worlds(), encoder, **SHORT)
    assert_same(policy.encoder, encoder)
    before = weights_of(policy.encoder)
    policy.learn(64)
    moved = changed(before, policy.encoder)
    assert {name.split(".")[0] for name in moved} == {"encoder", "to_mean"}
    assert moved == {name for name in before if name.split(".")[0] in ("encoder", "to_mean")}
    assert_same(encoder, encoder_of())  # the one given was copied


def test_a_frozen_encoder_before_the_policy_stays_as_it_is() -> None:
    venv = VecLatentObservation(worlds(), encoder_of(), stack=2, speed=True)
    PPO("MlpPolicy", venv, device="cpu", **SHORT).learn(64)
    assert_same(venv.encoder, encoder_of())


def test_dqn_learns_through_the_encoder_too() -> None:
    keywords = {**scene_policy(TINY), "net_arch": [16]}
    agent = DQN(
        "CnnPolicy", worlds(), policy_kwargs=keywords, learning_starts=8, batch_size=8,
        buffer_size=64, train_freq=1, seed=0, device="cpu",
    )  # fmt: skip
    put_encoder(agent.policy, encoder_of())
    assert len(extractors_of(agent.policy)) == 2
    assert_same(agent.q_net_target.features_extractor.vae, encoder_of())
    agent.learn(24)
    assert changed(weights_of(encoder_of()), agent.q_net.features_extractor.vae)


@pytest.mark.slow
def test_without_a_teacher_the_agent_is_that_of_ppo() -> None:
    encoder = encoder_of()
    ours = new_online_policy(worlds(), encoder, seed=3, **SHORT).learn(128)
    keywords = {**scene_policy(TINY), "net_arch": [64, 64]}
    theirs = PPO("CnnPolicy", worlds(), policy_kwargs=keywords, seed=3, device="cpu", **SHORT)
    put_encoder(theirs.policy, encoder)
    assert_same(ours.policy, theirs.learn(128).policy)


@pytest.mark.slow
def test_a_teacher_of_weight_zero_equals_none(watched) -> None:
    silent = replace(watched[0], weight=WeightSchedule(0.0))
    alone = new_online_policy(worlds(), encoder_of(), **SHORT).learn(128)
    beside = new_online_policy(worlds(), encoder_of(), silent, **SHORT).learn(128)
    assert_same(alone.policy, beside.policy)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["contrastive", "regression"])
def test_the_brain_is_found_in_frames_it_never_taught_by(watched, strategy) -> None:
    teacher, held_out = (
        replace(each, strategy=strategy, weight=WeightSchedule(weight), batch_size=64)
        for each, weight in zip(watched, (1.0, 0.0), strict=True)
    )
    losses = {}
    for name, weight in (("alone", 0.0), ("taught", 1.0)):
        given = replace(teacher, weight=WeightSchedule(weight))
        policy = new_online_policy(worlds(), TINY, given, n_steps=32, batch_size=32, n_epochs=4)
        before = policy.transfer_loss(held_out)
        losses[name] = policy.learn(512).transfer_loss(held_out) - before
    assert losses["taught"] < -0.1
    assert losses["taught"] < losses["alone"] - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
def test_an_agent_is_taught_by_the_loss_of_an_attachment_to_its_encoder(watched, strategy) -> None:
    teacher = replace(watched[0], strategy=strategy)
    share, rows = teacher.share_of_variance, np.arange(len(teacher.frames))
    assert share is not None
    assert np.ptp(share) > 0.1
    policy = new_online_policy(worlds(), TINY, teacher, **SHORT)
    brain = BrainTargets(teacher.latents, rows, "the same", variance=share.astype(np.float32))
    attachment = attach(policy.encoder, "to_mean", brain, strategy=strategy).eval()
    assert policy.transfer_head is not None
    attachment.head.load_state_dict(policy.transfer_head.state_dict())
    with torch.no_grad():
        policy.encoder.encode(torch.from_numpy(teacher.frames))
        expected = attachment.loss(rows).item()
    assert policy.transfer_loss(teacher) == expected


@pytest.mark.slow
def test_the_teachers_weight_falls_to_zero(watched) -> None:
    falling = replace(watched[0], weight=WeightSchedule(1.0, 0.5), n_steps=256)
    policy = new_online_policy(worlds(), TINY, falling, **SHORT)
    policy.learn(128)
    head = weights_of(policy.transfer_head)
    policy.learn(128, reset_num_timesteps=False)
    assert not changed(head, policy.transfer_head)
    sooner = new_online_policy(worlds(), TINY, replace(falling, n_steps=512), **SHORT)
    sooner.learn(128)
    head = weights_of(sooner.transfer_head)
    sooner.learn(64, reset_num_timesteps=False)
    assert changed(head, sooner.transfer_head)


@pytest.mark.slow
def test_seeds_repeat(watched) -> None:
    one, other, third = (
        new_online_policy(worlds(), TINY, watched[0], seed=seed, **SHORT).learn(64)
        for seed in (1, 1, 2)
    )
    assert_same(one.policy, other.policy)
    assert_same(one.transfer_head, other.transfer_head)
    assert changed(weights_of(one.policy), third.policy)


@pytest.mark.slow
def test_a_saved_agent_acts_the_same_and_its_encoder_is_read_by_others(watched, tmp_path) -> None:
    policy = new_online_policy(worlds(), TINY, watched[0], **SHORT).learn(64)
    save_online_agent(policy, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "README.md",
        "agent.zip",
        "encoder",
        "fingerprints.json",
    }
    read = load_online_agent(tmp_path)
    scenes = watched[1].frames[:20]
    np.testing.assert_array_equal(
        policy.predict(scenes, deterministic=True)[0], read.predict(scenes, deterministic=True)[0]
    )
    assert_same(policy.policy, read.policy)
    assert_same(policy.transfer_head, read.transfer_head)
    assert_same(policy.encoder, SceneVAE.from_pretrained(tmp_path / "encoder"))


@pytest.mark.slow
def test_an_agents_file_holds_no_encoder_but_its_tensors(watched, tmp_path) -> None:
    save_online_agent(new_online_policy(worlds(), TINY, watched[0], **SHORT).learn(64), tmp_path)
    with zipfile.ZipFile(tmp_path / "agent.zip") as archive:
        data = json.loads(archive.read("data"))
        names = set(archive.namelist())
    assert {"policy.pth", "policy.optimizer.pth", "transfer_head.pth"} <= names
    pickled = {
        name: base64.b64decode(entry[":serialized:"])
        for name, entry in data.items()
        if isinstance(entry, dict) and ":serialized:" in entry
    }
    assert "policy_kwargs" in pickled
    for name, content in pickled.items():
        assert b"SceneVAE" not in content, name
        assert b"scene_vae" not in content, name
        assert b"OnlineTeacher" not in content, name
    keywords = pickle.loads(pickled["policy_kwargs"])
    expected = {**scene_policy(TINY), "net_arch": [64, 64]}
    expected["features_extractor_kwargs"]["channels_first"] = True
    assert keywords == expected
    json.dumps(keywords["features_extractor_kwargs"])
    plain = json.loads(json.dumps(keywords["features_extractor_kwargs"]))  # lists for tuples
    space = with_channels_first(worlds()).observation_space
    assert SceneFeatures(space, **plain).vae.settings == TINY


@pytest.mark.slow
def test_learning_goes_on_after_loading_as_if_never_stopped(watched, tmp_path) -> None:
    def second_half(agent: TransferPPO) -> TransferPPO:
        set_random_seed(5)
        return agent.learn(64, reset_num_timesteps=False)

    straight = second_half(new_online_policy(worlds(), TINY, watched[0], **SHORT).learn(64))
    save_online_agent(new_online_policy(worlds(), TINY, watched[0], **SHORT).learn(64), tmp_path)
    again = second_half(load_online_agent(tmp_path, worlds(), watched[0], force_reset=False))
    assert straight.num_timesteps == again.num_timesteps == 128
    assert_same(straight.policy, again.policy)
    assert_same(straight.transfer_head, again.transfer_head)


def test_a_taught_agent_learns_on_with_a_teacher_only(watched, tmp_path) -> None:
    save_online_agent(new_online_policy(worlds(), TINY, watched[0], **SHORT), tmp_path)
    policy = load_online_agent(tmp_path, worlds())
    with pytest.raises(ValueError, match="expected one of 4 latents"):
        policy.learn(64)


def test_a_file_of_something_else_is_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"agent\.zip"):
        load_online_agent(tmp_path)
    (tmp_path / "agent.zip").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="expected an agent of Stable-Baselines3"):
        load_online_agent(tmp_path)
    venv = VecLatentObservation(worlds(), encoder_of())
    PPO("MlpPolicy", venv, device="cpu", **SHORT).save(tmp_path / "agent.zip")
    with pytest.raises(ValueError, match="expected an agent of TransferPPO"):
        load_online_agent(tmp_path)


@pytest.mark.parametrize("source", ["folder", "settings", "itself"])
def test_an_encoder_of_other_frames_is_refused(source: str, tmp_path: Path) -> None:
    other = encoder_of(replace(TINY, height=48))
    given = {"folder": other.save_pretrained(tmp_path), "settings": other.settings, "itself": other}
    with pytest.raises(ValueError, match=r"\(36, 40, 2\).*came one of \(48, 40, 2\)"):
        new_online_policy(worlds(), given[source])


def test_observations_that_are_no_scenes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected scenes of uint8"):
        new_online_policy(DummyVecEnv([lambda: gymnasium.make("CartPole-v1")]), TINY)


def test_pixels_that_were_not_normalised_are_refused() -> None:
    keywords = {**scene_policy(TINY), "normalize_images": False}
    with pytest.raises(ValueError, match="normalize_images"):
        PPO("CnnPolicy", worlds(), policy_kwargs=keywords, device="cpu", **SHORT).learn(64)


def test_a_policy_without_scene_features_takes_no_encoder() -> None:
    venv = VecLatentObservation(worlds(), encoder_of())
    with pytest.raises(ValueError, match="expected one with SceneFeatures"):
        put_encoder(PPO("MlpPolicy", venv, device="cpu", **SHORT).policy, encoder_of())
    policy = new_online_policy(worlds(), TINY)
    with pytest.raises(ValueError, match="latent_size=7"):
        put_encoder(policy.policy, encoder_of(replace(TINY, latent_size=7)))


def test_a_teacher_that_saw_other_frames_or_has_other_latents_is_refused(watched) -> None:
    policy = new_online_policy(worlds(), TINY, watched[0])
    smaller = replace(watched[0], frames=watched[0].frames[:, :32])
    with pytest.raises(ValueError, match=r"\(36, 40, 2\).*came \(32, 40, 2\)"):
        policy.teach(smaller)
    fewer = replace(watched[0], latents=watched[0].latents[:, :3], share_of_variance=None)
    with pytest.raises(ValueError, match="expected 4, for which the agent was made, came 3"):
        policy.teach(fewer)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"latents": np.full((20, 3), np.nan, np.float32)}, "not finite in 20 of 20"),
        ({"latents": np.zeros((19, 3), np.float32)}, r"of 20 frames, came \(19, 3\)"),
        ({"latents": np.zeros((20, 0), np.float32)}, "expected 1 or more"),
        ({"frames": np.zeros((20, 36, 40), np.uint8)}, r"expected uint8 \(frame"),
        ({"strategy": "supervised"}, "strategy"),
        ({"batch_size": 21}, "expected 2 to 20 frames, came 21"),
        ({"batch_size": 1}, "expected 2 to 20 frames, came 1"),
        ({"n_steps": 0}, "n_steps"),
        ({"temperature": 0.0}, "temperature"),
        ({"share_of_variance": np.ones(2)}, "share_of_variance: expected 3 numbers"),
        ({"share_of_variance": np.zeros(3)}, "share_of_variance: expected 3 numbers"),
    ],
)
def test_impossible_teachers_are_refused(wrong: dict[str, Any], message: str) -> None:
    good = {
        "frames": np.zeros((20, 36, 40, 2), np.uint8),
        "latents": np.ones((20, 3), np.float32),
        "batch_size": 8,
    }
    OnlineTeacher(**good)
    with pytest.raises(ValueError, match=message):
        OnlineTeacher(**{**good, **wrong})


@pytest.mark.slow
def test_a_recording_of_other_scenes_is_refused(tmp_path) -> None:
    made = []
    for n_episodes in (4, 6):
        settings = CollectSettings(n_episodes=n_episodes, environment=ENVIRONMENT)
        path = tmp_path / f"{n_episodes}.h5"
        made.append(collect_scenes("highway_fast", path, settings, progress=False))
    recording = SimulatedViewer("ideal").watch(SceneDataset(made[1]))
    with pytest.raises(ValueError, match="a recording of other scenes"):
        teacher_from_recording(made[0], recording)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
def test_an_agent_learns_on_a_gpu(watched, tmp_path) -> None:
    policy = new_online_policy(worlds(), TINY, watched[0], device="cuda", **SHORT).learn(64)
    assert policy.encoder.to_mean.weight.is_cuda
    read = load_online_agent(save_online_agent(policy, tmp_path))
    assert isinstance(read, TransferPPO)
    assert np.isclose(policy.transfer_loss(watched[1]), read.transfer_loss(watched[1]), rtol=1e-3)
