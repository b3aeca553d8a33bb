"""One term, wherever a network learns: attached, stacked, or in reinforcement learning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from b2m_drive.transfer import BrainTargets, attach
from b2m_drive.transfer.contrastive import info_nce_loss
from b2m_drive.transfer.stacked import StackedHeads, StudentTargets
from b2m_drive.transfer.term import STRATEGIES, TransferTerm, transfer_loss
from tests.shared.seeded import seeded

N_TRIALS, N_WINDOWS, N_HIDDEN, N_LATENTS = 12, 5, 7, 3
PHASE = np.array([0, 0, 1, 1, 1])
SHARE = np.array([[0.8, 0.15, 0.05], [0.1, 0.2, 0.7]], np.float32)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_attachment_and_a_stacked_student_have_the_same_loss_to_the_last_digit(strategy) -> None:
    values, batch = drawn(N_TRIALS, N_WINDOWS, N_LATENTS), drawn(N_TRIALS, N_WINDOWS, 4, seed=1)
    network = nn.Linear(4, N_HIDDEN)
    targets = StudentTargets(strategy, values, torch.from_numpy(SHARE))
    stacked = StackedHeads(
        [targets], torch.from_numpy(PHASE), N_HIDDEN,
        temperature=0.2, positions=2, generator=seeded(2),
    )  # fmt: skip
    brain = BrainTargets(values.numpy(), np.arange(N_TRIALS), "a test", variance=SHARE, phase=PHASE)
    attachment = attach(network, "", brain, strategy=strategy, generator=seeded(3))
    with torch.no_grad():
        attachment.head.weight.copy_(stacked.weight[0].mT.flatten(0, 1))
        attachment.head.bias.copy_(stacked.bias[0].flatten())
    losses, gradients = [], []
    for way in ("attached", "stacked"):
        network.zero_grad()
        hidden = network(batch)
        for generator in (stacked._generator, attachment.generator):
            generator.manual_seed(4)
        if way == "attached":
            loss = attachment.loss(np.arange(N_TRIALS))
        else:
            window = torch.arange(N_WINDOWS).expand(N_TRIALS, -1)
            loss = stacked(hidden[None], torch.arange(N_TRIALS), window)[0]
        loss.backward()
        losses.append(loss.detach())
        gradients.append(network.weight.grad.clone())
    # A batch of one matrix product may add in another order than the product alone.
    torch.testing.assert_close(*losses, rtol=2 * torch.finfo(torch.float32).eps, atol=0)
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)


def test_louder_latents_decide_more_of_the_direction_in_contrastive_transfer() -> None:
    prediction, target, share = drawn(6, 3), drawn(6, 3, seed=1), torch.tensor([0.9, 0.1, 0.0])
    loss = transfer_loss("contrastive", prediction, target, share, temperature=0.2)
    by_hand = target * torch.tensor([0.9**0.5, 0.1**0.5, 0.0])
    torch.testing.assert_close(loss, info_nce_loss(prediction, by_hand, temperature=0.2))
    silent_changed = target.clone()
    silent_changed[:, 2] = 50
    again = transfer_loss("contrastive", prediction, silent_changed, share, temperature=0.2)
    torch.testing.assert_close(again, loss)


def test_the_unit_of_the_variances_does_not_matter() -> None:
    prediction, target, share = drawn(6, 3), drawn(6, 3, seed=1), torch.tensor([0.7, 0.2, 0.1])
    for strategy in STRATEGIES:
        one, other = (
            transfer_loss(strategy, prediction, target, scale * share, temperature=0.2)
            for scale in (1.0, 1e4)
        )
        torch.testing.assert_close(one, other)


def test_each_phase_counts_alike_however_many_steps_it_has() -> None:
    features, target = torch.zeros(4, 5, 2), torch.ones(4, 5, 2)
    target[:, 2:] = 3  # errors of 1 in phase 0, of 9 in phase 1
    loss = TransferTerm().loss(
        features, lambda rows, _: rows, target, torch.ones(2, 2),
        trial=torch.arange(4), phase=torch.from_numpy(PHASE).expand(4, -1),
    )  # fmt: skip
    assert loss.item() == pytest.approx((1 + 9) / 2)


def test_trials_without_a_phase_are_left_out_of_it() -> None:
    phase = torch.from_numpy(PHASE).repeat(4, 1)
    phase[0, 2:] = -1  # the first trial has no delay
    features, target = drawn(4, 5, 3), drawn(4, 5, 3, seed=1)
    arguments: dict[str, Any] = {"trial": torch.arange(4), "phase": phase}
    changed = features.clone()
    changed[0, 2:] = 9
    for strategy in STRATEGIES:
        losses = [
            TransferTerm(strategy, positions=5).loss(
                each, lambda rows, _: rows, target, torch.ones(2, 3),
                generator=seeded(0), **arguments,
            )
            for each in (features, changed)
        ]  # fmt: skip
        assert torch.equal(*losses)


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", float("nan")), ("temperature", 0.0), ("positions", 0), ("exclude_within", -1)],
)
def test_an_impossible_term_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        TransferTerm(**{field: value})
