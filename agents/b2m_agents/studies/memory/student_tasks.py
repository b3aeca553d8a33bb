"""The tasks that students of the memory study may learn: a table by name.

A task of the user's own joins by one line, ``STUDENT_TASKS["mine"] = StudentTask(...)``, beside the
one in `b2m_envs.TASKS`. Workers are processes of their own: with more than one, both lines have to
stand in a module that the workers import, such as the one of the task's settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_envs.memory_decision import (
    MemoryDecisionSettings,
    SternbergSettings,
    SternbergTrials,
    Trials,
    TrialTable,
)
from b2m_envs.memory_decision.settings import TrialSettings


@dataclass(frozen=True)
class StudentTask:
    """A task that a student learns while a brain, which did the same or a similar one, teaches it.

    Args:
        settings_class: Of the task; `b2m_envs.TASKS` has to know it.
        trials_of: Recorded trials as trials of the task: the same ids and rows, the same item at
            the same position, the same intervals, and the matching answer.
        item_counts: Numbers of items of generated trials, from the most items recorded.
    """

    settings_class: type[TrialSettings]
    trials_of: Callable[[DecisionTrials], Trials]
    item_counts: Callable[[int], int | tuple[int, ...]] = int


def as_sternberg(trials: DecisionTrials) -> SternbergTrials:
    """Recorded trials as Sternberg trials: of a memory decision the right probe is hidden."""
    return SternbergTrials(**shared_columns(trials), probe=trials.probe_left)


def as_memory_decision(trials: DecisionTrials) -> TrialTable:
    """Recorded trials as memory decisions: a Sternberg trial gets a probe on the right.

    For *in* it is a stimulus that was not shown, for *out* one of the items, in turn.

    Raises:
        ValueError: If a trial showed every stimulus, so that no new probe is left.
    """
    same = trials.task == "memory_decision"
    right = trials.probe_right if same else _completing_probe(trials)
    return TrialTable(**shared_columns(trials), probe_left=trials.probe_left, probe_right=right)


def shared_columns(trials: DecisionTrials) -> dict[str, Any]:
    """The columns of recorded trials that trials of every task have."""
    return {
        "trial_id": trials.trial_id,
        "stimulus": trials.stimulus,
        "isi": trials.inter_stimulus_interval,
        "maintenance": trials.probe_onset - trials.maintenance_onset,
    }


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


STUDENT_TASKS: dict[str, StudentTask] = {
    "memory_decision": StudentTask(MemoryDecisionSettings, as_memory_decision),
    "sternberg": StudentTask(
        SternbergSettings, as_sternberg, item_counts=lambda most: tuple(range(1, most + 1))
    ),
}
