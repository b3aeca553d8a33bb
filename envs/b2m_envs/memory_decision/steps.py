"""What each time step of a trial shows: the one place that turns seconds into steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from b2m_envs.memory_decision.settings import TrialSettings
from b2m_envs.memory_decision.trials import NO_STIMULUS, Trials

PADDING = -1  # period of the steps after a trial's end
ROUNDING_TOLERANCE = 1e-6  # [steps] so that 2.5 steps round up whatever the floating-point error


def period_names(max_items: int) -> tuple[str, ...]:
    """Names of the periods by their number: fixation, item1, ..., maintenance, probe."""
    items = (f"item{position + 1}" for position in range(max_items))
    return ("fixation", *items, "maintenance", "probe")


@dataclass(frozen=True, eq=False)
class TrialSteps:
    """What is on the screen, step by step.

    Period numbers index ``period_names``: 0 fixation, *k* item *k* and the blank after it, then
    maintenance and probe; ``PADDING`` after the end. Trials with fewer items skip periods.
    """

    period: Int64[np.ndarray, "batch time"]
    steps_since_onset: Int64[np.ndarray, "batch time"]  # since the period, or padding, began
    shown: Int64[np.ndarray, "batch time place"]  # stimulus at centre, left, right, or NO_STIMULUS


@dataclass(frozen=True, eq=False)
class TrialBatch:
    """Whole trials of a memory task, step by step, as arrays; zeros fill up the shorter ones.

    The step at index *t* shows ``observation[:, t]``, to which ``target[:, t]`` is the action
    wanted (0 fixate, 1 left or in, 2 right or out).
    """

    observation: Float32[np.ndarray, "batch time feature"]
    target: Int64[np.ndarray, "batch time"]
    mask: Float32[np.ndarray, "batch time"]  # 1 where the target counts, 0 in the padding
    decision: Bool[np.ndarray, "batch time"]  # steps that show the probes
    period: Int64[np.ndarray, "batch time"]  # index into period_names, PADDING after the end
    time_since_onset: Float32[np.ndarray, "batch time"]  # [s] from the period's onset to the step
    shown: Int64[np.ndarray, "batch time place"]  # stimulus at centre, left, right, or NO_STIMULUS
    trial_id: Int64[np.ndarray, " batch"]
    trials: Trials
    period_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.trial_id)


def longest_trial(settings: TrialSettings) -> int:
    """Steps of the longest trial that the settings can draw or their trial list holds."""
    seconds = settings.fixation + settings.max_items * (settings.item + max(settings.isi_choices))
    seconds += settings.post_item + settings.maintenance_range[1] + settings.response
    drawn = int(to_steps(np.array([seconds]), settings.time_step)[0])
    if settings.trial_list is None:
        return drawn
    return max(drawn, trial_length(settings.trial_list, settings))


def trial_length(trials: Trials, settings: TrialSettings) -> int:
    """Steps of the longest of these trials."""
    return int(to_steps(_onsets(trials, settings)[:, -1], settings.time_step).max(initial=0))


def to_steps(seconds: Float64[np.ndarray, "*axes"], time_step: float) -> Int64[np.ndarray, "*axes"]:
    """The step at which an event happens: the nearest on the trial's own clock, halves up.

    Rounding events, not durations, keeps errors from adding up: with steps of 0.2 s, successive
    intervals of 0.5 s take 2 or 3 steps and are right on average.
    """
    return np.floor(seconds / time_step + (0.5 + ROUNDING_TOLERANCE)).astype(np.int64)


def show(trials: Trials, settings: TrialSettings, n_steps: int) -> TrialSteps:
    """What every step of every trial shows, padded to ``n_steps``."""
    seconds = _onsets(trials, settings)
    onset = to_steps(seconds, settings.time_step)
    at_event = _event_by_step(onset, n_steps)
    period = np.append(np.arange(settings.max_items + 3), PADDING)
    offset = to_steps(seconds + settings.item, settings.time_step)
    offset[:, -2] = onset[:, -1]  # probes stay until the end
    step = np.arange(n_steps)
    shown = _stimuli_by_event(trials, settings).take(at_event, axis=0)
    shown[:, :, 0][step >= offset.take(at_event)] = NO_STIMULUS
    _show_distractors(shown, trials, seconds[:, -3], settings)
    return TrialSteps(
        period=np.tile(period, len(trials)).take(at_event),
        steps_since_onset=step - onset.take(at_event),
        shown=shown,
    )


def _onsets(trials: Trials, settings: TrialSettings) -> Float64[np.ndarray, "trial event"]:
    """Onset [s] of every period from the trial's start, and the trial's end.

    Items that a trial lacks begin, without lasting, with maintenance.
    """
    position = np.arange(settings.max_items)
    interval = settings.item + trials.isi
    onset = np.empty((len(trials), settings.max_items + 4))
    onset[:, 0] = 0
    onset[:, -3] = settings.fixation + trials.item_count * interval + settings.post_item
    onset[:, -2] = onset[:, -3] + trials.maintenance
    onset[:, -1] = onset[:, -2] + settings.response
    onset[:, 1:-3] = np.where(
        position < trials.item_count[:, None],
        settings.fixation + position * interval[:, None],
        onset[:, -3, None],
    )
    return onset


def _event_by_step(
    onset: Int64[np.ndarray, "trial event"], n_steps: int
) -> Int64[np.ndarray, "trial time"]:
    """Which event each step belongs to, as an index into the flattened (trial, event) table."""
    duration = np.diff(onset, axis=1, append=n_steps)
    return np.repeat(np.arange(onset.size), duration.ravel()).reshape(len(onset), n_steps)


def _stimuli_by_event(trials: Trials, settings: TrialSettings) -> Int64[np.ndarray, "event place"]:
    """Stimuli shown from each event on, at centre, left and right; one row a trial and event."""
    n_columns = min(settings.max_items, trials.stimulus.shape[1])
    stimulus = np.full((len(trials), settings.max_items + 4, 3), NO_STIMULUS)
    stimulus[:, 1 : 1 + n_columns, 0] = trials.stimulus[:, :n_columns]
    stimulus[:, -2] = trials.probes
    return stimulus.reshape(-1, 3)


def _show_distractors(
    shown: Int64[np.ndarray, "batch time place"],
    trials: Trials,
    maintenance_onset: Float64[np.ndarray, " trial"],
    settings: TrialSettings,
) -> None:
    """Put the distractors at the centre, with equal blanks before, between and after them."""
    if trials.distractor is None:
        return
    n = trials.n_distractors
    blank = (trials.maintenance - n * settings.item) / (n + 1)
    step = np.arange(shown.shape[1])
    for position, stimulus in enumerate(trials.distractor.T):
        begins = maintenance_onset + blank + position * (blank + settings.item)
        on = to_steps(begins, settings.time_step)[:, None]
        off = to_steps(begins + settings.item, settings.time_step)[:, None]
        visible = (step >= on) & (step < off)
        shown[:, :, 0] = np.where(visible, stimulus[:, None], shown[:, :, 0])
