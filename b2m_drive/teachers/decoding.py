"""What can be read from a recording: decoding, selectivity, rates.

The same code judges real and simulated brains. Decoders are shrinkage linear discriminants
(Ledoit & Wolf 2004) on square-rooted spike counts, scored on held-out *trials*: all
presentations of one trial stay on one side of every split. Trials may have fewer items than
others; presentations that were not there are left out. Units that never vary take no part.
Accuracy is *balanced*: the mean over stimuli of the share of each that is decoded, by decoders for
which all stimuli are equally frequent. So its chance is 1 / (number of stimuli decoded), however
often each was shown. Figures that a recording cannot give (too few trials, units that never fire)
are NaN, never a guess, and `why_undefined` has the reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from b2m_drive.recordings.decision_trials import LEFT, MAINTENANCE, NO_STIMULUS, PROBE, RIGHT
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.unasked import reads_delay, reads_items, reads_probe
from b2m_drive.teachers.noise_ceiling import noise_ceiling, split_half_reliability
from b2m_drive.teachers.response_counts import (
    RESPONSE_WINDOW,
    evened,
    in_order,
    item_counts,
    window_counts,
)
from b2m_drive.teachers.spread import at_ease, varies
from b2m_drive.teachers.undefined_figures import ITEM_FIGURES, MOST_STIMULI, why_undefined

if TYPE_CHECKING:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

RESOLVED_WINDOWS = ((0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9))  # [s]
SELECTIVE_BELOW = 0.001  # p-value under which a unit counts as selective

_N_FOLDS = 5
_MOST_FEATURES = 1000  # that a discriminant takes in seconds
_SMALLEST_COMPONENT = 1e-9  # of the largest


@dataclass(frozen=True)
class RecordingSummary:
    """How much a recording says about its task. NaN: undefined for this recording."""

    n_units: int
    n_trials: int
    n_items: int
    n_stimuli: int
    units_per_region: dict[str, int]
    median_rate: float  # [Hz]
    fano_factor: float  # median over units and items
    selective_share: float  # of the units, p < SELECTIVE_BELOW
    chance: float  # of item decoding: 1 / number of stimuli that are decoded
    item_decoding: float  # balanced accuracy, counts of RESPONSE_WINDOW
    item_decoding_resolved: float  # the same, counts of the four RESOLVED_WINDOWS side by side
    memory_auc: float  # chance .5
    probe_side_auc: float  # chance .5
    reliability: float  # split-half correlation, not corrected for length
    explainable_variance: float
    predictivity_ceiling: float
    undefined: dict[str, str] = field(default_factory=dict)  # why each figure that is NaN is so


def summarise(recording: TrialResponses, seed: int = 0) -> RecordingSummary:
    """Every statistic of this module; the seed sets the folds and the halves.

    Of a recording that holds only a part of the trial, what needs the rest is NaN.
    """
    nan = float("nan")
    of_items = dict.fromkeys(ITEM_FIGURES, nan)
    if reads_items(recording):
        of_items = _of_items(recording, seed)
    summary = RecordingSummary(
        n_units=len(recording.units),
        n_trials=len(recording.trials),
        n_items=recording.trials.n_items,
        n_stimuli=recording.trials.n_stimuli,
        units_per_region=dict(Counter(unit.region for unit in recording.units)),
        median_rate=median_rate(recording),
        memory_auc=memory_decoding_auc(recording, seed=seed) if reads_delay(recording) else nan,
        probe_side_auc=probe_side_auc(recording, seed=seed) if reads_probe(recording) else nan,
        fano_factor=of_items["fano_factor"],
        selective_share=of_items["selective_share"],
        chance=of_items["chance"],
        item_decoding=of_items["item_decoding"],
        item_decoding_resolved=of_items["item_decoding_resolved"],
        reliability=of_items["reliability"],
        explainable_variance=of_items["explainable_variance"],
        predictivity_ceiling=of_items["predictivity_ceiling"],
    )
    reasons = why_undefined(recording)
    missing = [name for name in reasons if np.isnan(getattr(summary, name))]
    return replace(summary, undefined={name: reasons[name] for name in missing})


def _of_items(recording: TrialResponses, seed: int) -> dict[str, float]:
    """The figures of a summary that rest on responses to items (`ITEM_FIGURES`)."""
    counts, stimulus, _ = item_counts(recording)
    ceiling = noise_ceiling(recording, seed)
    n_decoded = len(decodable_stimuli(recording))
    return {
        "fano_factor": float("nan") if recording.signed else fano_factor(counts, stimulus),
        "selective_share": float((selectivity_p_values(counts, stimulus) < SELECTIVE_BELOW).mean()),
        "chance": 1 / n_decoded if n_decoded else float("nan"),
        "item_decoding": item_decoding_accuracy(recording, seed=seed),
        "item_decoding_resolved": item_decoding_accuracy(recording, RESOLVED_WINDOWS, seed=seed),
        "reliability": split_half_reliability(recording, seed),
        "explainable_variance": ceiling.explainable_variance,
        "predictivity_ceiling": ceiling.predictivity,
    }


def item_decoding_accuracy(
    recording: TrialResponses,
    windows: tuple[tuple[float, float], ...] = (RESPONSE_WINDOW,),
    seed: int = 0,
) -> float:
    """Balanced accuracy of decoding the stimulus; chance is 1 / number of `decodable_stimuli`.

    Several windows give the decoder the response's time course, which tells an item from the next
    one where their responses overlap.

    Returns:
        Mean over stimuli of the share that is decoded, or NaN with fewer than 10 trials, fewer
        than two stimuli to tell apart, more than a quarter as many stimuli as presentations, or
        no unit that varies.
    """
    from sklearn.model_selection import GroupKFold

    recording = in_order(recording)
    parts = [item_counts(recording, *window) for window in windows]
    features = evened(recording, np.concatenate([counts for counts, _, _ in parts], axis=1))
    _, stimulus, trial_row = parts[0]
    used = np.isin(stimulus, decodable_stimuli(recording))
    features, stimulus, group = features[used], stimulus[used], recording.group[trial_row[used]]
    if not varies(features).any():  # also where no stimulus is left
        return float("nan")
    features = _z_scored(features)
    predicted = np.empty_like(stimulus)
    folds = GroupKFold(_N_FOLDS, shuffle=True, random_state=seed)
    for fit, held in folds.split(features, groups=group):
        known, unknown = _condensed(features[fit], features[held])
        predicted[held] = _likeliest(_discriminant().fit(known, stimulus[fit]), unknown)
    return balanced_accuracy(predicted, stimulus)


def decodable_stimuli(recording: TrialResponses) -> Int64[np.ndarray, " stimulus"]:
    """Stimuli shown in more than one trial; none where they are too many, or trials too few."""
    _, stimulus, trial_row = item_counts(recording)
    shown_in = np.unique(np.stack([stimulus, trial_row]), axis=1)[0]
    again, n_trials = np.unique(shown_in, return_counts=True)
    again = again[n_trials > 1]
    n_shown = int(np.isin(stimulus, again).sum())
    too_few = len(np.unique(trial_row)) < 2 * _N_FOLDS or len(again) < 2
    return again[:0] if too_few or len(again) > MOST_STIMULI * n_shown else again


def balanced_accuracy(
    predicted: Int64[np.ndarray, " row"], stimulus: Int64[np.ndarray, " row"]
) -> float:
    """Mean over stimuli of the share of its rows that are told right; NaN of no rows.

    Whatever is told without knowledge, were it always the most frequent one, is right in
    1 / (number of stimuli): a figure that no imbalance lifts.
    """
    share = [(predicted[stimulus == value] == value).mean() for value in np.unique(stimulus)]
    return float(np.mean(share)) if share else float("nan")


def memory_decoding_auc(
    recording: TrialResponses, start: float = 0.0, stop: float = 2.4, seed: int = 0
) -> float:
    """How well maintenance activity says whether a stimulus is held: mean area over stimuli.

    The first half second of maintenance still holds responses to the last item: start at .5 s for
    what is remembered rather than still seen. Trials with more items hold each one more often, so
    held and not held are compared among trials of as many items only.

    Returns:
        Mean area under the ROC curve (chance .5) over the stimuli held, and not held, in at
        least 5 trials; NaN if there are none.
    """
    recording = in_order(recording)
    features = evened(recording, window_counts(recording, MAINTENANCE, start, stop))
    held = items_held(recording)
    item_count = recording.trials.item_count
    part = recording.part
    areas = [_cross_validated_auc(features, column, seed, item_count, part) for column in held.T]
    defined = [area for area in areas if not np.isnan(area)]
    return float(np.mean(defined)) if defined else float("nan")


def probe_side_auc(recording: TrialResponses, seed: int = 0) -> float:
    """How well activity in the second after the probes says on which side the right one is.

    In the Sternberg task: whether the one probe was among the items.

    Returns:
        Area under the ROC curve (chance .5), NaN with fewer than 5 trials of a side or no unit
        that varies.
    """
    recording = in_order(recording)
    features = evened(recording, window_counts(recording, PROBE, 0.0, 1.0))
    positive = recording.trials.target_side == (
        LEFT if recording.trials.task == "sternberg" else RIGHT
    )
    return _cross_validated_auc(features, positive, seed, part=recording.part)


def items_held(recording: TrialResponses) -> Bool[np.ndarray, "trial stimulus"]:
    """Whether the trial showed the stimulus."""
    trials = recording.trials
    held = np.zeros((len(trials), trials.n_stimuli), bool)
    row, position = np.nonzero(trials.stimulus != NO_STIMULUS)
    held[row, trials.stimulus[row, position]] = True
    return held


def selectivity_p_values(
    counts: Float[np.ndarray, "presentation unit"], stimulus: Int64[np.ndarray, " presentation"]
) -> Float64[np.ndarray, " unit"]:
    """Each unit's Kruskal-Wallis p-value of the stimulus; 1 for a unit that never varies."""
    from scipy.stats import kruskal

    tested = varies(counts)
    groups = [counts[stimulus == value][:, tested] for value in np.unique(stimulus)]
    p_values = np.ones(counts.shape[1])
    if tested.any() and len(groups) > 1:
        p_values[tested] = kruskal(*groups, axis=0).pvalue
    return p_values


def fano_factor(
    counts: Float[np.ndarray, "presentation unit"], stimulus: Int64[np.ndarray, " presentation"]
) -> float:
    """Median over units and items of the counts' variance over their mean.

    Items shown once, and units silent at an item, are left out; NaN if that leaves none, or if a
    count is NaN.
    """
    if np.isnan(counts).any():
        return float("nan")
    ratios = []
    for value in np.unique(stimulus):
        rows = counts[stimulus == value]
        fires = rows.mean(0) > 0
        if len(rows) > 1:
            ratios.append(rows[:, fires].var(0, ddof=1) / rows[:, fires].mean(0))
    ratio = np.concatenate(ratios) if ratios else np.empty(0)
    return float(np.median(ratio)) if ratio.size else float("nan")


def median_rate(recording: TrialResponses) -> float:
    """Median over units of the mean rate in all bins that a trial has, in Hz; NaN of a signal."""
    if recording.signed:
        return float("nan")
    rate = recording.values[recording.present].mean(0) / recording.windows[0].width
    return float(np.median(rate))


def area_within_strata(
    score: Float[np.ndarray, " trial"],
    positive: Bool[np.ndarray, " trial"],
    stratum: Int64[np.ndarray, " trial"],
) -> float:
    """Area under the ROC curve over the pairs of one stratum; NaN if there is no pair."""
    from sklearn.metrics import roc_auc_score

    area, n_pairs = [], []
    for value in np.unique(stratum):
        rows = stratum == value
        pairs = int(positive[rows].sum() * (~positive[rows]).sum())
        if pairs:
            area.append(roc_auc_score(positive[rows], score[rows]))
            n_pairs.append(pairs)
    return float(np.average(area, weights=n_pairs)) if area else float("nan")


def _discriminant() -> LinearDiscriminantAnalysis:
    """Imported here since scikit-learn takes more than a second to import."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _condensed(
    known: Float64[np.ndarray, "fit_row feature"], unknown: Float64[np.ndarray, "held_row feature"]
) -> tuple[Float64[np.ndarray, "fit_row _"], Float64[np.ndarray, "held_row _"]]:
    """The same rows; with far more features than rows to fit on, by their principal components.

    All the components that the rows to fit on have, so nothing of them is lost; a discriminant of
    thousands of units would take minutes.
    """
    if known.shape[1] <= max(_MOST_FEATURES, len(known)):
        return known, unknown
    centre = known.mean(0)
    _, size, axes = np.linalg.svd(known - centre, full_matrices=False)
    axes = axes[size > _SMALLEST_COMPONENT * size[0]]
    return (known - centre) @ axes.T, (unknown - centre) @ axes.T


def _z_scored(features: Float[np.ndarray, "row unit"]) -> Float64[np.ndarray, "row varying_unit"]:
    """Units that vary, each on its own scale.

    Without it the discriminant depends on the unit of measurement: a unit that is silent for one
    stimulus has no scale there, and gets 1.
    """
    eased = at_ease(features[:, varies(features)]).astype(np.float64)
    scaled: Float64[np.ndarray, "row varying_unit"] = (eased - eased.mean(0)) / eased.std(0)
    return scaled


def _likeliest(
    decoder: LinearDiscriminantAnalysis, features: Float[np.ndarray, "row unit"]
) -> Int64[np.ndarray, " row"]:
    """The likeliest stimulus of each row were all equally frequent."""
    score = decoder.decision_function(features)
    if score.ndim == 1:  # two stimuli: how much likelier the second is
        score = np.stack([np.zeros_like(score), score], axis=1)
    predicted: Int64[np.ndarray, " row"] = decoder.classes_[
        (score - np.log(decoder.priors_)).argmax(axis=1)
    ]
    return predicted


def _cross_validated_auc(
    features: Float[np.ndarray, "trial unit"],
    positive: Bool[np.ndarray, " trial"],
    seed: int,
    stratum: Int64[np.ndarray, " trial"] | None = None,
    part: Int64[np.ndarray, " trial"] | None = None,
) -> float:
    """Mean over folds, since scores of differently fitted decoders do not compare.

    With strata only pairs of trials of one stratum are compared; trials of one part are held out
    together.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if min(positive.sum(), (~positive).sum()) < _N_FOLDS or not varies(features).any():
        return float("nan")
    features = _z_scored(features)
    strata = np.zeros(len(positive), dtype=np.int64) if stratum is None else stratum
    kind = StratifiedKFold if part is None else StratifiedGroupKFold
    folds = kind(_N_FOLDS, shuffle=True, random_state=seed)
    areas = []
    for fit, held in folds.split(features, positive, part):
        known, unknown = _condensed(features[fit], features[held])
        decoder = _discriminant().fit(known, positive[fit])
        score = decoder.decision_function(unknown)
        areas.append(area_within_strata(score, positive[held], strata[held]))
    defined = [area for area in areas if not np.isnan(area)]
    return float(np.mean(defined)) if defined else float("nan")
