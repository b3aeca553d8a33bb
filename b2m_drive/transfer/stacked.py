"""Transfer terms of many students at once, each with its own teacher and heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from b2m_drive.transfer.full_precision import widened
from b2m_drive.transfer.term import STRATEGIES, Strategy, TransferTerm


@dataclass(frozen=True)
class StudentTargets:
    """What one student is taught: latents by trial and window, and by which strategy."""

    strategy: Strategy
    values: Float32[Tensor, "trial window latent"]
    share_of_variance: Float32[Tensor, "phase latent"]


class StackedHeads(nn.Module):
    """Linear heads from each student's hidden state to its teacher's latents, one a phase.

    Teachers may differ in their number of latents; the missing ones are zero and weigh nothing.
    """

    # Buffers move with the heads to another device, and are not saved.
    values: Tensor  # [model trial window latent]
    share: Tensor  # [model phase latent]

    def __init__(
        self,
        targets: Sequence[StudentTargets],
        phase: Int64[Tensor, " window"],
        hidden_size: int,
        *,
        temperature: float,
        positions: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        n_phases = int(phase.max()) + 1
        self.phase = phase  # stays on the cpu, where a step's samples are chosen
        n_latents = max(each.values.shape[-1] for each in targets)
        values = torch.stack([_padded(each.values, n_latents) for each in targets])
        share = torch.stack([_padded(each.share_of_variance, n_latents) for each in targets])
        self.register_buffer("values", values, persistent=False)
        self.register_buffer("share", share, persistent=False)
        self._taught_by = [
            (TransferTerm(strategy, temperature, positions), models)
            for strategy in STRATEGIES
            if (models := [k for k, each in enumerate(targets) if each.strategy == strategy])
        ]
        start = torch.empty(n_phases, hidden_size, n_latents)
        start.uniform_(-(hidden_size**-0.5), hidden_size**-0.5, generator=generator)
        self.weight = nn.Parameter(start.repeat(len(targets), 1, 1, 1))
        self.bias = nn.Parameter(torch.zeros(len(targets), n_phases, n_latents))
        self._generator = generator

    def forward(
        self,
        hidden: Float[Tensor, "model batch time hidden"],
        row: Int64[Tensor, " batch"],
        window: Int64[Tensor, "batch time"],
    ) -> Float[Tensor, " model"]:
        """Each student's transfer loss on recorded trials.

        Args:
            hidden: The students' activity, on the device of the heads.
            row: Of each trial in the values of the targets, on the cpu.
            window: The window each step is paired with; negative: none. On the cpu.
        """
        taught, loss = window.clamp_min(0), widened(hidden.new_zeros(len(hidden)))
        phase = torch.where(window >= 0, self.phase[taught], -1)
        place = (row[:, None].to(hidden.device), taught.to(hidden.device))
        for term, models in self._taught_by:
            loss[models] = term.loss(
                hidden[models],
                partial(self._predict, models),
                self.values[models][:, *place],
                self.share[models],
                trial=row,
                phase=phase,
                generator=self._generator,
            )
        return loss

    def _predict(self, models: list[int], flat: Tensor, phase: int) -> Tensor:
        return torch.baddbmm(self.bias[models, phase, None], flat, self.weight[models, phase])


def _padded(values: Tensor, n_latents: int) -> Tensor:
    return nn.functional.pad(values, (0, n_latents - values.shape[-1]))
