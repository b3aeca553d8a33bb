"""Is the verdict itself to be trusted? The same verdict over brains whose answer is known.

Null brains (simulated, share of signal 0) have nothing to teach: a verdict of *specific* is a
false one. ``ideal`` brains have: a verdict that is not *specific* misses them. Every brain gets
trials, students and seeds of its own, so brains are independent and exact binomial intervals
hold. It is the verdict code of every comparison, on a small preset of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from b2m_agents.studies.memory import taught_group
from b2m_agents.studies.memory.comparison import MemoryComparison, describe_settings
from b2m_agents.studies.memory.plan import MemoryStudySettings
from b2m_drive.comparisons.calibration import (
    VERDICTS,
    CalibrationRow,
    Kind,
    calibration_row,
    read_rows,
    write_rows,
)
from b2m_drive.comparisons.jobs import Job, RunJob
from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.run_opening import JOBS
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.comparisons.verdict import Verdict, differences, grade_of, judge_curves
from b2m_drive.evidence.condition import ALONE, ALONE_HEAD, BRAIN, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import learning_curves
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.evidence.statistics import PairedDifference
from b2m_drive.files.settings_types import take_as_declared
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials

METRIC = "area_under_curve"
_FIRST_SEED = 1_000_000  # apart from every seed that a comparison reports or a tuning used
_SEEDS_A_BRAIN = 1000  # seeds of one brain's students are apart from another's

SMALL_STUDY = MemoryStudySettings(
    strategies=("regression",),
    probes=(),
    seeds=tuple(range(5)),
    n_steps=200,
    batch_size=16,
    recorded_batch_size=8,
    evaluate_every=50,
    n_evaluation_trials=256,
)


@dataclass(frozen=True)
class CalibrationSettings:
    """How the verdict is calibrated: on how many simulated brains, by which small study."""

    n_null: int = 100
    n_ideal: int = 20
    first_brain: int = 0  # seed of the first brain of each kind; the others follow
    n_trials: int = 100
    n_items: int = 3
    n_stimuli: int = 8
    preset: str = "ideal"  # whose signal is set to 0 for null brains
    study: MemoryStudySettings = SMALL_STUDY

    def __post_init__(self) -> None:
        take_as_declared(self)
        for name, least in (("n_null", 1), ("n_ideal", 1), ("n_trials", 20), ("first_brain", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, came {getattr(self, name)}")


DEFAULT_CALIBRATION = CalibrationSettings()


@dataclass(frozen=True)
class CalibrationPlan:
    """One brain: its kind and its seed."""

    settings: CalibrationSettings
    kind: Kind
    brain_seed: int

    @property
    def comparison(self) -> MemoryComparison:
        """The brain, its trials and its students, all from seeds of its own."""
        settings, seed = self.settings, self.brain_seed
        first = _FIRST_SEED + (2 * seed + (self.kind == "null")) * _SEEDS_A_BRAIN
        trials = simulate_trials(
            settings.n_trials, settings.n_items, settings.n_stimuli, np.random.default_rng(first)
        )
        signal = 0.0 if self.kind == "null" else 1.0
        recording = SimulatedBrain.preset(settings.preset, signal=signal).record(trials, first)
        seeds = tuple(first + k for k in range(len(settings.study.seeds)))
        return MemoryComparison(
            recording,
            replace(settings.study, seeds=seeds),
            signal=signal,
        )


@dataclass(frozen=True)
class VerdictCalibration(RunnableComparison[CalibrationPlan, list[CalibrationRow]]):
    """The verdict over simulated brains whose truth is known: a row for each brain and strategy."""

    settings: CalibrationSettings = DEFAULT_CALIBRATION

    kind = "a calibration"

    @property
    def run_job(self) -> RunJob:
        """Trains and scores the students of one brain."""
        return run_job

    def describe(self) -> dict[str, Any]:
        """The configuration: everything that decides the verdicts, but for how many there are."""
        return describe_calibration(self.settings)

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[CalibrationPlan]]]:
        """One job a brain."""
        return {folder: calibration_jobs(self.settings)}

    def finish(self, folder: Path, jobs: Mapping[Path, Sequence[Job[CalibrationPlan]]]) -> None:
        """Judge every brain, and write ``verdicts.csv``."""
        write_rows(folder / VERDICTS, [row for job in jobs[folder] for row in _rows(job, folder)])

    def read(self, folder: Path) -> list[CalibrationRow]:
        """The verdicts."""
        return read_rows(folder / VERDICTS)


def calibration_jobs(settings: CalibrationSettings) -> list[Job[CalibrationPlan]]:
    """A job for each brain, the two kinds in turn as long as both last."""
    counts: dict[Kind, int] = {"ideal": settings.n_ideal, "null": settings.n_null}
    plans = [
        CalibrationPlan(settings, kind, settings.first_brain + k)
        for k in range(max(counts.values()))
        for kind, count in counts.items()
        if k < count
    ]
    n_steps = 3 * settings.study.n_steps  # by the brain, alone, by the other nulls
    return [Job(f"{plan.kind}-{plan.brain_seed}", plan, n_steps) for plan in plans]


def run_job(plan: CalibrationPlan, after_step: Callable[[], None]) -> list[Score]:
    """The students of one brain's comparison, those of all its seeds in one stack.

    Where no teaching beats the student alone the verdict cannot be *specific*, whatever the other
    nulls do, and their students are not trained.
    """
    comparison = plan.comparison
    plans = [job.plan for job in comparison.jobs(Path())]  # nothing is kept in a folder
    alone, taught = (
        replace(
            next(each for each in plans if (each.teaching_trials is None) == isolated),
            seeds=comparison.settings.seeds,
            trajectories=None,
            aligned=False,
        )
        for isolated in (True, False)
    )
    by_brain = tuple(name for name in taught.conditions if name.control == BRAIN)
    others = tuple(name for name in taught.conditions if name not in by_brain)
    scores = taught_group.run_job(replace(taught, conditions=by_brain), after_step)
    scores += taught_group.run_job(alone, after_step)
    if any(over_alone.low > 0 for over_alone in _over_alone(scores, plan).values()):
        return scores + taught_group.run_job(replace(taught, conditions=others), after_step)
    for _ in range(taught.settings.n_steps):
        after_step()  # for progress: these need not be trained
    return scores


def _over_alone(
    scores: list[Score], plan: CalibrationPlan
) -> dict[TransferMethod, PairedDifference]:
    """Brain minus alone, of each teaching."""
    curves, study = learning_curves(scores), plan.settings.study
    methods = (
        TransferMethod(strategy, readout.latents, readout.pairing)
        for strategy in study.strategies
        for readout in study.readings
    )
    return {each: differences(curves, each, METRIC, (ALONE,))[ALONE] for each in methods}


def describe_calibration(settings: CalibrationSettings) -> dict[str, Any]:
    """The configuration: everything that decides the verdicts."""
    counted = ("n_null", "n_ideal", "study")  # more brains may be asked of the same folder
    chosen = {name: value for name, value in asdict(settings).items() if name not in counted}
    return {
        "study": "memory_calibration",
        "simulated": True,
        **chosen,
        **describe_settings(settings.study),
    }


def _rows(job: Job[CalibrationPlan], folder: Path) -> list[CalibrationRow]:
    plan = job.plan
    scores = read_scores(folder / JOBS / f"{job.name}.csv")
    curves = learning_curves(scores)
    verdicts = []
    for teaching, over_alone in _over_alone(scores, plan).items():
        if Condition(ALONE_HEAD) in curves:
            verdicts.append(judge_curves(curves, teaching, METRIC, simulated=True))
        else:  # the student alone was not beaten, which decides
            over = {ALONE: over_alone}
            verdicts.append(Verdict(teaching, METRIC, MEMORY, True, grade_of(over), over, {}))
    return [calibration_row(each, plan.kind, plan.brain_seed) for each in verdicts]
