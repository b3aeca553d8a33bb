"""Does a brain teach an encoder what matters in a driving scene? The driving study.

An encoder (`SceneVAE`) learns to reconstruct scenes that someone watched. Beside it a transfer
term pulls its latents towards those of the brain that watched, frame by frame. Every control gets
the same seeds, frames and steps.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from b2m_agents.studies.driving_plan import (
    BrainSource,
    DrivingPlan,
    DrivingStudySettings,
    plans_of,
    rows_of,
)
from b2m_agents.studies.driving_student import material_of, run_student, write_arrays
from b2m_agents.studies.isolated import DRIVING_SETTINGS_FILE, frozen_encoder
from b2m_drive.brain.frame_decoding import decoding_r2
from b2m_drive.brain.frame_pairing import (
    DelayEstimate,
    estimate_delay,
    principal_latents,
    responses,
)
from b2m_drive.brain.scene_controls import state_labels
from b2m_drive.brain.scene_recording import SceneRecording
from b2m_drive.brain.simulated_driver import SimulatedDriver
from b2m_drive.brain.simulated_driver_eeg import SimulatedDriverEEG
from b2m_drive.evidence.comparison import (
    Group,
    expected_seconds,
    open_run,
    run_groups,
    write_json,
)
from b2m_drive.evidence.run_folder import BRAIN_FILE, PICTURES
from b2m_drive.students.scenes import SceneDataset

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

    def watch(self, dataset: SceneDataset) -> SceneRecording:
        """Its activity while every frame of the file is shown, in order."""
        brain = SimulatedDriver if self.kind == "units" else SimulatedDriverEEG
        return brain.preset(self.preset, signal=self.signal).record(
            dataset.state,
            dataset.header.state_names,
            dataset.time,
            dataset.episode_of_frame,
            self.seed,
        )


@dataclass(frozen=True)
class DrivingRun:
    """A comparison, ready to be run."""

    folder: Path
    scenes: Path
    settings: DrivingStudySettings
    watcher: SimulatedWatcher | None  # None: a person's own recording
    recording: SceneRecording

    def prepare(self) -> list[Group[DrivingPlan]]:
        """Open the folder, read the brain at its delay, and plan every student."""
        dataset = SceneDataset(self.scenes)
        rows = rows_of(dataset, self.settings)
        estimate = _delay(self.recording, dataset, rows.teaching, self.settings)
        open_run(self.folder, describe(self, dataset))
        brain = self._source(self.recording, dataset, rows.teaching, estimate.delay, "brain")
        n_latents = brain.n_latents  # the same for every share of signal
        by_signal: dict[float, BrainSource] = {}
        if self.watcher is not None:
            for share in self.settings.signal_curve:
                if share != self.watcher.signal:
                    other = SimulatedWatcher(
                        self.watcher.preset, self.watcher.kind, share, self.watcher.seed
                    )
                    by_signal[share] = self._source(
                        other.watch(dataset), dataset, rows.teaching, estimate.delay,
                        f"signal-{share:g}", n_latents,
                    )  # fmt: skip
        write_json(self.folder / BRAIN_FILE, describe_brain(self, brain, rows.teaching, estimate))
        plans = plans_of(
            self.settings, frozen_encoder(), self.scenes, brain, by_signal, self.folder
        )
        return [Group(_group_name(plan), plan, self.settings.n_steps) for plan in plans]

    def _source(
        self,
        recording: SceneRecording,
        dataset: SceneDataset,
        teaching: np.ndarray,
        delay: float,
        name: str,
        n_latents: int | None = None,
    ) -> BrainSource:
        path = self.folder / "responses" / f"{name}.npy"
        path.parent.mkdir(exist_ok=True)
        values = responses(recording, dataset.frame_id, delay, self.settings.window)
        np.save(path, values)
        chosen = values[teaching]
        if n_latents is None:
            latents = principal_latents(chosen, np.ones(len(chosen), dtype=bool))
            n_latents = latents.values.shape[1]
        labels = state_labels(dataset.state[teaching], dataset.header.state_names)
        label_r2 = decoding_r2(chosen, labels, dataset.episode_of_frame[teaching])
        return BrainSource(path, n_latents, label_r2)


def compare_driving(run: DrivingRun, *, n_workers: int, progress: bool = True) -> Path:
    """Run the whole comparison into its folder, or take it up where it stopped.

    Returns:
        The run's folder, with ``config.json``, ``scores.csv``, ``brain.json``, ``pictures.npz``
        and the encoders of the first seed.
    """
    groups = run.prepare()
    run_groups(run.folder, groups, run_student, n_workers, progress)
    _join_pictures(run)
    return run.folder


def expected_time(run: DrivingRun, n_workers: int) -> tuple[int, float]:
    """Number of students a comparison trains, and the seconds it would take (measured)."""
    groups = run.prepare()
    return len(groups), expected_seconds(groups, run_student, n_workers)


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
            "fingerprint": hashlib.sha256(recording.activity.tobytes()).hexdigest()[:16],
        },
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
            "variables": list(material.variables),
            "variables_left_out": [name for name in names if name not in material.variables],
        },
        "task": {"id": f"scenes of {dataset.header.scenario}", **dataset.header.settings},
        "isolated_settings_file": DRIVING_SETTINGS_FILE,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in _PACKAGES}},
        "limits": _limits(run),
    }


def _limits(run: DrivingRun) -> list[str]:
    limits = [
        "One drive and one brain: the seed of the student is the unit, so intervals speak of "
        "these frames and this brain only.",
        "The scenes are simulated by highway-env; its drivers follow a few rules.",
    ]
    if run.recording.simulated:
        limits.append(
            "The simulated brain is tuned to variables that the students are scored on: a gain "
            "shows that they were transferred, and state labels teach them as well."
        )
    return limits


def describe_brain(
    run: DrivingRun, source: BrainSource, teaching: np.ndarray, estimate: DelayEstimate
) -> dict[str, Any]:
    """What can be read from the brain: the ceiling of what it can teach."""
    dataset = SceneDataset(run.scenes)
    values = np.load(source.responses)[teaching]
    latents = principal_latents(values, np.ones(len(values), dtype=bool), source.n_latents)
    given = run.settings.delay is not None
    decoded = decoding_r2(values, dataset.state[teaching], dataset.episode_of_frame[teaching])
    return {
        "decoding": {
            name: round(float(r2), 4) if np.isfinite(r2) else None
            for name, r2 in zip(dataset.header.state_names, decoded, strict=True)
        },
        "delay": {
            "seconds": estimate.delay,
            "how": "as given" if given else "by cross-validation",
            "candidates": [] if given else estimate.candidates.tolist(),
            "scores": [] if given else estimate.score.tolist(),
        },
        "n_latents": source.n_latents,
        "share_held": _share_held(values, latents.values),
    }


def _share_held(values: np.ndarray, latents: np.ndarray) -> float:
    """Of the z-scored responses' variance, in the latents."""
    scaled = (values - values.mean(0)) / np.maximum(values.std(0), 1e-9)
    weight, *_ = np.linalg.lstsq(latents, scaled, rcond=None)
    return float(1 - ((scaled - latents @ weight) ** 2).sum() / (scaled**2).sum())


def _delay(
    recording: SceneRecording,
    dataset: SceneDataset,
    teaching: np.ndarray,
    settings: DrivingStudySettings,
) -> DelayEstimate:
    if settings.delay is not None:
        return DelayEstimate(settings.delay, np.zeros(0), np.zeros(0))
    return estimate_delay(
        recording,
        teaching,
        state_labels(dataset.state[teaching], dataset.header.state_names),
        dataset.episode_of_frame[teaching],
        window=settings.window,
    )


def _group_name(plan: DrivingPlan) -> str:
    return f"{plan.name.replace('/', '-').replace('|', '-')}-seed-{plan.seed}"


def _join_pictures(run: DrivingRun) -> None:
    """One file for the report, conditions in their order."""
    arrays: dict[str, np.ndarray] = {}
    for condition in run.settings.conditions:
        path = run.folder / "pictures" / f"{condition.replace('/', '-')}.npz"
        if path.is_file():
            with np.load(path) as archive:
                arrays.update({name: archive[name] for name in archive.files})
    write_arrays(run.folder / PICTURES, arrays)
