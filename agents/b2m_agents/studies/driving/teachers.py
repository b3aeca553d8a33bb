"""The teachers of the driving study: the brain, its nulls and its probes, as latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from b2m_drive.comparisons.control import Control, ControlInputs
from b2m_drive.comparisons.driving_study import CIRCULAR_SHIFT
from b2m_drive.evidence.condition import BRAIN
from b2m_drive.recordings.responses import Responses
from b2m_drive.students.scene_vae import SceneVAE
from b2m_drive.students.scene_vae_fitting import encode_frames
from b2m_drive.teachers.frame_pairing import (
    SceneLatents,
    decoded_latents,
    principal_latents,
)
from b2m_drive.teachers.latent_methods import at_most, latent_method
from b2m_drive.teachers.scene_controls import (
    circular_shift,
    corrupt_labels,
    pixel_projection,
    shuffle_frames,
)
from b2m_drive.teachers.spread import moves, z_scored


@dataclass(frozen=True)
class TeachingFrames:
    """What brain and student saw: the frames that teach, and what was in them."""

    frames: UInt8[np.ndarray, "frame height width channel"]
    frame_id: Int64[np.ndarray, " frame"]
    labels: Float32[np.ndarray, "frame label"]  # the state of the scene, standardised
    episode: Int64[np.ndarray, " frame"]
    action: Float32[np.ndarray, "frame dimension"]  # NaN in the last frame of an episode


def teacher_frame_latents(
    teacher: str,
    watched: TeachingFrames,
    responses: Float32[np.ndarray, "frame unit"],
    method: str,
    n_latents: int,
    label_r2: Float64[np.ndarray, " label"],
    untrained: SceneVAE,
    generator: np.random.Generator,
    own_controls: Sequence[Control] = (),
) -> SceneLatents:
    """The latents of one teacher for the frames that teach, all made in the same way.

    Args:
        teacher: ``"brain"``, a null or a probe of the driving study.
        watched: The frames that teach.
        responses: The brain's, to these frames.
        method: ``"pca"``, principal components; ``"decoded"``, what cross-fitted ridge decoders
            read of each label; or a method of `LATENT_METHODS`.
        n_latents: Of the brain, unless they are decoded; every teacher gets so many, or as many as
            it has.
        label_r2: R2 of each label in the brain's responses, for the probe that is corrupted to
            its rate.
        untrained: An encoder of another seed that never learnt.
        generator: Of shuffles, shifts, projections and corruptions.
        own_controls: A user's, each made by its own function.

    Raises:
        ValueError: If there is no such teacher.
    """
    if teacher in ("labels", "labels_corrupted"):
        labels = watched.labels
        if teacher == "labels_corrupted":
            labels = corrupt_labels(labels, label_r2, generator)
        return standardised(labels)
    if teacher == BRAIN:
        activity = responses
    elif teacher == "shuffled":
        activity = shuffle_frames(responses, generator)
    elif teacher == CIRCULAR_SHIFT:
        activity = circular_shift(responses, generator)
    elif teacher == "untrained_network":
        activity = encode_frames(untrained, watched.frames)
    elif teacher == "random_projection":
        activity = pixel_projection(watched.frames, responses.shape[1], generator)
    elif teacher in (own := {control.name: control for control in own_controls}):
        activity = _made(own[teacher], watched, responses, untrained, generator)
    else:
        raise ValueError(f"teacher: expected one of the driving study, came {teacher!r}")
    everything = np.ones(len(activity), dtype=bool)
    if method == "decoded":
        return decoded_latents(activity, watched.labels, watched.episode, everything)
    if method == "pca":
        return principal_latents(activity, everything, min(n_latents, activity.shape[1]))
    return latents_by_table(method, activity, watched.frame_id, n_latents)


def latents_by_table(
    method: str,
    activity: Float32[np.ndarray, "frame unit"],
    frame_id: Int64[np.ndarray, " frame"],
    n_latents: int,
) -> SceneLatents:
    """Latents by a method of `LATENT_METHODS`, to which a frame is a row of one time.

    Raises:
        ValueError: If there is no such method, or it gives latents of another shape.
    """
    responses = Responses.from_arrays(activity, frame_id, "the frames that teach")
    made = at_most(latent_method(method), responses, n_latents)
    if made.values.shape[:2] != (len(activity), 1):
        raise ValueError(
            f"latents {method!r}: expected ({len(activity)}, 1) (frame, time) of them, came "
            f"{made.values.shape[:2]}"
        )
    values, everything = made.values[:, 0], np.ones(len(activity), dtype=bool)
    share = made.share_of_variance.astype(np.float64)
    return SceneLatents(z_scored(values, everything), share / share.sum())


def _made(
    control: Control,
    watched: TeachingFrames,
    responses: Float32[np.ndarray, "frame unit"],
    untrained: SceneVAE,
    generator: np.random.Generator,
) -> Float32[np.ndarray, "frame unit"]:
    """The activity of a user's own control; a frame is a row of one time."""

    def pixels() -> np.ndarray:
        return (watched.frames.reshape(len(responses), 1, -1) / 255).astype(np.float32)

    inputs = ControlInputs(
        responses[:, None],
        np.ones((len(responses), 1), dtype=bool),
        watched.frame_id,
        pixels,
        lambda: encode_frames(untrained, watched.frames)[:, None],
        lambda: watched.labels[:, None],
        generator,
    )
    return control.activity(inputs)[:, 0]


def action_latents(watched: TeachingFrames) -> tuple[SceneLatents, Int64[np.ndarray, " acted"]]:
    """What the driver did in each frame, standardised, and the ids of the frames it acted in."""
    acted = np.isfinite(watched.action).all(1)
    return standardised(watched.action[acted]), watched.frame_id[acted]


def standardised(values: Float32[np.ndarray, "frame value"]) -> SceneLatents:
    """Values with mean 0 and variance 1 as latents of equal weight; constant ones are left out.

    Raises:
        ValueError: If all of them are constant, for then they cannot teach.
    """
    moving = moves(values)
    if not moving.any():
        raise ValueError(
            "actions or labels: expected some that vary over the teaching frames, came constant "
            "ones (a driver who always does the same cannot stand in the comparison)"
        )
    varying = values[:, moving]
    scaled = (varying - varying.mean(0)) / varying.std(0)
    share = np.full(scaled.shape[1], 1 / scaled.shape[1])
    return SceneLatents(scaled.astype(np.float32), share)
