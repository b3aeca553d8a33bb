"""What a run of the driving study cannot say: its limits, and the controls that it left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from b2m_agents.studies.driving.plan import DrivingStudySettings
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.recordings.recording import Recording
from b2m_drive.students.scenes import SceneDataset


def limits_of(
    settings: DrivingStudySettings, recording: Recording, dataset: SceneDataset
) -> list[str]:
    """What a run of the driving study cannot say, in sentences for its report."""
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
    if others := left_out_of(settings).get("left_out"):
        limits.append(f"Only some controls were asked. Not chosen: {', '.join(others)}.")
    n_again = _n_shown_again(recording)
    if n_again:
        limits.append(
            f"{n_again} frames were on the screen more than once: the response to such a frame is "
            "the mean over its presentations."
        )
    if recording.simulated:
        limits.append(
            "The simulated brain is tuned to variables that the students are scored on: a gain "
            "shows that they were transferred, and state labels teach them as well."
        )
    return limits


def left_out_of(settings: DrivingStudySettings) -> dict[str, Any]:
    """The controls that were not asked, and which of them are nulls; nothing if all were."""
    if settings.chosen_controls is None:
        return {}
    asked = settings.study.labels
    others = [each for each in DRIVING.controls if each.name not in asked]
    return {
        "left_out": {each.name: "was not chosen" for each in others},
        "nulls_left_out": [each.label for each in others if each.role == "null"],
    }


def _n_shown_again(recording: Recording) -> int:
    """Frames that were on the screen more than once."""
    _, times = np.unique(recording.events.ids, return_counts=True)
    return int((times > 1).sum())
