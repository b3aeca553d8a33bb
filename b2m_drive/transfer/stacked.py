"""Transfer terms of many students at once, each with its own teacher and heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from b2m_drive.transfer.attachment import Strategy
from b2m_drive.transfer.contrastive import info_nce_loss, near_in_time, sample_positions
from b2m_drive.transfer.latent_regression import latent_regression_loss


@dataclass(frozen=True)
class Lesson:
    """What one student is taught: latents by trial and window, and by which strategy."""

    strategy: Strategy
    values: Float32[Tensor, "trial window latent"]
    share_of_variance: Float32[Tensor, "phase latent"]


class StackedLessons(nn.Module):
    """Linear heads from each student's hidden state to its teacher's latents, one a phase.

    Teachers may differ in their number of latents; the missing ones are zero and weigh nothing.
    """

    def __init__(
        self,
        lessons: Sequence[Lesson],
        phase: Int64[Tensor, " window"],
        hidden_size: int,
        *,
        temperature: float,
        positions: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        n_phases = int(phase.max()) + 1
        n_latents = max(lesson.values.shape[-1] for lesson in lessons)
        self.phase, self.temperature, self.positions = phase, temperature, positions
        self.values = torch.stack([_padded(each.values, n_latents) for each in lessons])
        self.share = torch.stack([_padded(each.share_of_variance, n_latents) for each in lessons])
        self.regressed = [k for k, each in enumerate(lessons) if each.strategy == "regression"]
        self.contrasted = [k for k, each in enumerate(lessons) if each.strategy == "contrastive"]
        start = torch.empty(n_phases, hidden_size, n_latents)
        start.uniform_(-(hidden_size**-0.5), hidden_size**-0.5, generator=generator)
        self.weight = nn.Parameter(start.repeat(len(lessons), 1, 1, 1))
        self.bias = nn.Parameter(torch.zeros(len(lessons), n_phases, n_latents))
        self._generator = generator

    def forward(
        self,
        hidden: Float[Tensor, "model batch time hidden"],
        row: Int64[Tensor, " batch"],
        window: Int64[Tensor, "batch time"],
    ) -> Float[Tensor, " model"]:
        """Each student's transfer loss on recorded trials.

        Args:
            hidden: The students' activity.
            row: Of each trial in the lessons' values.
            window: The window each step is paired with; negative: none.
        """
        loss = hidden.new_zeros(len(hidden))
        if self.regressed:
            loss[self.regressed] = self._regression(hidden, row, window)
        if self.contrasted:
            loss[self.contrasted] = self._contrast(hidden, row, window)
        return loss

    def _regression(self, hidden: Tensor, row: Tensor, window: Tensor) -> Tensor:
        """The mean over phases of the phase's latent regression."""
        taught = window.clamp_min(0)
        target = self.values[self.regressed][:, row[:, None], taught].flatten(1, 2)
        flat = hidden[self.regressed].flatten(1, 2)
        terms = []
        for phase, mask in self._phase_masks(window):
            terms.append(
                latent_regression_loss(
                    self._predict(flat, self.regressed, phase),
                    target,
                    weight=self.share[self.regressed, phase],
                    mask=mask.flatten(),
                )
            )
        return torch.stack(terms).mean(0)

    def _contrast(self, hidden: Tensor, row: Tensor, window: Tensor) -> Tensor:
        """The mean over phases of the phase's InfoNCE at a few random steps of each trial."""
        terms = []
        for phase, mask in self._phase_masks(window):
            trial, step = sample_positions(mask, self.positions, self._generator)
            query = self._predict(hidden[self.contrasted][:, trial, step], self.contrasted, phase)
            key = self.values[self.contrasted][:, row[trial], window[trial, step]]
            scale = self.share[self.contrasted, phase].sqrt()[:, None]
            terms.append(
                info_nce_loss(
                    query,
                    key * scale,
                    temperature=self.temperature,
                    exclude=near_in_time(row[trial], step, within=None),
                )
            )
        return torch.stack(terms).mean(0)

    def _predict(self, flat: Tensor, models: list[int], phase: int) -> Tensor:
        return torch.baddbmm(self.bias[models, phase, None], flat, self.weight[models, phase])

    def _phase_masks(self, window: Tensor) -> list[tuple[int, Tensor]]:
        """The steps of each phase, phases that no step belongs to left out."""
        phase_of_step = torch.where(window >= 0, self.phase[window.clamp_min(0)], -1)
        masks = [(k, phase_of_step == k) for k in range(int(self.phase.max()) + 1)]
        return [(k, mask) for k, mask in masks if mask.any()]


def _padded(values: Tensor, n_latents: int) -> Tensor:
    return nn.functional.pad(values, (0, n_latents - values.shape[-1]))
