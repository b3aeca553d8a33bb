"""Trials for a simulated brain to see: of the memory decision, and of the Sternberg task."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from b2m_drive.recordings.decision_trials import LEFT, NO_STIMULUS, RIGHT, DecisionTrials, TaskName

ITEM_DURATION = 0.2  # [s]
INTERVALS = (0.0, 0.2, 0.5, 0.8)  # [s] between an item's offset and the next one's onset
POST_ITEM = 0.2  # [s] further blank after the last item's interval
MAINTENANCE_DURATION = (2.4, 2.6)  # [s]
STERNBERG_INTERVAL = 0.2  # [s] between an item's offset and the next one's onset
STERNBERG_MAINTENANCE = 2.5  # [s] as in DANDI 000469
STERNBERG_LOADS = (1, 2, 3)  # items, as in DANDI 000469
SHORTEST_TRIAL = 7.0  # [s] between the first onsets of one trial and the next
TIME_BEFORE_ITEMS = 1.3  # [s] simulated before the first item
TIME_AFTER_PROBE = 1.5  # [s] simulated after the probes
_FIRST_ONSET = 10.0  # [s]


def simulate_trials(
    n_trials: int,
    n_items: int,
    n_stimuli: int,
    generator: np.random.Generator,
    accuracy: float = 1.0,
) -> DecisionTrials:
    """Trials as patients saw them: distinct items, one interval a trial, one probe shown before.

    Maintenance starts one interval and 0.2 s after the last item's offset, as in the recordings
    of Kornblith et al. (2017).

    Args:
        n_trials: How many.
        n_items: Shown in each trial.
        n_stimuli: To draw items from.
        generator: Source of every draw.
        accuracy: Share of trials that are answered correctly, in expectation.

    Raises:
        ValueError: If a trial cannot have that many distinct items and a new probe.
    """
    if n_trials < 1 or n_items < 1 or n_stimuli <= n_items:
        raise ValueError(
            "trials, items and stimuli: expected at least 1 trial, 1 item and more stimuli than "
            f"items, came {n_trials}, {n_items} and {n_stimuli}"
        )
    order = np.stack([generator.permutation(n_stimuli) for _ in range(n_trials)])
    stimulus, new = order[:, :n_items], order[:, n_items]
    old = stimulus[np.arange(n_trials), generator.integers(n_items, size=n_trials)]
    side = generator.integers(2, size=n_trials)
    return _timed(
        stimulus,
        np.where(side == LEFT, old, new),
        np.where(side == RIGHT, old, new),
        side,
        n_stimuli,
        INTERVALS,
        MAINTENANCE_DURATION,
        "memory_decision",
        accuracy,
        generator,
    )


def simulate_sternberg(
    n_trials: int,
    n_stimuli: int,
    generator: np.random.Generator,
    loads: tuple[int, ...] = STERNBERG_LOADS,
    accuracy: float = 1.0,
) -> DecisionTrials:
    """Sternberg trials: some distinct items, then one probe, which was among them or was not.

    Loads are equally likely, and so are *in* and *out*. The probe of an in-trial is any of the
    items, of an out-trial any other stimulus. Loads and the maintenance period of 2.5 s are those
    of DANDI 000469; items are shown for 0.2 s with 0.2 s between them, as in the environment, since
    there they stay for 1-2 s, longer than a recording's bins reach.

    Args:
        n_trials: How many.
        n_stimuli: To draw items and probes from.
        generator: Source of every draw.
        loads: Numbers of items that a trial may have; rows with fewer end with `NO_STIMULUS`.
        accuracy: Share of trials that are answered correctly, in expectation.

    Raises:
        ValueError: If there is no load, or no stimulus left to be an *out* probe.
    """
    if n_trials < 1 or not loads or min(loads) < 1 or n_stimuli <= max(loads):
        raise ValueError(
            "trials, loads and stimuli: expected at least 1 trial, loads of 1 item or more and "
            f"more stimuli than items, came {n_trials}, {loads} and {n_stimuli}"
        )
    order = np.stack([generator.permutation(n_stimuli) for _ in range(n_trials)])
    rows, load = np.arange(n_trials), generator.choice(np.array(loads), size=n_trials)
    side = generator.integers(2, size=n_trials)
    absent = np.arange(max(loads)) >= load[:, None]
    shown_before = order[rows, generator.integers(load)]
    return _timed(
        np.where(absent, NO_STIMULUS, order[:, : max(loads)]),
        np.where(side == LEFT, shown_before, order[rows, load]),
        np.full(n_trials, NO_STIMULUS, dtype=np.int64),
        side,
        n_stimuli,
        (STERNBERG_INTERVAL,),
        (STERNBERG_MAINTENANCE, STERNBERG_MAINTENANCE),
        "sternberg",
        accuracy,
        generator,
    )


def _timed(
    stimulus: Int64[np.ndarray, "trial item"],
    probe_left: Int64[np.ndarray, " trial"],
    probe_right: Int64[np.ndarray, " trial"],
    side: Int64[np.ndarray, " trial"],
    n_stimuli: int,
    intervals: tuple[float, ...],
    maintenance: tuple[float, float],
    task: TaskName,
    accuracy: float,
    generator: np.random.Generator,
) -> DecisionTrials:
    """These trials one after the other, each with its own interval between items and pause."""
    n_trials, n_items = stimulus.shape
    shown = stimulus != NO_STIMULUS
    interval = generator.choice(intervals, size=n_trials)
    item_lag = np.arange(n_items) * (ITEM_DURATION + interval[:, None])
    last_lag = item_lag[np.arange(n_trials), shown.sum(1) - 1]
    maintenance_lag = last_lag + ITEM_DURATION + interval + POST_ITEM
    probe_lag = maintenance_lag + generator.uniform(*maintenance, size=n_trials)
    pause = generator.uniform(0.0, 1.0, size=n_trials)
    length = np.maximum(SHORTEST_TRIAL, probe_lag + TIME_AFTER_PROBE + TIME_BEFORE_ITEMS) + pause
    first = _FIRST_ONSET + np.concatenate([[0.0], np.cumsum(length)[:-1]])
    return DecisionTrials(
        trial_id=np.arange(n_trials, dtype=np.int64),
        stimulus=stimulus,
        item_onset=np.where(shown, first[:, None] + item_lag, np.nan),
        maintenance_onset=first + maintenance_lag,
        probe_onset=first + probe_lag,
        inter_stimulus_interval=interval,
        probe_left=probe_left,
        probe_right=probe_right,
        target_side=side,
        answered_correctly=np.asarray(generator.random(n_trials) < accuracy),
        n_stimuli=n_stimuli,
        task=task,
    )
