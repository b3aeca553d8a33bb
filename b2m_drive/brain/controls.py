"""Surrogate teachers: what a teacher gives that carries no brain, or no more than labels.

Nulls decide whether a gain is the brain's own; probes only describe it (see DESIGN, evidence).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from b2m_drive.brain.latents import (
    Activity,
    BrainLatents,
    Pairing,
    carry,
    memory_set,
    shown_in,
    standardise,
)
from b2m_drive.brain.recording import NO_STIMULUS, DecisionTrials
from b2m_drive.brain.windows import DELAY, Window, present_windows, windows_of_items


def shuffle_trials(activity: Activity, generator: np.random.Generator) -> Activity:
    """Null: the same brain, each trial's activity given to another trial, before any fit.

    Trials change places with trials of as many items, so that every window keeps a response.
    Every statistic of the activity is kept but its relation to what the trial showed.
    """
    order, item_count = np.arange(len(activity.trials)), activity.trials.item_count
    for count in np.unique(item_count):
        rows = np.flatnonzero(item_count == count)
        order[rows] = rows[derangement(len(rows), generator)]
    return replace(activity, values=activity.values[order])


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
        kept: Share of labels kept in encoding and in the delay; the others become another
            stimulus at random. `kept_for_accuracy` and `kept_for_auc` give the brain's. NaN (the
            brain's is undefined) takes the other phase's; two of them keep everything.
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
        trials.trial_id,
        "labels",
        pairing,
        None if present.all() else present,
    )


def kept_for_accuracy(accuracy: float, n_stimuli: int) -> float:
    """Share of labels to keep so that the rest, drawn anew, leave this accuracy."""
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
    """What cross-fitted evidence tells: accuracy for an item shown, AUC for an item held.

    Each over the mean of its windows; `label_latents` corrupts labels to this rate. NaN: there is
    no window of that phase, or nothing to tell apart (every stimulus is held in every trial).
    """
    correct = [
        (evidence[:, columns].mean(1).argmax(1) == shown)[shown != NO_STIMULUS]
        for columns, shown in zip(windows_of_items(windows), trials.stimulus.T, strict=False)
    ]
    accuracy = float(np.concatenate(correct).mean()) if correct else float("nan")
    return accuracy, _auc_of_held(evidence, trials, windows)


def _auc_of_held(
    evidence: Float32[np.ndarray, "trial window stimulus"],
    trials: DecisionTrials,
    windows: tuple[Window, ...],
) -> float:
    from sklearn.metrics import roc_auc_score

    in_delay = [k for k, window in enumerate(windows) if window.phase == DELAY]
    held = memory_set(trials).ravel()
    if not in_delay or held.all() or not held.any():
        return float("nan")
    return float(roc_auc_score(held, evidence[:, in_delay].mean(1).ravel()))


def _defined(kept: tuple[float, float]) -> tuple[float, float]:
    """The shares, where one is NaN the other in its place."""
    encoding, delay = kept
    otherwise = next((share for share in kept if not np.isnan(share)), 1.0)
    return (
        otherwise if np.isnan(encoding) else encoding,
        otherwise if np.isnan(delay) else delay,
    )


def _corrupt(trials: DecisionTrials, kept: float, generator: np.random.Generator) -> DecisionTrials:
    drawn = generator.integers(trials.n_stimuli, size=trials.stimulus.shape)
    keep = generator.random(trials.stimulus.shape) < kept
    keep |= trials.stimulus == NO_STIMULUS
    return replace(trials, stimulus=np.where(keep, trials.stimulus, drawn))


def derangement(n: int, generator: np.random.Generator) -> np.ndarray:
    """A random order in which nothing stays in its place: a random cycle through all."""
    order = generator.permutation(n)
    moved = np.empty(n, dtype=np.int64)
    moved[order] = np.roll(order, 1)
    return moved
