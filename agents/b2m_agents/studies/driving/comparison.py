"""Does a brain teach an encoder what matters in a driving scene? The driving study.

An encoder (`SceneVAE`) learns to reconstruct scenes that someone watched. Beside it a transfer
term pulls its latents towards those of the brain that watched, frame by frame. Every control gets
the same seeds, frames and steps.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
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
from b2m_agents.studies.driving.plan import (
    DrivingPlan,
    DrivingStudySettings,
    plans_of,
    rows_of,
)
from b2m_agents.studies.driving.student import kept_encoder, material_of, run_student
from b2m_agents.studies.isolated import DRIVING_SETTINGS_FILE, frozen_encoder
from b2m_drive.comparisons.control import Control, require_functions
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.jobs import Job, run_jobs
from b2m_drive.comparisons.run_folder import BRAIN_FILE, PICTURES
from b2m_drive.comparisons.run_opening import open_run
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import BRAIN
from b2m_drive.files.array_files import read_arrays
from b2m_drive.files.fingerprints import Standing, record_made, standing_of
from b2m_drive.files.locks import claim
from b2m_drive.files.provenance import installed_versions
from b2m_drive.files.writing import write_array, write_arrays, write_json
from b2m_drive.recordings.scene_quality import check_frame_rate, scenes_fit_to_teach
from b2m_drive.recordings.scene_recording import SceneRecording, presentations
from b2m_drive.recordings.simulated.driver import SimulatedDriver
from b2m_drive.recordings.simulated.driver_eeg import SimulatedDriverEEG
from b2m_drive.students.devices import device_of
from b2m_drive.students.scenes import SceneDataset

_PROBE_STEPS = 10
BrainKind = Literal["units", "eeg"]
BRAIN_KINDS: tuple[BrainKind, ...] = ("units", "eeg")
_PACKAGES = (
    "torch", "numpy", "scipy", "scikit-learn", "scikit-image", "gymnasium", "highway-env",
    "b2m-drive",
)  # fmt: skip


@dataclass(frozen=True)
class SimulatedWatcher:
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

    def watch(self, dataset: SceneDataset) -> SceneRecording:
        """Its activity while every frame of the file is shown, in order."""
        return self.brain.record(
            dataset.state,
            dataset.header.state_names,
            dataset.time,
            dataset.episode_of_frame,
            self.seed,
        )


@dataclass(frozen=True)
class DrivingRun:
    """A driving study of one recording, ready to be run; one that cannot teach is refused."""

    folder: Path
    scenes: Path
    settings: DrivingStudySettings
    watcher: SimulatedWatcher | None  # None: a person's own recording
    recording: SceneRecording
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
        return DRIVING.beside(self.own_controls)

    def prepare(self) -> list[Job[DrivingPlan]]:
        """Read the brain at its delay, open the folder, and plan every student.

        Nothing is written before all that could be wrong was looked at.
        """
        device_of(self.device)
        dataset = SceneDataset(self.scenes)
        _check_same_scenes(self.recording, dataset)
        rows = rows_of(dataset, self.settings)
        estimate = delay_of(self.recording, dataset, rows.teaching, self.settings)

        def read(name: str, recording: SceneRecording, n_latents: int | None) -> ReadBrain:
            path = self.folder / "responses" / f"{name}.npy"
            return read_brain(
                recording, dataset, rows.teaching, estimate.delay, self.settings, n_latents, path
            )

        brain = read("brain", self.recording, self.settings.n_latents)
        others = {
            share: read(f"signal-{share:g}", watcher.watch(dataset), brain.source.n_latents)
            for share, watcher in self._other_watchers().items()
        }
        config = describe(self, dataset)
        about_brain = describe_brain(brain, dataset, rows.teaching, estimate, self.settings)
        open_run(self.folder, config)
        write_json(self.folder / BRAIN_FILE, about_brain)
        for each in (brain, *others.values()):
            write_array(each.source.responses, each.values)
        plans = plans_of(
            self.settings,
            frozen_encoder(),
            self.scenes,
            brain.source,
            {share: each.source for share, each in others.items()},
            self.folder,
            self.device,
            self.own_controls,
        )
        return [Job(_group_name(plan), plan, self.settings.n_steps) for plan in plans]

    def _other_watchers(self) -> dict[float, SimulatedWatcher]:
        """The same simulated brain with other shares of signal; none for a person's."""
        if self.watcher is None:
            return {}
        shares = [each for each in self.settings.signal_curve if each != self.watcher.signal]
        return {share: replace(self.watcher, signal=share) for share in shares}


def compare_driving(
    run: DrivingRun, *, n_workers: int, progress: bool = True, executor: Executor | None = None
) -> Path:
    """Run a driving study into its folder, or go on where it stopped.

    Jobs run on the executor, anything of the shape of `concurrent.futures.Executor`; without one in
    ``n_workers`` processes of this machine.

    Returns:
        The run's folder, with ``config.json``, ``scores.csv``, ``brain.json``, ``pictures.npz``
        and every seed's encoders.
    """
    with claim(run.folder, "a comparison"):
        groups = run.prepare()
        run_jobs(run.folder, groups, run_student, n_workers, progress, executor)
        _join_pictures(run)
        encoders = (kept_encoder(group.plan) for group in groups if group.plan.keep)
        record_made(run.folder, [PICTURES, *encoders])
    return run.folder


def expected_time(run: DrivingRun, n_workers: int) -> tuple[int, float]:
    """Number of students a comparison trains, and the seconds it would take.

    Measured on one taught student of few steps; nothing is left in the run's folder.
    """
    with TemporaryDirectory() as folder:
        groups = replace(run, folder=Path(folder) / "run").prepare()
        plan = next(g.plan for g in groups if g.plan.condition.control == BRAIN)
        few = replace(run.settings, n_steps=_PROBE_STEPS, evaluate_every=_PROBE_STEPS)
        a_step, two_evaluations = _time_student(replace(plan, settings=few, keep=None))
    n_evaluations = 1 + run.settings.n_steps // run.settings.evaluate_every
    a_student = run.settings.n_steps * a_step + n_evaluations / 2 * two_evaluations
    return len(groups), len(groups) * a_student / min(n_workers, len(groups))


def _time_student(plan: DrivingPlan) -> tuple[float, float]:
    """Seconds of a training step and of its two evaluations, on one thread as in a worker."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run_student(plan, lambda: None)  # reads and imports what a worker needs only once
        ticks = [time.perf_counter()]
        run_student(plan, lambda: ticks.append(time.perf_counter()))
        ended = time.perf_counter()
    finally:
        torch.set_num_threads(n_threads)
    steps = np.diff(ticks[1:])
    return float(np.median(steps)), ended - ticks[0] - plan.settings.n_steps * float(steps.mean())


def describe(run: DrivingRun, dataset: SceneDataset) -> dict[str, Any]:
    """The configuration of a run: everything that decides its numbers."""
    recording, settings = run.recording, run.settings
    material = material_of(run.scenes, settings)
    regions: dict[str, int] = {}
    for unit in recording.units:
        regions[unit.region] = regions.get(unit.region, 0) + 1
    names, chosen = dataset.header.state_names, asdict(settings)
    return {
        "study": "driving",
        "brain": {
            "name": recording.session,
            "simulated": recording.simulated,
            "preset": run.watcher.preset if run.watcher else None,
            "subject": recording.subject,
            "session": recording.session,
            "source": recording.source,
            "licence": recording.licence,
            "n_units": len(recording.units),
            "regions": regions,
            "n_teaching": len(material.watched.frame_id),
            "n_held_out": len(material.held_out),
            "notes": list(recording.notes),
            "fingerprint": _fingerprint(
                recording.activity,
                recording.time,
                recording.frame_id,
                np.array([unit.kind for unit in recording.units]),
            ),
        },
        **run.study.describe(),
        "signal": run.watcher.signal if run.watcher else None,
        "student": {"class": "SceneVAE", **asdict(frozen_encoder())},
        "readings": [{"latents": settings.latents, "pairing": "frame"}],
        **{name: list(v) if isinstance(v, tuple) else v for name, v in chosen.items()},
        "primary_metric": "final",
        "scenes": {
            "file": run.scenes.name,
            "scenario": dataset.header.scenario,
            "driver": dataset.header.policy,
            "n_frames": dataset.n_frames,
            "n_episodes": dataset.n_episodes,
            "seconds_a_frame": dataset.header.step_seconds,
            "seed": dataset.header.seed,
            "fingerprint": _fingerprint(dataset.state, dataset.action, material.held_out),
            "variables": list(material.variables),
            "variables_left_out": [name for name in names if name not in material.variables],
        },
        "window": response_window(dataset, settings),
        "delay": "by cross-validation" if settings.delay is None else settings.delay,
        "task": {"id": f"scenes of {dataset.header.scenario}", **dataset.header.settings},
        "isolated_settings_file": DRIVING_SETTINGS_FILE,
        "versions": installed_versions(_PACKAGES),
        "limits": _limits(run, dataset),
        # Numbers round otherwise on another device; runs from before there was a choice are cpu's.
        **({"note": run.note} if run.note else {}),
        **({} if device_of(run.device).type == "cpu" else {"device": str(device_of(run.device))}),
    }


def _limits(run: DrivingRun, dataset: SceneDataset) -> list[str]:
    limits = [
        "One drive and one brain: the seed of the student is the unit, so intervals speak of "
        "these frames and this brain only.",
        "The scenes are simulated after highway-env; its drivers follow a few rules.",
    ]
    if dataset.header.policy in ("random", "constant_speed"):
        limits.append(
            f"The driver ({dataset.header.policy}) acts without looking, so that the control with "
            "the driver's actions can teach nothing here: it only shows what a useless target "
            "does."
        )
    n_again = _n_shown_again(run.recording)
    if n_again:
        limits.append(
            f"{n_again} frames were on the screen more than once: the response to such a frame is "
            "the mean over its presentations."
        )
    if run.recording.simulated:
        limits.append(
            "The simulated brain is tuned to variables that the students are scored on: a gain "
            "shows that they were transferred, and state labels teach them as well."
        )
    return limits


def _n_shown_again(recording: SceneRecording) -> int:
    """Frames that were on the screen more than once."""
    _, times = np.unique(presentations(recording).frame_id, return_counts=True)
    return int((times > 1).sum())


def _check_same_scenes(recording: SceneRecording, dataset: SceneDataset) -> None:
    last = int(recording.frame_id.max())
    if last >= dataset.n_frames:
        raise ValueError(
            f"{recording.session}: frame_id: expected frames of {dataset.path}, 0 to "
            f"{dataset.n_frames - 1}, came {last}: a recording of other scenes"
        )
    check_frame_rate(recording, dataset.header.step_seconds)


def _fingerprint(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _group_name(plan: DrivingPlan) -> str:
    return f"{plan.varied.slug}-seed-{plan.seed}"


def _join_pictures(run: DrivingRun) -> None:
    """One file for the report, conditions in their order; one that was recorded stays."""
    if standing_of(run.folder, PICTURES) is Standing.AS_MADE:
        return
    arrays: dict[str, np.ndarray] = {}
    for condition in run.settings.conditions_beside(run.own_controls):
        path = run.folder / "pictures" / f"{condition.slug}.npz"
        if path.is_file():
            arrays.update(read_arrays(path))
    write_arrays(run.folder / PICTURES, arrays)
