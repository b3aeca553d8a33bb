"""What a stimulus looks like to a network: its code vector."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float32, Float64

from b2m_envs.memory_decision.settings import TrialSettings


def stimulus_codes(settings: TrialSettings) -> Float32[np.ndarray, "stimulus feature"]:
    """Code vectors of the task's stimuli: a given array as it is, drawn ones of unit length.

    Drawn codes come from a seed of their own, ``codes_seed``; ``None`` gives other codes each
    time. Stimulus *k* belongs to category ``k % n_categories``.
    """
    if isinstance(settings.codes, np.ndarray):
        return settings.codes.astype(np.float32)
    generator = np.random.default_rng(settings.codes_seed)
    if settings.codes == "random":
        codes = random_codes(settings.n_stimuli, settings.code_size, generator)
    else:
        codes = category_codes(
            settings.n_stimuli,
            settings.code_size,
            settings.n_categories,
            settings.category_share,
            generator,
        )
    return codes.astype(np.float32)


def random_codes(
    n_stimuli: int, code_size: int, generator: np.random.Generator
) -> Float64[np.ndarray, "stimulus feature"]:
    """Independent random directions of unit length."""
    return _unit_length(generator.standard_normal((n_stimuli, code_size)))


def category_codes(
    n_stimuli: int,
    code_size: int,
    n_categories: int,
    category_share: float,
    generator: np.random.Generator,
) -> Float64[np.ndarray, "stimulus feature"]:
    """A centre shared by the category plus a part of the stimulus's own, of unit length.

    Both parts are random directions; ``category_share`` is the share of variance of the first.
    """
    centre = random_codes(n_categories, code_size, generator)
    individual = random_codes(n_stimuli, code_size, generator)
    category = np.arange(n_stimuli) % n_categories
    return _unit_length(
        math.sqrt(category_share) * centre[category] + math.sqrt(1 - category_share) * individual
    )


def _unit_length(
    vectors: Float64[np.ndarray, "stimulus feature"],
) -> Float64[np.ndarray, "stimulus feature"]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
