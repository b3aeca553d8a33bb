"""How alike two representations are: kernel alignment, similarity of geometry, predictivity.

All take samples in rows: the same moment of the same trial in both, one feature (hidden unit,
neuron, latent) a column. Samples of one trial are not independent (activity outlasts a sample), so
no score compares a sample with another of its own trial: two recordings that only change slowly
would seem alike. An average over samples includes the time within the trial: two systems that both
follow the events of a trial are alike to that degree, so alignment is read beside that of untaught
students, never alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from b2m_drive.teachers.ridge import errors_in_unseen_groups, ridge_predictions
from b2m_drive.teachers.spread import at_ease, varies

_DIGITS = 9  # of a dissimilarity from 0 to 2: ties must not be broken by rounding
_N_FOLDS = 5
_PENALTIES = tuple(10.0 ** np.arange(-1, 8))  # of z-scored predictors, beside the sum over samples
_FEWEST_TO_COMPARE = 4  # trials: the unbiased estimate takes four different ones together


def alignment_scores(
    student: Float[np.ndarray, "sample feature"],
    brain: Float[np.ndarray, "sample unit"],
    trial: Int64[np.ndarray, " sample"],
) -> dict[str, float]:
    """All three scores of a student against a brain; one that is undefined is left out.

    Undefined means: too few samples or trials, or a side that does not vary.
    """
    measures: dict[str, Callable[[], float]] = {
        "cka": lambda: debiased_linear_cka(student, brain, trial),
        "rsa": lambda: rsa_score(student, brain, trial),
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


def debiased_linear_cka(
    first: Float[np.ndarray, "sample feature"],
    second: Float[np.ndarray, "sample other"],
    trial: Int64[np.ndarray, " sample"],
) -> float:
    """Linear CKA from the unbiased HSIC of Song et al. (2012, JMLR 13, eq. 5), between trials.

    The average over pairs of different samples is taken over pairs of different trials, each trial
    with the same weight; with one sample a trial that is their estimate. 1 for identical
    representations, about 0 (also below) for independent ones, however many features they have
    and however slowly they change within a trial. A side whose own unbiased HSIC is not above zero
    has no defined score.

    Args:
        first: One representation.
        second: Another, of the same samples.
        trial: Of each sample; samples of different trials are taken for independent.
    """
    X, Y = _varying(first, second)
    groups, index = np.unique(trial, return_inverse=True)
    if len(groups) < _FEWEST_TO_COMPARE:
        raise UndefinedAlignmentError(
            f"CKA: expected at least {_FEWEST_TO_COMPARE} trials, came {len(groups)}"
        )
    row = index.ravel()
    own = _unbiased_hsic(X, X, row), _unbiased_hsic(Y, Y, row)
    if min(own) <= 0:
        raise UndefinedAlignmentError("CKA: a representation has no structure beyond noise")
    return _unbiased_hsic(X, Y, row) / float(np.sqrt(own[0] * own[1]))


def rsa_score(
    first: Float[np.ndarray, "sample feature"],
    second: Float[np.ndarray, "sample other"],
    trial: Int64[np.ndarray, " sample"],
) -> float:
    """Representational similarity: Spearman correlation of two dissimilarity matrices.

    Dissimilarity is 1 minus the correlation of two samples' patterns (Kriegeskorte et al. 2008,
    doi 10.3389/neuro.06.004.2008), of samples of different trials only. Features are z-scored
    first, lest a unit's mean rate make all samples alike. Samples whose pattern is flat have no
    correlation and are left out.
    """
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    X, Y = (_z_scored(each) for each in _varying(first, second))
    if min(X.shape[1], Y.shape[1]) < 2:
        raise UndefinedAlignmentError("RSA: expected at least 2 features that vary on each side")
    kept = varies(X.T) & varies(Y.T)
    if kept.sum() < 3:
        raise UndefinedAlignmentError(f"RSA: expected at least 3 samples, came {kept.sum()}")
    apart = pdist(np.unique(trial[kept], return_inverse=True)[1].reshape(-1, 1), "hamming") > 0
    distances = [pdist(each[kept], "correlation")[apart].round(_DIGITS) for each in (X, Y)]
    if apart.sum() < 3 or not all(varies(each) for each in distances):
        raise UndefinedAlignmentError("RSA: all samples of a side are equally dissimilar")
    return float(spearmanr(*distances).statistic)


def predictivity_score(
    predictor: Float[np.ndarray, "sample feature"],
    predicted: Float[np.ndarray, "sample unit"],
    trial: Int64[np.ndarray, " sample"],
) -> float:
    """Share of the units' variance that ridge regression predicts in trials it has not seen.

    Each predictor is z-scored. Trials are kept together in the folds that judge and in those that
    choose each unit's penalty. R2 is taken about the training folds' mean, and averaged over units
    that vary: 1 is perfect, 0 as good as the mean, below 0 worse.
    """
    X, Y = _varying(predictor, predicted)
    n_trials = len(np.unique(trial))
    if n_trials < _N_FOLDS:
        raise UndefinedAlignmentError(
            f"predictivity: expected at least {_N_FOLDS} trials, came {n_trials}"
        )
    # By the spread over all trials: a hidden unit that is saturated in training, z-scored by its
    # own tiny deviation, would explode in the held-out trials where it moves.
    X = _z_scored(X)
    residual, total = np.zeros((2, Y.shape[1]))
    for fit, held in _trial_folds(trial):
        error = errors_in_unseen_groups(X[fit], Y[fit], trial[fit], _PENALTIES, _N_FOLDS)
        by_penalty = ridge_predictions(X, Y, fit, held, np.array(_PENALTIES) / fit.sum())
        best = error.argmin(0)
        estimate = np.stack([by_penalty[k][:, unit] for unit, k in enumerate(best)], axis=1)
        residual += ((Y[held] - estimate) ** 2).sum(0)
        total += ((Y[held] - Y[fit].mean(0)) ** 2).sum(0)
    return float((1 - residual / total).mean())


def _trial_folds(
    trial: Int64[np.ndarray, " sample"],
) -> Iterator[tuple[Bool[np.ndarray, " sample"], Bool[np.ndarray, " sample"]]]:
    """Samples to fit on and samples to hold out, trials dealt in turn."""
    fold = np.unique(trial, return_inverse=True)[1].ravel() % _N_FOLDS
    for held in range(_N_FOLDS):
        yield fold != held, fold == held


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
        values = values[:, varies(side)]
        if not values.size:
            raise UndefinedAlignmentError(f"{name} representation does not vary over samples")
        eased = values - values[0]
        sides.append(eased - eased.mean(0))
    return sides[0], sides[1]


def _unbiased_hsic(
    X: Float64[np.ndarray, "sample feature"],
    Y: Float64[np.ndarray, "sample other"],
    trial: Int64[np.ndarray, " sample"],
) -> float:
    """Averages of linear kernels K and L over tuples of different trials, without the kernels.

    K_ij L_ij of two trials, less twice K_ij L_iq of three, plus K_ij L_qr of four: Song et al.'s
    eq. 4 with trials for samples, of which each has the mean of its samples.
    """
    n = int(trial.max()) + 1
    share = 1 / np.bincount(trial)[trial]  # of a sample in its trial
    rows = [trial == each for each in range(n)]
    x, y = (np.stack([side[each].mean(0) for each in rows]) for side in (X, Y))
    pairs = _squared_cross(X, Y, share) - sum(_squared_cross(X[r], Y[r], share[r]) for r in rows)
    others = trial[:, None] != np.arange(n)
    K, L = X @ x.T * others, Y @ y.T * others  # of a sample with each other trial
    triples = share @ (K.sum(1) * L.sum(1) - (K * L).sum(1))
    apart = 1 - np.eye(n)
    K, L = x @ x.T * apart, y @ y.T * apart  # of trial with trial
    quadruples = K.sum() * L.sum() - 4 * K.sum(1) @ L.sum(1) + 2 * (K * L).sum()
    return float(
        pairs / math.perm(n, 2) - 2 * triples / math.perm(n, 3) + quadruples / math.perm(n, 4)
    )


def _squared_cross(
    X: Float64[np.ndarray, "sample feature"],
    Y: Float64[np.ndarray, "sample other"],
    weight: Float64[np.ndarray, " sample"],
) -> float:
    """Weighted sum of K_ij L_ij over all pairs of samples, each with itself too."""
    return float((((X * weight[:, None]).T @ Y) ** 2).sum())


def _z_scored(
    values: Float64[np.ndarray, "sample feature"],
) -> Float64[np.ndarray, "sample feature"]:
    eased = at_ease(values)
    scaled: np.ndarray = (eased - eased.mean(0)) / eased.std(0)
    return scaled
