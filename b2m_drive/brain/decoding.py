"""What can be read from a recording, and how well anything could: decoding and noise ceilings.

The same code judges real and simulated brains. Decoders are shrinkage linear discriminants
(Ledoit & Wolf 2004) on square-rooted spike counts, scored on held-out *trials*: all
presentations of one trial stay on one side of every split. Trials may have fewer items than
others; presentations that were not there are left out. Figures that a recording cannot give
(too few trials, a unit that never fires) are NaN, never a guess.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from b2m_drive.brain.recording import (
    LEFT,
    MAINTENANCE,
    NO_STIMULUS,
    PROBE,
    RIGHT,
    BrainRecording,
    item_period,
)

if TYPE_CHECKING:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

RESPONSE_WINDOW = (0.1, 0.9)  # [s] after an item's onset
RESOLVED_WINDOWS = ((0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9))  # [s]
SELECTIVE_BELOW = 0.001  # p-value under which a unit counts as selective

_N_FOLDS = 5
_EDGE_TOLERANCE = 1e-6  # [s]


@dataclass(frozen=True)
class NoiseCeiling:
    """The most that a predictor of item responses could reach on this recording."""

    explainable_variance: float  # of single presentations, mean over the units that fire
    predictivity: float  # correlation of a perfect model with the measured item-by-unit pattern


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
    chance: float  # of item decoding
    item_decoding: float  # accuracy, counts of RESPONSE_WINDOW
    item_decoding_resolved: float  # accuracy, counts of the four RESOLVED_WINDOWS side by side
    memory_auc: float  # chance .5
    probe_side_auc: float  # chance .5
    reliability: float  # split-half correlation, not corrected for length
    explainable_variance: float
    predictivity_ceiling: float


def summarise(recording: BrainRecording, seed: int = 0) -> RecordingSummary:
    """Every statistic of this module; the seed sets the folds and the halves."""
    counts, stimulus, _ = item_counts(recording)
    ceiling = noise_ceiling(recording, seed)
    return RecordingSummary(
        n_units=len(recording.units),
        n_trials=len(recording.trials),
        n_items=recording.trials.n_items,
        n_stimuli=recording.trials.n_stimuli,
        units_per_region=dict(Counter(unit.region for unit in recording.units)),
        median_rate=median_rate(recording),
        fano_factor=fano_factor(counts, stimulus),
        selective_share=float((selectivity_p_values(counts, stimulus) < SELECTIVE_BELOW).mean()),
        chance=1 / recording.trials.n_stimuli,
        item_decoding=item_decoding_accuracy(recording, seed=seed),
        item_decoding_resolved=item_decoding_accuracy(recording, RESOLVED_WINDOWS, seed=seed),
        memory_auc=memory_decoding_auc(recording, seed=seed),
        probe_side_auc=probe_side_auc(recording, seed=seed),
        reliability=split_half_reliability(recording, seed),
        explainable_variance=ceiling.explainable_variance,
        predictivity_ceiling=ceiling.predictivity,
    )


def window_counts(
    recording: BrainRecording, period: str, start: float, stop: float
) -> Float[np.ndarray, "trial unit"]:
    """Activity summed over the period's bins that start in [start, stop), in seconds.

    Raises:
        ValueError: If no bin starts there.
    """
    begins = recording.bins.start
    inside = (
        (np.array(recording.bins.period) == period)
        & (begins >= start - _EDGE_TOLERANCE)
        & (begins < stop - _EDGE_TOLERANCE)
    )
    if not inside.any():
        raise ValueError(
            f"{recording.session}: expected bins that start {start} to {stop} s into {period!r}, "
            f"came none; periods are {sorted(set(recording.bins.period))}"
        )
    counts: Float[np.ndarray, "trial unit"] = recording.activity[:, inside].sum(1)
    return counts


def item_counts(
    recording: BrainRecording, start: float = RESPONSE_WINDOW[0], stop: float = RESPONSE_WINDOW[1]
) -> tuple[
    Float[np.ndarray, "presentation unit"],
    Int64[np.ndarray, " presentation"],
    Int64[np.ndarray, " presentation"],
]:
    """Each item's counts, its stimulus and its trial's row, one presentation after the other.

    Where the interval between items is short the window holds responses to the next one too.
    Items that a trial does not have are left out.
    """
    trials = recording.trials
    counts = np.stack(
        [
            window_counts(recording, item_period(position), start, stop)
            for position in range(trials.n_items)
        ],
        axis=1,
    )
    trial_row = np.repeat(np.arange(len(trials), dtype=np.int64), trials.n_items)
    shown = trials.stimulus.ravel() != NO_STIMULUS
    presented = counts.reshape(-1, counts.shape[-1])[shown]
    return presented, trials.stimulus.ravel()[shown], trial_row[shown]


def item_decoding_accuracy(
    recording: BrainRecording,
    windows: tuple[tuple[float, float], ...] = (RESPONSE_WINDOW,),
    seed: int = 0,
) -> float:
    """Share of presentations whose stimulus is decoded; chance is 1 / ``n_stimuli``.

    Several windows give the decoder the response's time course, which tells an item from the next
    one where their responses overlap.

    Returns:
        Accuracy, or NaN with fewer than 10 trials or more than a quarter as many stimuli as
        presentations.
    """
    from sklearn.model_selection import GroupKFold

    parts = [item_counts(recording, *window) for window in windows]
    features = np.sqrt(np.concatenate([counts for counts, _, _ in parts], axis=1))
    _, stimulus, trial_row = parts[0]
    too_few = len(recording.trials) < 2 * _N_FOLDS
    if too_few or len(np.unique(stimulus)) * 4 > len(stimulus):
        return float("nan")
    folds = GroupKFold(_N_FOLDS, shuffle=True, random_state=seed)
    hits = [
        _discriminant().fit(features[fit], stimulus[fit]).predict(features[held]) == stimulus[held]
        for fit, held in folds.split(features, groups=trial_row)
    ]
    return float(np.concatenate(hits).mean())


def memory_decoding_auc(
    recording: BrainRecording, start: float = 0.0, stop: float = 2.4, seed: int = 0
) -> float:
    """How well maintenance activity says whether a stimulus is held: mean area over stimuli.

    The first half second of maintenance still holds responses to the last item: start at .5 s for
    what is remembered rather than still seen. Trials with more items hold each one more often, so
    held and not held are compared among trials of as many items only.

    Returns:
        Mean area under the ROC curve (chance .5) over the stimuli held, and not held, in at
        least 5 trials; NaN if there are none.
    """
    features = np.sqrt(window_counts(recording, MAINTENANCE, start, stop))
    held = items_held(recording)
    item_count = recording.trials.item_count
    areas = [_cross_validated_auc(features, column, seed, item_count) for column in held.T]
    defined = [area for area in areas if not np.isnan(area)]
    return float(np.mean(defined)) if defined else float("nan")


def probe_side_auc(recording: BrainRecording, seed: int = 0) -> float:
    """How well activity in the second after the probes says on which side the right one is.

    In the Sternberg task: whether the one probe was among the items.

    Returns:
        Area under the ROC curve (chance .5), NaN with fewer than 5 trials of a side.
    """
    features = np.sqrt(window_counts(recording, PROBE, 0.0, 1.0))
    positive = recording.trials.target_side == (
        LEFT if recording.trials.task == "sternberg" else RIGHT
    )
    return _cross_validated_auc(features, positive, seed)


def items_held(recording: BrainRecording) -> Bool[np.ndarray, "trial stimulus"]:
    """Whether the trial showed the stimulus."""
    trials = recording.trials
    held = np.zeros((len(trials), trials.n_stimuli), bool)
    row, position = np.nonzero(trials.stimulus != NO_STIMULUS)
    held[row, trials.stimulus[row, position]] = True
    return held


def split_half_reliability(recording: BrainRecording, seed: int = 0, n_splits: int = 20) -> float:
    """Correlation of the item-by-unit pattern of mean counts across random halves of the trials.

    Each unit's mean over items is taken off first, so that differences of firing rate alone do
    not correlate; units are not scaled, so busy ones weigh more. The mean over splits, *not*
    corrected to the length of the whole session (Spearman-Brown would give ``2 r / (1 + r)``).

    Returns:
        Correlation, or NaN if a half never shows one of the stimuli or no response varies.
    """
    counts, stimulus, trial_row = item_counts(recording)
    generator = np.random.default_rng(seed)
    n_trials, correlations = len(recording.trials), []
    for _ in range(n_splits):
        first = np.zeros(n_trials, bool)
        first[generator.permutation(n_trials)[: n_trials // 2]] = True
        in_first = first[trial_row]
        halves = [_item_pattern(counts[side], stimulus[side]) for side in (in_first, ~in_first)]
        if halves[0].shape != halves[1].shape or min(half.std() for half in halves) == 0:
            return float("nan")
        correlations.append(np.corrcoef(halves[0].ravel(), halves[1].ravel())[0, 1])
    return float(np.mean(correlations))


def selectivity_p_values(
    counts: Float[np.ndarray, "presentation unit"], stimulus: Int64[np.ndarray, " presentation"]
) -> Float64[np.ndarray, " unit"]:
    """Each unit's Kruskal-Wallis p-value of the stimulus; 1 for a unit that never varies."""
    from scipy.stats import kruskal

    varies = counts.std(0) > 0
    groups = [counts[stimulus == value][:, varies] for value in np.unique(stimulus)]
    p_values = np.ones(counts.shape[1])
    if varies.any() and len(groups) > 1:
        p_values[varies] = kruskal(*groups, axis=0).pvalue
    return p_values


def fano_factor(
    counts: Float[np.ndarray, "presentation unit"], stimulus: Int64[np.ndarray, " presentation"]
) -> float:
    """Median over units and items of the counts' variance over their mean.

    Items shown once, and units silent at an item, are left out; NaN if that leaves none.
    """
    ratios = []
    for value in np.unique(stimulus):
        rows = counts[stimulus == value]
        fires = rows.mean(0) > 0
        if len(rows) > 1:
            ratios.append(rows[:, fires].var(0, ddof=1) / rows[:, fires].mean(0))
    ratio = np.concatenate(ratios) if ratios else np.empty(0)
    return float(np.median(ratio)) if ratio.size else float("nan")


def median_rate(recording: BrainRecording) -> float:
    """Median over units of the mean rate in all bins that a trial has, in Hz."""
    rate = recording.activity[bins_present(recording)].mean(0) / recording.bins.width
    return float(np.median(rate))


def bins_present(recording: BrainRecording) -> Bool[np.ndarray, "trial time"]:
    """Whether the trial has the bin: all but those of items that it lacks."""
    period = np.array(recording.bins.period)
    present = np.ones(recording.activity.shape[:2], bool)
    for position in range(recording.trials.n_items):
        lacks = recording.trials.stimulus[:, position] == NO_STIMULUS
        present[np.ix_(lacks, period == item_period(position))] = False
    return present


def explainable_variance(
    counts: Float[np.ndarray, "presentation unit"], stimulus: Int64[np.ndarray, " presentation"]
) -> Float64[np.ndarray, " unit"]:
    """Share of each unit's single-presentation variance that the stimulus explains.

    The unbiased estimate of the signal power over the total power of Sahani & Linden (2003), "How
    linear are auditory cortical responses?", for unequal numbers of presentations (the variance
    component of a one-way analysis of variance). It bounds the R2 of anything that predicts
    single presentations from the stimulus. Without tuning it scatters about 0, so it can come
    out slightly negative; NaN for a unit that never varies.
    """
    size = np.array([(stimulus == value).sum() for value in np.unique(stimulus)])
    n_groups, total = len(size), int(size.sum())
    if n_groups < 2 or total <= n_groups:
        return np.full(counts.shape[1], np.nan)
    mean = np.stack([counts[stimulus == value].mean(0) for value in np.unique(stimulus)])
    between = (size[:, None] * (mean - counts.mean(0)) ** 2).sum(0) / (n_groups - 1)
    all_squares = ((counts - counts.mean(0)) ** 2).sum(0)
    within = (all_squares - (n_groups - 1) * between) / (total - n_groups)
    effective_size = (total - (size**2).sum() / total) / (n_groups - 1)
    signal = (between - within) / effective_size
    power = signal + within
    share = np.full(counts.shape[1], np.nan)
    np.divide(signal, power, out=share, where=all_squares > 0)
    return share


def noise_ceiling(recording: BrainRecording, seed: int = 0) -> NoiseCeiling:
    """Ceilings on predicting the square-rooted counts of `RESPONSE_WINDOW` from the item.

    ``predictivity`` is the largest correlation of any model with the measured mean pattern, the
    square root of the pattern's reliability at full length: Hsu, Borst & Theunissen (2004);
    Schoppe et al. (2016), "Measuring the performance of neural models". 0 where the halves do not
    correlate positively; a square root lifts small chance correlations (.05 becomes .31), so read
    it beside the reliability.
    """
    counts, stimulus, _ = item_counts(recording)
    share = explainable_variance(np.sqrt(counts), stimulus)
    half = max(split_half_reliability(recording, seed), 0.0)
    return NoiseCeiling(
        float(np.nanmean(share)) if not np.isnan(share).all() else float("nan"),
        float(np.sqrt(2 * half / (1 + half))),
    )


def _discriminant() -> LinearDiscriminantAnalysis:
    """Imported here since scikit-learn takes more than a second to import."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _cross_validated_auc(
    features: Float[np.ndarray, "trial unit"],
    positive: Bool[np.ndarray, " trial"],
    seed: int,
    stratum: Int64[np.ndarray, " trial"] | None = None,
) -> float:
    """Mean over folds, since scores of differently fitted decoders do not compare.

    With strata only pairs of trials of one stratum are compared.
    """
    from sklearn.model_selection import StratifiedKFold

    if min(positive.sum(), (~positive).sum()) < _N_FOLDS:
        return float("nan")
    strata = np.zeros(len(positive), dtype=np.int64) if stratum is None else stratum
    folds = StratifiedKFold(_N_FOLDS, shuffle=True, random_state=seed)
    areas = []
    for fit, held in folds.split(features, positive):
        decoder = _discriminant().fit(features[fit], positive[fit])
        score = decoder.decision_function(features[held])
        areas.append(_area_within(score, positive[held], strata[held]))
    defined = [area for area in areas if not np.isnan(area)]
    return float(np.mean(defined)) if defined else float("nan")


def _area_within(
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


def _item_pattern(
    counts: Float[np.ndarray, "presentation unit"], stimulus: Int64[np.ndarray, " presentation"]
) -> Float[np.ndarray, "stimulus unit"]:
    mean = np.stack([counts[stimulus == value].mean(0) for value in np.unique(stimulus)])
    pattern: Float[np.ndarray, "stimulus unit"] = mean - mean.mean(0)
    return pattern
