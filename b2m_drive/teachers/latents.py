"""From the activity of many units to the few latents that a student can follow.

Everything here is fitted on the teaching trials only. Two readings are unsupervised: principal
components, and factor analysis, which lets each unit have its own noise. Two know what was shown,
and are cross-fitted, so that no trial's latents come from a fit that saw the trial: decoded
latents (a ridge decoder's evidence for each stimulus) and demixed ones (axes of the activity that
the items move). Decoded latents answered best on real neurons: few units carry the stimuli, and
principal components follow the loudest ones.

Windows of items that a trial did not show are *absent*: their activity is in no fit, mean or
score, and their latents are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import (
    DELAY,
    ENCODING,
    Window,
    phase_of,
    windows_of_items,
)
from b2m_drive.teachers.demixing import Marginalisation, demix, shares_predicted
from b2m_drive.teachers.factors import condense, fit_factors, likeliest_n_factors
from b2m_drive.teachers.fitting_rows import (
    N_FOLDS,
    as_rows,
    from_rows,
    standardise,
    teaching_folds,
    units_z_scored,
)
from b2m_drive.teachers.latent_methods import at_most, latent_method, require_latents
from b2m_drive.teachers.ridge import errors_in_unseen_groups
from b2m_drive.teachers.shown_items import shown_in
from b2m_drive.teachers.spread import varies, without_rounding

Pairing = Literal["recorded", "carried"]
TRIAL_LATENTS = ("decoded", "pca", "factor_analysis", "demixed")  # besides `LATENT_METHODS`
PAIRINGS: tuple[Pairing, ...] = ("recorded", "carried")

_RIDGE_STRENGTHS = tuple(10.0 ** np.arange(0, 6))
_MOST_AXES = 16  # that cross-validation may choose


@dataclass(frozen=True)
class BrainLatents:
    """Latents trial by trial, standardised within each phase."""

    values: Float32[np.ndarray, "trial window latent"]
    windows: tuple[Window, ...]
    trial_id: Int64[np.ndarray, " trial"]
    share_of_variance: Float64[np.ndarray, "phase latent"]  # sums to 1 in each phase
    method: str
    pairing: str
    present: Bool[np.ndarray, "trial window"] | None = None  # None: every trial has every window

    @property
    def phase(self) -> Int64[np.ndarray, " window"]:
        """ENCODING or DELAY, for each window."""
        return phase_of(self.windows)


def latents_of(
    activity: TrialResponses,
    teaching: Bool[np.ndarray, " trial"],
    *,
    method: str,
    pairing: Pairing,
    seed: int,
    n_latents: int | None = None,
) -> BrainLatents:
    """Reduce a teacher's activity to latents and pair them with the trial's course.

    Args:
        activity: Of all trials, those held out included (they are transformed, never fitted).
        teaching: The trials to fit on.
        method: ``"decoded"``, one latent a stimulus; ``"pca"``, principal components;
            ``"factor_analysis"``, posterior means of the factors; ``"demixed"``, axes that the
            items move: those shown in encoding, those held in the delay; or a method of
            `LATENT_METHODS`, which is fitted on all trials that it is given.
        pairing: ``"recorded"``, activity as it was; ``"carried"``, in the delay the target is the
            sum of the same trial's encoding latents, since recorded delay activity is weak. What
            is carried is a memory that the pairing made, not one that was recorded.
        seed: Of the folds.
        n_latents: Of every method but ``"decoded"``; None chooses it by cross-validation.

    Raises:
        ValueError: If a choice is unknown, a value is not finite, nothing varies in the trials to
            fit on, there are more latents than the activity can give, too few trials teach, or
            there is nothing to carry.
    """
    _check_choices(activity, teaching, method, pairing)
    if method in _READ_BY:
        values, share = _READ_BY[method](activity, teaching, seed, n_latents)
    else:
        values, share = _by_table(method, activity, teaching, n_latents)
    if pairing == "carried":
        values = carry(values, activity.windows)
        share[DELAY] = share[ENCODING]
    present = activity.present
    return BrainLatents(
        standardise(values, activity.windows, teaching, present),
        activity.windows,
        activity.ids,
        share,
        method,
        pairing,
        None if present.all() else present,
    )


def _check_choices(
    activity: TrialResponses, teaching: Bool[np.ndarray, " trial"], method: str, pairing: str
) -> None:
    require_latents(method, TRIAL_LATENTS)
    if pairing not in PAIRINGS:
        raise ValueError(f"pairing: expected one of {PAIRINGS}, came {pairing!r}")
    if teaching.sum() < 2 * N_FOLDS:
        raise ValueError(
            f"teaching trials: expected at least {2 * N_FOLDS}, came {int(teaching.sum())}"
        )
    if not np.isfinite(activity.values).all():
        raise ValueError("activity: expected finite values, came NaN or infinite ones")
    present = activity.present
    if not varies(as_rows(activity.values[teaching], present[teaching])).any():
        raise ValueError(
            f"activity: expected some that varies over the {int(teaching.sum())} trials to fit on, "
            f"came {activity.values.shape[-1]} units that never do (a silent recording?)"
        )


def decode_stimuli(
    activity: TrialResponses,
    teaching: Bool[np.ndarray, " trial"],
    seed: int,
    beyond_frequency: bool = False,
) -> Float32[np.ndarray, "trial window stimulus"]:
    """Each window's evidence for each stimulus, by ridge decoders cross-fitted over trials.

    One decoder serves the early windows of all items, one the late windows, one the delay (where
    the evidence is for a stimulus being held). Teaching trials are decoded by decoders of the
    other folds, held-out trials by decoders of all teaching trials. The penalty is the one that
    serves trials best which its fit has not seen. Where no unit varies the evidence is 0.

    Args:
        activity: Of all trials.
        teaching: The trials to fit on.
        seed: Of the folds.
        beyond_frequency: Take off what a decoder says knowing nothing but how often each stimulus
            was shown in the trials that it was fitted on.
    """
    from sklearn.linear_model import RidgeCV

    values, present = units_z_scored(activity, teaching)
    evidence = np.zeros((*values.shape[:2], activity.trials.n_stimuli), np.float32)
    folds = teaching_folds(teaching, seed, activity.part)
    if not teaching.all():
        folds.append((np.flatnonzero(teaching), np.flatnonzero(~teaching)))
    for columns, targets in _decoder_targets(activity):
        for fit, held in folds:
            fitted, there = present[fit][:, columns], present[held][:, columns]
            if not there.any():
                continue
            known, wanted = as_rows(values[fit][:, columns], fitted), as_rows(targets[fit], fitted)
            if not known.any():
                continue
            trial = np.repeat(activity.group[fit][:, None], len(columns), axis=1)[fitted]
            error = errors_in_unseen_groups(known, wanted, trial, _RIDGE_STRENGTHS, N_FOLDS)
            best = int(error.sum(1).argmin())
            decoder = RidgeCV(alphas=[_RIDGE_STRENGTHS[best]]).fit(known, wanted)
            predicted = decoder.predict(as_rows(values[held][:, columns], there))
            predicted -= wanted.mean(0) if beyond_frequency else 0
            evidence[np.ix_(held, columns)] = from_rows(predicted, there)
    return evidence


def carry(
    values: Float32[np.ndarray, "trial window latent"], windows: tuple[Window, ...]
) -> Float32[np.ndarray, "trial window latent"]:
    """Replace the delay's latents by the sum over items of the same trial's encoding latents.

    Absent windows are expected to be 0, and so add nothing.

    Raises:
        ValueError: If there is a delay, but no window of an item to carry into it.
    """
    phase = phase_of(windows)
    per_item = windows_of_items(windows)
    if not per_item:
        raise ValueError(
            'pairing "carried": expected windows of items, whose latents the delay carries, '
            "came windows of the delay only"
        )
    carried = values.copy()
    carried[:, phase == DELAY] = sum(
        values[:, columns].mean(1, keepdims=True) for columns in per_item
    )
    return carried


def _decoder_targets(
    activity: TrialResponses,
) -> list[tuple[Int64[np.ndarray, " window_of_decoder"], Float32[np.ndarray, "trial _ stimulus"]]]:
    """For each decoder: the windows it serves and what it should say in them."""
    per_item = windows_of_items(activity.windows)
    n_groups = len(per_item[0]) if per_item else 0
    groups = [[columns[k] for columns in per_item] for k in range(n_groups)]
    groups.append([k for k, window in enumerate(activity.windows) if window.phase == DELAY])
    shown = shown_in(activity.windows, activity.trials)
    return [(np.array(columns), shown[:, columns]) for columns in groups if columns]


def _decoded(
    activity: TrialResponses, teaching: Bool[np.ndarray, " trial"], seed: int, n_latents: int | None
) -> tuple[Float32[np.ndarray, "trial window latent"], Float64[np.ndarray, "phase latent"]]:
    """Evidence for each stimulus; there are as many latents as stimuli."""
    values = decode_stimuli(activity, teaching, seed)
    return values, np.full((2, values.shape[-1]), 1 / values.shape[-1])


def _principal_components(
    activity: TrialResponses, teaching: Bool[np.ndarray, " trial"], seed: int, n_latents: int | None
) -> tuple[Float32[np.ndarray, "trial window latent"], Float64[np.ndarray, "phase latent"]]:
    from sklearn.decomposition import PCA

    values, present = units_z_scored(activity, teaching)
    n_latents = _checked(n_latents, values.shape[-1], "units") or likeliest_dimension(
        activity, teaching, seed
    )
    model = PCA(n_latents, svd_solver="full").fit(as_rows(values[teaching], present[teaching]))
    latents = model.transform(as_rows(values)).reshape(*values.shape[:2], -1).astype(np.float32)
    latents[~present] = 0
    latents = without_rounding(latents, teaching)
    return latents, _share(_variance(latents, activity.windows, teaching, present))


def _factors(
    activity: TrialResponses, teaching: Bool[np.ndarray, " trial"], seed: int, n_latents: int | None
) -> tuple[Float32[np.ndarray, "trial window latent"], Float64[np.ndarray, "phase latent"]]:
    """Posterior means of the factors, each weighing the variance that it gives the units."""
    values, present = units_z_scored(activity, teaching)
    n_latents = _checked(n_latents, values.shape[-1], "units") or likeliest_dimension(
        activity, teaching, seed
    )
    fitted = as_rows(values[teaching], present[teaching])
    mean = fitted.mean(0)
    model = fit_factors(condense(fitted - mean), n_latents, len(fitted))
    factors = model.transform(as_rows(values) - mean)
    latents = factors.reshape(*values.shape[:2], -1).astype(np.float32)
    latents[~present] = 0
    latents = without_rounding(latents, teaching)
    shared = (model.components_**2).sum(1)  # over units
    return latents, _share(_variance(latents, activity.windows, teaching, present) * shared)


def _demixed(
    activity: TrialResponses, teaching: Bool[np.ndarray, " trial"], seed: int, n_latents: int | None
) -> tuple[Float32[np.ndarray, "trial window latent"], Float64[np.ndarray, "phase latent"]]:
    """Each phase along its own axes: of the item shown, and of the items held."""
    marginal = _marginalisations(activity, teaching)
    folds = [held for _, held in teaching_folds(teaching, seed, activity.part)]
    most = min(activity.values.shape[-1], activity.trials.n_stimuli - 1)
    if _checked(n_latents, most, "units, or stimuli but one") is None:
        most = min(most, _MOST_AXES)
        predicted = sum(shares_predicted(each, folds, most) for each in marginal.values())
        n_latents = int(np.argmax(predicted)) + 1
    assert n_latents is not None
    phase, share = phase_of(activity.windows), np.zeros((2, n_latents))
    latents = np.zeros((*activity.values.shape[:2], n_latents), np.float32)
    for each, part in marginal.items():
        demixed = demix(part, folds, n_latents)
        latents[:, phase == each], share[each] = demixed.values, demixed.share_of_variance
    return latents, _share(share)


def _marginalisations(
    activity: TrialResponses, teaching: Bool[np.ndarray, " trial"]
) -> dict[int, Marginalisation]:
    """What the items do to the activity of each phase.

    In encoding there is a mean for each item, early and late after its onset (wherever it stood
    in the trial). Sets of items in the delay are too many to average: each item held adds its own
    mean, the same throughout the delay.
    """
    values, present = units_z_scored(activity, teaching)
    shown = shown_in(activity.windows, activity.trials)
    marginal = {}
    per_item = windows_of_items(activity.windows)
    if per_item:
        columns = np.concatenate(per_item)
        group = np.concatenate([np.arange(len(each)) for each in per_item])
        at_time = (group[:, None] == np.arange(group.max() + 1)).astype(np.float32)
        each_time = np.einsum("twc,wg->twgc", shown[:, columns], at_time)
        condition = each_time.reshape(*each_time.shape[:2], -1)
        marginal[ENCODING] = Marginalisation(
            values[:, columns], condition, group, present[:, columns]
        )
    columns = np.flatnonzero(phase_of(activity.windows) == DELAY)
    if len(columns):
        group = np.zeros(len(columns), dtype=np.int64)
        marginal[DELAY] = Marginalisation(
            values[:, columns], shown[:, columns], group, present[:, columns]
        )
    return marginal


def _by_table(
    method: str,
    activity: TrialResponses,
    teaching: Bool[np.ndarray, " trial"],
    n_latents: int | None,
) -> tuple[Float32[np.ndarray, "trial window latent"], Float64[np.ndarray, "phase latent"]]:
    """Latents by a method of `LATENT_METHODS`, which weigh the same in both phases."""
    if not teaching.all():
        raise ValueError(
            f"teaching: expected all trials, since {method!r} is fitted on all that it is given, "
            f"came {int(teaching.sum())} of {len(teaching)}: select them first"
        )
    made = at_most(latent_method(method), activity, n_latents)
    if made.values.shape[:2] != activity.values.shape[:2]:
        raise ValueError(
            f"latents {method!r}: expected {activity.values.shape[:2]} (trial, window) of them, "
            f"came {made.values.shape[:2]}"
        )
    values = np.where(activity.present[..., None], made.values, np.float32(0))
    share = np.tile(made.share_of_variance.astype(np.float64), (2, 1))
    return values.astype(np.float32), share / share.sum(1, keepdims=True)


_READ_BY: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "decoded": _decoded,
    "pca": _principal_components,
    "factor_analysis": _factors,
    "demixed": _demixed,
}


def _checked(n_latents: int | None, most: int, of_what: str) -> int | None:
    if n_latents is not None and not 1 <= n_latents <= most:
        raise ValueError(f"n_latents: expected 1 to {most} ({of_what}), came {n_latents}")
    return n_latents


def _variance(
    latents: Float32[np.ndarray, "trial window latent"],
    windows: tuple[Window, ...],
    teaching: Bool[np.ndarray, " trial"],
    present: Bool[np.ndarray, "trial window"],
) -> Float64[np.ndarray, "phase latent"]:
    """Of each latent in each phase of the teaching trials; 0 in a phase without windows."""
    phase, variance = phase_of(windows), np.zeros((2, latents.shape[-1]))
    for each in np.unique(phase):
        part, there = latents[teaching][:, phase == each], present[teaching][:, phase == each]
        variance[each] = part.var((0, 1)) if there.all() else part[there].var(0)
    return variance


def _share(variance: Float64[np.ndarray, "phase latent"]) -> Float64[np.ndarray, "phase latent"]:
    """In each phase as parts of 1; a phase without any takes the other's."""
    total = variance.sum(1, keepdims=True)
    variance = np.where(total > 0, variance, variance[::-1])
    if not variance.any():
        variance = np.ones_like(variance)
    share: Float64[np.ndarray, "phase latent"] = variance / variance.sum(1, keepdims=True)
    return share


def likeliest_dimension(
    activity: TrialResponses, teaching: Bool[np.ndarray, " trial"], seed: int
) -> int:
    """Number of latents under which held-out teaching trials are likeliest.

    By factor analysis, which, unlike the likelihood of PCA, lets each unit have its own noise
    (Yu et al. 2009 choose the dimension of neural state spaces so).
    """
    values, present = units_z_scored(activity, teaching)
    values, present = values[teaching], present[teaching]
    part = None if activity.part is None else activity.part[teaching]
    row = np.cumsum(present).reshape(present.shape) - 1
    return likeliest_n_factors(
        as_rows(values, present),
        [
            (row[fit][present[fit]], row[held][present[held]])
            for fit, held in teaching_folds(np.ones(len(values), dtype=bool), seed, part)
        ],
    )
