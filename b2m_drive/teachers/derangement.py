"""Random orders in which nothing stays in its place: what shuffled nulls are made with."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64


def derangement(n: int, generator: np.random.Generator) -> np.ndarray:
    """A random order in which nothing stays in its place: a random cycle through all."""
    order = generator.permutation(n)
    moved = np.empty(n, dtype=np.int64)
    moved[order] = np.roll(order, 1)
    return moved


def shuffled_within(
    group: Int64[np.ndarray, " row"], generator: np.random.Generator
) -> Int64[np.ndarray, " row"]:
    """An order in which rows change places with others of their group; one alone stays."""
    order = np.arange(len(group), dtype=np.int64)
    for each in np.unique(group):
        rows = np.flatnonzero(group == each)
        order[rows] = rows[derangement(len(rows), generator)]
    return order
