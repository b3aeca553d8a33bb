"""Brain Contrastive Transfer: activations and brain activity of one moment attract each other."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from b2m_drive.transfer.full_precision import widened, without_autocast

_SMALLEST_NORM = 1e-12  # below it a row has no direction, and takes part with similarity 0


def info_nce_loss(
    query: Float[Tensor, "*model pair latent"],
    key: Float[Tensor, "*#model pair latent"],
    *,
    temperature: float | Float[Tensor, "*#model"],
    exclude: Bool[Tensor, "*#model pair pair"] | None = None,
) -> Float[Tensor, "*model"]:
    """Symmetric InfoNCE over cosine similarities.

    Row *i* of query and of key are the positive pair, all other rows its negatives. The loss is
    eq. 4 of van den Oord et al. 2018 (arXiv 1807.03748), averaged over both directions (query
    looks for key, key looks for query) as in CLIP (Radford et al. 2021, arXiv 2103.00020), and
    over pairs. It is about ``log(pair)`` for unrelated rows and 0 for perfect alignment at a low
    temperature.

    Args:
        query: Activations of the student, projected to the size of the key.
        key: Activity of the brain at the same moments; without leading axes it teaches all models.
        temperature: Positive; divides the similarities. A tensor may hold one a model.
        exclude: Marks (query, key) pairs that may not serve as negatives. The diagonal is ignored.

    Returns:
        One loss a model; 0 if there are no pairs. Half precision gives float32.

    Raises:
        ValueError: If a number given as temperature is not positive.
    """
    if isinstance(temperature, Tensor):
        divisor: float | Tensor = temperature[..., None, None]
    elif temperature > 0:
        divisor = temperature
    else:
        raise ValueError(f"temperature: expected a positive number, came {temperature}")
    with without_autocast(query):
        similarity = _direction(widened(query)) @ _direction(widened(key)).mT / divisor
    if exclude is not None:
        positive = torch.eye(similarity.shape[-1], dtype=torch.bool, device=similarity.device)
        similarity = similarity.masked_fill(exclude & ~positive, -torch.inf)
    own = similarity.diagonal(dim1=-2, dim2=-1)
    surprise = (similarity.logsumexp(-1) + similarity.logsumexp(-2)) / 2 - own
    return surprise.sum(-1) / max(surprise.shape[-1], 1)


def near_in_time(
    trial: Int[Tensor, "*model pair"], step: Int[Tensor, "*model pair"], within: int | None
) -> Bool[Tensor, "*model pair pair"]:
    """Mark the pairs of rows so near in time that neither is a fair negative for the other.

    Neural activity changes slowly, so neighbouring steps of a trial are nearly the same moment.

    Args:
        trial: The trial that each row comes from.
        step: Its time step in that trial.
        within: Rows of one trial at most so many steps apart are near; None: all rows of a trial.

    Raises:
        ValueError: If ``within`` is negative.
    """
    same_trial = trial[..., :, None] == trial[..., None, :]
    if within is None:
        return same_trial
    if within < 0:
        raise ValueError(f"within: expected a number of steps of at least 0, came {within}")
    return same_trial & ((step[..., :, None] - step[..., None, :]).abs() <= within)


def sample_positions(
    valid: Bool[Tensor, "batch time"], k: int, generator: torch.Generator | None = None
) -> tuple[Int64[Tensor, " position"], Int64[Tensor, " position"]]:
    """Draw k valid time steps from every trial, without replacement as far as they go.

    A trial with fewer than k valid steps gives each of them, then repeats them evenly.

    Args:
        valid: The steps to draw from.
        k: Steps a trial.
        generator: Source of randomness; None: PyTorch's global one.

    Returns:
        Row and step of each position, ``batch * k`` of them, trial after trial.

    Raises:
        ValueError: If k is below 1 or a trial has no valid step.
    """
    if k < 1:
        raise ValueError(f"k: expected at least 1 step a trial, came {k}")
    n_valid = valid.sum(1, keepdim=True)
    if not n_valid.all():
        empty = (n_valid == 0).flatten().nonzero().flatten().tolist()
        raise ValueError(f"valid: expected at least one valid step a trial, none in rows {empty}")
    lottery_device = valid.device if generator is None else generator.device
    lottery = torch.rand(valid.shape, generator=generator, device=lottery_device).to(valid.device)
    shuffled_steps = lottery.masked_fill(~valid, 2.0).argsort(1)  # the valid ones come first
    place = torch.arange(k, device=valid.device) % n_valid
    step = shuffled_steps.gather(1, place).flatten()
    row = torch.arange(len(valid), device=valid.device).repeat_interleave(k)
    return row, step


def _direction(rows: Float[Tensor, "*model pair latent"]) -> Float[Tensor, "*model pair latent"]:
    """Rows at unit length; rows of length zero stay zero and keep a finite gradient."""
    norm: Tensor = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return rows / norm.masked_fill(norm < _SMALLEST_NORM, 1.0)
