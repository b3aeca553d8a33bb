"""The teacher of an agent's own encoder: a brain that watched scenes, or a control in its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64
from threadpoolctl import threadpool_limits

from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.studies.driving.brain_reading import (
    delay_of,
    n_latents_and_label_r2,
    response_window,
    responses_of_all,
)
from b2m_agents.studies.driving.comparison import (
    SimulatedViewer,
    check_same_scenes,
    fingerprint_of,
    recording_fingerprint,
)
from b2m_agents.studies.driving.plan import HELD_OUT_SHARE, SPLIT_SEED, DrivingStudySettings
from b2m_agents.studies.driving.student import actions_of
from b2m_agents.studies.driving.teachers import TeachingFrames, teacher_frame_latents
from b2m_agents.worlds.encoder_view import view_of_scenes
from b2m_drive.evidence.condition import ALONE, BRAIN
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.scene_quality import scenes_fit_to_teach
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.students.seeded_streams import generator_for, torch_generator_for
from b2m_drive.teachers.frame_pairing import SceneLatents
from b2m_drive.teachers.scene_controls import state_labels
from b2m_drive.transfer.schedule import WeightSchedule

ONLINE_CONTROLS = (
    ALONE, "shuffled", "circular_shift", "untrained_network", "random_projection", "labels",
    "labels_corrupted",
)  # fmt: skip
_CONTROL, _UNTRAINED = range(2)  # purposes of random numbers


def teacher_from_recording(
    scenes: str | Path,
    brain: Recording | SimulatedViewer,
    *,
    control: str | None = None,
    latents: str = "pca",
    n_latents: int | None = None,
    delay: float | None = None,
    window: float = 0.4,
    seed: int = 0,
    **settings: Any,
) -> OnlineTeacher:
    """Pair scenes with the brain that watched them, as the driving study does.

    Only episodes that the study does not hold out teach. A control has the same frames, and as
    many latents as the brain or all that it has.

    Args:
        scenes: File that the recording was made beside.
        brain: Its recording, or a simulated one that watches the scenes now.
        control: One of `ONLINE_CONTROLS` in the brain's place; ``"alone"`` is the brain at weight
            0, which teaches nothing. None: the brain.
        latents: ``"pca"`` (principal components) or ``"decoded"`` (what cross-fitted decoders read
            of the scene's state).
        n_latents: Principal components of its responses; None: by held-out likelihood, 4 at least.
        delay: From a frame to the response [s]; None: by cross-validation.
        window: Over which a response is averaged [s]; at most a frame's duration counts.
        seed: Of the control, and of the frames drawn.
        **settings: Further ones of `OnlineTeacher`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the recording cannot teach or is of other scenes, there is no such control,
            or there cannot be that many latents.
    """
    if control is not None and control not in ONLINE_CONTROLS:
        raise ValueError(
            f"control: expected one of {', '.join(ONLINE_CONTROLS)} or None, came {control!r}"
        )
    dataset = SceneDataset(scenes)
    viewer = brain if isinstance(brain, SimulatedViewer) else None
    watched_by = brain.watch(dataset) if isinstance(brain, SimulatedViewer) else brain
    recording = scenes_fit_to_teach(watched_by)
    check_same_scenes(recording, dataset)
    chosen = DrivingStudySettings(latents=latents, n_latents=n_latents, delay=delay, window=window)
    with threadpool_limits(1):  # more threads round otherwise, and a training could not go on
        answered = _answered_frames(recording, dataset, chosen)
        taught_latents = _latents_of(answered, control, chosen, seed)
    if control == ALONE:
        settings["weight"] = WeightSchedule(0.0)
    return OnlineTeacher(
        answered.watched.frames,
        taught_latents.values,
        share_of_variance=taught_latents.share_of_variance,
        seed=seed,
        view=view_of_scenes({"scenario": dataset.header.scenario, **dataset.header.settings}),
        about={
            "brain": _about_brain(recording, viewer),
            "scenes": _about_scenes(dataset, answered.watched.frame_id),
            "control": control,
            "latents": latents,
            "delay": answered.delay,
            "window": answered.window,
        },
        **settings,
    )


@dataclass(frozen=True)
class _AnsweredFrames:
    """Frames that teach, each with the brain's response to it, and how far apart the two are."""

    watched: TeachingFrames
    responses: Float32[np.ndarray, "frame unit"]
    delay: float
    window: float
    n_latents: int
    label_r2: Float64[np.ndarray, " label"]


def _answered_frames(
    recording: Recording, dataset: SceneDataset, chosen: DrivingStudySettings
) -> _AnsweredFrames:
    teaching = dataset.split(HELD_OUT_SHARE, SPLIT_SEED).teaching
    delay = delay_of(recording, dataset, teaching, chosen).delay
    window = response_window(dataset, chosen)
    values = responses_of_all(recording, dataset, teaching, delay, window)
    taught = teaching[np.isfinite(values[teaching]).all(1)]
    n_made, label_r2 = n_latents_and_label_r2(
        values[taught], dataset, taught, chosen, chosen.n_latents
    )
    if chosen.n_latents not in (None, n_made):
        raise ValueError(
            f"n_latents: expected at most {n_made} (responses that vary), came {chosen.n_latents}"
        )
    watched = _watched(dataset, taught)
    return _AnsweredFrames(watched, values[taught], delay, window, n_made, label_r2)


def _latents_of(
    answered: _AnsweredFrames, control: str | None, chosen: DrivingStudySettings, seed: int
) -> SceneLatents:
    return teacher_frame_latents(
        BRAIN if control in (None, ALONE) else control,
        answered.watched,
        answered.responses,
        chosen.latents,
        answered.n_latents,
        answered.label_r2,
        _untrained(answered.watched, seed),
        generator_for(seed, _CONTROL),
    )


def _watched(dataset: SceneDataset, taught: Int64[np.ndarray, " frame"]) -> TeachingFrames:
    return TeachingFrames(
        dataset.frames(taught),
        taught,
        state_labels(dataset.state[taught], dataset.header.state_names),
        dataset.episode_of_frame[taught],
        actions_of(dataset)[taught],
    )


def _untrained(watched: TeachingFrames, seed: int) -> SceneVAE:
    settings = SceneVAESettings(*watched.frames.shape[1:])
    return SceneVAE(settings, torch_generator_for(seed, _UNTRAINED))


def _about_brain(recording: Recording, viewer: SimulatedViewer | None) -> dict[str, Any]:
    simulated = {
        "preset": viewer.preset, "signal": viewer.signal, "seed": viewer.seed
    } if viewer else {}  # fmt: skip
    return {
        "simulated": recording.simulated,
        "subject": recording.subject,
        "session": recording.session,
        "source": recording.source,
        "licence": recording.licence,
        "n_units": len(recording.units),
        "notes": list(recording.notes),
        "fingerprint": recording_fingerprint(recording),
        **simulated,
    }


def _about_scenes(dataset: SceneDataset, taught: Int64[np.ndarray, " frame"]) -> dict[str, Any]:
    return {
        "file": dataset.path.name,
        "scenario": dataset.header.scenario,
        "driver": dataset.header.policy,
        "n_teaching": len(taught),
        "fingerprint": fingerprint_of(dataset.state, dataset.action, taught),
    }
