"""Does a brain teach a recurrent network to remember? The memory decision study.

A student learns B2M/MemoryDecision-v0 from generated trials. Beside them it lives through trials
that were recorded while a person did the task, and a transfer term pulls its hidden state towards
the latents of that person's neurons. Every control gets the same seeds, trials and steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from b2m_agents.studies.isolated import frozen_settings, settings_file
from b2m_agents.studies.memory.askable import askable
from b2m_agents.studies.memory.brain_description import (
    describe_brain,
    limits_of,
    plain_entries,
)
from b2m_agents.studies.memory.fitted_once import fingerprint_of
from b2m_agents.studies.memory.plan import (
    MemoryPlan,
    MemoryStudySettings,
    TeachingTrials,
    replaying,
    split_trials,
    task_settings,
    taught_conditions,
    varied_conditions,
)
from b2m_agents.studies.memory.taught_group import run_job
from b2m_agents.studies.memory.trial_matching import TrialMatching, match_trials
from b2m_drive.comparisons.control import Control, require_functions
from b2m_drive.comparisons.jobs import Job, RunJob, time_job
from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.run_folder import BRAIN_FILE, TRAJECTORIES, Run, read_run
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import ALONE, ALONE_HEAD, ALONE_LABELLED, Condition, Variation
from b2m_drive.files.fingerprints import record_made
from b2m_drive.files.provenance import installed_versions
from b2m_drive.files.writing import write_json
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.recording_quality import fit_to_teach
from b2m_drive.recordings.trial_responses import TrialResponses

PUBLISHED_MAINTENANCE = 2.5  # [s] on average
_ONE_SESSION = (
    "One session: the seed of the student is the unit, so intervals speak of this brain only."
)
_ONE_POPULATION = (
    "One pseudo-population: units of several patients side by side, which were never recorded "
    "together. The seed of the student is the unit, so intervals speak of this population only; "
    "nothing is inferred about patients. What units of different sessions have in common from "
    "trial to trial is lost."
)
_SEEDS_TOGETHER = 4  # isolated students of so many seeds are advanced together
_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "b2m-drive")
DEFAULT_STUDY = MemoryStudySettings()


@dataclass(frozen=True)
class MemoryComparison(RunnableComparison[MemoryPlan, Run]):
    """A memory study of one recording: the brain, its nulls and probes, and every student.

    Spikes are counted in the bins of each trial (`in_trials`), bad trials are left out, and a
    recording that cannot teach is refused (`fit_to_teach`). What a recording of only a part of the
    trial cannot be asked is left out (`askable`), and stands among the limits.
    """

    recording: Recording | TrialResponses
    settings: MemoryStudySettings = DEFAULT_STUDY
    matching: TrialMatching = match_trials  # recorded trials -> the student's trials
    signal: float | None = None  # share of a simulated brain's task signal
    # the brain with its other shares of signal
    by_signal: Mapping[float, Recording | TrialResponses] = field(default_factory=dict)
    isolated: Path | None = None  # folder shared between runs; None: beside the run's
    own_controls: tuple[Control, ...] = ()  # further nulls and probes
    note: str = ""  # that the report has beneath its verdicts

    def __post_init__(self) -> None:
        require_functions(self.own_controls)
        _ = self.study  # checks the names
        object.__setattr__(self, "recording", fit_to_teach(in_trials(self.recording)))
        fit = {share: fit_to_teach(in_trials(each)) for share, each in self.by_signal.items()}
        object.__setattr__(self, "by_signal", fit)
        object.__setattr__(self, "settings", askable(self.settings, self.brain))
        split_trials(self.brain, self.settings.n_teacher_trials)  # says if too few can teach

    @property
    def brain(self) -> TrialResponses:
        """The recording, counted in the bins of its trials."""
        return in_trials(self.recording)

    @property
    def study(self) -> Study:
        """The controls and words of this comparison."""
        return MEMORY.beside(self.own_controls)

    @property
    def teachers(self) -> tuple[str, ...]:
        """The brain, every null and the probes chosen, the user's own included."""
        return (*self.settings.teachers, *(control.name for control in self.own_controls))

    def teaching_trials(
        self, settings: MemoryStudySettings, recording: TrialResponses
    ) -> TeachingTrials:
        """What teaches under these settings."""
        return TeachingTrials(
            recording,
            self.matching(recording.trials, settings.task),
            split_trials(recording, settings.n_teacher_trials),
            replaying(task_settings(recording, settings), recording),
        )

    @property
    def run_job(self) -> RunJob:
        """Trains and scores the students of one job, together."""
        return run_job

    def describe(self) -> dict[str, Any]:
        """The configuration of the run: everything that decides its numbers."""
        recording, settings = self.brain, self.settings
        return {
            "study": "memory",
            "brain": _brain_entries(recording, settings),
            "own": own_values(self),
            "pairing_of_trials": name_of_matching(self.matching),
            "by_signal": {
                f"{k:g}": fingerprint_of(in_trials(each)) for k, each in self.by_signal.items()
            },
            **describe_settings(settings),
            **self.study.describe(),
            "task": _task_entries(recording, settings),
            "limits": [
                _ONE_POPULATION if recording.part is not None else _ONE_SESSION,
                *limits_of(recording, settings),
            ],
            **({"note": self.note} if self.note else {}),
        }

    def read(self, folder: Path) -> Run:
        """The finished run: scores, curves, and what it was run with."""
        return read_run(folder)

    def prepare(self, folder: Path, n_workers: int, progress: bool) -> None:
        """Describe the brain, once."""
        if not (folder / BRAIN_FILE).is_file():
            write_json(folder / BRAIN_FILE, describe_brain(self.brain, self.settings))

    def finish(self, folder: Path, jobs: Mapping[Path, Sequence[Job[MemoryPlan]]]) -> None:
        """Join the scores, and record the paths that were drawn."""
        super().finish(folder, jobs)
        for place in jobs:
            record_trajectories(place)

    def time_job(self, job: Job[MemoryPlan]) -> tuple[float, float]:
        """Seconds of a job beside its steps, and of a step; it draws nothing."""
        return time_job(replace(job.plan, trajectories=None), run_job)

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[MemoryPlan]]]:
        """Every job of this one run."""
        return {folder: self.jobs(folder)}

    def jobs(self, folder: Path) -> list[Job[MemoryPlan]]:
        """All jobs: the isolated ones, shared between runs, the taught, then what is varied."""
        settings = self.settings
        jobs = self._isolated_jobs(settings, settings.seeds, folder)
        conditions = (
            Condition(ALONE_HEAD),
            Condition(ALONE_LABELLED),
            *taught_conditions(settings, self.teachers),
        )
        jobs += self._taught_jobs(settings, self.brain, conditions, settings.seeds)
        first = next(job for job in jobs if job.plan.teaching_trials is not None)
        plan = replace(first.plan, trajectories=folder / TRAJECTORIES)
        drawn = replace(first, plan=plan, writes=folder)
        jobs = [drawn if job is first else job for job in jobs]
        for variation, varied, recording in self._variations():
            jobs += self._varied_jobs(variation, varied, recording, folder)
        return jobs

    def _variations(self) -> list[tuple[Variation, MemoryStudySettings, TrialResponses]]:
        base = self.settings
        teacher = [replace(base, n_teacher_trials=n) for n in base.teacher_trials_curve]
        student = [replace(base, n_student_trials=n) for n in base.student_trials_curve]
        delay = [replace(base, maintenance=seconds) for seconds in base.maintenance_curve]
        varied = [
            (Variation(axis, float(getattr(settings, axis))), settings, self.brain)
            for axis, points in (
                ("n_teacher_trials", teacher),
                ("n_student_trials", student),
                ("maintenance", delay),
            )
            for settings in points
        ]
        by_signal = [
            (Variation("signal", k), base, in_trials(each)) for k, each in self.by_signal.items()
        ]
        return varied + by_signal

    def _varied_jobs(
        self,
        variation: Variation,
        settings: MemoryStudySettings,
        recording: TrialResponses,
        folder: Path,
    ) -> list[Job[MemoryPlan]]:
        """Students alone where the variation changes them, and students taught."""
        seeds = settings.seeds[: settings.n_seeds_varied]
        changes_alone = variation.axis in ("n_student_trials", "maintenance")
        jobs = self._isolated_jobs(settings, seeds, None) if changes_alone else []
        jobs += self._taught_jobs(settings, recording, varied_conditions(settings), seeds)
        prefix = f"{variation.axis}-{variation.value:g}"
        return [
            replace(
                job,
                name=f"{prefix}-{job.name}",
                plan=replace(job.plan, variation=variation, aligned=False),
            )
            for job in jobs
        ]

    def _isolated_jobs(
        self, settings: MemoryStudySettings, seeds: tuple[int, ...], folder: Path | None
    ) -> list[Job[MemoryPlan]]:
        """Students alone; with a folder, in one that every run of the same task shares."""
        task, frozen = task_settings(self.brain, settings), frozen_settings(settings.cell)
        alone = _that_matters_alone(settings)
        felt = _without_default_device(asdict(alone))
        key = _fingerprint([ALONE, felt, asdict(task), asdict(frozen), version("torch")])
        shared = None if folder is None else (self.isolated or folder.parent / "isolated") / key
        return [
            _job(
                "alone-seeds-" + "-".join(map(str, some)),
                MemoryPlan(alone, frozen, task, (Condition(ALONE),), some, None),
                shared,
            )
            for start in range(0, len(seeds), _SEEDS_TOGETHER)
            if (some := seeds[start : start + _SEEDS_TOGETHER])
        ]

    def _taught_jobs(
        self,
        settings: MemoryStudySettings,
        recording: TrialResponses,
        conditions: tuple[Condition, ...],
        seeds: tuple[int, ...],
    ) -> list[Job[MemoryPlan]]:
        """Students with recorded trials, one job a seed."""
        task, frozen = task_settings(recording, settings), frozen_settings(settings.cell)
        trials = self.teaching_trials(settings, recording)
        return [
            _job(
                f"seed-{seed}",
                MemoryPlan(settings, frozen, task, conditions, (seed,), trials, self.own_controls),
            )
            for seed in seeds
        ]


def _job(name: str, plan: MemoryPlan, shared: Path | None = None) -> Job[MemoryPlan]:
    n_students = len(plan.students)
    size = str(len(plan.conditions))
    return Job(name, plan, plan.settings.n_steps, shared, n_students, size)


def record_trajectories(folder: Path) -> None:
    """Record the paths of a run, if it drew any: none where trials lack windows of others."""
    if (folder / TRAJECTORIES).is_file():
        record_made(folder, [TRAJECTORIES])


def _brain_entries(recording: TrialResponses, settings: MemoryStudySettings) -> dict[str, Any]:
    regions: dict[str, int] = {}
    for unit in recording.units:
        regions[unit.region] = regions.get(unit.region, 0) + 1
    teaching = split_trials(recording, settings.n_teacher_trials)
    return {
        "name": recording.session,
        "simulated": recording.simulated,
        "subject": recording.subject,
        "session": recording.session,
        "source": recording.source,
        "licence": recording.licence,
        "n_units": len(recording.units),
        "regions": regions,
        "task": recording.trials.task,
        "n_teaching": int(teaching.sum()),
        "n_held_out": int((~teaching).sum()),
        "notes": list(recording.notes),
        "fingerprint": fingerprint_of(recording),
    }


def describe_settings(settings: MemoryStudySettings) -> dict[str, Any]:
    """What the configurations of one session and of many have in common."""
    chosen = _without_default_device(plain_entries(asdict(settings)))
    chosen["student_task"] = chosen.pop("task")
    return {
        **chosen,
        "student": {
            "class": "DecisionRNN",
            **asdict(frozen_settings(settings.cell)),
        },
        "primary_metric": "area_under_curve",
        "isolated_settings_file": settings_file(settings.cell),
        "versions": installed_versions(_PACKAGES),
    }


def own_values(comparison: MemoryComparison) -> dict[str, float | None]:
    """Where the comparison's own students stand on each axis that may be varied."""
    settings = comparison.settings
    teaching = split_trials(comparison.brain, settings.n_teacher_trials)
    return {
        "n_teacher_trials": float(teaching.sum()),
        "n_student_trials": settings.n_student_trials,  # null: fresh trials at each step
        "maintenance": settings.maintenance or PUBLISHED_MAINTENANCE,
        "signal": comparison.signal,
    }


def name_of_matching(matching: TrialMatching) -> str:
    """What a configuration calls the function that pairs trials of two tasks."""
    if matching is match_trials:
        return "counterparts"  # its name before 0.6.0, as it stands in the files of runs
    return getattr(matching, "__qualname__", repr(matching))


def _task_entries(recording: TrialResponses, settings: MemoryStudySettings) -> dict[str, Any]:
    task = task_settings(recording, settings)
    return {"id": f"{task.task_id}-v0", **plain_entries(asdict(task))}


def _that_matters_alone(settings: MemoryStudySettings) -> MemoryStudySettings:
    """The settings with everything at its default that a student alone does not feel."""
    felt = (
        "cell",
        "task",
        "codes",
        "n_categories",
        "category_share",
        "n_steps",
        "batch_size",
        "evaluate_every",
        "n_evaluation_trials",
        "time_step",
        "code_size",
        "observation_noise",
        "maintenance",
        "n_student_trials",
        "device",
    )
    return replace(DEFAULT_STUDY, seeds=(0,), **{name: getattr(settings, name) for name in felt})


def _without_default_device(settings: dict[str, Any]) -> dict[str, Any]:
    """Entries as they were when every student was trained on the cpu, if these are, too."""
    return {k: v for k, v in settings.items() if (k, v) != ("device", "cpu")}


def _fingerprint(entries: list[Any]) -> str:
    return hashlib.sha256(json.dumps(entries, default=str).encode()).hexdigest()[:16]
