"""Every place that trains or encodes takes a device, and refuses one that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from b2m_agents.commands import app
from b2m_agents.drivers.rollouts import CollectSettings
from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agent
from b2m_agents.learning.trained_agent import TrainedAgent
from b2m_agents.learning.training import train_agent
from b2m_agents.memory.memory_agent import MemoryAgentSettings
from b2m_agents.memory.memory_training import train_memory_agent
from b2m_agents.online.online_transfer import new_online_policy
from b2m_agents.studies.agents.comparison import AgentsComparison
from b2m_agents.studies.agents.plan import AgentsStudySettings
from b2m_agents.worlds.latent_observation import VecLatentObservation, encode_scenes
from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_drive.students.devices import brought, device_of, device_of_network, on_device
from b2m_drive.students.fitting import FittingSettings
from b2m_drive.students.frame_batches import FramesFromMemory
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings, kl_of_latents
from b2m_drive.students.scene_vae_fitting import encode_frames, fit_scene_vae
from b2m_drive.students.student import Batch
from b2m_drive.transfer import BrainTargets, attach
from b2m_envs.driving import SceneSettings
from tests.shared.tiny_agents import SMALL, tiny_agent, tiny_encoder

SETTINGS = SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8))
FRAMES = np.random.default_rng(0).integers(0, 256, (24, 36, 40, 2), dtype=np.uint8)
IDS = np.arange(24)
MISSING = "cuda:99"
REFUSED = r"^device: expected auto, cpu or another .* on this machine, came 'cuda:99' \(.*\)$"
on_cuda = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here"),
]
on_each = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=on_cuda)])


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Seen(NamedTuple):
    frames: torch.Tensor
    name: str


def encoder_of() -> SceneVAE:
    return SceneVAE(SETTINGS, torch.Generator().manual_seed(0)).eval()


def worlds() -> Any:
    return make_scene_vec_env(SceneSettings("highway_fast", **SMALL), 2)


def batches() -> FramesFromMemory:
    return FramesFromMemory(FRAMES, 8, 0, IDS)


def test_auto_is_a_gpu_where_there_is_one_and_else_the_processor() -> None:
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device_of(torch.device("cpu")) == device_of("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", [MISSING, "gpu", "", "cpu:x"])
def test_a_device_that_is_not_there_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match="device: expected auto, cpu or another") as refused:
        device_of(name)
    assert repr(name) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_every_place_refuses_a_missing_device_before_it_works(tmp_path: Path) -> None:
    encoder = tiny_encoder(tmp_path / "encoder")
    agent = tiny_agent(tmp_path / "agent", encoder)
    scene_worlds, vae = worlds(), encoder_of()
    of_memory = MemoryAgentSettings(n_steps=64)
    places: list[Any] = [
        lambda: fit_scene_vae(vae, batches(), FittingSettings(1, 1e-3, evaluate_every=1),
                              device=MISSING),
        lambda: encode_frames(vae, FRAMES, device=MISSING),
        lambda: VecLatentObservation(scene_worlds, vae, device=MISSING),
        lambda: new_online_policy(scene_worlds, SETTINGS, device=MISSING),
        lambda: train_agent("highway_fast", encoder, tmp_path / "new", device=MISSING),
        lambda: train_memory_agent(of_memory, tmp_path / "new", device=MISSING),
        lambda: TrainedAgent.read(agent, MISSING),
        lambda: evaluate_agent(agent, EvaluationSettings(1, device=MISSING), progress=False),
    ]  # fmt: skip
    for place in places:
        with pytest.raises(ValueError, match=REFUSED):
            place()
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["train-agent", "highway", "--observation", "state"],
        ["train-agent", "memory_decision"],
        ["compare", "driving"],
        ["compare", "memory", "--trials", "40"],
        ["calibrate"],
        ["search", "nowhere"],
        ["collect", "highway_fast", "--policy", "an-agent"],
    ],
)
def test_the_command_refuses_a_missing_device_in_one_line(
    command: list[str], tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["b2m-drive", *command, "--device", MISSING])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("b2m-drive: device: expected auto, cpu")
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_tensors_are_brought_from_wherever_they_are_kept() -> None:
    """Within tuples, lists, dictionaries and dataclasses; what is no tensor stays the same."""
    kept = np.arange(3)
    batch = Batch(kept, {"a": [torch.ones(2), Seen(torch.zeros(1), "name")], "b": (4.5, kept)})
    moved = brought(batch, torch.device("meta"))
    assert moved.ids is kept
    assert moved.inputs["b"][1] is kept
    assert moved.inputs["b"][0] == 4.5
    assert moved.inputs["a"][0].device.type == moved.inputs["a"][1].frames.device.type == "meta"
    assert moved.inputs["a"][1].name == "name"
    assert brought(batch, torch.device("cpu")).inputs["a"][0] is batch.inputs["a"][0]
    assert device_of_network(nn.Identity()) == torch.device("cpu")
    assert device_of_network(nn.Linear(1, 1).to("meta")) == torch.device("meta")


class Told(torch.Tensor):
    """A tensor that says how it was to be moved."""

    def to(self, *where: Any, **how: Any) -> Any:
        return torch.tensor([float(how["non_blocking"])])


@pytest.mark.parametrize(("device", "left"), [("cuda", True), ("cpu", False), ("mps", False)])
def test_only_a_copy_to_cuda_is_not_waited_for(device: str, left: bool) -> None:
    """Bytes on their way to the cpu may be read before they have arrived."""
    told = torch.zeros(1).as_subclass(Told)
    assert bool(on_device(told, torch.device(device))) is left
    assert bool(brought([told], torch.device(device))[0]) is left


def test_an_agents_comparison_and_a_driver_without_a_network_refuse_a_device() -> None:
    settings = AgentsStudySettings(seeds=(0, 1))
    with pytest.raises(ValueError, match=REFUSED):
        AgentsComparison(Path("nowhere"), settings, device=MISSING)
    with pytest.raises(ValueError, match="device: expected cpu of 'random', a driver without"):
        CollectSettings(n_frames=1, device="meta")


def test_frames_and_latents_are_brought_to_the_encoders_device() -> None:
    """The meta device computes shapes alone, and refuses a tensor of another device."""
    vae, frames = encoder_of().to("meta"), torch.from_numpy(FRAMES)
    posterior, loss = vae(frames)
    decoded = vae.decode(torch.zeros(3, 6))
    for made in (posterior.mean, loss.total, decoded, kl_of_latents(posterior)):
        assert made.device.type == "meta"
    assert vae.reconstruct(frames).shape == FRAMES.shape


def test_a_vectorised_observation_encodes_on_its_own_device_and_leaves_the_encoder() -> None:
    encoder = encoder_of()
    on_meta = VecLatentObservation(worlds(), encoder, device="meta")
    assert on_meta.encoder.device.type == "meta"
    assert encoder.device.type == "cpu"
    with pytest.raises(NotImplementedError, match="meta"):  # its latents have no values to give
        on_meta.reset()
    followed = VecLatentObservation(worlds(), encoder.to("meta"))
    assert followed.encoder.device.type == "meta"


def test_an_attachment_follows_its_network() -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.Tanh()).to("meta")
    brain = BrainTargets(np.ones((24, 3), np.float32), IDS, "a test")
    attachment = attach(network, "0", brain, strategy="contrastive", learn_temperature=True)
    tensors = [*attachment.parameters(), *attachment.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


@on_each
@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
def test_an_encoder_is_taught_on_a_device(device: str, strategy: Any) -> None:
    vae = encoder_of().to(device)
    values = np.random.default_rng(1).normal(size=(24, 3)).astype(np.float32)
    head = attach(vae, "to_mean", BrainTargets(values, IDS, "a test"), strategy=strategy,
                  generator=torch.Generator().manual_seed(0))  # fmt: skip
    before = head.head.weight.detach().clone()
    fit_scene_vae(
        vae, batches(), FittingSettings(2, 1e-3, evaluate_every=2), device=device,
        generator=torch.Generator().manual_seed(0),
        extra_loss=lambda step, batch: head.loss(batch.frame_id),
        extra_parameters=list(head.parameters()),
    )  # fmt: skip
    assert vae.device.type == head.head.weight.device.type == device
    assert not torch.equal(head.head.weight, before)
    latents = encode_frames(vae, FRAMES, device=device)
    np.testing.assert_allclose(latents, encode_scenes(vae, FRAMES), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(latents, encode_frames(vae, FRAMES, device="cpu"), atol=1e-2)


@on_each
def test_latents_of_a_device_are_those_of_the_processor(device: str) -> None:
    venv = VecLatentObservation(worlds(), encoder_of(), device=device)
    venv.seed(0)
    plain = worlds()
    plain.seed(0)
    expected = encode_scenes(encoder_of(), plain.reset())
    np.testing.assert_allclose(venv.reset(), expected, atol=1e-2)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
def test_an_agent_is_trained_goes_on_and_drives_on_a_gpu(tmp_path: Path) -> None:
    encoder = tiny_encoder(tmp_path / "encoder")
    agent = tiny_agent(tmp_path / "agent", encoder, device="cuda")
    read = TrainedAgent.read(agent, "cuda")
    assert read.policy.device.type == "cuda"
    assert read.encoder is not None
    assert read.encoder.device.type == "cuda"
    settings = EvaluationSettings(1, device="cuda")
    assert evaluate_agent(agent, settings, progress=False).of("agent")
    tiny_agent(tmp_path / "agent", encoder, n_steps=64)  # goes on, on the processor
