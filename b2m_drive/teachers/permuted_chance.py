"""Chance as it is measured: a figure of the same activity when trials have lost their labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.derangement import shuffled_within

_UPPER = 0.95  # quantile of chance


@dataclass(frozen=True)
class AgainstChance:
    """A figure beside the same figure with trials permuted."""

    value: float
    chance: float  # mean over permutations
    upper: float  # 95th percentile of them
    p_value: float  # share of permutations as high, itself among them


def against_chance(
    recording: TrialResponses,
    figure: Callable[[TrialResponses], float],
    n_permutations: int = 100,
    seed: int = 0,
) -> AgainstChance:
    """A figure beside those of permuted trials: which trial gave which activity is lost.

    Trials change places with trials of as many items, in a pseudo-population within their part.

    Returns:
        All NaN where the figure is; permutations without it do not count.

    Raises:
        ValueError: If there is no permutation to be made.
    """
    if n_permutations < 1:
        raise ValueError(f"n_permutations: expected 1 or more, came {n_permutations}")
    value, generator = float(figure(recording)), np.random.default_rng(seed)
    permuted = np.array(
        [figure(_permuted(recording, generator)) for _ in range(n_permutations)], dtype=np.float64
    )
    permuted = permuted[~np.isnan(permuted)]
    if np.isnan(value) or not len(permuted):
        return AgainstChance(float("nan"), float("nan"), float("nan"), float("nan"))
    p_value = (1 + int((permuted >= value).sum())) / (1 + len(permuted))
    return AgainstChance(
        value, float(permuted.mean()), float(np.quantile(permuted, _UPPER)), p_value
    )


def _permuted(recording: TrialResponses, generator: np.random.Generator) -> TrialResponses:
    count = recording.trials.item_count
    stratum = count if recording.part is None else count + (count.max() + 1) * recording.part
    return replace(recording, values=recording.values[shuffled_within(stratum, generator)])
