"""Factor analysis of many samples: how many factors there are, and which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32

if TYPE_CHECKING:
    from sklearn.decomposition import FactorAnalysis

_DIMENSIONS = (1, 2, 3, 4, 6, 8, 12, 16)
_MOST_COMPONENTS = max(_DIMENSIONS)
_MOST_ITERATIONS = 200
_LIKELIHOOD_TOLERANCE = 0.1
_MANY_UNITS = 100  # above, exact decompositions take minutes


def likeliest_n_factors(
    values: Float32[np.ndarray, "sample unit"],
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
) -> int:
    """Number of factors under which the held-out rows are likeliest, summed over the folds.

    Args:
        values: Samples as rows.
        folds: Rows to fit on and rows to hold out, for each fold.
    """
    most = min(_MOST_COMPONENTS, values.shape[-1] - 1)
    candidates = sorted({k for k in _DIMENSIONS if k <= most} | {max(most, 1)})
    score = np.zeros(len(candidates))
    for fit, held in folds:
        mean = values[fit].mean(0)
        condensed = condense(values[fit] - mean)
        for index, k in enumerate(candidates):
            model = fit_factors(condensed, k, len(fit))
            score[index] += model.score(values[held] - mean)
    return int(candidates[int(score.argmax())])


def fit_factors(
    condensed: Float[np.ndarray, "fewer unit"], n_factors: int, n_samples: int
) -> FactorAnalysis:
    """Factor analysis of samples of mean 0 that `condense` made fewer."""
    from sklearn.decomposition import FactorAnalysis

    return FactorAnalysis(
        n_factors,
        svd_method="lapack" if condensed.shape[-1] <= _MANY_UNITS else "randomized",
        max_iter=_MOST_ITERATIONS,
        tol=_LIKELIHOOD_TOLERANCE * len(condensed) / n_samples,  # it is a sum over rows
        random_state=0,
    ).fit(condensed)


def condense(centred: Float[np.ndarray, "sample unit"]) -> Float[np.ndarray, "fewer unit"]:
    """Fewer rows of mean 0 with the same covariance: all that factor analysis looks at."""
    n_samples, n_units = centred.shape
    if n_samples <= 2 * n_units:
        return centred
    root = np.linalg.qr(centred.astype(np.float64), mode="r") * np.sqrt(n_units / n_samples)
    return np.concatenate([root, -root])
