"""A brain as the driving study reads it: its delay, its responses, and what they tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from b2m_agents.studies.driving.plan import BrainSource, DrivingStudySettings
from b2m_agents.studies.driving.teachers import latents_by_table
from b2m_drive.recordings.recording import Recording
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.teachers.frame_decoding import decoding_r2
from b2m_drive.teachers.frame_pairing import (
    SCENE_LATENTS,
    DelayEstimate,
    estimate_delay,
    has_response,
    principal_latents,
    responses,
)
from b2m_drive.teachers.scene_controls import state_labels
from b2m_drive.teachers.spread import at_ease, moves, varies

FEWEST_LATENTS = 4  # where the responses allow
LEAST_SHARE_RECORDED = 0.5  # of the teaching frames


@dataclass(frozen=True)
class ReadBrain:
    """A brain's response to every frame of a file, and how the teachers are made of it."""

    values: Float32[np.ndarray, "frame unit"]  # NaN where none was recorded
    n_latents: int
    label_r2: Float64[np.ndarray, " label"]  # R2 of each label of the state; may be NaN

    def source(self, path: Path) -> BrainSource:
        """What a job needs to know of it; its values stand in the file."""
        return BrainSource(path, self.n_latents, self.label_r2)


def read_brain(
    recording: Recording,
    dataset: SceneDataset,
    teaching: Int64[np.ndarray, " teaching"],
    delay: float,
    settings: DrivingStudySettings,
    n_latents: int | None,
) -> ReadBrain:
    """A brain's responses at a delay, and how many latents and which labels they hold.

    Args:
        recording: Of a brain that watched the scenes.
        dataset: The scenes.
        teaching: Ids of the frames that teach.
        delay: Of the brain behind the scenes [s].
        settings: Of the study.
        n_latents: None chooses it by cross-validation.

    Raises:
        ValueError: If there are responses to fewer than half of the frames that teach.
    """
    values = responses_of_all(
        recording, dataset, teaching, delay, response_window(dataset, settings)
    )
    taught = teaching[np.isfinite(values[teaching]).all(1)]
    n_latents, label_r2 = n_latents_and_label_r2(
        values[taught], dataset, taught, settings, n_latents
    )
    return ReadBrain(values, n_latents, label_r2)


def n_latents_and_label_r2(
    chosen: Float32[np.ndarray, "taught unit"],
    dataset: SceneDataset,
    taught: Int64[np.ndarray, " taught"],
    settings: DrivingStudySettings,
    n_latents: int | None,
) -> tuple[int, Float64[np.ndarray, " label"]]:
    """How many latents responses to the frames that teach hold, and R2 of each label in them.

    Args:
        chosen: The responses.
        dataset: The scenes.
        taught: Ids of the frames.
        settings: Of the study.
        n_latents: None chooses it by cross-validation.
    """
    everything = np.ones(len(taught), dtype=bool)
    n_varying = int(varies(chosen).sum())
    if n_latents is None:
        likeliest = principal_latents(chosen, everything).values.shape[1]
        n_latents = max(likeliest, FEWEST_LATENTS)  # one alone has no direction to align with
    latents = principal_latents(chosen, everything, min(n_latents, n_varying))
    labels = state_labels(dataset.state[taught], dataset.header.state_names)
    features = latents.values if settings.latents == "pca" else chosen
    label_r2 = decoding_r2(features, labels, dataset.episode_of_frame[taught])
    return latents.values.shape[1], label_r2


def responses_of_all(
    recording: Recording,
    dataset: SceneDataset,
    teaching: Int64[np.ndarray, " teaching"],
    delay: float,
    window: float,
) -> Float32[np.ndarray, "frame unit"]:
    """The brain's response to every frame of a file; NaN where none was recorded.

    Raises:
        ValueError: If that is so for more than half of the frames that teach.
    """
    there = has_response(recording, dataset.frame_id, delay, window)
    if there[teaching].mean() < LEAST_SHARE_RECORDED:
        responses(recording, teaching, delay, window)  # says what is wrong
        raise ValueError(
            f"{recording.session}: expected responses to at least half of the {len(teaching)} "
            f"teaching frames, came {int(there[teaching].sum())}"
        )
    found = responses(recording, dataset.frame_id[there], delay, window)
    every = np.full((dataset.n_frames, found.shape[1]), np.nan, np.float32)
    every[there] = found
    return every


def describe_brain(
    brain: ReadBrain,
    dataset: SceneDataset,
    teaching: np.ndarray,
    estimate: DelayEstimate,
    settings: DrivingStudySettings,
) -> dict[str, Any]:
    """What can be read from the brain, and at which delay."""
    n_all = len(teaching)
    teaching = teaching[np.isfinite(brain.values[teaching]).all(1)]
    values = brain.values[teaching]
    if settings.latents in SCENE_LATENTS:
        latents = principal_latents(values, np.ones(len(values), dtype=bool), brain.n_latents)
    else:
        latents = latents_by_table(settings.latents, values, teaching, brain.n_latents)
    given = settings.delay is not None
    state = dataset.state[teaching]
    decoded = decoding_r2(values, state, dataset.episode_of_frame[teaching])
    still = [not moves(column[np.isfinite(column)]) for column in state.T]
    decoded[still] = np.nan
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
        "n_latents": latents.values.shape[1],
        "n_lost": n_all - len(teaching),
        "share_held": _share_held(values, latents.values),
    }


def _share_held(values: np.ndarray, latents: np.ndarray) -> float:
    """Of the z-scored responses' variance, in the latents."""
    eased = at_ease(values[:, varies(values)])
    scaled = (eased - eased.mean(0)) / eased.std(0)
    weight, *_ = np.linalg.lstsq(latents, scaled, rcond=None)
    return float(1 - ((scaled - latents @ weight) ** 2).sum() / (scaled**2).sum())


def delay_of(
    recording: Recording,
    dataset: SceneDataset,
    teaching: np.ndarray,
    settings: DrivingStudySettings,
) -> DelayEstimate:
    """As the settings give it, or by cross-validation over the frames that teach."""
    if settings.delay is not None:
        return DelayEstimate(settings.delay, np.zeros(0), np.zeros(0))
    shown = teaching[np.isin(teaching, recording.events.ids)]
    if len(shown) < LEAST_SHARE_RECORDED * len(teaching):
        shown = teaching  # and the pairing says which were never on the screen
    return estimate_delay(
        recording,
        shown,
        state_labels(dataset.state[shown], dataset.header.state_names),
        dataset.episode_of_frame[shown],
        window=response_window(dataset, settings),
    )


def response_window(dataset: SceneDataset, settings: DrivingStudySettings) -> float:
    """No longer than a frame is shown, lest it hold the response to the next one."""
    return min(settings.window, dataset.header.step_seconds)
