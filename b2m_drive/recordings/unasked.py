"""What a recording cannot be asked, since it holds only a part of a trial, and why.

A recording may cover the delay only, or the items only; it may have no answers, or not say when
something was shown. Whatever needs what is not there is left out, and the report has the reason.
"""

from __future__ import annotations

from b2m_drive.recordings.decision_trials import MAINTENANCE, PROBE, item_period
from b2m_drive.recordings.trial_responses import TrialResponses

NO_ITEMS = "the recording has no activity from when items are shown"
NO_DELAY = "the recording has no activity of the maintenance period"
NO_PROBE = "the recording has no activity from when the probes are shown"

_TIMES = {"item_onset", "maintenance_onset", "probe_onset", "inter_stimulus_interval"}
_WORDS = {  # of a nominal column -> what it would tell
    "probe_left": "which stimulus was the probe",
    "probe_right": "which stimulus was the probe on the right",
    "target_side": "what the right answer was",
    "answered_correctly": "what was answered",
}


def reads_items(recording: TrialResponses) -> bool:
    """Whether there is activity from when items are shown."""
    return bool({item_period(k) for k in range(recording.trials.n_items)} & _periods(recording))


def reads_delay(recording: TrialResponses) -> bool:
    """Whether there is activity of the maintenance period."""
    return MAINTENANCE in _periods(recording)


def reads_probe(recording: TrialResponses) -> bool:
    """Whether there is activity from when the probes are shown."""
    return PROBE in _periods(recording)


def unasked(recording: TrialResponses) -> dict[str, str]:
    """What cannot be asked of a recording of trials -> why; empty where it holds everything."""
    found = {}
    if not reads_items(recording):
        found["what the brain does while an item is shown (decoding, selectivity, reliability and "
              "noise ceiling of items; teaching in encoding)"] = NO_ITEMS  # fmt: skip
    if not reads_delay(recording):
        found["what the brain does in the delay (decoding of items held, teaching)"] = NO_DELAY
    if not reads_probe(recording):
        found["the answer at the probe"] = NO_PROBE
    return found


def nominal_words(recording: TrialResponses) -> tuple[str, ...]:
    """What the recording does not say of its trials and the table has made-up values for."""
    nominal = recording.trials.nominal
    words = [_WORDS[name] for name in nominal if name in _WORDS]
    if _TIMES & set(nominal):
        words.insert(0, "when things were shown")
    return tuple(dict.fromkeys((*words, *(n for n in nominal if n not in _TIMES | set(_WORDS)))))


def _periods(recording: TrialResponses) -> set[str]:
    return set(recording.period.tolist())
