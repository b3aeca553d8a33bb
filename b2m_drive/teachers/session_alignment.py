"""One latent space for several sessions: each turned so that the same conditions lie together.

Units differ between sessions, so their latents have axes of their own. What sessions have in common
are conditions: the same item shown, the same item held. Each session's mean latents by condition
are laid upon those of a reference session, by a rotation (orthogonal Procrustes: Schönemann 1966)
or by canonical correlation (Gallego et al. 2020, "Long-term stability of cortical population
dynamics underlying consistent behavior"). Everything is fitted on the teaching trials; held-out
trials are carried along, and `AlignedSession.held_out_match` is the figure to read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64

from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import DELAY, windows_of_items
from b2m_drive.teachers.fitting_rows import as_rows, units_z_scored
from b2m_drive.teachers.shown_items import shown_in

AlignmentMethod = Literal["procrustes", "cca"]
_FEWEST_CONDITIONS = 2

_Map = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class AlignedSession:
    """A session's latents in the space of the reference, and how well they came to lie there."""

    latents: TrialResponses  # the axes of the space in the place of units
    teaching_match: float  # correlation of condition means with the reference's; NaN: undefined
    held_out_match: float  # the same of held-out trials, with the reference's teaching trials


def align_sessions(
    sessions: Sequence[TrialResponses],
    teaching: Sequence[Bool[np.ndarray, " _"]],
    *,
    n_latents: int = 4,
    method: AlignmentMethod = "procrustes",
) -> tuple[AlignedSession, ...]:
    """Principal components of each session, laid upon those of the first by condition.

    Conditions are each item in each window of an item, wherever it stood in the trial, and each
    item held in each window of the delay; those of the teaching trials of *both* sessions count.

    Args:
        sessions: Activity in the same windows, of one numbering of stimuli; the first is the
            reference.
        teaching: For each session the trials to fit on; all others are transformed only.
        n_latents: Axes of the space, which are the reference's components.
        method: ``"procrustes"``, rotations and reflections, which keep the geometry; ``"cca"``,
            into the canonical variates and back through those of the reference: any linear map,
            which fits better and overfits sooner.

    Raises:
        ValueError: If there are fewer than two sessions, masks or windows do not fit, there are
            more latents than a session has units, or too few conditions in common.
    """
    _check(sessions, teaching, n_latents, method)
    components = [
        _components(each, mask, n_latents) for each, mask in zip(sessions, teaching, strict=True)
    ]
    means = [
        _condition_means(each, latents, mask)
        for each, latents, mask in zip(sessions, components, teaching, strict=True)
    ]
    aligned = []
    for session, latents, mean, mask in zip(sessions, components, means, teaching, strict=True):
        turn: _Map = _unchanged
        if session is not sessions[0]:
            turn = _map(session.session, mean, means[0], method)
        turned = turn(as_rows(latents)).reshape(latents.shape)
        held_out = turn(_condition_means(session, latents, ~mask))
        aligned.append(
            AlignedSession(
                session.with_values(turned.astype(np.float32)),
                _match(turn(mean), means[0]),
                _match(held_out, means[0]),
            )
        )
    return tuple(aligned)


def _check(
    sessions: Sequence[TrialResponses],
    teaching: Sequence[Bool[np.ndarray, " _"]],
    n_latents: int,
    method: str,
) -> None:
    if len(sessions) < 2 or len(sessions) != len(teaching):
        raise ValueError(
            "sessions: expected two or more and a mask of teaching trials for each, came "
            f"{len(sessions)} and {len(teaching)}"
        )
    if method not in ("procrustes", "cca"):
        raise ValueError(f"method: expected 'procrustes' or 'cca', came {method!r}")
    first = sessions[0]
    for session, mask in zip(sessions, teaching, strict=True):
        if mask.shape != (len(session),) or not mask.any():
            raise ValueError(
                f"{session.session}: teaching: expected a mask of {len(session)} trials with some "
                f"that teach, came {mask.shape} with {int(mask.sum())}"
            )
        same = (session.windows, session.trials.n_stimuli) == (
            first.windows,
            first.trials.n_stimuli,
        )
        if not same:
            raise ValueError(
                f"{session.session}: expected the windows and number of stimuli of {first.session}"
            )
        if not 1 <= n_latents <= session.values.shape[-1]:
            raise ValueError(
                f"n_latents: expected 1 to {session.values.shape[-1]} (units of "
                f"{session.session}), came {n_latents}"
            )


def _components(
    session: TrialResponses, teaching: Bool[np.ndarray, " _"], n_latents: int
) -> Float64[np.ndarray, "trial window latent"]:
    """Principal components of z-scored units, fitted on the teaching trials."""
    values, present = units_z_scored(session, teaching)
    known = as_rows(values[teaching], present[teaching]).astype(np.float64)
    axes = np.linalg.svd(known - known.mean(0), full_matrices=False)[2][:n_latents]
    latents: Float64[np.ndarray, "trial window latent"] = (values - known.mean(0)) @ axes.T
    latents[~present] = 0
    return latents


def _condition_means(
    session: TrialResponses,
    latents: Float64[np.ndarray, "trial window latent"],
    chosen: Bool[np.ndarray, " _"],
) -> Float64[np.ndarray, "condition latent"]:
    """Mean latents of each condition; NaN where none of the chosen trials has it."""
    shown = shown_in(session.windows, session.trials)[chosen]
    values, groups = latents[chosen], [*_same_times(session)]
    means = []
    for columns in groups:
        weight = shown[:, columns] * session.present[chosen][:, columns, None]
        total = np.einsum("twc,twl->cl", weight, values[:, columns])
        count = weight.sum((0, 1))[:, None]
        means.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    return np.concatenate(means)


def _same_times(session: TrialResponses) -> list[list[int]]:
    """Windows at the same time after an item's onset, whichever item; each of the delay alone."""
    per_item = windows_of_items(session.windows)
    groups = [list(columns) for columns in zip(*per_item, strict=True)]
    delay = [[k] for k, window in enumerate(session.windows) if window.phase == DELAY]
    return groups + delay


def _unchanged(each: np.ndarray) -> np.ndarray:
    return each


def _map(
    name: str,
    mean: Float64[np.ndarray, "condition latent"],
    reference: Float64[np.ndarray, "condition latent"],
    method: AlignmentMethod,
) -> _Map:
    """What lays a session's latents upon those of the reference."""
    both = np.isfinite(mean).all(1) & np.isfinite(reference).all(1)
    fewest = max(_FEWEST_CONDITIONS, mean.shape[1] + 1)
    if both.sum() < fewest:
        raise ValueError(
            f"{name}: expected {fewest} conditions or more in common with the reference, came "
            f"{int(both.sum())}"
        )
    X, Y = mean[both], reference[both]
    if method == "cca":
        return _canonical(X, Y)
    from scipy.linalg import orthogonal_procrustes

    turn, _ = orthogonal_procrustes(X - X.mean(0), Y - Y.mean(0))
    return _affine(X.mean(0), turn, Y.mean(0))


def _canonical(X: np.ndarray, Y: np.ndarray) -> _Map:
    from sklearn.cross_decomposition import CCA

    model = CCA(n_components=X.shape[1], max_iter=5000).fit(X, Y)
    into = model.x_rotations_ / X.std(0, ddof=1)[:, None]
    back = np.linalg.pinv(model.y_rotations_) * Y.std(0, ddof=1)
    return _affine(X.mean(0), into @ back, Y.mean(0))


def _affine(centre: np.ndarray, turn: np.ndarray, place: np.ndarray) -> _Map:
    def turned(each: np.ndarray) -> np.ndarray:
        return np.asarray((each - centre) @ turn + place)

    return turned


def _match(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation over conditions and latents, each latent's mean taken off."""
    both = np.isfinite(first).all(1) & np.isfinite(second).all(1)
    if both.sum() < _FEWEST_CONDITIONS:
        return float("nan")
    x, y = (each[both] - each[both].mean(0) for each in (first, second))
    scale = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum() / scale) if scale > 0 else float("nan")
