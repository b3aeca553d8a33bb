"""What the memory study compares: its settings, its conditions and its groups."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from b2m_agents.studies.isolated import IsolatedSettings
from b2m_agents.studies.memory.student_tasks import STUDENT_TASKS
from b2m_agents.studies.memory.teachers import Readout
from b2m_drive.comparisons.control import Control
from b2m_drive.comparisons.memory_study import MEMORY, NULL_TEACHERS
from b2m_drive.comparisons.study import LABEL_PROBES
from b2m_drive.evidence.condition import ALONE_LABELLED, BRAIN, Condition, TransferMethod, Variation
from b2m_drive.files.settings_types import take_as_declared
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.students.decision_rnn import Cell
from b2m_drive.students.devices import device_of
from b2m_drive.students.fitting import FittingSettings
from b2m_drive.teachers.windows import WINDOW_CHOICES, WindowChoice
from b2m_drive.transfer.term import Strategy
from b2m_envs.memory_decision import Trials
from b2m_envs.memory_decision.settings import TrialSettings

SHARE_TEACHING = 0.8  # of the recorded trials; the others are held out
FEWEST_TEACHING = 10  # trials: two for each part that is held out in turn
TASKS = tuple(STUDENT_TASKS)  # that ship, for the command line
_VARIED_TEACHERS = (BRAIN, "shuffled", "untrained_network")  # along the data curves


@dataclass(frozen=True)
class MemoryStudySettings:
    """What the memory study compares, and with which budget; the command has the same defaults."""

    strategies: tuple[Strategy, ...] = ("regression", "contrastive")
    readings: tuple[Readout, ...] = (Readout(),)
    windows: WindowChoice = "all"
    n_latents: int | None = None  # of all methods but "decoded"; None: by held-out likelihood
    probes: tuple[str, ...] = LABEL_PROBES
    seeds: tuple[int, ...] = tuple(range(8))
    cell: Cell = "gru"
    task: str = "memory_decision"  # of the student: a key of `STUDENT_TASKS`
    codes: str = "random"  # of the stimuli: "random" or "category"
    n_categories: int = 4  # of "category" codes
    category_share: float = 0.5  # of such a code's variance
    n_steps: int = 600
    batch_size: int = 32  # generated trials a step
    recorded_batch_size: int = 16  # recorded trials a step
    evaluate_every: int = 50  # [steps]
    n_evaluation_trials: int = 512
    time_step: float = 0.2  # [s]
    code_size: int = 8  # numbers that describe a stimulus
    observation_noise: float = 0.1  # standard deviation, beside codes of norm 1
    maintenance: float | None = None  # [s] of generated trials; None: as in the published task
    n_teacher_trials: int | None = None  # recorded trials that teach; None: four fifths of all
    n_student_trials: int | None = None  # different generated trials; None: fresh ones each step
    weight: float = 1.0  # of the transfer term at the start
    falls_to_zero_at: float = 0.5  # share of the training after which the term is off
    temperature: float = 0.2  # of the contrastive loss
    positions: int = 2  # steps a trial and phase in the contrastive loss
    teacher_trials_curve: tuple[int, ...] = ()  # further numbers of recorded trials
    student_trials_curve: tuple[int, ...] = ()  # numbers of different generated trials
    maintenance_curve: tuple[float, ...] = ()  # [s] further delays of generated trials
    n_seeds_varied: int = 3  # of each point of those curves
    device: str = "cpu"  # that students are trained on, see `device_of`

    def __post_init__(self) -> None:
        take_as_declared(self)
        object.__setattr__(self, "device", str(device_of(self.device)))
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: expected one or more different seeds, came {self.seeds}")
        if not self.readings or not self.strategies:
            raise ValueError("readings and strategies: expected at least one of each")
        FittingSettings(self.n_steps, 1.0, evaluate_every=self.evaluate_every)  # checks both
        self._check_choices()
        self._check_numbers()

    def _check_choices(self) -> None:
        for name, known in (
            ("task", tuple(STUDENT_TASKS)),
            ("windows", WINDOW_CHOICES),
            ("codes", ("random", "category")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: expected one of {known}, came {getattr(self, name)!r}")
        if self.windows in ("encoding", "delay") and any(
            readout.pairing == "carried" for readout in self.readings
        ):
            raise ValueError(
                "pairing: expected 'recorded' where only one phase is read, came 'carried' with "
                f"windows {self.windows!r}"
            )
        if not set(self.probes) <= set(MEMORY.probes):
            raise ValueError(f"probes: expected some of {MEMORY.probes}, came {self.probes}")

    def _check_numbers(self) -> None:
        counts = ("batch_size", "recorded_batch_size", "n_evaluation_trials", "positions")
        for name in (*counts, "n_seeds_varied"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, came {getattr(self, name)}")
        for name in ("n_latents", "n_teacher_trials", "n_student_trials"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: expected at least 1 or none, came {value}")
        for name in ("teacher_trials_curve", "student_trials_curve", "maintenance_curve"):
            values = getattr(self, name)
            if len(set(values)) != len(values) or not all(0 < v < math.inf for v in values):
                raise ValueError(f"{name}: expected different numbers above 0, came {values}")

    @property
    def teachers(self) -> tuple[str, ...]:
        """The brain, every null and the probes chosen."""
        return (BRAIN, *NULL_TEACHERS, *self.probes)


@dataclass(frozen=True)
class TeachingTrials:
    """What teaches: a recording, and its trials as the student lives through them."""

    recording: TrialResponses
    trials: Trials  # of the student's task, a row for each recorded trial
    teaching: Bool[np.ndarray, " trial"]  # the others are held out
    task: TrialSettings  # that can show those trials


@dataclass(frozen=True)
class MemoryPlan:
    """One group of students: all that a worker needs to train them."""

    settings: MemoryStudySettings
    isolated: IsolatedSettings
    task: TrialSettings  # of the generated trials
    conditions: tuple[Condition, ...]
    seeds: tuple[int, ...]
    teaching_trials: TeachingTrials | None  # None: conditions that need no recorded trials
    own_controls: tuple[Control, ...] = ()  # a user's, beside the study's
    trajectories: Path | None = None  # file for the paths of brain and students; None: not drawn
    variation: Variation | None = None
    aligned: bool = True  # whether students are compared with the neurons after training

    @property
    def students(self) -> list[tuple[Condition, int]]:
        """Condition and seed of each student of the stack."""
        return [(condition, seed) for seed in self.seeds for condition in self.conditions]


def task_settings(recording: TrialResponses, settings: MemoryStudySettings) -> TrialSettings:
    """The student's task, with as many items and stimuli as the recording's session has."""
    most = recording.trials.n_items
    common: dict[str, Any] = {
        "n_stimuli": recording.trials.n_stimuli,
        "codes": settings.codes,
        "n_categories": settings.n_categories,
        "category_share": settings.category_share,
        "code_size": settings.code_size,
        "time_step": settings.time_step,
        "observation_noise": settings.observation_noise,
    }
    if settings.maintenance is not None:
        common["maintenance"] = settings.maintenance
    task = STUDENT_TASKS[settings.task]
    return task.settings_class(n_items=task.item_counts(most), **common)


def replaying(task: TrialSettings, recording: TrialResponses) -> TrialSettings:
    """The same task, open to every number of items that the recording's trials have."""
    counts = tuple(sorted({int(count) for count in recording.trials.item_count}))
    return replace(task, n_items=counts)


def taught_conditions(
    settings: MemoryStudySettings, teachers: tuple[str, ...] | None = None
) -> tuple[Condition, ...]:
    """The conditions with a teacher."""
    return tuple(
        TransferMethod(strategy, readout.latents, readout.pairing).condition(teacher)
        for strategy in settings.strategies
        for readout in settings.readings
        for teacher in teachers or settings.teachers
    )


def varied_conditions(settings: MemoryStudySettings) -> tuple[Condition, ...]:
    """Conditions with recorded trials that the data curves show."""
    return (Condition(ALONE_LABELLED), *taught_conditions(settings, _VARIED_TEACHERS))


def split_trials(recording: TrialResponses, n_teaching: int | None = None) -> np.ndarray:
    """Which recorded trials teach (True) and which are held out, by a fixed draw.

    Fewer teaching trials are the first of the same draw. Of a pseudo-population only whole
    parts teach, so they may be somewhat fewer than asked for.

    Raises:
        ValueError: If so many cannot teach, or they are too few.
    """
    order = np.random.default_rng(0).permutation(len(recording.trials))
    most = round(SHARE_TEACHING * len(order))
    if n_teaching is not None and n_teaching > most:
        raise ValueError(
            f"n_teacher_trials: expected at most {most} (four fifths of the {len(order)} recorded "
            f"ones of {recording.session}), came {n_teaching}"
        )
    chosen = most if n_teaching is None else n_teaching
    if recording.part is not None:
        order, chosen = _whole_parts(recording.part, chosen)
    if chosen < FEWEST_TEACHING:
        raise ValueError(
            f"{recording.session}: teaching trials: expected at least {FEWEST_TEACHING}, came "
            f"{chosen} (of {len(order)} recorded ones; four fifths teach at most)"
        )
    teaching = np.zeros(len(order), dtype=bool)
    teaching[order[:chosen]] = True
    return teaching


def _whole_parts(part: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """Rows part after part in a drawn order, and how many of them teach: no part on both sides."""
    drawn = np.random.default_rng(0).permutation(np.unique(part))
    ends = np.cumsum([(part == each).sum() for each in drawn])
    order = np.concatenate([np.flatnonzero(part == each) for each in drawn])
    return order, int(max(ends[ends <= most], default=0))
