"""Tuning that stimuli of one category share: stimulus *k* belongs to ``k % n_categories``."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

_NO_SPREAD = 1e-12  # [Hz] stands for the spread of a tuning that has none


def widened_to_categories(
    share: float,
    n_categories: int,
    response: Float64[np.ndarray, "stimulus unit"],
    dealt: Int64[np.ndarray, " unit"],
) -> Float64[np.ndarray, "stimulus unit"]:
    """Responses also to the category of the stimulus that each unit was dealt.

    Of their variance over stimuli, which stays, the category has a share.
    """
    category = np.arange(len(response)) % n_categories
    of_category = (category[:, None] == category[dealt]).astype(np.float64)
    spread = response.std(0)
    of_category *= spread / np.maximum(of_category.std(0), _NO_SPREAD)
    mixture = _mixed_by_variance(share, response, of_category)
    widened: Float64[np.ndarray, "stimulus unit"] = mixture * (
        spread / np.maximum(mixture.std(0), _NO_SPREAD)
    )
    return widened


def with_categories(
    share: float,
    n_categories: int,
    own: Float64[np.ndarray, "position stimulus unit"],
    generator: np.random.Generator,
) -> Float64[np.ndarray, "position stimulus unit"]:
    """Random tuning of which the category has its share of the variance."""
    n_positions, n_stimuli, n_units = own.shape
    centre = generator.normal(size=(n_positions, n_categories, n_units))
    category = np.arange(n_stimuli) % n_categories
    return _mixed_by_variance(share, own, centre[:, category])


def _mixed_by_variance(
    share: float, own: Float64[np.ndarray, "*tuning"], shared: Float64[np.ndarray, "*tuning"]
) -> Float64[np.ndarray, "*tuning"]:
    mixture: Float64[np.ndarray, "*tuning"] = np.sqrt(1 - share) * own + np.sqrt(share) * shared
    return mixture
