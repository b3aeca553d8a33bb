"""Stacked students, their heads, and a taught encoder on a device where no tensor is misplaced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.stacked_rnn import StackedDecisionRNN
from b2m_drive.transfer import BrainTargets, attach
from b2m_drive.transfer.stacked import StackedHeads, StudentTargets

on_cuda = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here"),
]
elsewhere = pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=on_cuda)])
LEAKY: dict[str, Any] = {"cell": "leaky", "tau": 0.5, "time_step": 0.2, "recurrent_noise": 0.1}


def heads(strategy: Any) -> StackedHeads:
    drawn = torch.Generator().manual_seed(1)
    targets = [
        StudentTargets(strategy, torch.randn(8, 5, 2, generator=drawn), torch.ones(2, 2) / 2)
        for _ in range(3)
    ]
    phase = torch.tensor([0, 0, 1, 1, 1])
    return StackedHeads(targets, phase, 6, temperature=0.2, positions=2, generator=drawn)


def students(**settings: Any) -> StackedDecisionRNN:
    drawn = torch.Generator().manual_seed(0)
    made = DecisionRNNSettings(5, 6, **settings)
    return StackedDecisionRNN([DecisionRNN(made, drawn) for _ in range(3)])


def loss_of(network: StackedDecisionRNN, taught: StackedHeads, device: str) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(2)
    output = network(torch.randn(3, 4, 7, 5, generator=drawn).to(device))
    window = torch.randint(-1, 5, (4, 7), generator=drawn)
    term = taught(output.hidden, torch.arange(4), window).sum()
    return output.logits.square().mean() + term


@pytest.mark.slow
@elsewhere
@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
@pytest.mark.parametrize("settings", [{}, {"cell": "lstm"}, LEAKY], ids=["gru", "lstm", "leaky"])
def test_stacked_students_and_their_heads_learn_on_one_device(device, settings, strategy) -> None:
    network, taught = students(**settings).to(device), heads(strategy).to(device)
    loss = loss_of(network, taught, device)
    loss.backward()
    parameters = [*network.parameters(), *taught.parameters()]
    found = [loss, *parameters, *(each.grad for each in parameters), *taught.buffers()]
    assert {each.device.type for each in found} == {device}
    if device == "cuda":
        expected = loss_of(students(**settings), heads(strategy), "cpu")
        torch.testing.assert_close(loss.cpu(), expected, rtol=1e-4, atol=1e-5)


@elsewhere
@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
@pytest.mark.parametrize("over_time", [False, True])
def test_an_attachments_term_is_where_its_network_is(device, strategy, over_time) -> None:
    """A batch holds a stranger, which nothing teaches; the generator stays on the cpu."""
    network = torch.nn.GRU(4, 5, batch_first=True).to(device)
    shape = (24, 6, 3) if over_time else (24, 3)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    layer_input = torch.randn(8, 6, 4).to(device)
    module: Any = network if over_time else torch.nn.Sequential(torch.nn.Linear(4, 5)).to(device)
    seen = layer_input if over_time else layer_input[:, 0]
    whole = torch.nn.Sequential(module) if over_time else module
    attachment = attach(
        whole, "0", BrainTargets(values, np.arange(24), "a test"), strategy=strategy,
        learn_temperature=True, generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    whole(seen)
    loss = attachment.loss(np.array([3, 99, 5, 7, 1, 0, 2, 8]))
    loss.backward()
    assert loss.device.type == device
    assert attachment.head.weight.grad is not None
    assert attachment.head.weight.grad.device.type == device


def test_a_taught_encoders_whole_loss_is_on_its_device() -> None:
    vae = SceneVAE(SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8))).to("meta")
    brain = BrainTargets(np.ones((24, 3), np.float32), np.arange(24), "a test")
    attachment = attach(vae, "to_mean", brain, strategy="contrastive")
    _, loss = vae(torch.zeros(5, 36, 40, 2, dtype=torch.uint8), torch.Generator().manual_seed(0))
    total = loss.total + attachment.loss(np.arange(5))
    total.backward()
    assert {each.grad.device.type for each in vae.parameters() if each.grad is not None} == {"meta"}
