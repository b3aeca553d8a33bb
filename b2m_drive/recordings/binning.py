"""From spike times to activity in bins, each placed by an event of its own trial."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from b2m_drive.recordings.decision_trials import (
    FIXATION,
    MAINTENANCE,
    NO_STIMULUS,
    PROBE,
    DecisionTrials,
    TrialBins,
    item_period,
)
from b2m_drive.recordings.recording import recorded_span
from b2m_drive.recordings.trial_responses import BrainRecording, SpikeSession

DEFAULT_BIN_WIDTH = 0.1  # [s]
FIXATION_DURATION = 0.8  # [s] before the first item
ITEM_DURATION = 0.9  # [s] after an item's onset
MAINTENANCE_DURATION = 2.4  # [s] the shortest maintenance period there is
PROBE_DURATION = 1.0  # [s] after the probes' onset
_EDGE_TOLERANCE = 1e-9  # [s]
_COUNT_TOLERANCE = 1e-6  # [bins]


def trial_bins(n_items: int, bin_width: float = DEFAULT_BIN_WIDTH) -> TrialBins:
    """Bins from 0.8 s before the first item to 1 s after the probes appear.

    Each item has bins for 0.9 s after its onset. Where the next item follows sooner they reach
    into it: a response outlasts its stimulus, and a spike may count for both.

    Raises:
        ValueError: If there is no item, or an item's 0.9 s and the other spans are not whole
            numbers of bins.
    """
    if n_items < 1:
        raise ValueError(f"n_items: expected 1 or more, came {n_items}")
    spans = [(FIXATION, -FIXATION_DURATION, FIXATION_DURATION)]
    spans += [(item_period(position), 0.0, ITEM_DURATION) for position in range(n_items)]
    spans += [(MAINTENANCE, 0.0, MAINTENANCE_DURATION), (PROBE, 0.0, PROBE_DURATION)]
    period: list[str] = []
    starts: list[float] = []
    for name, start, duration in spans:
        count = duration / bin_width if bin_width > 0 else 0.0
        if count < 1 or abs(count - round(count)) > _COUNT_TOLERANCE:
            raise ValueError(
                f"bin_width: expected a width that divides 0.1 s evenly, came {bin_width} s"
            )
        period += [name] * round(count)
        starts += [start + k * bin_width for k in range(round(count))]
    return TrialBins(tuple(period), np.array(starts), bin_width)


def bin_spikes(session: SpikeSession, bins: TrialBins, smoothing: float = 0.0) -> BrainRecording:
    """Count each unit's spikes in every bin of every trial; a bin is [start, stop).

    Edges are moved a nanosecond earlier, so that a spike given as 0.3 s is never put before an
    edge computed as 0.30000000000000004 s. Where a trial has fewer items than others, the bins of
    the items that it lacks hold 0. Spike times may come in any order: a sorted copy is counted.

    Args:
        session: Spike times on the session's clock.
        bins: Of a trial, from `trial_bins`.
        smoothing: Standard deviation [s] of a Gaussian kernel along the bins of each period (it
            never mixes periods); 0: none.

    Raises:
        ValueError: If the smoothing is negative or not finite, a spike time is not finite, or a
            period that the trial has, an item shown or not, has no onset.
    """
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise ValueError(f"smoothing: expected 0 s or more, came {smoothing}")
    _check_onsets(session)
    spike_times = _sorted_times(session)
    start = _period_onsets(session.trials, bins) + bins.start - _EDGE_TOLERANCE
    stop = start + bins.width
    activity = np.empty((*start.shape, len(session.units)), np.float32)
    # An onset that is NaN sorts behind every spike, start and stop alike: the count is 0.
    for unit, times in enumerate(spike_times):
        activity[..., unit] = np.searchsorted(times, stop) - np.searchsorted(times, start)
    if smoothing > 0:
        _smooth_within_periods(activity, bins, smoothing)
    return BrainRecording(
        activity,
        bins,
        session.trials,
        session.units,
        session.subject,
        session.session,
        session.source,
        session.licence,
        session.simulated,
        smoothing,
        session.notes,
        session.span or recorded_span(spike_times),
    )


def _sorted_times(session: SpikeSession) -> list[Float64[np.ndarray, " _"]]:
    """Each unit's spike times in order, which counting needs; the session's own stay as they are.

    Raises:
        ValueError: If one is NaN or infinite.
    """
    ordered = []
    for unit, times in zip(session.units, session.spike_times, strict=True):
        broken = int((~np.isfinite(times)).sum())
        if broken:
            raise ValueError(
                f"spike times of {unit.name} of {session.session}: expected finite seconds, came "
                f"{broken} of {len(times)} NaN or infinite"
            )
        ordered.append(np.sort(times) if (np.diff(times) < 0).any() else times)
    return ordered


def _check_onsets(session: SpikeSession) -> None:
    trials = session.trials
    for name in ("maintenance_onset", "probe_onset"):
        lacking = np.flatnonzero(~np.isfinite(getattr(trials, name)))
        if len(lacking):
            raise ValueError(
                f"{name} of {session.session}: expected finite seconds, came NaN or infinity in "
                f"trial {trials.trial_id[lacking[0]]} ({len(lacking)} of {len(trials)} trials)"
            )
    absent = trials.stimulus == NO_STIMULUS
    broken = np.flatnonzero((np.isfinite(trials.item_onset) == absent).any(1))
    if len(broken):
        raise ValueError(
            f"item_onset of {session.session}: expected seconds where an item is shown and NaN "
            f"where there is none, came {trials.item_onset[broken[0]]} for the stimuli "
            f"{trials.stimulus[broken[0]]} in trial {trials.trial_id[broken[0]]}"
        )


def _period_onsets(trials: DecisionTrials, bins: TrialBins) -> Float64[np.ndarray, "trial time"]:
    """Onset of each bin's period in each trial [s]."""
    onset = {FIXATION: trials.item_onset[:, 0]}
    for position in range(trials.n_items):
        onset[item_period(position)] = trials.item_onset[:, position]
    onset[MAINTENANCE] = trials.maintenance_onset
    onset[PROBE] = trials.probe_onset
    return np.stack([onset[name] for name in bins.period], axis=1)


def _smooth_within_periods(activity: np.ndarray, bins: TrialBins, smoothing: float) -> None:
    from scipy.ndimage import gaussian_filter1d

    period = np.array(bins.period)
    for name in dict.fromkeys(bins.period):
        columns = period == name
        activity[:, columns] = gaussian_filter1d(
            activity[:, columns], smoothing / bins.width, axis=1, mode="nearest"
        )
