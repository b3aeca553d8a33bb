"""From a sampled signal to its mean in the bins of trials, each placed by an event of its trial."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.event_clock import clock_hint
from b2m_drive.recordings.pauses import crosses_pause
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.sampled_signal import SampledSignal
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import Window, present_windows

_EDGE_TOLERANCE = 1e-9  # [s]
_EMPTY = "a bin, or the baseline, has no sample, or a pause in it"
_LEAST_SHARE = 0.5  # of the trials; fewer that can be read: probably another clock or unit


def bin_signal(
    recording: Recording,
    trials: DecisionTrials,
    bins: tuple[Window, ...],
    onset: Float64[np.ndarray, "trial time"],
) -> TrialResponses:
    """Mean of each channel in every bin of every trial, less the recording's baseline.

    The baseline of `Recording.window` is around the trial's first item. Trials with a bin, or a
    baseline, that has no sample (the recording had ended, or paused), or in which the signal spans
    more than the window allows, are left out and counted in the notes.

    Args:
        recording: A signal.
        trials: On its clock.
        bins: Of a trial.
        onset: Of each bin's period in each trial [s].

    Raises:
        ValueError: If half of the trials or fewer can be read, or all are rejected.
    """
    signal, time = recording.signal, recording.time
    assert signal is not None
    assert time is not None
    edges = np.stack(
        [onset + np.array([each.start for each in bins]), onset + [each.stop for each in bins]], -1
    )
    places = _places(time, edges)
    there = present_windows(bins, trials)
    paused = crosses_pause(recording, edges[..., 0], edges[..., 1])
    whole = ((np.diff(places)[..., 0] > 0) & ~paused) | ~there
    baseline = _baseline_places(recording, trials, time)
    read = whole.all(1) & (True if baseline is None else np.diff(baseline)[:, 0] > 0)
    if read.mean() < _LEAST_SHARE:
        raise ValueError(
            f"{recording.session}: expected samples in every bin of the trials"
            f"{'' if baseline is None else ' and in the baseline'}, came "
            f"{int(read.sum())} of {len(read)} such trials ({time[0]:g} to {time[-1]:g} s of "
            "signal): another clock or unit, bins narrower than a sample, or gaps?"
            f"{_clock(trials, time)}"
        )
    values, span = _read(signal, places, there, read, baseline)
    kept = np.flatnonzero(read)
    notes = [f"{int((~read).sum())} trials left out: {_EMPTY}"] if not read.all() else []
    if recording.window.reject:
        calm = span <= recording.window.reject
        notes.append(f"{int((~calm).sum())} of {len(calm)} trials rejected: they span over "
                     f"{recording.window.reject:g}")  # fmt: skip
        if not calm.any():
            raise ValueError(f"{recording.session}: {notes[-1]}")
        values, kept = values[calm], kept[calm]
    return TrialResponses(
        values=values,
        session=recording.session,
        measure=recording.measure,
        subject=recording.subject,
        source=recording.source,
        licence=recording.licence,
        simulated=recording.simulated,
        notes=(*recording.notes, *notes),
        trials=trials.select(kept),
        windows=bins,
        units=recording.units,
        signed=True,
        span=recording.span,
    )


def _places(
    time: Float64[np.ndarray, " sample"], edges: Float64[np.ndarray, "*row edge"]
) -> Int64[np.ndarray, "*row edge"]:
    """The first sample at or after each edge; edges that are NaN lie behind all."""
    return np.asarray(np.searchsorted(time, edges - _EDGE_TOLERANCE), dtype=np.int64)


def _baseline_places(
    recording: Recording, trials: DecisionTrials, time: Float64[np.ndarray, " sample"]
) -> Int64[np.ndarray, "trial edge"] | None:
    if not recording.window.baseline:
        return None
    edges = trials.item_onset[:, :1] + np.array(recording.window.baseline)
    return _places(time, edges)


def _clock(trials: DecisionTrials, time: Float64[np.ndarray, " sample"]) -> str:
    """What would make the trials fit, behind a space; empty: nothing would."""
    onset, probe = trials.item_onset, trials.probe_onset
    if not np.isfinite(onset).any():
        return ""
    events = (float(np.nanmin(onset)), float(probe.max()))
    hint = clock_hint(events, (float(time[0]), float(time[-1])), "trials", "samples")
    return f" {hint}" if hint else ""


def _read(
    signal: Float32[np.ndarray, "sample unit"] | SampledSignal,
    places: Int64[np.ndarray, "trial time edge"],
    there: Bool[np.ndarray, "trial time"],
    read: Bool[np.ndarray, " trial"],
    baseline: Int64[np.ndarray, "kept edge"] | None,
) -> tuple[Float32[np.ndarray, "row time unit"], Float64[np.ndarray, " row"]]:
    """Means of the trials to be read, and the widest span of a channel in each."""
    rows = np.flatnonzero(read)
    values = np.zeros((len(rows), places.shape[1], signal.shape[1]), np.float32)
    span = np.zeros(len(rows))
    for row, trial in enumerate(rows):
        begins, ends = places[trial][there[trial]].T
        first, last = int(begins.min()), int(ends.max())
        samples = np.asarray(signal[first:last], dtype=np.float64)
        span[row] = np.ptp(samples, axis=0).max()
        level = np.zeros(samples.shape[1])
        if baseline is not None:
            a, b = (int(place) for place in baseline[trial])
            level = np.asarray(signal[a:b], dtype=np.float64).mean(0)
        for column in np.flatnonzero(there[trial]):
            a, b = (int(place) - first for place in places[trial, column])
            values[row, column] = samples[a:b].mean(0) - level
    return values, span
