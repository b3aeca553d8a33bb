"""What a recording answered: its activity around what it was shown, and which bins a trial has."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64

from b2m_drive.recordings.decision_trials import NO_STIMULUS, item_period
from b2m_drive.recordings.trial_responses import TrialResponses

RESPONSE_WINDOW = (0.1, 0.9)  # [s] after an item's onset
_EDGE_TOLERANCE = 1e-6  # [s]


def evened(
    recording: TrialResponses, activity: Float[np.ndarray, "*row unit"]
) -> Float[np.ndarray, "*row unit"]:
    """Square roots of counts and rates, which even out their variance; signals as they are."""
    if recording.signed:
        return activity
    roots: Float[np.ndarray, "*row unit"] = np.sqrt(activity)
    return roots


def in_order(recording: TrialResponses) -> TrialResponses:
    """Its trials by their ids, so that folds and halves are the same however they are stored."""
    order = np.argsort(recording.trials.trial_id, kind="stable")
    return recording if (np.diff(order) == 1).all() else recording.select(order)


def window_counts(
    recording: TrialResponses, period: str, start: float, stop: float
) -> Float[np.ndarray, "trial unit"]:
    """Activity summed over the period's bins that start in [start, stop), in seconds.

    Raises:
        ValueError: If no bin starts there.
    """
    begins = recording.start
    inside = (
        (recording.period == period)
        & (begins >= start - _EDGE_TOLERANCE)
        & (begins < stop - _EDGE_TOLERANCE)
    )
    if not inside.any():
        raise ValueError(
            f"{recording.session}: expected bins that start {start} to {stop} s into {period!r}, "
            f"came none; periods are {sorted(set(recording.period.tolist()))}"
        )
    counts: Float[np.ndarray, "trial unit"] = recording.values[:, inside].sum(1)
    return counts


def item_counts(
    recording: TrialResponses, start: float = RESPONSE_WINDOW[0], stop: float = RESPONSE_WINDOW[1]
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
