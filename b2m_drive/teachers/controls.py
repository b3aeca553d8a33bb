"""Surrogate teachers: what a teacher gives that carries no brain, or no more than labels.

Nulls decide whether a gain is the brain's own; probes only describe it (see DESIGN, evidence).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32, Int64

from b2m_drive.recordings.decision_trials import NO_STIMULUS, DecisionTrials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import DELAY, Window, present_windows, windows_of_items
from b2m_drive.teachers.decoding import area_within_strata, balanced_accuracy
from b2m_drive.teachers.derangement import shuffled_within
from b2m_drive.teachers.fitting_rows import standardise
from b2m_drive.teachers.latents import BrainLatents, Pairing, carry
from b2m_drive.teachers.shown_items import memory_set, shown_in
from b2m_drive.teachers.spread import varies


def shuffle_trials(activity: TrialResponses, generator: np.random.Generator) -> TrialResponses:
    """Null: the same brain, each trial's activity given to another trial, before any fit.

    Trials change places with trials of as many items, so that every window keeps a response.
    Every statistic of the activity is kept but its relation to what the trial showed.
    """
    order = shuffled_within(activity.trials.item_count, generator)
    return activity.with_values(activity.values[order])


def project_randomly(
    observation: Float32[np.ndarray, "trial time feature"],
    n_units: int,
    generator: np.random.Generator,
) -> Float32[np.ndarray, "trial time unit"]:
    """Null: a fixed random linear projection of what the student itself sees."""
    projection = generator.normal(size=(observation.shape[-1], n_units))
    return (observation @ projection).astype(np.float32)


def label_latents(
    trials: DecisionTrials,
    windows: tuple[Window, ...],
    *,
    pairing: Pairing,
    kept: tuple[float, float] = (1.0, 1.0),
    generator: np.random.Generator,
) -> BrainLatents:
    """Probe: the stimuli's labels in place of the brain, clean or corrupted to its rate.

    Args:
        trials: Whose labels.
        windows: As the brain's.
        pairing: As the brain's: ``"carried"`` sums the corrupted encoding labels in the delay.
        kept: Share of labels kept in encoding and in the delay; the others become one of the
            stimuli shown, at random. `kept_for_accuracy` and `kept_for_auc` give the brain's. NaN
            (the brain's is undefined) takes the other phase's; two of them keep everything.
        generator: Of the corruption.
    """
    encoding, delay = (
        shown_in(windows, _corrupt(trials, share, generator)) for share in _defined(kept)
    )
    in_delay = np.array([window.phase == DELAY for window in windows])
    values = np.where(in_delay[:, None], delay, encoding)
    if pairing == "carried":
        values = carry(values, windows)
    everything = np.ones(len(trials), dtype=bool)
    present = present_windows(windows, trials)
    n_stimuli = trials.n_stimuli
    return BrainLatents(
        standardise(values, windows, everything, present),
        windows,
        trials.trial_id,
        np.full((2, n_stimuli), 1 / n_stimuli),
        "labels",
        pairing,
        None if present.all() else present,
    )


def kept_for_accuracy(accuracy: float, n_stimuli: int) -> float:
    """Share of labels to keep so that the rest, drawn anew, leave this *balanced* accuracy.

    Args:
        accuracy: Balanced: at 1 / ``n_stimuli`` and below nothing is kept.
        n_stimuli: As many as were shown.
    """
    chance = 1 / n_stimuli
    return float(np.clip((accuracy - chance) / (1 - chance), 0, 1))


def kept_for_auc(auc: float) -> float:
    """Share of held items to keep so that the rest, drawn anew, leave this area under the ROC."""
    return float(np.clip(2 * auc - 1, 0, 1))


def information_rate(
    evidence: Float32[np.ndarray, "trial window stimulus"],
    trials: DecisionTrials,
    windows: tuple[Window, ...],
) -> tuple[float, float]:
    """What cross-fitted evidence tells: balanced accuracy for an item shown, AUC for one held.

    Each over the mean of its windows; `label_latents` corrupts labels to this rate. How often a
    stimulus was shown is no information: each one's evidence is standardised first, as the latents
    are, and every stimulus counts alike. So chance is 1 / (number of stimuli shown) and .5, if the
    evidence has no share of the frequencies (see `decode_stimuli`). NaN: there is no window of that
    phase, or nothing to tell apart (every stimulus is held in every trial).
    """
    columns = windows_of_items(windows)
    if not columns:
        return float("nan"), _auc_of_held(evidence, trials, windows)
    averaged = np.stack([evidence[:, each].mean(1) for each in columns], axis=1)
    shown = trials.stimulus[:, : len(columns)]
    there = shown != NO_STIMULUS
    predicted = _standing_out(averaged[there], np.unique(shown[there]))
    return balanced_accuracy(predicted, shown[there]), _auc_of_held(evidence, trials, windows)


def _standing_out(
    evidence: Float[np.ndarray, "row stimulus"], shown: Int64[np.ndarray, " shown"]
) -> Int64[np.ndarray, " row"]:
    """The stimulus, of those shown, whose evidence is highest beside its own in other rows."""
    of_shown = evidence[:, shown].astype(np.float64)
    scale = np.where(varies(of_shown), of_shown.std(0), np.inf)
    predicted: Int64[np.ndarray, " row"] = shown[((of_shown - of_shown.mean(0)) / scale).argmax(1)]
    return predicted


def _auc_of_held(
    evidence: Float32[np.ndarray, "trial window stimulus"],
    trials: DecisionTrials,
    windows: tuple[Window, ...],
) -> float:
    """Mean over stimuli, each among trials of as many items."""
    in_delay = [k for k, window in enumerate(windows) if window.phase == DELAY]
    if not in_delay:
        return float("nan")
    averaged, held = evidence[:, in_delay].mean(1), memory_set(trials) > 0
    areas = [
        area_within_strata(averaged[:, each], held[:, each], trials.item_count)
        for each in range(trials.n_stimuli)
    ]
    defined = [area for area in areas if not np.isnan(area)]
    return float(np.mean(defined)) if defined else float("nan")


def _defined(kept: tuple[float, float]) -> tuple[float, float]:
    """The shares, where one is NaN the other in its place."""
    encoding, delay = kept
    otherwise = next((share for share in kept if not np.isnan(share)), 1.0)
    return (
        otherwise if np.isnan(encoding) else encoding,
        otherwise if np.isnan(delay) else delay,
    )


def _corrupt(trials: DecisionTrials, kept: float, generator: np.random.Generator) -> DecisionTrials:
    shown = np.unique(trials.stimulus[trials.stimulus != NO_STIMULUS])
    drawn = shown[generator.integers(len(shown), size=trials.stimulus.shape)]
    keep = generator.random(trials.stimulus.shape) < kept
    keep |= trials.stimulus == NO_STIMULUS
    return replace(trials, stimulus=np.where(keep, trials.stimulus, drawn))
