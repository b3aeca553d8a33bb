"""Ridge regression at many penalties at once, and the penalty that predicts unseen groups best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

_MOST_FEATURES = 1000  # whose covariance is decomposed in a second


def ridge_predictions(
    features: Float64[np.ndarray, "row feature"],
    targets: Float64[np.ndarray, "row target"],
    fit: Bool[np.ndarray, " row"],
    held: Bool[np.ndarray, " row"],
    penalties: Sequence[float] | Float64[np.ndarray, " penalty"],
) -> list[Float64[np.ndarray, "held_row target"]]:
    """What a fit on some rows says of others, for each penalty, by one decomposition.

    Args:
        features: One scale for all of them, as z-scores have.
        targets: To predict.
        fit: Rows to fit on.
        held: Rows to predict.
        penalties: Of a row: the weights' squares count this much beside each row's mean error.
    """
    centre, mean = features[fit].mean(0), targets[fit].mean(0)
    known, unknown = features[fit] - centre, features[held] - centre
    value, vector = _principal_axes(known)
    covariance = vector.T @ (known.T @ (targets[fit] - mean) / fit.sum())
    unknown = unknown @ vector
    value = np.maximum(value, 0.0)[:, None]
    return [unknown @ (covariance / (value + strength)) + mean for strength in penalties]


def _principal_axes(
    known: Float64[np.ndarray, "row feature"],
) -> tuple[Float64[np.ndarray, " _"], Float64[np.ndarray, "feature _"]]:
    """Variances and axes; of very many features, more than rows, those of the rows only.

    What lies outside of the rows' span has no covariance with anything, and no weight in a ridge
    regression: leaving it out changes nothing but the time that it takes.
    """
    if known.shape[1] <= max(_MOST_FEATURES, len(known)):
        return np.linalg.eigh(known.T @ known / len(known))
    _, size, axes = np.linalg.svd(known, full_matrices=False)
    return size**2 / len(known), axes.T


def errors_in_unseen_groups(
    features: Float[np.ndarray, "row feature"],
    targets: Float[np.ndarray, "row target"],
    group: Int64[np.ndarray, " row"],
    penalties: Sequence[float],
    n_folds: int,
) -> Float64[np.ndarray, "penalty target"]:
    """Squared error of each target at each penalty, in groups of rows that the fit has not seen.

    To choose a penalty by. Leaving out single rows chooses too little where the rows of a group
    are alike: what one row says of its neighbour is taken for what it says of the world.

    Args:
        features: One scale for all of them, as z-scores have.
        targets: To predict.
        group: Rows of a group are held out together.
        penalties: As scikit-learn's ``alpha``: beside the sum over the rows of a fit.
        n_folds: Parts into which the groups are dealt, each held out once.

    Raises:
        ValueError: If there are fewer than two groups.
    """
    groups, index = np.unique(group, return_inverse=True)
    if len(groups) < 2:
        raise ValueError(f"group: expected at least 2 to hold one out, came {len(groups)}")
    fold = index.ravel() % min(n_folds, len(groups))
    X, Y = features.astype(np.float64), targets.astype(np.float64)
    error = np.zeros((len(penalties), Y.shape[1]))
    for held in np.unique(fold):
        unseen = fold == held
        predicted = ridge_predictions(X, Y, ~unseen, unseen, np.array(penalties) / (~unseen).sum())
        error += [((Y[unseen] - each) ** 2).sum(0) for each in predicted]
    return error
