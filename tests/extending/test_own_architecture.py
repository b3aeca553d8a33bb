"""A recurrent cell of the user's own, as a student of a comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import b2m_drive as b2m
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_students import (
    N_KINDS,
    N_TIMES,
    SIZE,
    SequenceStudent,
    brain,
    in_time,
    seeded,
)


class MinimalGatedUnit(nn.Module):
    """A recurrent cell with a single gate (Zhou et al. 2016, arXiv 1603.09420)."""

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(n_inputs + n_hidden, n_hidden)
        self.candidate = nn.Linear(n_inputs + n_hidden, n_hidden)

    def forward(self, steps: Tensor) -> Tensor:
        hidden = steps.new_zeros(len(steps), self.gate.out_features)
        every = []
        for step in steps.unbind(1):
            gate = torch.sigmoid(self.gate(torch.cat([step, hidden], 1)))
            new = torch.tanh(self.candidate(torch.cat([step, gate * hidden], 1)))
            hidden = (1 - gate) * hidden + gate * new
            every.append(hidden)
        return torch.stack(every, 1)


class Recurrent(nn.Module):
    """The cell with a readout of its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = MinimalGatedUnit(SIZE * SIZE // N_TIMES, 16)
        self.decide = nn.Linear(16, N_KINDS)

    def forward(self, steps: Tensor) -> Tensor:
        return self.decide(self.cell(steps)[:, -1])


class RecurrentStudent(SequenceStudent):
    """The cell's hidden states are what the brain teaches, time by time."""

    name = "minimal gated unit"
    layer = "cell"

    def new_network(self, generator: torch.Generator) -> nn.Module:
        return seeded(Recurrent, generator)

    def seen(self, ids: np.ndarray) -> Tensor:  # type: ignore[override]
        return in_time(ids)


@pytest.mark.slow
def test_a_recurrent_cell_of_the_users_own_is_taught_over_time(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    budget = b2m.Budget(n_steps=4, evaluate_every=2, n_latents=3)
    compared = b2m.Comparison(
        RecurrentStudent(), brain(n_times=N_TIMES), seeds=(0, 1), budget=budget
    )
    run = compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    assert [each.method.strategy for each in b2m.verdicts_of(run)] == ["regression", "contrastive"]
    assert "minimal gated unit" in b2m.write_report(run.folder).read_text()
    curves = {str(name): curve.value for name, curve in run.curves.items()}
    assert (curves["alone"] == curves["alone_head"]).all()
