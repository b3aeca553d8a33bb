"""Does a brain teach a recurrent network to remember? The memory decision study.

A student learns B2M/MemoryDecision-v0 from generated trials. Beside them it lives through trials
that were recorded while a person did the task, and a transfer term pulls its hidden state towards
the latents of that person's neurons. Every control gets the same seeds, trials and steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from b2m_agents.studies.isolated import frozen_settings, settings_file
from b2m_agents.studies.memory.brain_description import (
    describe_brain,
    fingerprint_of,
    limits_of,
    plain_entries,
)
from b2m_agents.studies.memory.plan import (
    Lessons,
    MemoryPlan,
    MemoryStudySettings,
    replaying,
    split_trials,
    task_settings,
    taught_conditions,
    varied_conditions,
)
from b2m_agents.studies.memory.taught_group import run_group
from b2m_agents.studies.memory.trial_matching import RolePairing, counterparts
from b2m_drive.comparisons.control import Control, require_functions
from b2m_drive.comparisons.jobs import Job, expected_seconds, run_jobs
from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.run_folder import BRAIN_FILE, TRAJECTORIES
from b2m_drive.comparisons.run_opening import open_run
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import ALONE, ALONE_HEAD, ALONE_LABELLED, Condition, Variation
from b2m_drive.files.fingerprints import record_made
from b2m_drive.files.locks import claim
from b2m_drive.files.provenance import installed_versions
from b2m_drive.files.writing import write_json
from b2m_drive.recordings.recording import BrainRecording
from b2m_drive.recordings.recording_quality import fit_to_teach

PUBLISHED_MAINTENANCE = 2.5  # [s] on average
_SEEDS_TOGETHER = 4  # isolated students of so many seeds are advanced together
_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "gymnasium", "b2m-drive")
DEFAULT_STUDY = MemoryStudySettings()


@dataclass(frozen=True)
class MemoryComparison:
    """A memory study of one recording: the brain, its nulls and probes, and every student.

    Bad trials are left out, and a recording that cannot teach is refused (`fit_to_teach`).
    """

    recording: BrainRecording
    settings: MemoryStudySettings = DEFAULT_STUDY
    pairing: RolePairing = counterparts  # recorded trials -> the student's trials
    signal: float | None = None  # share of a simulated brain's task signal
    by_signal: Mapping[float, BrainRecording] = field(default_factory=dict)  # its other shares
    isolated: Path | None = None  # folder shared between runs; None: beside the run's
    own_controls: tuple[Control, ...] = ()  # further nulls and probes
    note: str = ""  # that the report has beneath its verdicts

    def __post_init__(self) -> None:
        require_functions(self.own_controls)
        _ = self.study  # checks the names
        object.__setattr__(self, "recording", fit_to_teach(self.recording))
        fit = {share: fit_to_teach(each) for share, each in self.by_signal.items()}
        object.__setattr__(self, "by_signal", fit)
        split_trials(self.recording, self.settings.n_teacher_trials)  # says if too few can teach

    @property
    def study(self) -> Study:
        """The controls and words of this comparison."""
        return MEMORY.beside(self.own_controls)

    @property
    def teachers(self) -> tuple[str, ...]:
        """The brain, every null and the probes chosen, the user's own included."""
        return (*self.settings.teachers, *(control.name for control in self.own_controls))

    def lessons(self, settings: MemoryStudySettings, recording: BrainRecording) -> Lessons:
        """What teaches under these settings."""
        return Lessons(
            recording,
            self.pairing(recording.trials, settings.task),
            split_trials(recording, settings.n_teacher_trials),
            replaying(task_settings(recording, settings), recording),
        )

    def groups(self, folder: Path) -> list[Job[MemoryPlan]]:
        """All groups: the isolated ones, shared between runs, the taught, then what is varied."""
        settings = self.settings
        groups = self._isolated_groups(settings, settings.seeds, folder)
        conditions = (
            Condition(ALONE_HEAD),
            Condition(ALONE_LABELLED),
            *taught_conditions(settings, self.teachers),
        )
        groups += self._taught_groups(settings, self.recording, conditions, settings.seeds)
        first = next(group for group in groups if group.plan.lessons is not None)
        drawn = replace(first, plan=replace(first.plan, trajectories=folder / TRAJECTORIES))
        groups = [drawn if group is first else group for group in groups]
        for variation, varied, recording in self._variations():
            groups += self._varied_groups(variation, varied, recording, folder)
        return groups

    def _variations(self) -> list[tuple[Variation, MemoryStudySettings, BrainRecording]]:
        base = self.settings
        teacher = [replace(base, n_teacher_trials=n) for n in base.teacher_trials_curve]
        student = [replace(base, n_student_trials=n) for n in base.student_trials_curve]
        delay = [replace(base, maintenance=seconds) for seconds in base.maintenance_curve]
        varied = [
            (Variation(axis, float(getattr(settings, axis))), settings, self.recording)
            for axis, points in (
                ("n_teacher_trials", teacher),
                ("n_student_trials", student),
                ("maintenance", delay),
            )
            for settings in points
        ]
        by_signal = [(Variation("signal", k), base, each) for k, each in self.by_signal.items()]
        return varied + by_signal

    def _varied_groups(
        self,
        variation: Variation,
        settings: MemoryStudySettings,
        recording: BrainRecording,
        folder: Path,
    ) -> list[Job[MemoryPlan]]:
        """Students alone where the variation changes them, and students taught."""
        seeds = settings.seeds[: settings.n_seeds_varied]
        changes_alone = variation.axis in ("n_student_trials", "maintenance")
        groups = self._isolated_groups(settings, seeds, None) if changes_alone else []
        groups += self._taught_groups(settings, recording, varied_conditions(settings), seeds)
        prefix = f"{variation.axis}-{variation.value:g}"
        return [
            replace(
                group,
                name=f"{prefix}-{group.name}",
                plan=replace(group.plan, variation=variation, aligned=False),
            )
            for group in groups
        ]

    def _isolated_groups(
        self, settings: MemoryStudySettings, seeds: tuple[int, ...], folder: Path | None
    ) -> list[Job[MemoryPlan]]:
        """Students alone; with a folder, in one that every run of the same task shares."""
        task, frozen = task_settings(self.recording, settings), frozen_settings(settings.cell)
        alone = _that_matters_alone(settings)
        key = _fingerprint([ALONE, asdict(alone), asdict(task), asdict(frozen), version("torch")])
        shared = None if folder is None else (self.isolated or folder.parent / "isolated") / key
        return [
            Job(
                "alone-seeds-" + "-".join(map(str, some)),
                MemoryPlan(alone, frozen, task, (Condition(ALONE),), some, None),
                settings.n_steps,
                shared,
            )
            for start in range(0, len(seeds), _SEEDS_TOGETHER)
            if (some := seeds[start : start + _SEEDS_TOGETHER])
        ]

    def _taught_groups(
        self,
        settings: MemoryStudySettings,
        recording: BrainRecording,
        conditions: tuple[Condition, ...],
        seeds: tuple[int, ...],
    ) -> list[Job[MemoryPlan]]:
        """Students with recorded trials, one group a seed."""
        task, frozen = task_settings(recording, settings), frozen_settings(settings.cell)
        lessons = self.lessons(settings, recording)
        return [
            Job(
                f"seed-{seed}",
                MemoryPlan(settings, frozen, task, conditions, (seed,), lessons, self.own_controls),
                settings.n_steps,
            )
            for seed in seeds
        ]


def compare_memory(
    comparison: MemoryComparison,
    folder: Path,
    *,
    n_workers: int,
    progress: bool = True,
    executor: Executor | None = None,
) -> Path:
    """Run a memory study into a folder, or go on where it stopped.

    Jobs run on the executor, anything of the shape of `concurrent.futures.Executor`; without one in
    ``n_workers`` processes of this machine.

    Returns:
        The run's folder, with ``config.json``, ``scores.csv``, ``brain.json`` and trajectories.
    """
    groups = comparison.groups(folder)
    with claim(folder, "a comparison"):
        open_run(folder, describe(comparison))
        if not (folder / BRAIN_FILE).is_file():
            about_brain = describe_brain(comparison.recording, comparison.settings)
            write_json(folder / BRAIN_FILE, about_brain)
        run_jobs(folder, groups, run_group, n_workers, progress, executor)
        record_trajectories(folder)
    return folder


def record_trajectories(folder: Path) -> None:
    """Record the paths of a run, if it drew any: none where trials lack windows of others."""
    if (folder / TRAJECTORIES).is_file():
        record_made(folder, [TRAJECTORIES])


def expected_time(comparison: MemoryComparison, folder: Path, n_workers: int) -> tuple[int, float]:
    """Number of students a comparison trains, and the seconds it would take (measured)."""
    groups = comparison.groups(folder)
    n_students = sum(len(group.plan.students) for group in groups)
    return n_students, expected_seconds(groups, run_group, n_workers)


def describe(comparison: MemoryComparison) -> dict[str, Any]:
    """The configuration of a run: everything that decides its numbers."""
    recording, settings = comparison.recording, comparison.settings
    regions: dict[str, int] = {}
    for unit in recording.units:
        regions[unit.region] = regions.get(unit.region, 0) + 1
    teaching = split_trials(recording, settings.n_teacher_trials)
    brain = {
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
    return {
        "study": "memory",
        "brain": brain,
        "own": own_values(comparison),
        "pairing_of_trials": name_of_pairing(comparison.pairing),
        "by_signal": {f"{k:g}": fingerprint_of(each) for k, each in comparison.by_signal.items()},
        **describe_settings(settings),
        **comparison.study.describe(),
        "task": _task_entries(recording, settings),
        "limits": [
            "One session: the seed of the student is the unit, so intervals speak of this brain "
            "only.",
            *limits_of(recording, settings),
        ],
        **({"note": comparison.note} if comparison.note else {}),
    }


def describe_settings(settings: MemoryStudySettings) -> dict[str, Any]:
    """What the configurations of one session and of many have in common."""
    chosen = plain_entries(asdict(settings))
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
    teaching = split_trials(comparison.recording, settings.n_teacher_trials)
    return {
        "n_teacher_trials": float(teaching.sum()),
        "n_student_trials": settings.n_student_trials,  # null: fresh trials at each step
        "maintenance": settings.maintenance or PUBLISHED_MAINTENANCE,
        "signal": comparison.signal,
    }


def name_of_pairing(pairing: RolePairing) -> str:
    """What a configuration calls the function that pairs trials of two tasks."""
    return getattr(pairing, "__qualname__", repr(pairing))


def _task_entries(recording: BrainRecording, settings: MemoryStudySettings) -> dict[str, Any]:
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
    )
    return replace(DEFAULT_STUDY, seeds=(0,), **{name: getattr(settings, name) for name in felt})


def _fingerprint(entries: list[Any]) -> str:
    return hashlib.sha256(json.dumps(entries, default=str).encode()).hexdigest()[:16]
