"""A memory task as a user would write it: was the probe the last item?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

import b2m_agents
import b2m_drive as b2m
import b2m_envs


@dataclass(frozen=True, eq=False)
class LastItemTrials(b2m_envs.Trials):
    """Trials with one probe at the centre, which was the last item or another one."""

    probe: np.ndarray

    @property
    def probes(self) -> np.ndarray:
        none = np.full_like(self.probe, b2m_envs.NO_STIMULUS)
        return np.stack((self.probe, none, none), axis=1)

    @cached_property
    def target_side(self) -> np.ndarray:
        last = self.stimulus[np.arange(len(self)), self.item_count - 1]
        return np.where(self.probe == last, b2m_envs.LEFT, b2m_envs.RIGHT)


@dataclass(frozen=True, eq=False)
class LastItemSettings(b2m_envs.TrialSettings):
    """The usual settings, with shorter trials."""

    task_id: ClassVar[str] = "Mine/LastItem"
    trials_class: ClassVar[type[b2m_envs.Trials]] = LastItemTrials

    n_items: Any = 2
    maintenance: Any = 1.0  # [s]


class LastItemTask(b2m_envs.TrialTask):
    """The probe is the last item in half of the trials, and else an earlier item or a new one."""

    settings_class: ClassVar[type[b2m_envs.TrialSettings]] = LastItemSettings
    n_places: ClassVar[int] = 1

    @property
    def n_chances(self) -> int:
        return b2m_envs.n_item_chances(self.settings)

    def trials_from_chances(self, chance: np.ndarray, trial_number: np.ndarray) -> LastItemTrials:
        count = self.draw_item_count(chance)
        items, target, new = b2m_envs.items_and_probes(chance, count, self.settings)
        last = items[np.arange(len(items)), count - 1]
        other = np.where(target == last, new, target)
        probe = np.where(chance[:, 4] < 0.5, last, other)
        return LastItemTrials(
            **self.common_columns(chance, trial_number), stimulus=items, probe=probe
        )


class LastItemEnv(b2m_envs.TrialEnv):
    """The task as an environment."""

    task_class: ClassVar[type[b2m_envs.TrialTask]] = LastItemTask


class LastItemVectorEnv(b2m_envs.TrialVectorEnv):
    """The task as a batch of environments."""

    task_class: ClassVar[type[b2m_envs.TrialTask]] = LastItemTask


def from_recorded(trials: b2m.DecisionTrials) -> LastItemTrials:
    """Recorded trials of a memory decision: the same items, and the left probe for all."""
    return LastItemTrials(**b2m_agents.shared_columns(trials), probe=trials.probe_left)


STUDENT_TASK = b2m_agents.StudentTask(LastItemSettings, from_recorded)
