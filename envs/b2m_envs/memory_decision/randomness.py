"""All randomness of a trial: one row of 32-bit words.

A generator fills rows one after another, so *n* rows drawn at once equal *n* rows drawn one by
one. That makes whole batches, the single environment and the batched one serve the same trials,
noise included, however far ahead any of them draws.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt32
from scipy.special import ndtri

QUANTILES = 1 << 16  # Gaussian noise takes its value from half a word


def draw_words(
    n_rows: int, n_words: int, generator: np.random.Generator
) -> UInt32[np.ndarray, "trial word"]:
    """Uniform 32-bit words, row by row."""
    return generator.integers(0, 1 << 32, size=(n_rows, n_words), dtype=np.uint32)


def uniform(words: UInt32[np.ndarray, "*axes"]) -> Float64[np.ndarray, "*axes"]:
    """One number in [0, 1) a word."""
    return np.asarray(words * 2.0**-32)


@cache
def gaussian_quantiles() -> Float32[np.ndarray, " quantile"]:
    """The standard normal distribution in 65,536 equally likely values, up to 4.3 deviations.

    A look-up is several times faster than drawing normal numbers, and bounds the noise.
    """
    return np.asarray(ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES), dtype=np.float32)


def words_for_noise(n_values: int) -> int:
    """Words that hold this many noise values, two a word."""
    return (n_values + 1) // 2


def draw_without_replacement(
    chance: Float64[np.ndarray, "trial pick"], n: int
) -> Int64[np.ndarray, "trial pick"]:
    """As many different numbers below ``n`` a row as there are chances (uniform in [0, 1)).

    Pick *j* chooses among the ``n - j`` numbers left: its rank among them, raised by one for each
    earlier pick that it passes.
    """
    picks = np.empty(chance.shape, dtype=np.int64)
    for position in range(chance.shape[1]):
        number = (chance[:, position] * (n - position)).astype(np.int64)
        for earlier in np.sort(picks[:, :position], axis=1).T:
            number += number >= earlier
        picks[:, position] = number
    return picks


def pick(
    chance: Float64[np.ndarray, " trial"], permitted: Bool[np.ndarray, "trial number"]
) -> Int64[np.ndarray, " trial"]:
    """One of the permitted numbers a row, each equally likely (0 where none is permitted)."""
    rank = (chance * permitted.sum(axis=1)).astype(np.int64)
    return np.asarray((permitted.cumsum(axis=1) > rank[:, None]).argmax(axis=1))
