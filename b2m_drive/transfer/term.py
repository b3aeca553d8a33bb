"""The transfer term: how far a layer is from the brain, the same sum wherever a network learns.

`b2m_drive.transfer.attach`, the stacked students of the comparisons and reinforcement learning all
take it from here, so that a user's own loop trains what the comparisons judge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from b2m_drive.transfer.contrastive import info_nce_loss, near_in_time, sample_positions
from b2m_drive.transfer.latent_regression import latent_regression_loss

Strategy = Literal["regression", "contrastive"]
STRATEGIES: tuple[Strategy, ...] = ("regression", "contrastive")
# Head of a phase: features [*model sample feature] and the phase's index to latents.
Head: TypeAlias = Callable[[Tensor, int], Tensor]


def transfer_loss(
    strategy: Strategy,
    prediction: Float[Tensor, "*model sample latent"],
    target: Float[Tensor, "*#model sample latent"],
    share: Float[Tensor, "*#model latent"],
    *,
    temperature: float | Float[Tensor, ""],
    mask: Bool[Tensor, " sample"] | None = None,
    exclude: Bool[Tensor, "sample sample"] | None = None,
) -> Float[Tensor, "*model"]:
    """Disagreement of predicted latents with the brain's, in which louder latents count more.

    In regression each squared error counts by its latent's share of variance. In contrastive
    transfer only directions matter, and the share decides them: targets are scaled by its root, so
    that a standardised latent has the variance that it had in the brain.

    Args:
        strategy: ``"regression"`` or ``"contrastive"``.
        prediction: Of a linear head on the student's activations.
        target: The brain's latents at the same moments, standardised.
        share: Of variance of each latent, not negative and not all zero.
        temperature: Of the contrastive loss.
        mask: Samples that count in regression; None: all.
        exclude: Pairs that are no negatives in the contrastive loss.
    """
    if strategy == "regression":
        return latent_regression_loss(prediction, target, weight=share, mask=mask)
    loud = target * share.sqrt()[..., None, :]
    return info_nce_loss(prediction, loud, temperature=temperature, exclude=exclude)


@dataclass(frozen=True)
class TransferTerm:
    """How trials are taught step by step: which steps count, and against which others."""

    strategy: Strategy = "regression"
    temperature: float = 0.2  # of the contrastive loss
    positions: int = 2  # steps of each trial and phase that the contrastive loss draws
    exclude_within: int | None = None  # [time steps] nearer ones are no negatives; None: a trial's

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy: expected one of {STRATEGIES}, came {self.strategy!r}")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"temperature: expected a positive number, came {self.temperature}")
        if self.positions < 1:
            raise ValueError(f"positions: expected at least 1 a trial, came {self.positions}")
        if self.exclude_within is not None and self.exclude_within < 0:
            raise ValueError(
                "exclude_within: expected a number of steps of at least 0 or None, "
                f"came {self.exclude_within}"
            )

    def loss(
        self,
        features: Float[Tensor, "*model trial time feature"],
        head: Head,
        target: Float[Tensor, "*#model trial time latent"],
        share: Float[Tensor, "*#model phase latent"],
        *,
        trial: Int64[Tensor, " trial"],
        phase: Int64[Tensor, "trial time"],
        temperature: float | Float[Tensor, ""] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "*model"]:
        """The mean over phases of each phase's loss; a phase that no step has is left out.

        Args:
            features: Activity of the taught layer.
            head: Of each phase, from features to latents.
            target: Latents of the brain. They do not matter where the phase is negative.
            share: Of variance, of each phase's latents.
            trial: Number of each; an equal one may come twice, and is no negative of itself.
            phase: Of each step; negative: nothing teaches it. Beside features on a GPU, trial and
                phase are best left on the cpu: which steps are chosen is asked of them, and the
                GPU need not be waited for.
            temperature: Learned, in place of the term's own.
            generator: Of the steps that the contrastive loss draws; None: PyTorch's global one.

        Returns:
            One loss a model; 0 if no step is taught.
        """
        chosen = self.temperature if temperature is None else temperature
        of_phase = self._regression if self.strategy == "regression" else self._contrast
        losses = []
        for index in range(share.shape[-2]):
            taught = phase == index
            if taught.any():
                read = _Read(features, target, share[..., index, :], trial, taught, head, index)
                losses.append(of_phase(read, chosen, generator))
        if not losses:
            nothing = head(features.flatten(-3, -2)[..., :0, :], 0)
            return nothing.flatten(-2).sum(-1)  # 0, through which a gradient of 0 flows
        return torch.stack(losses).mean(0)

    def _regression(
        self, read: _Read, temperature: float | Tensor, generator: torch.Generator | None
    ) -> Tensor:
        return transfer_loss(
            "regression",
            read.head(read.features.flatten(-3, -2), read.phase),
            read.target.flatten(-3, -2),
            read.share,
            temperature=temperature,
            mask=read.taught.flatten().to(read.features.device),
        )

    def _contrast(
        self, read: _Read, temperature: float | Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """InfoNCE at a few random steps of each trial that has any."""
        there = read.taught.any(1).nonzero().flatten()
        per_trial = min(self.positions, read.taught.shape[1])
        row, step = sample_positions(read.taught[there], per_trial, generator)
        row, on = there[row], read.features.device
        exclude = near_in_time(read.trial[row], step, self.exclude_within).to(on)
        row, step = row.to(on), step.to(on)
        return transfer_loss(
            "contrastive",
            read.head(read.features[..., row, step, :], read.phase),
            read.target[..., row, step, :],
            read.share,
            temperature=temperature,
            exclude=exclude,
        )


@dataclass(frozen=True)
class _Read:
    """One phase of a batch."""

    features: Float[Tensor, "*model trial time feature"]
    target: Float[Tensor, "*#model trial time latent"]
    share: Float[Tensor, "*#model latent"]
    trial: Int[Tensor, " trial"]
    taught: Bool[Tensor, "trial time"]
    head: Head
    phase: int
