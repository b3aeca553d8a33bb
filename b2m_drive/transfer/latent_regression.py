"""Brain Latent Transfer: the student's activations predict the latent dynamics of the brain."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from b2m_drive.transfer.full_precision import widened, without_autocast


def latent_regression_loss(
    prediction: Float[Tensor, "*model sample latent"],
    target: Float[Tensor, "*#model sample latent"],
    *,
    weight: Float[Tensor, "*#model latent"] | None = None,
    mask: Bool[Tensor, "*#model sample"] | Float[Tensor, "*#model sample"] | None = None,
) -> Float[Tensor, "*model"]:
    """Squared error of the predicted brain latents, weighted by each latent's share of variance.

    The regression term of Brain Latent Transfer (Brain2Model, arXiv 2506.20834).

    Args:
        prediction: Of a linear head on the student's activations.
        target: Latents of the brain at the same moments; without leading axes it teaches all
            models. Its values do not matter, and may be NaN, where the mask is 0.
        weight: Share of variance of each latent, not negative and not all zero, scaled here to sum
            to 1. None: equal shares.
        mask: True, or a positive weight, for the samples that count. None: all.

    Returns:
        One loss a model: the mean over the samples that count; 0 if none does. Half precision
        gives float32.
    """
    error = widened(prediction) - widened(target)
    if mask is not None:
        error = error.masked_fill((mask == 0)[..., None], 0.0)
    squared = error.square()
    if weight is None:
        by_sample = squared.mean(-1)
    else:
        loudness = widened(weight)
        share = loudness / loudness.sum(-1, keepdim=True)
        with without_autocast(squared):
            by_sample = (squared @ share[..., None]).squeeze(-1)
    if mask is None:
        return by_sample.sum(-1) / max(by_sample.shape[-1], 1)
    counted = mask.to(by_sample.dtype)
    smallest = torch.finfo(by_sample.dtype).tiny
    return (by_sample * counted).sum(-1) / counted.sum(-1).clamp_min(smallest)
