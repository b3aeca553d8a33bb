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
    item_period,
)
from b2m_drive.recordings.recording import Recording, recorded_span
from b2m_drive.recordings.signal_binning import bin_signal
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import Window

DEFAULT_BIN_WIDTH = 0.1  # [s]
FIXATION_DURATION = 0.8  # [s] before the first item
ITEM_DURATION = 0.9  # [s] after an item's onset
MAINTENANCE_DURATION = 2.4  # [s] the shortest maintenance period there is
PROBE_DURATION = 1.0  # [s] after the probes' onset
_EDGE_TOLERANCE = 1e-9  # [s]
_COUNT_TOLERANCE = 1e-6  # [bins]


def trial_bins(n_items: int, bin_width: float = DEFAULT_BIN_WIDTH) -> tuple[Window, ...]:
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
    bins: list[Window] = []
    for name, start, duration in spans:
        count = duration / bin_width if bin_width > 0 else 0.0
        if count < 1 or abs(count - round(count)) > _COUNT_TOLERANCE:
            raise ValueError(
                f"bin_width: expected a width that divides 0.1 s evenly, came {bin_width} s"
            )
        starts = [start + k * bin_width for k in range(round(count))]
        bins += [Window(name, each, each + bin_width) for each in starts]
    return tuple(bins)


def in_trials(recording: Recording | TrialResponses) -> TrialResponses:
    """A recording of a memory task in the usual bins of its trials; in bins, it stays as it is.

    Spikes are counted, a signal is averaged over its samples.

    Raises:
        ValueError: As `bin_spikes` or `bin_signal`.
    """
    if isinstance(recording, TrialResponses):
        return recording
    trials = _trials_of(recording)
    bins = trial_bins(trials.n_items)
    if recording.signal is None:
        return bin_spikes(recording, bins)
    _check_onsets(recording.session, trials)
    return bin_signal(recording, trials, bins, _period_onsets(trials, bins))


def bin_spikes(
    recording: Recording, bins: tuple[Window, ...], smoothing: float = 0.0
) -> TrialResponses:
    """Count each unit's spikes in every bin of every trial; a bin is [start, stop).

    Edges are moved a nanosecond earlier, so that a spike given as 0.3 s is never put before an
    edge computed as 0.30000000000000004 s. Where a trial has fewer items than others, the bins of
    the items that it lacks hold 0.

    Args:
        recording: Spike times and the trials of a memory task, on one clock.
        bins: Of a trial, from `trial_bins`.
        smoothing: Standard deviation [s] of a Gaussian kernel along the bins of each period (it
            never mixes periods); 0: none.

    Raises:
        ValueError: If there are no trials or no spike times, the smoothing is negative or not
            finite, or a period that the trial has, an item shown or not, has no onset.
    """
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise ValueError(f"smoothing: expected 0 s or more, came {smoothing}")
    trials, spike_times = _trials_of(recording), _spike_times_of(recording)
    _check_onsets(recording.session, trials)
    begin = _period_onsets(trials, bins) + np.array([each.start for each in bins])
    start = begin - _EDGE_TOLERANCE
    stop = start + np.array([each.width for each in bins])
    activity = np.empty((*start.shape, len(recording.units)), np.float32)
    # An onset that is NaN sorts behind every spike, start and stop alike: the count is 0.
    for unit, times in enumerate(spike_times):
        activity[..., unit] = np.searchsorted(times, stop) - np.searchsorted(times, start)
    if smoothing > 0:
        _smooth_within_periods(activity, bins, smoothing)
    return TrialResponses(
        values=activity,
        session=recording.session,
        measure=recording.measure,
        subject=recording.subject,
        source=recording.source,
        licence=recording.licence,
        simulated=recording.simulated,
        notes=recording.notes,
        trials=trials,
        windows=bins,
        units=recording.units,
        smoothing=smoothing,
        span=recording.recorded or recorded_span(spike_times),
    )


def _trials_of(recording: Recording) -> DecisionTrials:
    if recording.trials is None:
        raise ValueError(
            f"{recording.session}: expected the trials of a memory task beside its events, came "
            "none: give `trials`, a table of what each trial showed and asked"
        )
    return recording.trials


def _spike_times_of(recording: Recording) -> tuple[Float64[np.ndarray, " _"], ...]:
    if recording.spike_times is None:
        raise ValueError(
            f"{recording.session}: expected spike times, came a signal ({recording.measure}), "
            "which has nothing to count in the bins of a trial"
        )
    return recording.spike_times


def _check_onsets(session: str, trials: DecisionTrials) -> None:
    for name in ("maintenance_onset", "probe_onset"):
        lacking = np.flatnonzero(~np.isfinite(getattr(trials, name)))
        if len(lacking):
            raise ValueError(
                f"{name} of {session}: expected finite seconds, came NaN or infinity in "
                f"trial {trials.trial_id[lacking[0]]} ({len(lacking)} of {len(trials)} trials)"
            )
    absent = trials.stimulus == NO_STIMULUS
    broken = np.flatnonzero((np.isfinite(trials.item_onset) == absent).any(1))
    if len(broken):
        raise ValueError(
            f"item_onset of {session}: expected seconds where an item is shown and NaN "
            f"where there is none, came {trials.item_onset[broken[0]]} for the stimuli "
            f"{trials.stimulus[broken[0]]} in trial {trials.trial_id[broken[0]]}"
        )


def _period_onsets(
    trials: DecisionTrials, bins: tuple[Window, ...]
) -> Float64[np.ndarray, "trial time"]:
    """Onset of each bin's period in each trial [s]."""
    onset = {FIXATION: trials.item_onset[:, 0]}
    for position in range(trials.n_items):
        onset[item_period(position)] = trials.item_onset[:, position]
    onset[MAINTENANCE] = trials.maintenance_onset
    onset[PROBE] = trials.probe_onset
    return np.stack([onset[each.period] for each in bins], axis=1)


def _smooth_within_periods(
    activity: np.ndarray, bins: tuple[Window, ...], smoothing: float
) -> None:
    from scipy.ndimage import gaussian_filter1d

    period = np.array([each.period for each in bins])
    width = {each.period: each.width for each in bins}
    for name in dict.fromkeys(period):
        columns = period == name
        activity[:, columns] = gaussian_filter1d(
            activity[:, columns], smoothing / width[name], axis=1, mode="nearest"
        )
