"""Which items each trial holds, and which each of its windows shows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from b2m_drive.recordings.decision_trials import NO_STIMULUS, DecisionTrials
from b2m_drive.recordings.trial_windows import Window, windows_of_items


def memory_set(trials: DecisionTrials) -> Float32[np.ndarray, "trial stimulus"]:
    """1 for each stimulus that the trial showed."""
    held = np.zeros((len(trials), trials.n_stimuli), np.float32)
    trial, position = np.nonzero(trials.stimulus != NO_STIMULUS)
    held[trial, trials.stimulus[trial, position]] = 1.0
    return held


def shown_in(
    windows: tuple[Window, ...], trials: DecisionTrials
) -> Float32[np.ndarray, "trial window stimulus"]:
    """1 for the item a window belongs to, and in the delay for each item held; absent ones: 0."""
    shown = np.repeat(memory_set(trials)[:, None], len(windows), axis=1)
    one_hot = np.eye(trials.n_stimuli + 1, trials.n_stimuli, dtype=np.float32)  # last: none
    for position, columns in enumerate(windows_of_items(windows)):
        shown[:, columns] = one_hot[trials.stimulus[:, position]][:, None]
    return shown
