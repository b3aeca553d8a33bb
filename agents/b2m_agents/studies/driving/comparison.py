"""Does a brain teach an encoder what matters in a driving scene? The driving study.

An encoder (`SceneVAE`) learns to reconstruct scenes that someone watched. Beside it a transfer
term pulls its latents towards those of the brain that watched, frame by frame. Every control gets
the same seeds, frames and steps.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch

from b2m_agents.studies.driving.brain_reading import (
    ReadBrain,
    delay_of,
    describe_brain,
    read_brain,
    response_window,
)
from b2m_agents.studies.driving.encoder_cards import write_encoder_cards
from b2m_agents.studies.driving.limits import left_out_of, limits_of
from b2m_agents.studies.driving.plan import (
    DrivingPlan,
    DrivingStudySettings,
    SceneRows,
    plans_of,
    rows_of,
)
from b2m_agents.studies.driving.student import (
    OVER_TRAINING,
    StudyData,
    kept_encoder,
    run_job,
    study_data_of,
)
from b2m_agents.studies.isolated import DRIVING_SETTINGS_FILE, frozen_encoder
from b2m_drive.comparisons.control import Control, require_functions
from b2m_drive.comparisons.jobs import Job, RunJob
from b2m_drive.comparisons.run_folder import BRAIN_FILE, PICTURES, Run, read_run
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import BRAIN
from b2m_drive.files.array_files import read_arrays
from b2m_drive.files.fingerprints import Standing, record_made, standing_of
from b2m_drive.files.provenance import installed_versions
from b2m_drive.files.writing import write_array, write_arrays, write_json
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.scene_quality import check_frame_rate, scenes_fit_to_teach
from b2m_drive.recordings.scene_recording import frame_of_samples, signal_of, times_of
from b2m_drive.recordings.simulated.driver import SimulatedDriver
from b2m_drive.recordings.simulated.driver_eeg import SimulatedDriverEEG
from b2m_drive.students.devices import device_of
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.teachers.frame_pairing import DelayEstimate

_PROBE_STEPS = 10
BrainKind = Literal["units", "eeg"]
BRAIN_KINDS: tuple[BrainKind, ...] = ("units", "eeg")
_PACKAGES = (
    "torch", "numpy", "scipy", "scikit-learn", "scikit-image", "gymnasium", "highway-env",
    "b2m-drive",
)  # fmt: skip


@dataclass(frozen=True)
class SimulatedViewer:
    """A simulated brain that watches the scenes of a file."""

    preset: str = "ideal"
    kind: BrainKind = "units"
    signal: float = 1.0  # share of the signal about the scene
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in BRAIN_KINDS:
            raise ValueError(f"kind: expected one of {BRAIN_KINDS}, came {self.kind!r}")
        _ = self.brain  # checks the preset

    @property
    def brain(self) -> SimulatedDriver | SimulatedDriverEEG:
        """With its settings."""
        made = SimulatedDriver if self.kind == "units" else SimulatedDriverEEG
        return made.preset(self.preset, signal=self.signal)

    def watch(self, dataset: SceneDataset) -> Recording:
        """Its activity while every frame of the file is shown, in order."""
        return self.brain.record(
            dataset.state,
            dataset.header.state_names,
            dataset.time,
            dataset.episode_of_frame,
            self.seed,
        )


@dataclass(frozen=True)
class _Brains:
    """What is known of a run's scenes and brains before any student is trained."""

    dataset: SceneDataset
    rows: SceneRows
    estimate: DelayEstimate
    own: ReadBrain
    others: Mapping[float, ReadBrain]  # the same simulated brain, by its share of signal


@dataclass(frozen=True)
class DrivingComparison(RunnableComparison[DrivingPlan, Run]):
    """A driving study of one recording, ready to be run; one that cannot teach is refused."""

    scenes: Path
    settings: DrivingStudySettings
    viewer: SimulatedViewer | None  # None: a person's own recording
    recording: Recording
    device: str = "cpu"  # that students are trained on, see `b2m_drive.students.devices.device_of`
    own_controls: tuple[Control, ...] = ()  # further nulls and probes
    note: str = ""  # that the report has beneath its verdicts

    def __post_init__(self) -> None:
        require_functions(self.own_controls)
        _ = self.study  # checks the names
        object.__setattr__(self, "recording", scenes_fit_to_teach(self.recording))

    @property
    def study(self) -> Study:
        """The controls and words of this comparison."""
        return self.settings.study.beside(self.own_controls)

    @property
    def run_job(self) -> RunJob:
        """Trains and scores one encoder."""
        return run_job

    def describe(self) -> dict[str, Any]:
        """The configuration of the run: everything that decides its numbers."""
        dataset, on = SceneDataset(self.scenes), device_of(self.device)
        settings = self.settings
        data = study_data_of(self.scenes, settings)
        chosen = asdict(settings)
        return {
            "study": "driving",
            "brain": self._brain_described(data),
            **self.study.describe(),
            **left_out_of(settings),
            "signal": self.viewer.signal if self.viewer else None,
            "student": {"class": "SceneVAE", **asdict(frozen_encoder())},
            "readings": [{"latents": settings.latents, "pairing": "frame"}],
            **{name: list(v) if isinstance(v, tuple) else v for name, v in chosen.items()},
            "primary_metric": "final",
            "scored": list(OVER_TRAINING),  # a run begun before a score was added lacks it
            "scenes": _scenes_described(dataset, data),
            "window": response_window(dataset, settings),
            "delay": "by cross-validation" if settings.delay is None else settings.delay,
            "task": {"id": f"scenes of {dataset.header.scenario}", **dataset.header.settings},
            "isolated_settings_file": DRIVING_SETTINGS_FILE,
            "versions": installed_versions(_PACKAGES),
            "limits": limits_of(settings, self.recording, dataset),
            **({"note": self.note} if self.note else {}),
            # Numbers round otherwise on another device; before there was a choice it was the cpu.
            **({} if on.type == "cpu" else {"device": str(on)}),
        }

    def _brain_described(self, data: StudyData) -> dict[str, Any]:
        recording = self.recording
        return {
            "name": recording.session,
            "simulated": recording.simulated,
            "preset": self.viewer.preset if self.viewer else None,
            "subject": recording.subject,
            "session": recording.session,
            "source": recording.source,
            "licence": recording.licence,
            "n_units": len(recording.units),
            "regions": dict(Counter(unit.region for unit in recording.units)),
            "n_teaching": len(data.watched.frame_id),
            "n_held_out": len(data.held_out),
            "notes": list(recording.notes),
            "fingerprint": recording_fingerprint(recording),
        }

    def read(self, folder: Path) -> Run:
        """The finished run: scores, curves, pictures, and what it was run with."""
        return read_run(folder)

    @cached_property
    def brains(self) -> _Brains:
        """The brain read at its delay, and a simulated one's other shares of signal; made once.

        Raises:
            ValueError: If the recording is of other scenes, or there are too few frames.
        """
        device_of(self.device)
        dataset = SceneDataset(self.scenes)
        check_same_scenes(self.recording, dataset)
        rows = rows_of(dataset, self.settings)
        estimate = delay_of(self.recording, dataset, rows.teaching, self.settings)

        def read(recording: Recording, n_latents: int | None) -> ReadBrain:
            return read_brain(
                recording, dataset, rows.teaching, estimate.delay, self.settings, n_latents
            )

        own = read(self.recording, self.settings.n_latents)
        others = {
            share: read(viewer.watch(dataset), own.n_latents)
            for share, viewer in self._other_viewers().items()
        }
        return _Brains(dataset, rows, estimate, own, others)

    def prepare(self, folder: Path, n_workers: int, progress: bool) -> None:
        """Describe the brain, and write its responses, which every job reads."""
        found = self.brains
        about = describe_brain(
            found.own, found.dataset, found.rows.teaching, found.estimate, self.settings
        )
        write_json(folder / BRAIN_FILE, about)
        write_array(_responses_file(folder), found.own.values)
        for share, brain in found.others.items():
            write_array(_responses_file(folder, share), brain.values)

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[DrivingPlan]]]:
        """Every job of this one run."""
        return {folder: self.jobs(folder)}

    def jobs(self, folder: Path) -> list[Job[DrivingPlan]]:
        """One job a student; all that could be wrong with the recording is looked at first."""
        found = self.brains
        plans = plans_of(
            self.settings,
            frozen_encoder(),
            self.scenes,
            found.own.source(_responses_file(folder)),
            {k: each.source(_responses_file(folder, k)) for k, each in found.others.items()},
            folder,
            self.device,
            self.own_controls,
        )
        return [
            Job(
                _job_name(plan),
                plan,
                self.settings.n_steps,
                reads=(plan.scenes, plan.brain.responses),
                writes=plan.keep,
            )
            for plan in plans
        ]

    def finish(self, folder: Path, jobs: Mapping[Path, Sequence[Job[DrivingPlan]]]) -> None:
        """Join the scores and the pictures, and record the encoders."""
        super().finish(folder, jobs)
        self._join_pictures(folder)
        keeping = [job.plan for job in jobs[folder] if job.plan.keep]
        write_encoder_cards(folder, keeping)
        record_made(folder, [PICTURES, *map(kept_encoder, keeping)])

    def time_job(self, job: Job[DrivingPlan]) -> tuple[float, float]:
        """Seconds of a student's evaluations, and of each step: of one taught, in few steps."""
        with TemporaryDirectory() as folder:
            self.prepare(Path(folder), 1, False)
            plans = (each.plan for each in self.jobs(Path(folder)))
            plan = next(each for each in plans if each.condition.control == BRAIN)
            few = replace(
                self.settings, n_steps=_PROBE_STEPS, evaluate_every=_PROBE_STEPS, evaluate_at=None
            )
            a_step, two_evaluations = _time_student(replace(plan, settings=few, keep=None))
        n_evaluations = 1 + len(self.settings.fitting(1.0).evaluations)
        return n_evaluations / 2 * two_evaluations, a_step

    def _other_viewers(self) -> dict[float, SimulatedViewer]:
        """The same simulated brain with other shares of signal; none for a person's."""
        if self.viewer is None:
            return {}
        shares = [each for each in self.settings.signal_curve if each != self.viewer.signal]
        return {share: replace(self.viewer, signal=share) for share in shares}

    def _join_pictures(self, folder: Path) -> None:
        """One file for the report, conditions in their order; one that was recorded stays."""
        if standing_of(folder, PICTURES) is Standing.AS_MADE:
            return
        arrays: dict[str, np.ndarray] = {}
        for condition in self.settings.conditions_beside(self.own_controls):
            path = folder / "pictures" / f"{condition.slug}.npz"
            if path.is_file():
                arrays.update(read_arrays(path))
        write_arrays(folder / PICTURES, arrays)


def _time_student(plan: DrivingPlan) -> tuple[float, float]:
    """Seconds of a training step and of its two evaluations, on one thread as in a worker."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run_job(plan, lambda: None)  # reads and imports what a worker needs only once
        ticks = [time.perf_counter()]
        run_job(plan, lambda: ticks.append(time.perf_counter()))
        ended = time.perf_counter()
    finally:
        torch.set_num_threads(n_threads)
    steps = np.diff(ticks[1:])
    return float(np.median(steps)), ended - ticks[0] - plan.settings.n_steps * float(steps.mean())


def _scenes_described(dataset: SceneDataset, data: StudyData) -> dict[str, Any]:
    names = dataset.header.state_names
    return {
        "file": dataset.path.name,
        "scenario": dataset.header.scenario,
        "driver": dataset.header.policy,
        "n_frames": dataset.n_frames,
        "n_episodes": dataset.n_episodes,
        "seconds_a_frame": dataset.header.step_seconds,
        "seed": dataset.header.seed,
        "fingerprint": fingerprint_of(dataset.state, dataset.action, data.held_out),
        "variables": list(data.variables),
        "variables_left_out": [name for name in names if name not in data.variables],
    }


def check_same_scenes(recording: Recording, dataset: SceneDataset) -> None:
    """Refuse a recording whose frames are not those of a file.

    Raises:
        ValueError: If it is of other scenes, or its clock of another unit.
    """
    last = int(recording.events.ids.max())
    if last >= dataset.n_frames:
        raise ValueError(
            f"{recording.session}: frame_id: expected frames of {dataset.path}, 0 to "
            f"{dataset.n_frames - 1}, came {last}: a recording of other scenes"
        )
    check_frame_rate(recording, dataset.header.step_seconds)


def recording_fingerprint(recording: Recording) -> str:
    """Short hash of what was recorded."""
    return fingerprint_of(
        signal_of(recording),
        times_of(recording),
        frame_of_samples(recording),
        np.array([unit.kind for unit in recording.units]),
    )


def fingerprint_of(*arrays: np.ndarray) -> str:
    """Short hash of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _job_name(plan: DrivingPlan) -> str:
    return f"{plan.varied.slug}-seed-{plan.seed}"


def _responses_file(folder: Path, signal: float | None = None) -> Path:
    """Of the brain, or of the simulated one with another share of signal."""
    name = "brain" if signal is None else f"signal-{signal:g}"
    return folder / "responses" / f"{name}.npy"
