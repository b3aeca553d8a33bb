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

from b2m_agents.studies.memory.student_tasks import STUDENT_TASKS
from b2m_drive.recordings.decision_trials import NO_STIMULUS, DecisionTrials
from b2m_envs.memory_decision import Trials

TrialMatching: TypeAlias = Callable[[DecisionTrials, str], Trials]

_NAMES_OF_STIMULI = ("stimulus", "distractor", "probe", "probe_left", "probe_right")


def match_trials(trials: DecisionTrials, task: str) -> Trials:
    """Each recorded trial as a trial of the student's task; of the same task, the trial itself.

    Both tasks ask whether the (left) probe was shown before. A memory decision trial becomes a
    Sternberg trial by hiding the right probe; a Sternberg trial becomes a memory decision trial
    by a right probe that makes the left one right or wrong: for *in* a stimulus that was not
    shown, for *out* one of the items, in turn.

    Any function of this signature may stand in its place (`MemoryComparison.matching`); it
    must keep ids and rows.

    Raises:
        ValueError: If a trial showed every stimulus, so that no new probe is left.
    """
    return STUDENT_TASKS[task].trials_of(trials)


def relabelled(trials: Trials, new_stimulus: Int64[np.ndarray, " stimulus"]) -> Trials:
    """The same trials with each stimulus replaced by another, consistently.

    Raises:
        ValueError: If the trials name their probes otherwise than those of our tasks.
    """
    changed: dict[str, Any] = {
        name: _renamed(values, new_stimulus)
        for name in _NAMES_OF_STIMULI
        if (values := getattr(trials, name, None)) is not None
    }
    made = replace(trials, **changed)
    if not np.array_equal(made.probes, _renamed(trials.probes, new_stimulus)):
        raise ValueError(
            f"{type(trials).__name__}: expected probes in columns among "
            f"{', '.join(_NAMES_OF_STIMULI)}, whose stimuli can be exchanged, came others"
        )
    return made


def _renamed(
    stimuli: Int64[np.ndarray, "*place"], new_stimulus: Int64[np.ndarray, " stimulus"]
) -> Int64[np.ndarray, "*place"]:
    return np.where(stimuli == NO_STIMULUS, NO_STIMULUS, new_stimulus[stimuli])
