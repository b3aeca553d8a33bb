"""From the activity of many units to the few latents that a student can follow.

Everything here is fitted on the teaching trials only. The two readings are principal components
(unsupervised) and decoded latents (a ridge decoder's evidence for each stimulus, cross-fitted, so
that no trial's latents come from a decoder that saw the trial). Decoded latents answered best on
real neurons: few units carry the stimuli, and principal components follow the loudest ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from b2m_drive.brain.recording import DecisionTrials
from b2m_drive.brain.windows import DELAY, ENCODING, Window

LatentMethod = Literal["decoded", "pca"]
Pairing = Literal["recorded", "carried"]
LATENT_METHODS: tuple[LatentMethod, ...] = ("decoded", "pca")
PAIRINGS: tuple[Pairing, ...] = ("recorded", "carried")

_N_FOLDS = 5
_RIDGE_STRENGTHS = tuple(10.0 ** np.arange(0, 6))
_DIMENSIONS = (1, 2, 3, 4, 6, 8, 12, 16)
_MOST_COMPONENTS = max(_DIMENSIONS)
_MOST_ITERATIONS = 200
_LIKELIHOOD_TOLERANCE = 0.1
_MANY_UNITS = 100  # above, exact decompositions take minutes
_NO_SPREAD = 1e-6


@dataclass(frozen=True)
class Activity:
    """Any teacher's activity in the windows of its trials: a brain's, or a control's."""

    values: Float32[np.ndarray, "trial window unit"]
    windows: tuple[Window, ...]
    trials: DecisionTrials

    def select_trials(self, rows: np.ndarray) -> Activity:
        """These trials only, by row number or mask."""
        return replace(self, values=self.values[rows], trials=self.trials.select(rows))


@dataclass(frozen=True)
class BrainLatents:
    """Latents trial by trial, standardised within each phase."""

    values: Float32[np.ndarray, "trial window latent"]
    windows: tuple[Window, ...]
    trial_id: Int64[np.ndarray, " trial"]
    share_of_variance: Float64[np.ndarray, "phase latent"]  # sums to 1 in each phase
    fitted_on: Int64[np.ndarray, " teaching_trial"]  # ids of the trials that they were fitted on
    method: str
    pairing: str

    @property
    def phase(self) -> Int64[np.ndarray, " window"]:
        """ENCODING or DELAY, for each window."""
        return _phases(self.windows)


def latents_of(
    activity: Activity,
    teaching: Bool[np.ndarray, " trial"],
    *,
    method: LatentMethod,
    pairing: Pairing,
    seed: int,
    n_latents: int | None = None,
) -> BrainLatents:
    """Reduce a teacher's activity to latents and pair them with the trial's course.

    Args:
        activity: Of all trials, those held out included (they are transformed, never fitted).
        teaching: The trials to fit on.
        method: ``"pca"``, principal components; ``"decoded"``, one latent a stimulus.
        pairing: ``"recorded"``, activity as it was; ``"carried"``, in the delay the target is the
            sum of the same trial's encoding latents, since recorded delay activity is weak. What
            is carried is a memory that the pairing made, not one that was recorded.
        seed: Of the folds.
        n_latents: For ``"pca"``; None chooses it by cross-validated likelihood.

    Raises:
        ValueError: If a choice is unknown, a value is not finite, or too few trials teach.
    """
    if pairing not in PAIRINGS:
        raise ValueError(f"pairing: expected one of {PAIRINGS}, came {pairing!r}")
    if teaching.sum() < 2 * _N_FOLDS:
        raise ValueError(
            f"teaching trials: expected at least {2 * _N_FOLDS}, came {int(teaching.sum())}"
        )
    if not np.isfinite(activity.values).all():
        raise ValueError("activity: expected finite values, came NaN or infinite ones")
    if method == "pca":
        values, share = _principal_components(activity, teaching, seed, n_latents)
    elif method == "decoded":
        values = decode_stimuli(activity, teaching, seed)
        share = np.full((2, values.shape[-1]), 1 / values.shape[-1])
    else:
        raise ValueError(f"method: expected one of {LATENT_METHODS}, came {method!r}")
    if pairing == "carried":
        values = carry(values, activity.windows)
        share[DELAY] = share[ENCODING]
    return BrainLatents(
        standardise(values, activity.windows, teaching),
        activity.windows,
        activity.trials.trial_id,
        share,
        activity.trials.trial_id[teaching],
        method,
        pairing,
    )


def decode_stimuli(
    activity: Activity, teaching: Bool[np.ndarray, " trial"], seed: int
) -> Float32[np.ndarray, "trial window stimulus"]:
    """Each window's evidence for each stimulus, by ridge decoders cross-fitted over trials.

    One decoder serves the early windows of all items, one the late windows, one the delay (where
    the evidence is for a stimulus being held). Teaching trials are decoded by decoders of the
    other folds, held-out trials by decoders of all teaching trials.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold

    values = _z_scored(activity, teaching)
    evidence = np.zeros((*values.shape[:2], activity.trials.n_stimuli), np.float32)
    rows = np.flatnonzero(teaching)
    folds = [
        (rows[fit], rows[held])
        for fit, held in KFold(_N_FOLDS, shuffle=True, random_state=seed).split(rows)
    ]
    if not teaching.all():
        folds.append((rows, np.flatnonzero(~teaching)))
    for columns, targets in _decoder_targets(activity):
        for fit, held in folds:
            decoder = RidgeCV(alphas=_RIDGE_STRENGTHS)
            decoder.fit(_rows(values[fit][:, columns]), _rows(targets[fit]))
            evidence[np.ix_(held, columns)] = decoder.predict(
                _rows(values[held][:, columns])
            ).reshape(len(held), len(columns), -1)
    return evidence


def carry(
    values: Float32[np.ndarray, "trial window latent"], windows: tuple[Window, ...]
) -> Float32[np.ndarray, "trial window latent"]:
    """Replace the delay's latents by the sum over items of the same trial's encoding latents."""
    phase = _phases(windows)
    per_item = windows_of_items(windows)
    carried = values.copy()
    carried[:, phase == DELAY] = sum(
        values[:, columns].mean(1, keepdims=True) for columns in per_item
    )
    return carried


def standardise(
    values: Float32[np.ndarray, "trial window latent"],
    windows: tuple[Window, ...],
    teaching: Bool[np.ndarray, " trial"],
) -> Float32[np.ndarray, "trial window latent"]:
    """Zero mean and unit variance for each latent in each phase, over the teaching trials."""
    phase, standard = _phases(windows), np.zeros_like(values)
    for each in np.unique(phase):
        part = values[:, phase == each]
        fitted = part[teaching].reshape(-1, part.shape[-1])
        spread = fitted.std(0)
        scale = np.where(spread > _NO_SPREAD, spread, np.inf)  # a latent that never varies is 0
        standard[:, phase == each] = (part - fitted.mean(0)) / scale
    return standard


def explainable_variance(
    latents: BrainLatents, trials: DecisionTrials, seed: int
) -> dict[str, float]:
    """Share of the latents' variance that the stimuli explain, cross-validated: a noise ceiling.

    In encoding the predictor is the item shown in the window, in the delay the set of items held.
    The prediction for a trial comes from the other folds' condition means (least squares). Each
    latent counts by its share of variance. Near 0 or below: a student can learn no more from
    these latents than noise.
    """
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold

    ceiling = {}
    for name, phase in (("encoding", ENCODING), ("delay", DELAY)):
        columns = np.flatnonzero(latents.phase == phase)
        shown = shown_in(latents.windows, trials)[:, columns]
        predictor, target = _rows(shown), _rows(latents.values[:, columns])
        group = np.repeat(np.arange(len(trials)), len(columns))
        folds = GroupKFold(_N_FOLDS, shuffle=True, random_state=seed)
        predicted = np.zeros_like(target)
        for fit, held in folds.split(predictor, groups=group):
            model = Ridge(1.0).fit(predictor[fit], target[fit])
            predicted[held] = model.predict(predictor[held])
        residual = ((target - predicted) ** 2).sum(0)
        total = ((target - target.mean(0)) ** 2).sum(0)
        varies = total > _NO_SPREAD
        share = latents.share_of_variance[phase] * varies
        explained = 1 - residual / np.where(varies, total, 1.0)
        ceiling[name] = float((share * explained).sum() / share.sum()) if share.sum() > 0 else 0.0
    return ceiling


def memory_set(trials: DecisionTrials) -> Float32[np.ndarray, "trial stimulus"]:
    """1 for each stimulus that the trial showed."""
    held = np.zeros((len(trials), trials.n_stimuli), np.float32)
    np.put_along_axis(held, trials.stimulus, 1.0, axis=1)
    return held


def shown_in(
    windows: tuple[Window, ...], trials: DecisionTrials
) -> Float32[np.ndarray, "trial window stimulus"]:
    """1 for the item a window belongs to, and in the delay for each item held."""
    shown = np.repeat(memory_set(trials)[:, None], len(windows), axis=1)
    one_hot = np.eye(trials.n_stimuli, dtype=np.float32)
    for position, columns in enumerate(windows_of_items(windows)):
        shown[:, columns] = one_hot[trials.stimulus[:, position]][:, None]
    return shown


def _decoder_targets(
    activity: Activity,
) -> list[tuple[list[int], Float32[np.ndarray, "trial window stimulus"]]]:
    """For each decoder: the windows it serves and what it should say in them."""
    per_item = windows_of_items(activity.windows)
    groups = [[columns[k] for columns in per_item] for k in range(len(per_item[0]))]
    groups.append([k for k, window in enumerate(activity.windows) if window.phase == DELAY])
    shown = shown_in(activity.windows, activity.trials)
    return [(columns, shown[:, columns]) for columns in groups]


def _principal_components(
    activity: Activity, teaching: Bool[np.ndarray, " trial"], seed: int, n_latents: int | None
) -> tuple[Float32[np.ndarray, "trial window latent"], Float64[np.ndarray, "phase latent"]]:
    from sklearn.decomposition import PCA

    values = _z_scored(activity, teaching)
    fitted = _rows(values[teaching])
    if n_latents is None:
        n_latents = likeliest_dimension(activity, teaching, seed)
    elif not 1 <= n_latents <= fitted.shape[1]:
        raise ValueError(f"n_latents: expected 1 to {fitted.shape[1]} (units), came {n_latents}")
    model = PCA(n_latents, svd_solver="full").fit(fitted)
    latents = model.transform(_rows(values)).reshape(*values.shape[:2], -1).astype(np.float32)
    phase = _phases(activity.windows)
    variance = np.stack(
        [latents[teaching][:, phase == each].var((0, 1)) for each in (ENCODING, DELAY)]
    ).astype(np.float64)
    return latents, variance / variance.sum(1, keepdims=True)


def likeliest_dimension(activity: Activity, teaching: Bool[np.ndarray, " trial"], seed: int) -> int:
    """Number of latents under which held-out teaching trials are likeliest.

    By factor analysis, which, unlike the likelihood of PCA, lets each unit have its own noise
    (Yu et al. 2009 choose the dimension of neural state spaces so).
    """
    from sklearn.model_selection import KFold

    values = _z_scored(activity, teaching)[teaching]
    row = np.arange(values.shape[0] * values.shape[1]).reshape(values.shape[:2])
    folds = KFold(_N_FOLDS, shuffle=True, random_state=seed).split(values)
    return likeliest_n_factors(
        _rows(values), [(row[fit].ravel(), row[held].ravel()) for fit, held in folds]
    )


def likeliest_n_factors(
    values: Float32[np.ndarray, "sample unit"],
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
) -> int:
    """Number of factors under which the held-out rows are likeliest, summed over the folds.

    Args:
        values: Samples as rows.
        folds: Rows to fit on and rows to hold out, for each fold.
    """
    from sklearn.decomposition import FactorAnalysis

    most = min(_MOST_COMPONENTS, values.shape[-1] - 1)
    candidates = sorted({k for k in _DIMENSIONS if k <= most} | {max(most, 1)})
    score = np.zeros(len(candidates))
    method = "lapack" if values.shape[-1] <= _MANY_UNITS else "randomized"
    for fit, held in folds:
        mean = values[fit].mean(0)
        condensed = _condense(values[fit] - mean)
        tolerance = _LIKELIHOOD_TOLERANCE * len(condensed) / len(fit)  # it is a sum over rows
        for index, k in enumerate(candidates):
            model = FactorAnalysis(
                k, svd_method=method, max_iter=_MOST_ITERATIONS, tol=tolerance, random_state=0
            )
            score[index] += model.fit(condensed).score(values[held] - mean)
    return int(candidates[int(score.argmax())])


def _condense(centred: Float[np.ndarray, "sample unit"]) -> Float[np.ndarray, "fewer unit"]:
    """Fewer rows of mean 0 with the same covariance: all that factor analysis looks at."""
    n_samples, n_units = centred.shape
    if n_samples <= 2 * n_units:
        return centred
    root = np.linalg.qr(centred.astype(np.float64), mode="r") * np.sqrt(n_units / n_samples)
    return np.concatenate([root, -root])


def _z_scored(
    activity: Activity, teaching: Bool[np.ndarray, " trial"]
) -> Float32[np.ndarray, "trial window unit"]:
    """Each unit's activity with zero mean and unit variance in each phase's teaching trials."""
    return standardise(activity.values, activity.windows, teaching)


def windows_of_items(windows: tuple[Window, ...]) -> list[list[int]]:
    """For each item position in order, the columns of its windows in order."""
    periods = dict.fromkeys(window.period for window in windows if window.phase == ENCODING)
    return [[k for k, window in enumerate(windows) if window.period == name] for name in periods]


def _phases(windows: tuple[Window, ...]) -> Int64[np.ndarray, " window"]:
    return np.array([window.phase for window in windows], dtype=np.int64)


def _rows(values: np.ndarray) -> np.ndarray:
    """Trials and windows as rows of one matrix."""
    return values.reshape(-1, values.shape[-1])
