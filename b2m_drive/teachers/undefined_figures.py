"""Why a recording does not give a figure: the words that stand in the place of a bare NaN."""

from __future__ import annotations

import numpy as np

from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.unasked import (
    NO_DELAY,
    NO_ITEMS,
    NO_PROBE,
    reads_delay,
    reads_items,
    reads_probe,
)
from b2m_drive.teachers.response_counts import item_counts
from b2m_drive.teachers.spread import varies

ITEM_FIGURES = (
    "chance", "item_decoding", "item_decoding_resolved", "reliability", "predictivity_ceiling",
    "explainable_variance", "fano_factor", "selective_share",
)  # fmt: skip
EACH_ONCE = "each stimulus once"
MOST_STIMULI = 0.25  # of the presentations: with more, a decoder sees too little of each
_FEWEST_TRIALS = 10
_SILENT = "no unit varies"
_SIGNAL = "of spikes only, and this is a signal"


def why_undefined(recording: TrialResponses) -> dict[str, str]:
    """For each figure of a `RecordingSummary` that can be NaN, the reason where it is."""
    delay = "no unit varies, or no stimulus is held, and not held, in 5 trials"
    probe = "no unit varies, or fewer than 5 trials have their answer on one side"
    reasons = {
        **_of_items(recording),
        "memory_auc": delay if reads_delay(recording) else NO_DELAY,
        "probe_side_auc": probe if reads_probe(recording) else NO_PROBE,
    }
    return (
        {**reasons, "median_rate": _SIGNAL, "fano_factor": _SIGNAL} if recording.signed else reasons
    )


def _of_items(recording: TrialResponses) -> dict[str, str]:
    """Of the figures that rest on responses to items."""
    if not reads_items(recording):
        return dict.fromkeys(ITEM_FIGURES, NO_ITEMS)
    counts, stimulus, trial_row = item_counts(recording)
    silent = not varies(counts).any()
    comparing = EACH_ONCE if is_each_once(stimulus, trial_row) else "too few stimuli shown again"
    decoding = _why_not_decoded(stimulus, trial_row, comparing)
    return {
        "chance": decoding,
        "item_decoding": _SILENT if silent else decoding,
        "item_decoding_resolved": _SILENT if silent else decoding,
        "reliability": _SILENT if silent else comparing,
        "predictivity_ceiling": _SILENT if silent else comparing,
        "explainable_variance": _SILENT if silent else comparing,
        "fano_factor": _SILENT if silent else comparing,
    }


def is_each_once(stimulus: np.ndarray, trial_row: np.ndarray) -> bool:
    """Whether no stimulus was shown in two trials, so that nothing can be compared with itself."""
    shown_in = np.unique(np.stack([stimulus, trial_row]), axis=1)[0]
    return len(shown_in) == len(np.unique(shown_in))


def _why_not_decoded(stimulus: np.ndarray, trial_row: np.ndarray, comparing: str) -> str:
    if len(np.unique(trial_row)) < _FEWEST_TRIALS:
        return f"fewer than {_FEWEST_TRIALS} trials"
    if len(np.unique(stimulus)) < 2:
        return "one stimulus only"
    if comparing != EACH_ONCE and len(np.unique(stimulus)) > MOST_STIMULI * len(stimulus):
        return "more than a quarter as many stimuli as presentations"
    return comparing
