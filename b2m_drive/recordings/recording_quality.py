"""Whether a recording of trials can teach at all: what is wrong with it, in words.

A verdict about an empty recording, or about one whose events are on another clock, is worse than
none. Every study asks here before anything is trained (`fit_to_teach`), and ``b2m-drive inspect``
shows the same findings. A finding is severe if it concerns the recording or half of its trials;
fewer bad trials are left out, counted and named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_drive.recordings.decision_trials import MAINTENANCE
from b2m_drive.recordings.event_clock import HARDLY_COVERED, clock_hint
from b2m_drive.recordings.trial_responses import TrialResponses

SEVERE_SHARE = 0.5  # of the trials: when so many are bad, the recording is
FEWEST_TRIALS = 2
_SPIKES_THAT_TELL = 10  # trials with fewer may be alike by chance
_SPIKES_EXPECTED = 20  # in a trial: where fewer are usual, one may be silent by chance
_LONGEST_MAINTENANCE = 100  # times what the bins read of it
_EDGE_TOLERANCE = 0.05  # [s]


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a recording."""

    text: str  # a sentence without its full stop
    severe: bool  # the recording cannot teach
    trials: Int64[np.ndarray, " bad_trial"] = field(  # rows to be left out
        default_factory=lambda: np.zeros(0, dtype=np.int64)
    )


def fit_to_teach(recording: TrialResponses) -> TrialResponses:
    """The recording without its bad trials, which its notes count; itself if none is bad.

    Raises:
        ValueError: If it cannot teach; says why.
    """
    found = findings(recording)
    severe = [finding.text for finding in found if finding.severe]
    if severe:
        raise ValueError(f"{recording.session} cannot teach: {'; '.join(severe)}")
    left_out = [finding for finding in found if len(finding.trials)]
    if not left_out:
        return recording
    bad = np.unique(np.concatenate([finding.trials for finding in left_out]))
    kept = recording.select(np.setdiff1d(np.arange(len(recording.trials)), bad))
    return replace(kept, notes=(*kept.notes, *(finding.text for finding in left_out)))


def findings(recording: TrialResponses) -> tuple[Finding, ...]:
    """All that is wrong with a recording; of what makes it unfit, what explains most comes first.

    A severe finding ends the search: a silent recording has no order of periods worth a word.
    """
    found: list[Finding] = []
    for check in _CHECKS:
        finding = check(recording)
        if finding is not None:
            found.append(finding)
            if finding.severe:
                break
    return tuple(found)


def bad_trials(
    bad: Bool[np.ndarray, " trial"],
    trial_id: Int64[np.ndarray, " trial"],
    what: str,
    hint: str = "",
) -> Finding | None:
    """A finding about these trials, severe if they are half or more; None if there is none."""
    if not bad.any():
        return None
    rows, severe = np.flatnonzero(bad), bool(bad.mean() >= SEVERE_SHARE)
    named = ", ".join(map(str, trial_id[rows][:5])) + (", ..." if len(rows) > 5 else "")
    end = (f": {hint}" if hint else "") if severe else " (left out)"
    return Finding(f"{what} in {len(rows)} of {len(bad)} trials ({named}){end}", severe, rows)


def _too_few(recording: TrialResponses) -> Finding | None:
    count = len(recording.trials)
    if count >= FEWEST_TRIALS:
        return None
    return Finding(f"expected {FEWEST_TRIALS} trials or more, came {count}", True)


def _one_stimulus(recording: TrialResponses) -> Finding | None:
    shown = np.unique(recording.trials.stimulus[recording.trials.stimulus >= 0])
    if len(shown) > 1:
        return None
    came = f"only item {shown[0] + 1}" if len(shown) else "none"
    return Finding(
        f"expected different items, came {came} in {len(recording.trials)} trials: there is "
        "nothing to tell apart",
        True,
    )


def _maintenance_of_ages(recording: TrialResponses) -> Finding | None:
    """All times in another unit: trials and spikes fit each other, but nothing fits the bins."""
    lasts, read = float(np.median(_maintenance(recording))), _maintenance_read(recording)
    if not lasts >= _LONGEST_MAINTENANCE * read > 0:
        return None
    return Finding(
        f"the maintenance period lasts {lasts:,.4g} s (median), of which {read:g} s are read: are "
        "all times in milliseconds, or counted in samples? Expected seconds",
        True,
    )


def _outside(recording: TrialResponses) -> Finding | None:
    """Trials wholly before or after the recording: there, no spike is no measurement."""
    if recording.span is None:
        return None
    begin, end = recording.span
    trials = recording.trials
    outside = (trials.probe_onset < begin) | (trials.item_onset[:, 0] > end)
    if not outside.any():
        return None
    events = _events(recording)
    return bad_trials(
        outside,
        trials.trial_id,
        f"no recording ({begin:,.6g} to {end:,.6g} s of spikes)",
        f"they last from {events[0]:,.6g} to {events[1]:,.6g} s; "
        + (clock_hint(events, recording.span) or "no change of unit or clock would make them fit"),
    )


def _sparse(recording: TrialResponses) -> Finding | None:
    """Spikes in a smaller unit may still overlap the trials, and then are nearly absent in them."""
    if recording.span is None:
        return None
    events, (begin, end) = _events(recording), recording.span
    silent = float((recording.values == 0).all((1, 2)).mean())
    covered = (events[1] - events[0]) / (end - begin) if end > begin else 1.0
    if covered >= HARDLY_COVERED or silent < SEVERE_SHARE:
        return None
    hint = clock_hint(events, recording.span)
    if not hint.startswith("times"):
        return None
    return Finding(
        f"no spike in {silent:.0%} of the trials, which take {covered:.2%} of the recording: "
        f"{hint}",
        True,
    )


def _silent(recording: TrialResponses) -> Finding | None:
    if recording.values.any():
        return None
    return Finding(
        f"no spike of {len(recording.units)} units in any of {len(recording.trials)} trials: were "
        "the spike times exported, and are they those of these trials?",
        True,
    )


def _nothing_varies(recording: TrialResponses) -> Finding | None:
    values = recording.values.reshape(-1, len(recording.units))
    if (values != values[0]).any():
        return None
    return Finding(f"none of {len(recording.units)} units ever varies", True)


def _paused(recording: TrialResponses) -> Finding | None:
    """Silence of all units where many spikes are expected: the recording was interrupted."""
    total = np.abs(recording.values).sum((1, 2))
    if total.mean() < _SPIKES_EXPECTED:
        return None
    return bad_trials(
        total == 0,
        recording.trials.trial_id,
        f"no spike of any unit, where {total[total > 0].mean():.0f} are usual,",
    )


def _wrong_order(recording: TrialResponses) -> Finding | None:
    trials = recording.trials
    onset = np.column_stack([trials.item_onset, trials.maintenance_onset, trials.probe_onset])
    previous = np.maximum.accumulate(np.nan_to_num(onset, nan=-np.inf), axis=1)[:, :-1]
    wrong = np.asarray((onset[:, 1:] <= previous).any(1))
    return bad_trials(
        wrong,
        trials.trial_id,
        "periods in the wrong order",
        "expected the items one after the other, then maintenance, then the probes",
    )


def _short_maintenance(recording: TrialResponses) -> Finding | None:
    """Bins of the delay that reach into the probes would hand the student the answer."""
    lasts, read = _maintenance(recording), _maintenance_read(recording)
    return bad_trials(
        lasts < read - _EDGE_TOLERANCE,
        recording.trials.trial_id,
        f"a maintenance period shorter than the {read:g} s that are read of it",
        f"it lasts {float(np.median(lasts)):.4g} s (median)",
    )


def _repeated_ids(recording: TrialResponses) -> Finding | None:
    ids = recording.trials.trial_id
    repeated = np.unique(ids[_again(list(ids))])
    if not len(repeated):
        return None
    return Finding(
        f"expected each trial's id once, came {len(repeated)} of them several times "
        f"({', '.join(map(str, repeated[:5]))})",
        True,
    )


def _same_time(recording: TrialResponses) -> Finding | None:
    """A trial that begins with another one is the same trial: its copy would be held out."""
    onset = np.round(recording.trials.item_onset[:, 0], 6)
    return bad_trials(
        _again(list(onset)),
        recording.trials.trial_id,
        "a repetition (at the same time as an earlier trial)",
        "each trial is expected once",
    )


def _same_activity(recording: TrialResponses) -> Finding | None:
    told = _spikes(recording) >= _SPIKES_THAT_TELL
    again = np.zeros(len(told), dtype=bool)
    again[told] = _again([trial.tobytes() for trial in recording.values[told]])
    return bad_trials(
        again,
        recording.trials.trial_id,
        "a repetition (the same activity as in an earlier trial)",
        "each trial is expected to be recorded anew",
    )


def _flat_units(recording: TrialResponses) -> Finding | None:
    """Said, not left out: a unit may well be silent in one task."""
    values = recording.values.reshape(-1, len(recording.units))
    flat = (values == values[0]).all(0)
    if not flat.any():
        return None
    names = ", ".join(recording.units[k].name for k in np.flatnonzero(flat)[:5])
    return Finding(
        f"{int(flat.sum())} of {len(flat)} units never vary in the trials ({names})", False
    )


_CHECKS: tuple[Callable[[TrialResponses], Finding | None], ...] = (
    _too_few,
    _one_stimulus,
    _maintenance_of_ages,
    _outside,
    _sparse,
    _silent,
    _nothing_varies,
    _paused,
    _wrong_order,
    _short_maintenance,
    _repeated_ids,
    _same_time,
    _same_activity,
    _flat_units,
)


def _again(values: list[object]) -> Bool[np.ndarray, " trial"]:
    """Whether each value came before."""
    seen: set[object] = set()
    again = np.zeros(len(values), dtype=bool)
    for k, value in enumerate(values):
        again[k] = value in seen
        seen.add(value)
    return again


def _spikes(recording: TrialResponses) -> Float64[np.ndarray, " trial"]:
    """How many there are in each trial, at least; smoothing spreads one over several bins."""
    if recording.smoothing > 0:
        return np.asarray(recording.values.sum((1, 2), dtype=np.float64))
    return np.asarray(np.count_nonzero(recording.values, axis=(1, 2)), dtype=np.float64)


def _events(recording: TrialResponses) -> tuple[float, float]:
    """First item and last probe [s]; a few odd trials at either end have no say."""
    trials = recording.trials
    begin = np.quantile(trials.item_onset[:, 0], 0.05)
    return float(begin), float(np.quantile(trials.probe_onset, 0.95))


def _maintenance(recording: TrialResponses) -> Float64[np.ndarray, " trial"]:
    """How long it lasts in each trial [s]."""
    lasts: Float64[np.ndarray, " trial"] = (
        recording.trials.probe_onset - recording.trials.maintenance_onset
    )
    return lasts


def _maintenance_read(recording: TrialResponses) -> float:
    """How much of it the bins read [s]; 0: nothing."""
    ends = [window.stop for window in recording.windows if window.period == MAINTENANCE]
    return float(max(ends, default=0.0))
