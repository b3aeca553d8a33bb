"""What the memory study compares: its settings, its conditions and its groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from b2m_agents.studies.isolated import IsolatedSettings
from b2m_agents.studies.teachers import NULL_TEACHERS, PROBE_TEACHERS, Reading
from b2m_drive.brain.recording import BrainRecording
from b2m_drive.students.fitting import FittingSettings
from b2m_drive.transfer.attachment import Strategy
from b2m_envs.memory_decision import MemoryDecisionSettings, TrialTable

ALONE = "alone"
ALONE_HEAD = "alone_head"
ALONE_LABELLED = "alone_labelled"
SHARE_TEACHING = 0.8  # of the recorded trials; the others are held out
TEACHERS = ("brain", *NULL_TEACHERS, *PROBE_TEACHERS)


@dataclass(frozen=True)
class MemoryStudySettings:
    """What is compared, and with which budget. The defaults are those of the command."""

    strategies: tuple[Strategy, ...] = ("regression", "contrastive")
    readings: tuple[Reading, ...] = (Reading(),)
    seeds: tuple[int, ...] = tuple(range(8))
    n_steps: int = 600
    batch_size: int = 32  # generated trials a step
    recorded_batch_size: int = 16  # recorded trials a step
    evaluate_every: int = 50  # [steps]
    n_evaluation_trials: int = 512
    time_step: float = 0.2  # [s]
    code_size: int = 8  # numbers that describe a stimulus
    observation_noise: float = 0.1  # standard deviation, beside codes of norm 1
    weight: float = 1.0  # of the transfer term at the start
    falls_to_zero_at: float = 0.5  # share of the training after which the term is off
    temperature: float = 0.2  # of the contrastive loss
    positions: int = 2  # steps a trial and phase in the contrastive loss

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: expected one or more different seeds, came {self.seeds}")
        if not self.readings or not self.strategies:
            raise ValueError("readings and strategies: expected at least one of each")
        FittingSettings(self.n_steps, 1.0, evaluate_every=self.evaluate_every)  # checks both
        for name in ("batch_size", "recorded_batch_size", "n_evaluation_trials", "positions"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, came {getattr(self, name)}")


@dataclass(frozen=True)
class MemoryPlan:
    """One group of students: all that a worker needs to train them."""

    settings: MemoryStudySettings
    isolated: IsolatedSettings
    task: MemoryDecisionSettings
    conditions: tuple[str, ...]
    seeds: tuple[int, ...]
    recording: BrainRecording | None  # None: conditions that need no recorded trials
    teaching: np.ndarray | None = None
    trajectories: Path | None = None  # file for the paths of brain and students; None: not drawn

    @property
    def students(self) -> list[tuple[str, int]]:
        """Condition and seed of each student of the stack."""
        return [(condition, seed) for seed in self.seeds for condition in self.conditions]


def task_of(recording: BrainRecording, settings: MemoryStudySettings) -> MemoryDecisionSettings:
    """The task of a recording's session: its number of items and stimuli, random codes."""
    return MemoryDecisionSettings(
        n_items=recording.trials.n_items,
        n_stimuli=recording.trials.n_stimuli,
        code_size=settings.code_size,
        time_step=settings.time_step,
        observation_noise=settings.observation_noise,
    )


def replayed(recording: BrainRecording) -> TrialTable:
    """The very trials of a session, for the student to live through."""
    trials = recording.trials
    return TrialTable(
        trial_id=trials.trial_id,
        stimulus=trials.stimulus,
        isi=trials.inter_stimulus_interval,
        maintenance=trials.probe_onset - trials.maintenance_onset,
        probe_left=trials.probe_left,
        probe_right=trials.probe_right,
    )


def taught_conditions(settings: MemoryStudySettings) -> tuple[str, ...]:
    """Names of the conditions with a teacher: strategy/latents/pairing/teacher."""
    return tuple(
        f"{strategy}/{reading.latents}/{reading.pairing}/{teacher}"
        for strategy in settings.strategies
        for reading in settings.readings
        for teacher in TEACHERS
    )


def split_trials(recording: BrainRecording) -> np.ndarray:
    """Which recorded trials teach (True) and which are held out, by a fixed draw."""
    order = np.random.default_rng(0).permutation(len(recording.trials))
    teaching = np.zeros(len(order), dtype=bool)
    teaching[order[: round(SHARE_TEACHING * len(order))]] = True
    return teaching
