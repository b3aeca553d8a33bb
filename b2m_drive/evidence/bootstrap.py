"""Means over trainings and episodes, and the bootstrap intervals of those."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

from b2m_drive.evidence.statistics import LEVEL, Interval

# From many samples at once to one number each.
Statistic: TypeAlias = Callable[
    [Float64[np.ndarray, "*sample value"]], Float64[np.ndarray, "*sample"]
]

_N_RESAMPLES = 10_000
_AT_ONCE = 2**22  # values of resamples in memory


def mean(values: Float64[np.ndarray, "*sample value"]) -> Float64[np.ndarray, "*sample"]:
    """The mean of each sample."""
    return np.asarray(values.mean(axis=-1))


def interquartile_mean(
    values: Float64[np.ndarray, "*sample value"],
) -> Float64[np.ndarray, "*sample"]:
    """The mean of each sample's middle half (Agarwal et al. 2021, section 4.3).

    Outliers do not move it as they move the mean, and it needs fewer trainings than the median.
    A quarter of the values is cut at either end, rounded down to whole values. NaN if one is.
    """
    ordered = np.sort(values, axis=-1)  # NaN last
    n = ordered.shape[-1]
    middle = ordered[..., n // 4 : n - n // 4].mean(axis=-1)
    return np.asarray(np.where(np.isnan(ordered[..., -1]), np.nan, middle))


def bootstrap_interval(
    values: Float64[np.ndarray, "training episode"],
    generator: np.random.Generator,
    statistic: Statistic = mean,
) -> Interval:
    """A statistic over trainings and episodes, with its 95 % percentile bootstrap interval.

    Every training drove the same episodes. So trainings and episodes are drawn anew, with
    replacement and each on their own (the pigeonhole bootstrap, Owen 2007): what the episodes
    have in common, and what a training is worth in all of them, both widen the interval. To draw
    a training anew for each episode, as is done for benchmarks whose tasks are fixed (Agarwal et
    al. 2021), would hide how much trainings differ. One training leaves the episodes alone to be
    drawn, and the interval says nothing of other trainings. Of fewer than five trainings a
    bootstrap's interval is far too narrow; `crossed_difference` has one for the mean.

    Raises:
        ValueError: If there are no values, or some are not finite.
    """
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"expected finite values, came {values}")
    n_trainings, n_episodes = values.shape
    resampled = []
    block = max(1, _AT_ONCE // values.size)
    for first in range(0, _N_RESAMPLES, block):
        n = min(block, _N_RESAMPLES - first)
        trainings = generator.integers(n_trainings, size=(n, n_trainings, 1))
        episodes = generator.integers(n_episodes, size=(n, 1, n_episodes))
        resampled.append(statistic(values[trainings, episodes].reshape(n, -1)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(resampled), (tail, 1 - tail))
    return Interval(float(statistic(values.reshape(-1))), float(low), float(high), values.size)
