"""Trials of one memory task as the same roles in another: what a student of it lives through.

Brain Latent Transfer takes latents "from similar cognitive tasks" (arXiv 2506.20834). A trial of
the recorded task is therefore given a counterpart in the student's task: the same item at the
same position, the same intervals and maintenance, and the matching answer. The counterpart keeps
the trial's id, and steps are paired with windows by period (item 1, item 2, ..., maintenance), as
within one task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Int64

from b2m_drive.recordings.recording import NO_STIMULUS, DecisionTrials, TaskName
from b2m_envs.memory_decision import SternbergTrials, Trials, TrialTable

RolePairing: TypeAlias = Callable[[DecisionTrials, TaskName], Trials]

_NAMES_OF_STIMULI = ("stimulus", "distractor", "probe", "probe_left", "probe_right")


def counterparts(trials: DecisionTrials, task: TaskName) -> Trials:
    """Each recorded trial as a trial of the student's task; of the same task, the trial itself.

    Both tasks ask whether the (left) probe was shown before. A memory decision trial becomes a
    Sternberg trial by hiding the right probe; a Sternberg trial becomes a memory decision trial
    by a right probe that makes the left one right or wrong: for *in* a stimulus that was not
    shown, for *out* one of the items, in turn.

    Any function of this signature may stand in its place (`MemoryComparison.pairing`); it
    must keep ids and rows.

    Raises:
        ValueError: If a trial showed every stimulus, so that no new probe is left.
    """
    common: dict[str, Any] = {
        "trial_id": trials.trial_id,
        "stimulus": trials.stimulus,
        "isi": trials.inter_stimulus_interval,
        "maintenance": trials.probe_onset - trials.maintenance_onset,
    }
    if task == "sternberg":
        return SternbergTrials(**common, probe=trials.probe_left)
    right = trials.probe_right if trials.task == task else _completing_probe(trials)
    return TrialTable(**common, probe_left=trials.probe_left, probe_right=right)


def relabelled(trials: Trials, new_stimulus: Int64[np.ndarray, " stimulus"]) -> Trials:
    """The same trials with each stimulus replaced by another, consistently."""
    changed: dict[str, Any] = {
        name: np.where(values == NO_STIMULUS, NO_STIMULUS, new_stimulus[values])
        for name in _NAMES_OF_STIMULI
        if (values := getattr(trials, name, None)) is not None
    }
    return replace(trials, **changed)


def _completing_probe(trials: DecisionTrials) -> Int64[np.ndarray, " trial"]:
    """For each Sternberg trial the stimulus that belongs on the right of a memory decision."""
    right = np.empty(len(trials), dtype=np.int64)
    for row in range(len(trials)):
        items = trials.stimulus[row, : trials.item_count[row]]
        if trials.probe_left[row] in items:
            choices = np.setdiff1d(np.arange(trials.n_stimuli), items)
        else:
            choices = items
        if not len(choices):
            raise ValueError(
                f"trial {trials.trial_id[row]}: expected fewer items than the "
                f"{trials.n_stimuli} stimuli, so that a probe can be new, came {len(items)}"
            )
        right[row] = choices[int(trials.trial_id[row]) % len(choices)]
    return right
