"""How much of each variable a linear decoder reads from a brain, cross-validated by episodes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from b2m_drive.teachers.ridge import ridge_predictions
from b2m_drive.teachers.spread import varies, z_scored

RIDGE_STRENGTHS = 10.0 ** np.arange(-3, 5)  # per frame, on z-scored features
_N_FOLDS = 5


def decoding_r2(
    features: Float[np.ndarray, "frame feature"],
    targets: Float[np.ndarray, "frame target"],
    episode: Int64[np.ndarray, " frame"],
) -> Float64[np.ndarray, " target"]:
    """R2 of each target, predicted by ridge regression from the features, on held-out episodes.

    Whole episodes are held out, since neighbouring frames say the same. The strength is chosen
    for each target by another fold of the rest. Frames where a target is NaN do not count for it.

    Args:
        features: Of the brain (or of anything that is to be read).
        targets: What to read.
        episode: Of each frame.

    Returns:
        1 - residual / total sum of squares over all held-out frames, the total about the mean of
        the other episodes: below 0 is worse than knowing nothing but that mean. NaN for a target
        that never varies or is defined in fewer than three folds.

    Raises:
        ValueError: If lengths differ, a feature is not finite or there are fewer than 3 episodes.
    """
    if not len(features) == len(targets) == len(episode):
        raise ValueError(
            "features, targets and episode: expected as many frames, came "
            f"{len(features)}, {len(targets)} and {len(episode)}"
        )
    if not np.isfinite(features).all():
        raise ValueError("features: expected finite numbers, came NaN or infinite ones")
    fold = episode_folds(episode)
    standard = z_scored(features, np.ones(len(features), dtype=bool)).astype(np.float64)
    score = np.full(targets.shape[1], np.nan)
    defined, pattern = np.unique(np.isfinite(targets), axis=1, return_inverse=True)
    for index in range(defined.shape[1]):
        rows, columns = defined[:, index], np.flatnonzero(pattern.ravel() == index)
        if len(np.unique(fold[rows])) >= 3:
            wanted = targets[np.ix_(rows, columns)].astype(np.float64)
            score[columns] = _r2(standard[rows], wanted, fold[rows])
            score[columns[~varies(targets[np.ix_(rows, columns)])]] = np.nan
    return score


def episode_folds(episode: Int64[np.ndarray, " frame"]) -> Int64[np.ndarray, " frame"]:
    """A fold for each frame: whole episodes, dealt in turn.

    Raises:
        ValueError: If there are fewer than 3 episodes.
    """
    episodes, index = np.unique(episode, return_inverse=True)
    if len(episodes) < 3:
        raise ValueError(f"episodes: expected at least 3 to hold some out, came {len(episodes)}")
    return np.asarray(index.ravel() % min(_N_FOLDS, len(episodes)), dtype=np.int64)


def cross_fitted(
    features: Float[np.ndarray, "frame feature"],
    targets: Float[np.ndarray, "frame target"],
    episode: Int64[np.ndarray, " frame"],
    teaching: Bool[np.ndarray, " frame"],
) -> Float64[np.ndarray, "frame target"]:
    """What ridge decoders say of the targets in every frame, none fitted on that frame's episode.

    Teaching frames are read by decoders of the other folds' episodes, frames held out by decoders
    of all teaching episodes; nothing is ever fitted on a frame held out.

    Raises:
        ValueError: As `decoding_r2`; also if a target is not finite, fewer than 3 episodes teach,
            or an episode both teaches and is held out.
    """
    if not (np.isfinite(features).all() and np.isfinite(targets).all()):
        raise ValueError("features and targets: expected finite numbers, came NaN or infinite ones")
    shared = np.intersect1d(episode[teaching], episode[~teaching])
    if len(shared):
        raise ValueError(f"teaching: expected whole episodes, came parts of {shared[:3].tolist()}")
    fold = np.full(len(episode), -1, dtype=np.int64)  # those held out are in no fold
    fold[teaching] = episode_folds(episode[teaching])
    standard = z_scored(features, teaching).astype(np.float64)
    wanted = targets.astype(np.float64)
    predicted = np.zeros(wanted.shape)
    for held in np.unique(fold):
        used = teaching & (fold != held)
        inner = fold == fold[used].min()
        predicted[fold == held] = _best_predictions(
            standard, wanted, used, used & inner, fold == held
        )
    flat = ~varies(targets[teaching])
    predicted[:, flat] = wanted[teaching][0, flat]
    return predicted


def _r2(
    features: Float64[np.ndarray, "frame feature"],
    targets: Float64[np.ndarray, "frame target"],
    fold: Int64[np.ndarray, " frame"],
) -> Float64[np.ndarray, " target"]:
    folds = np.unique(fold)
    residual, total = np.zeros((2, targets.shape[1]))
    for position, held in enumerate(folds):
        inner = fold == folds[(position + 1) % len(folds)]
        fit, unseen = fold != held, fold == held
        predicted = _best_predictions(features, targets, fit, inner, unseen)
        residual += ((targets[unseen] - predicted) ** 2).sum(0)
        total += ((targets[unseen] - targets[fit].mean(0)) ** 2).sum(0)
    score: Float64[np.ndarray, " target"] = 1 - residual / np.where(total > 0, total, np.nan)
    return score


def _best_predictions(
    features: Float64[np.ndarray, "frame feature"],
    targets: Float64[np.ndarray, "frame target"],
    fit: Bool[np.ndarray, " frame"],
    inner: Bool[np.ndarray, " frame"],
    held: Bool[np.ndarray, " frame"],
) -> Float64[np.ndarray, "held_frame target"]:
    """Held frames, each target with the strength that reads it best on ``inner``, part of fit."""
    errors = [
        ((targets[inner] - predicted) ** 2).sum(0)
        for predicted in ridge_predictions(features, targets, fit & ~inner, inner, RIDGE_STRENGTHS)
    ]
    best = np.stack(errors).argmin(0)
    predicted = np.stack(ridge_predictions(features, targets, fit, held, RIDGE_STRENGTHS))
    chosen: Float64[np.ndarray, "held_frame target"] = np.take_along_axis(
        predicted, best[None, None], axis=0
    )[0]
    return chosen
