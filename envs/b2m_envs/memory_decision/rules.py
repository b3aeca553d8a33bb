"""What an action earns, and when it ends the trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_envs.memory_decision.settings import TrialSettings
from b2m_envs.memory_decision.task import FIXATE


@dataclass(frozen=True, eq=False)
class TrialOutcome:
    """What actions led to, one a trial."""

    reward: Float64[np.ndarray, " trial"]
    terminated: Bool[np.ndarray, " trial"]
    correct: Bool[np.ndarray, " trial"]  # the right answer was chosen
    aborted: Bool[np.ndarray, " trial"]  # the trial ended by breaking fixation


def judge_actions(
    action: Int64[np.ndarray, " trial"],
    target: Int64[np.ndarray, " trial"],
    is_last_step: Bool[np.ndarray, " trial"],
    settings: TrialSettings,
) -> TrialOutcome:
    """Outcome of these actions where ``target`` is the action wanted, 0 before the probes."""
    probing = target != FIXATE
    acted = action != FIXATE
    answered = acted & probing
    broke = acted & ~probing
    correct = answered & (action == target)
    aborted = broke & settings.abort_on_break
    finished = answered | (probing & is_last_step)
    reward = np.where(finished, settings.reward_error, 0.0)
    reward = np.where(correct, settings.reward_correct, reward)
    reward = np.where(broke, settings.reward_abort, reward)
    return TrialOutcome(
        reward=reward, terminated=finished | aborted, correct=correct, aborted=aborted
    )
