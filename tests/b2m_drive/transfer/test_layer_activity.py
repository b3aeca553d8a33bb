"""Which activity a loss is of: that of the network's last forward call, or none."""

from __future__ import annotations

import io
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from b2m_drive.transfer import BrainTargets, attach

N = 6
IDS = np.arange(N)
BATCH = torch.randn(N, 4, generator=torch.Generator().manual_seed(0))
OTHER = torch.randn(N, 4, generator=torch.Generator().manual_seed(1))
BRAIN = BrainTargets(
    np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32), IDS, "a test (simulated)"
)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))


def attached(student: nn.Module, layer: str = "0", **options: Any):
    return attach(student, layer, BRAIN, generator=torch.Generator().manual_seed(0), **options)


class Switched(nn.Module):
    """Reaches its layer in some forward calls only, and a method of it goes round `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.readout = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, batch: Tensor, times: int = 1) -> Tensor:
        hidden = batch.new_zeros(len(batch), 5)
        for _ in range(times):
            hidden = hidden + self.layer(batch)
        return self.readout(hidden)

    def encode(self, batch: Tensor) -> Tensor:
        return self.layer(batch)


@pytest.mark.parametrize("quiet", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("way", ["forward", "encode"])
def test_a_skipped_loss_and_a_validation_leave_no_stale_activity(quiet: Any, way: str) -> None:
    student = Switched()
    attachment = attached(student, "layer")
    run = student if way == "forward" else student.encode
    run(BATCH)  # a step without the brain's loss
    with quiet():
        run(OTHER)
    with pytest.raises(RuntimeError, match=r"'layer'.*without gradients.*attachment\.eval\(\)"):
        attachment.loss(IDS)
    run(BATCH)
    attachment.loss(IDS).backward()
    assert student.layer.weight.grad.abs().sum() > 0


def test_a_forward_call_that_does_not_reach_the_layer_forgets_the_one_that_did() -> None:
    student = Switched()
    attachment = attached(student, "layer")
    student(BATCH)
    student(BATCH, times=0)
    with pytest.raises(RuntimeError, match="last forward call did not reach it"):
        attachment.loss(IDS)


def test_a_layer_that_runs_twice_in_a_forward_call_is_refused_and_twice_in_two_is_not() -> None:
    student = Switched()
    attachment = attached(student, "layer")
    student(BATCH, times=3)
    with pytest.raises(RuntimeError, match=r"once in a forward call, came 3 times.*nn\.Identity"):
        attachment.loss(IDS)
    student(BATCH)
    student(OTHER)
    after_two = attachment.loss(IDS)
    student.encode(BATCH)
    student.encode(OTHER)
    torch.testing.assert_close(attachment.loss(IDS), after_two)


@pytest.mark.parametrize("quiet", [torch.no_grad, torch.inference_mode])
def test_a_validation_loss_comes_from_an_attachment_in_evaluation_mode(quiet: Any) -> None:
    student = network()
    attachment = attached(student)
    student(BATCH)
    expected = attachment.loss(IDS)
    attachment.eval()
    with quiet():
        student(BATCH)
        within = attachment.loss(IDS)
        student(BATCH)
    torch.testing.assert_close(within, expected.detach())
    torch.testing.assert_close(attachment.loss(IDS), expected)  # outside, for the head alone
    with quiet():
        student(BATCH)
    with pytest.raises(RuntimeError, match="without gradients"):
        attachment.train().loss(IDS)


def test_a_frozen_layer_is_refused_unless_the_head_alone_is_to_learn() -> None:
    student = network().requires_grad_(False)
    attachment = attached(student)
    student(BATCH)
    with pytest.raises(RuntimeError, match="carries no gradient"):
        attachment.loss(IDS)
    student(BATCH)
    attachment.eval().loss(IDS).backward()
    assert attachment.head.weight.grad.abs().sum() > 0


class Checkpointed(nn.Module):
    def __init__(self, use_reentrant: bool | None) -> None:
        super().__init__()
        self.body, self.use_reentrant = network(), use_reentrant

    def forward(self, batch: Tensor) -> Tensor:
        if self.use_reentrant is None:
            return self.body(batch)
        return checkpoint(self.body, batch, use_reentrant=self.use_reentrant)


def test_a_checkpointed_layer_learns_as_one_that_is_not() -> None:
    gradients = []
    for use_reentrant in (None, False):
        student = Checkpointed(use_reentrant)
        attachment = attached(student, "body.0")
        for _ in range(2):
            student.zero_grad()
            (student(BATCH).square().mean() + attachment.loss(IDS)).backward()
        gradients.append(student.body[0].weight.grad)
        with pytest.raises(RuntimeError, match="no forward call"):
            attachment.loss(IDS)  # what the backward pass ran again is no forward call
    torch.testing.assert_close(*gradients)


def test_a_reentrant_checkpoint_is_refused_by_name() -> None:
    student = Checkpointed(True)
    attachment = attached(student, "body.0")
    output = student(BATCH.clone().requires_grad_())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="use_reentrant=False works"):
            attachment.loss(IDS)
        if output is not None:
            output.square().mean().backward()
            output = None


def through_a_file(pair: Any) -> Any:
    file = io.BytesIO()
    torch.save(pair, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("copied", [deepcopy, through_a_file])
def test_a_copy_of_network_and_attachment_says_that_it_listens_to_nothing(copied: Any) -> None:
    student = network()
    attachment = attached(student)
    student(BATCH)
    twin, its_attachment = copied((student, attachment))
    twin(BATCH)
    with pytest.raises(RuntimeError, match=r"this is a copy.*attach the copied network anew"):
        its_attachment.loss(IDS)
    its_attachment.remove()
    expected = attachment.loss(IDS)  # the original still hears what it heard
    again = attached(twin)
    again.load_state_dict(its_attachment.state_dict())
    twin(BATCH)
    torch.testing.assert_close(again.loss(IDS), expected)


def test_a_removed_attachment_says_so() -> None:
    student = network()
    attachment = attached(student)
    attachment.remove()
    student(BATCH)
    with pytest.raises(RuntimeError, match="attachment was removed"):
        attachment.loss(IDS)
