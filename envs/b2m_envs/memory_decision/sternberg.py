"""The Sternberg task: was the one probe among the items, or not?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int64

from b2m_envs.memory_decision.settings import Counts, Durations, TrialSettings
from b2m_envs.memory_decision.task import TrialTask, items_and_probes, n_item_chances
from b2m_envs.memory_decision.trials import LEFT, NO_STIMULUS, RIGHT, Trials


@dataclass(frozen=True, eq=False)
class SternbergTrials(Trials):
    """Trials of the Sternberg task; stimuli are indices from 0.

    Raises:
        ValueError: as `Trials`.
    """

    probe: Int64[np.ndarray, " trial"]

    @property
    def probes(self) -> Int64[np.ndarray, "trial place"]:
        """The probe at the centre, none at the sides."""
        none = np.full_like(self.probe, NO_STIMULUS)
        return np.stack((self.probe, none, none), axis=1)

    @cached_property
    def target_side(self) -> Int64[np.ndarray, " trial"]:
        """``LEFT`` where the answer is *in* (the probe was among the items), else ``RIGHT``."""
        return np.where(self.was_shown(self.probe), LEFT, RIGHT)


@dataclass(frozen=True, eq=False)
class SternbergSettings(TrialSettings):
    """Settings of the Sternberg task (Science 153:652, 1966).

    Loads of 1 to 3 items and a maintenance of 2.5 s are those of Kyzar et al. 2024 (Scientific
    Data 11:89; recordings in DANDI 000469). The other durations are ours: patients saw each
    picture for 1 to 2 s and answered in their own time, here everything lasts as in
    `MemoryDecisionSettings`, so that trials of both tasks can stand for each other.

    Raises:
        ValueError: naming the setting, what was expected and what came.
    """

    task_id: ClassVar[str] = "B2M/Sternberg"
    trials_class: ClassVar[type[Trials]] = SternbergTrials

    n_items: Counts = (1, 2, 3)
    isi: Durations = 0.2  # [s] after each item
    maintenance: Durations = 2.5  # [s]


class SternbergTask(TrialTask):
    """One probe, at the centre: left stands for *in*, right for *out*.

    The number of items, the interval, the maintenance, *in* or *out* and which item is probed are
    uniform and independent; a probe that is *out* is any stimulus but the items.
    """

    settings_class: ClassVar[type[TrialSettings]] = SternbergSettings
    n_places: ClassVar[int] = 1  # the centre

    @property
    def n_chances(self) -> int:
        """Random numbers that a trial's parameters take."""
        return n_item_chances(self.settings)

    def trials_from_chances(
        self, chance: Float64[np.ndarray, "trial chance"], trial_number: Int64[np.ndarray, " trial"]
    ) -> SternbergTrials:
        """Trials of the Sternberg task that follow from these chances."""
        items, target, new = items_and_probes(chance, self.draw_item_count(chance), self.settings)
        return SternbergTrials(
            **self.common_columns(chance, trial_number),
            stimulus=items,
            probe=np.where(chance[:, 4] < 0.5, target, new),
        )
