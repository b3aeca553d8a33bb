"""What a brain did while it watched scenes, to teach an agent's encoder during its training."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from b2m_agents.studies.driving.plan import HELD_OUT_SHARE, SPLIT_SEED
from b2m_drive.recordings.recording import Recording
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.teachers.frame_pairing import (
    estimate_delay,
    has_response,
    principal_latents,
    responses,
)
from b2m_drive.teachers.scene_controls import state_labels
from b2m_drive.transfer.schedule import WeightSchedule
from b2m_drive.transfer.term import STRATEGIES, Strategy


@dataclass(frozen=True)
class OnlineTeacher:
    """Frames that someone watched, the brain's latents beside them, and how they teach.

    Latents and their shares of variance are those of `b2m_drive.teachers.frame_pairing`.

    Raises:
        ValueError: If frames and latents are unpaired, a latent is NaN or infinite, or a setting
            is out of range.
    """

    frames: UInt8[np.ndarray, "frame height width channel"]
    latents: Float32[np.ndarray, "frame latent"]
    strategy: Strategy = "contrastive"  # BCT, or "regression", BLT
    weight: WeightSchedule = field(default_factory=partial(WeightSchedule, 0.1))
    n_steps: int | None = None  # of the agent's training, for the weight; None: of its `learn`
    batch_size: int = 64  # frames beside each batch of the policy
    temperature: float = 0.2  # of the contrastive loss
    share_of_variance: Float64[np.ndarray, " latent"] | None = None  # None: equal
    seed: int = 0  # of the frames drawn

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.dtype != np.uint8:
            raise ValueError(
                f"teacher: frames: expected uint8 (frame, height, width, channel), "
                f"came {self.frames.dtype} {self.frames.shape}"
            )
        if self.latents.ndim != 2 or len(self.latents) != len(self.frames):
            raise ValueError(
                f"teacher: latents: expected (frame, latent) of {len(self.frames)} frames, "
                f"came {self.latents.shape}"
            )
        if not self.latents.shape[1] or not np.isfinite(self.latents).all():
            n_bad = int((~np.isfinite(self.latents)).any(1).sum())
            raise ValueError(
                f"teacher: latents: expected 1 or more, all finite, came "
                f"{self.latents.shape[1]}, not finite in {n_bad} of {len(self.latents)} frames"
            )
        if self.strategy not in STRATEGIES:
            raise ValueError(
                f"teacher: strategy: expected one of {STRATEGIES}, came {self.strategy!r}"
            )
        least = 2 if self.strategy == "contrastive" else 1  # one frame alone has no negatives
        if not least <= self.batch_size <= len(self.frames):
            raise ValueError(
                f"teacher: batch_size: expected {least} to {len(self.frames)} frames, "
                f"came {self.batch_size}"
            )
        if self.n_steps is not None and self.n_steps < 1:
            raise ValueError(f"teacher: n_steps: expected 1 or more or None, came {self.n_steps}")
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"teacher: temperature: expected over 0, came {self.temperature}")
        self._check_shares()

    def _check_shares(self) -> None:
        share = self.share_of_variance
        if share is None:
            return
        fits = share.shape == self.latents.shape[1:] and np.isfinite(share).all()
        if not fits or (share < 0).any() or not share.any():
            raise ValueError(
                f"teacher: share_of_variance: expected {self.latents.shape[1]} numbers of 0 or "
                f"more, not all 0, came {share.tolist()}"
            )


def teacher_from_recording(
    scenes: str | Path,
    recording: Recording,
    *,
    n_latents: int = 8,
    delay: float | None = None,
    window: float = 0.4,
    **settings: Any,
) -> OnlineTeacher:
    """Pair scenes with the brain that watched them, as the driving study does.

    Only episodes that the study does not hold out teach.

    Args:
        scenes: File that the recording was made beside.
        recording: Of the brain.
        n_latents: Principal components of its responses.
        delay: From a frame to the response [s]; None: by cross-validation.
        window: Over which a response is averaged [s]; at most a frame's duration counts.
        **settings: Further ones of `OnlineTeacher`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the recording is of other scenes, or there cannot be that many latents.
    """
    dataset = SceneDataset(scenes)
    last = int(recording.events.ids.max())
    if last >= dataset.n_frames:
        raise ValueError(
            f"{recording.session}: frame_id: expected frames of {dataset.path}, 0 to "
            f"{dataset.n_frames - 1}, came {last}: a recording of other scenes"
        )
    teaching = dataset.split(HELD_OUT_SHARE, SPLIT_SEED).teaching
    window = min(window, dataset.header.step_seconds)
    if delay is None:
        shown = teaching[np.isin(teaching, recording.events.ids)]
        labels = state_labels(dataset.state[shown], dataset.header.state_names)
        episode = dataset.episode_of_frame[shown]
        delay = estimate_delay(recording, shown, labels, episode, window=window).delay
    known = teaching[has_response(recording, teaching, delay, window)]
    activity = responses(recording, known, delay, window)
    latents = principal_latents(activity, np.ones(len(known), bool), n_latents)
    return OnlineTeacher(
        dataset.frames(known),
        latents.values,
        share_of_variance=latents.share_of_variance,
        **settings,
    )
