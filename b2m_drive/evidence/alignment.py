"""How alike two representations are: kernel alignment, similarity of geometry, predictivity.

All take samples in rows: the same moment of the same trial in both, one feature (hidden unit,
neuron, latent) a column. An average over samples includes the time within the trial: two
systems that both follow the events of a trial are alike to that degree, so alignment is read
beside that of untaught students, never alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float64, Int64

_NO_SPREAD = 1e-10  # standard deviation, beside the largest value, under which a feature is flat
_N_FOLDS = 5
_PENALTIES = np.logspace(-1, 5, 7)  # of the ridge regression, for predictors of mean variance 1


def alignment_scores(
    student: Float[np.ndarray, "sample feature"],
    brain: Float[np.ndarray, "sample unit"],
    trial: Int64[np.ndarray, " sample"],
) -> dict[str, float]:
    """All three scores of a student against a brain; one that is undefined is left out.

    Undefined means: too few samples or trials, or a side that does not vary.
    """
    measures: dict[str, Callable[[], float]] = {
        "cka": lambda: debiased_linear_cka(student, brain),
        "rsa": lambda: rsa_score(student, brain),
        "predictivity": lambda: predictivity_score(student, brain, trial),
    }
    found = {}
    for name, measure in measures.items():
        try:
            found[name] = measure()
        except UndefinedAlignmentError:
            continue
    return found


class UndefinedAlignmentError(ValueError):
    """The data do not define the score: too few samples, or nothing varies."""


def linear_cka(
    first: Float[np.ndarray, "sample feature"], second: Float[np.ndarray, "sample other"]
) -> float:
    """Linear centered kernel alignment (Kornblith, S., et al. 2019, arXiv 1905.00414).

    From 0 to 1; unchanged by rotation and scaling. Biased upwards when features are not few
    beside samples: then use `debiased_linear_cka`.
    """
    X, Y = _varying(first, second)
    cross = float(((X.T @ Y) ** 2).sum())
    return cross / float(np.linalg.norm(X.T @ X) * np.linalg.norm(Y.T @ Y))


def debiased_linear_cka(
    first: Float[np.ndarray, "sample feature"], second: Float[np.ndarray, "sample other"]
) -> float:
    """Linear CKA from the unbiased HSIC of Song et al. (2012, JMLR 13, eq. 5).

    1 for identical representations, about 0 (also below) for independent ones, however many
    features they have. A side whose own unbiased HSIC is not above zero has no defined score.
    """
    X, Y = _varying(first, second)
    if len(X) < 4:
        raise UndefinedAlignmentError(f"CKA: expected at least 4 samples, came {len(X)}")
    own = _unbiased_hsic(X, X), _unbiased_hsic(Y, Y)
    if min(own) <= 0:
        raise UndefinedAlignmentError("CKA: a representation has no structure beyond noise")
    return _unbiased_hsic(X, Y) / float(np.sqrt(own[0] * own[1]))


def rsa_score(
    first: Float[np.ndarray, "sample feature"], second: Float[np.ndarray, "sample other"]
) -> float:
    """Representational similarity: Spearman correlation of two dissimilarity matrices.

    Dissimilarity is 1 minus the correlation of two samples' patterns (Kriegeskorte et al. 2008,
    doi 10.3389/neuro.06.004.2008). Features are z-scored first, lest a unit's mean rate make all
    samples alike. Samples whose pattern is flat have no correlation and are left out.
    """
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    X, Y = (_z_scored(each) for each in _varying(first, second))
    if min(X.shape[1], Y.shape[1]) < 2:
        raise UndefinedAlignmentError("RSA: expected at least 2 features that vary on each side")
    kept = (X.std(1) > _NO_SPREAD) & (Y.std(1) > _NO_SPREAD)
    if kept.sum() < 3:
        raise UndefinedAlignmentError(f"RSA: expected at least 3 samples, came {kept.sum()}")
    distances = [pdist(each[kept], "correlation") for each in (X, Y)]
    if min(np.ptp(each) for each in distances) <= _NO_SPREAD:
        raise UndefinedAlignmentError("RSA: all samples of a side are equally dissimilar")
    return float(spearmanr(*distances).statistic)


def predictivity_score(
    predictor: Float[np.ndarray, "sample feature"],
    predicted: Float[np.ndarray, "sample unit"],
    trial: Int64[np.ndarray, " sample"],
) -> float:
    """Share of the units' variance that ridge regression predicts in trials it has not seen.

    Folds keep the samples of a trial together; the penalty is chosen inside the training folds.
    R2 is taken about the training folds' mean, and averaged over units that vary: 1 is perfect,
    0 as good as the mean, below 0 worse.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold

    X, Y = _varying(predictor, predicted)
    n_trials = len(np.unique(trial))
    if n_trials < _N_FOLDS:
        raise UndefinedAlignmentError(
            f"predictivity: expected at least {_N_FOLDS} trials, came {n_trials}"
        )
    residual, total = np.zeros(Y.shape[1]), np.zeros(Y.shape[1])
    for fit, held in GroupKFold(_N_FOLDS).split(predictor, groups=trial):
        # One scale for all: a hidden unit that is saturated in training, z-scored by its own
        # tiny deviation, would explode in the held-out trials where it moves.
        scale = np.sqrt(X[fit].var(0).mean())
        scaled = (X - X[fit].mean(0)) / max(scale, _NO_SPREAD)
        model = RidgeCV(_PENALTIES).fit(scaled[fit], Y[fit])
        estimate = model.predict(scaled[held]).reshape(len(held), -1)
        residual += ((Y[held] - estimate) ** 2).sum(0)
        total += ((Y[held] - Y[fit].mean(0)) ** 2).sum(0)
    return float((1 - residual / total).mean())


def _varying(
    first: Float[np.ndarray, "sample _"], second: Float[np.ndarray, "sample _"]
) -> tuple[Float64[np.ndarray, "sample _"], Float64[np.ndarray, "sample _"]]:
    """Both sides centred, in double precision, without features that never change."""
    if len(first) != len(second):
        raise ValueError(
            f"expected as many samples on both sides, came {len(first)}, {len(second)}"
        )
    sides = []
    for name, side in (("first", first), ("second", second)):
        values = side.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} representation: expected finite values")
        largest = np.abs(values).max(initial=0.0)
        values = values[:, values.std(0) > _NO_SPREAD * max(largest, 1e-300)]
        if not values.size:
            raise UndefinedAlignmentError(f"{name} representation does not vary over samples")
        sides.append(values - values.mean(0))
    return sides[0], sides[1]


def _unbiased_hsic(
    X: Float64[np.ndarray, "sample feature"], Y: Float64[np.ndarray, "sample other"]
) -> float:
    """Song et al.'s eq. 5 for linear kernels of centred data, without the kernel matrices.

    With centred columns a kernel's row sums to zero, so without its diagonal to minus the latter.
    """
    n = len(X)
    x, y = (X**2).sum(1), (Y**2).sum(1)  # diagonals of both kernels
    together = ((X.T @ Y) ** 2).sum() - x @ y
    independent = x.sum() * y.sum() / ((n - 1) * (n - 2))
    by_row = 2 * (x @ y) / (n - 2)
    return float((together + independent - by_row) / (n * (n - 3)))


def _z_scored(
    values: Float64[np.ndarray, "sample feature"],
) -> Float64[np.ndarray, "sample feature"]:
    scaled: np.ndarray = (values - values.mean(0)) / values.std(0)
    return scaled
