"""The most that anything could predict of a recording's responses: reliability, noise ceilings.

All compare presentations of the same stimulus. Where each stimulus was shown once there is
nothing to compare, and the figures are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.response_counts import evened, in_order, item_counts
from b2m_drive.teachers.spread import varies


@dataclass(frozen=True)
class NoiseCeiling:
    """The most that a predictor of item responses could reach on this recording."""

    explainable_variance: float  # of single presentations, mean over the units that fire
    predictivity: float  # correlation of a perfect model with the measured item-by-unit pattern


def noise_ceiling(recording: TrialResponses, seed: int = 0) -> NoiseCeiling:
    """Ceilings on predicting the square-rooted counts of `RESPONSE_WINDOW` from the item.

    ``predictivity`` is the largest correlation of any model with the measured mean pattern, the
    square root of the pattern's reliability at full length: Hsu, Borst & Theunissen (2004);
    Schoppe et al. (2016), "Measuring the performance of neural models". 0 where the halves do not
    correlate positively; a square root lifts small chance correlations (.05 becomes .31), so read
    it beside the reliability. Both are NaN where no stimulus can be compared with itself.
    """
    counts, stimulus, _ = item_counts(recording)
    share = explainable_variance(evened(recording, counts), stimulus)
    defined = not (np.isnan(counts).any() or np.isnan(share).all())
    half = split_half_reliability(recording, seed)
    positive = half if np.isnan(half) else max(half, 0.0)
    return NoiseCeiling(
        float(np.nanmean(share)) if defined else float("nan"),
        float(np.sqrt(2 * positive / (1 + positive))),
    )


def split_half_reliability(recording: TrialResponses, seed: int = 0, n_splits: int = 20) -> float:
    """Correlation of the item-by-unit pattern of mean counts across random halves of the trials.

    Each unit's mean over items is taken off first, so that differences of firing rate alone do
    not correlate; units are not scaled, so busy ones weigh more. A stimulus that one of the halves
    never shows is left out of both. The mean over splits, *not* corrected to the length of the
    whole session (Spearman-Brown would give ``2 r / (1 + r)``).

    Returns:
        Correlation, or NaN if no split has two stimuli in both halves (each stimulus was shown
        once) or no response varies.
    """
    recording = in_order(recording)
    counts, stimulus, trial_row = item_counts(recording)
    generator = np.random.default_rng(seed)
    _, group = np.unique(recording.group, return_inverse=True)
    n_groups, correlations = int(group.max()) + 1, []
    for _ in range(n_splits):
        first = np.zeros(n_groups, bool)
        first[generator.permutation(n_groups)[: n_groups // 2]] = True
        in_first = first[group][trial_row]
        in_both = np.intersect1d(stimulus[in_first], stimulus[~in_first])
        if len(in_both) < 2:
            continue
        halves = np.stack(
            [_item_pattern(counts[side], stimulus[side], in_both) for side in (in_first, ~in_first)]
        ).reshape(2, -1)
        if not varies(halves.T).all():
            return float("nan")
        correlations.append(np.corrcoef(halves[0], halves[1])[0, 1])
    return float(np.mean(correlations)) if correlations else float("nan")


def explainable_variance(
    counts: Float[np.ndarray, "presentation unit"], stimulus: Int64[np.ndarray, " presentation"]
) -> Float64[np.ndarray, " unit"]:
    """Share of each unit's single-presentation variance that the stimulus explains.

    The unbiased estimate of the signal power over the total power of Sahani & Linden (2003), "How
    linear are auditory cortical responses?", for unequal numbers of presentations (the variance
    component of a one-way analysis of variance). It bounds the R2 of anything that predicts
    single presentations from the stimulus. Stimuli shown once say nothing of it and are left out.
    Without tuning it scatters about 0, so it can come out slightly negative; it is at most 1, and
    NaN for a unit that never varies or where fewer than two stimuli are shown again.
    """
    value, index, shown = np.unique(stimulus, return_inverse=True, return_counts=True)
    again = (shown > 1)[index]
    if (shown > 1).sum() < 2:
        return np.full(counts.shape[1], np.nan)
    return _explained(counts[again].astype(np.float64), stimulus[again], value[shown > 1])


def _explained(
    counts: Float64[np.ndarray, "presentation unit"],
    stimulus: Int64[np.ndarray, " presentation"],
    shown: Int64[np.ndarray, " stimulus"],
) -> Float64[np.ndarray, " unit"]:
    size = np.array([(stimulus == value).sum() for value in shown])
    n_groups, total = len(size), int(size.sum())
    mean = np.stack([counts[stimulus == value].mean(0) for value in shown])
    between = (size[:, None] * (mean - counts.mean(0)) ** 2).sum(0) / (n_groups - 1)
    around = counts - mean[np.searchsorted(shown, stimulus)]
    within = (around**2).sum(0) / (total - n_groups)
    effective_size = (total - (size**2).sum() / total) / (n_groups - 1)
    signal = (between - within) / effective_size
    share = np.full(counts.shape[1], np.nan)
    np.divide(signal, signal + within, out=share, where=varies(counts))
    return share


def _item_pattern(
    counts: Float[np.ndarray, "presentation unit"],
    stimulus: Int64[np.ndarray, " presentation"],
    shown: Int64[np.ndarray, " stimulus"],
) -> Float[np.ndarray, "stimulus unit"]:
    """Mean counts of each of these stimuli, each unit's mean over them taken off."""
    mean = np.stack([counts[stimulus == value].mean(0) for value in shown])
    pattern: Float[np.ndarray, "stimulus unit"] = mean - mean.mean(0)
    return pattern
