"""Does a brain teach a recurrent network to remember? The memory decision study.

A student learns B2M/MemoryDecision-v0 from generated trials. Beside them it lives through trials
that were recorded while a person did the task, and a transfer term pulls its hidden state towards
the latents of that person's neurons. Every control gets the same seeds, trials and steps.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from b2m_agents.studies.isolated import SETTINGS_FILE, frozen_settings
from b2m_agents.studies.memory_group import run_group
from b2m_agents.studies.memory_plan import (
    ALONE,
    ALONE_HEAD,
    ALONE_LABELLED,
    MemoryPlan,
    MemoryStudySettings,
    split_trials,
    task_of,
    taught_conditions,
)
from b2m_agents.studies.teachers import Reading, brain_activity
from b2m_drive.brain.decoding import summarise
from b2m_drive.brain.latents import explainable_variance, latents_of
from b2m_drive.brain.recording import BrainRecording
from b2m_drive.evidence.comparison import Group, expected_seconds, open_run, run_groups, write_json

_SEEDS_TOGETHER = 4  # isolated students of so many seeds are advanced together
_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "gymnasium", "b2m-drive")


def plan_groups(
    recording: BrainRecording,
    settings: MemoryStudySettings,
    folder: Path,
) -> list[Group[MemoryPlan]]:
    """All groups of the comparison: the isolated ones, shared between runs, then the taught."""
    task, isolated = task_of(recording, settings), frozen_settings()
    shared = replace(settings, strategies=("regression",), readings=(Reading(),), seeds=(0,))
    key = _fingerprint([ALONE, asdict(shared), asdict(task), asdict(isolated), version("torch")])
    groups = []
    for start in range(0, len(settings.seeds), _SEEDS_TOGETHER):
        seeds = settings.seeds[start : start + _SEEDS_TOGETHER]
        plan = MemoryPlan(shared, isolated, task, (ALONE,), seeds, None)
        name = "seeds-" + "-".join(map(str, seeds))
        groups.append(Group(name, plan, settings.n_steps, folder.parent / "isolated" / key))
    conditions = (ALONE_HEAD, ALONE_LABELLED, *taught_conditions(settings))
    for seed in settings.seeds:
        plan = MemoryPlan(
            settings,
            isolated,
            task,
            conditions,
            (seed,),
            recording,
            split_trials(recording),
            folder / "trajectories.npz" if seed == settings.seeds[0] else None,
        )
        groups.append(Group(f"seed-{seed}", plan, settings.n_steps))
    return groups


def compare_memory(
    recording: BrainRecording,
    folder: Path,
    settings: MemoryStudySettings | None = None,
    *,
    n_workers: int,
    progress: bool = True,
) -> Path:
    """Run the whole comparison into a folder, or take it up where it stopped.

    Returns:
        The run's folder, with ``config.json``, ``scores.csv``, ``brain.json`` and trajectories.
    """
    settings = settings or MemoryStudySettings()
    config = describe(recording, settings)
    open_run(folder, config)
    groups = plan_groups(recording, settings, folder)
    if not (folder / "brain.json").is_file():
        write_json(folder / "brain.json", describe_brain(recording, settings))
    run_groups(folder, groups, run_group, n_workers, progress)
    return folder


def expected_time(
    recording: BrainRecording, settings: MemoryStudySettings, folder: Path, n_workers: int
) -> tuple[int, float]:
    """Number of students a comparison trains, and the seconds it would take (measured)."""
    groups = plan_groups(recording, settings, folder)
    n_students = sum(len(group.plan.students) for group in groups)
    return n_students, expected_seconds(groups, run_group, n_workers)


def describe(recording: BrainRecording, settings: MemoryStudySettings) -> dict[str, Any]:
    """The configuration of a run: everything that decides its numbers."""
    regions: dict[str, int] = {}
    for unit in recording.units:
        regions[unit.region] = regions.get(unit.region, 0) + 1
    teaching = split_trials(recording)
    chosen = asdict(settings)
    return {
        "study": "memory",
        "brain": {
            "name": recording.session,
            "simulated": recording.simulated,
            "subject": recording.subject,
            "session": recording.session,
            "source": recording.source,
            "licence": recording.licence,
            "n_units": len(recording.units),
            "regions": regions,
            "n_teaching": int(teaching.sum()),
            "n_held_out": int((~teaching).sum()),
            "notes": list(recording.notes),
            "fingerprint": hashlib.sha256(recording.activity.tobytes()).hexdigest()[:16],
        },
        "student": {"class": "DecisionRNN", **asdict(frozen_settings())},
        "strategies": list(settings.strategies),
        "readings": [asdict(reading) for reading in settings.readings],
        "seeds": list(settings.seeds),
        **{
            name: value
            for name, value in chosen.items()
            if name not in ("strategies", "readings", "seeds")
        },
        "primary_metric": "area_under_curve",
        "task": {"id": "B2M/MemoryDecision-v0", **_plain(asdict(task_of(recording, settings)))},
        "isolated_settings_file": SETTINGS_FILE,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in _PACKAGES}},
        "limits": [
            "Stimuli reach the student as random codes: the recordings contain no images, so the "
            "geometry of the brain's code cannot help.",
            "One session: the seed of the student is the unit, so intervals speak of this brain "
            "only.",
        ],
    }


def describe_brain(recording: BrainRecording, settings: MemoryStudySettings) -> dict[str, Any]:
    """Decoding figures of the recording and the noise ceiling of each reading."""
    teaching, activity = split_trials(recording), brain_activity(recording)
    ceilings = {
        f"{reading.latents}, {reading.pairing}": explainable_variance(
            latents_of(activity, teaching, method=reading.latents, pairing=reading.pairing, seed=0),
            recording.trials,
            seed=0,
        )
        for reading in settings.readings
    }
    summary = {
        name: None if isinstance(value, float) and np.isnan(value) else value
        for name, value in _plain(asdict(summarise(recording))).items()
    }
    by_unit = summary.pop("explainable_variance")
    return {**summary, "explainable_variance_of_units": by_unit, "explainable_variance": ceilings}


def _plain(entries: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(entries, default=str))  # type: ignore[no-any-return]


def _fingerprint(entries: list[Any]) -> str:
    return hashlib.sha256(json.dumps(entries, default=str).encode()).hexdigest()[:16]
