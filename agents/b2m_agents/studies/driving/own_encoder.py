"""The driving question, asked of a user's own encoder, with frames from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from b2m_agents.studies.driving.comparison import SimulatedViewer
from b2m_drive.comparisons.comparison import Comparison
from b2m_drive.comparisons.frame_student import FrameStudent
from b2m_drive.comparisons.student_job import Budget
from b2m_drive.evidence.condition import TransferMethod
from b2m_drive.files.names import safe_name
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.responses import Responses
from b2m_drive.recordings.scene_quality import check_frame_rate, scenes_fit_to_teach
from b2m_drive.students.frames.scenes import SceneFrames
from b2m_drive.teachers.frame_pairing import estimate_delay
from b2m_drive.teachers.frame_responses import DELAY, frame_responses, window_of
from b2m_drive.teachers.scene_controls import state_labels
from b2m_drive.transfer.term import Strategy

EVALUATE_EVERY = 50  # [steps]


def compare_own_encoder(
    student: FrameStudent,
    brain: SimulatedViewer | Recording,
    *,
    strategies: Sequence[Strategy],
    seeds: Sequence[int],
    n_steps: int,
    delay: float | None = None,
    device: str = "cpu",
) -> Comparison:
    """A comparison of a user's own encoder, beside a brain that saw its frames; to be run.

    Args:
        student: The encoder and its frames.
        brain: A recording made while the frames were shown, or a simulated brain, which watches
            them now: it needs the state of scenes.
        strategies: Regression, contrastive, or both.
        seeds: Two or more.
        n_steps: Of training, a multiple of 50.
        delay: Of the brain behind the frames [s]; None: by cross-validation where frames have a
            state to read, else 0.1.
        device: That the encoders are trained on.

    Raises:
        ValueError: If the recording cannot teach or is of other frames; or a simulated brain is to
            watch frames without a state.
    """
    recording = brain if isinstance(brain, Recording) else _watched(student, brain)
    return Comparison(
        student,
        responses_for(student, recording, delay),
        tuple(TransferMethod(each, "pca", "id") for each in strategies),
        seeds=tuple(seeds),
        budget=Budget(n_steps=n_steps, evaluate_every=EVALUATE_EVERY),
        device=device,
    )


def responses_for(
    student: FrameStudent, recording: Recording, delay: float | None = None
) -> Responses:
    """A recording's response to each frame shown, at a delay that is given, found or assumed.

    Raises:
        ValueError: If the recording cannot teach, or is of other frames.
    """
    recording = scenes_fit_to_teach(recording)
    student.held_out(np.unique(recording.events.ids))  # refuses other frames' ids
    if isinstance(student.frames, SceneFrames):
        check_frame_rate(recording, student.frames.dataset.header.step_seconds)
    if delay is not None:
        found, how = delay, "as given"
    elif student.variables and isinstance(student.frames, SceneFrames):
        found = _found_delay(student, student.frames, recording)
        how = "by cross-validation over frames that teach"
    else:
        found, how = DELAY, "assumed, as there is no state of the scene to find it by"
    read = frame_responses(recording, found)
    return replace(read, notes=(*read.notes, f"delay of {found:g} s {how}"))


def usual_folder(student: FrameStudent, brain: Responses) -> Path:
    """Where a comparison goes that is given no folder."""
    return Path("runs") / f"driving-{safe_name(brain.session)}-{safe_name(student.name)}"


def _watched(student: FrameStudent, brain: SimulatedViewer) -> Recording:
    if not isinstance(student.frames, SceneFrames):
        raise ValueError(
            f"{student.frames.name}: expected scenes whose state a simulated brain can watch (a "
            "file that b2m-drive collect wrote), came frames without a state; give --recording"
        )
    return brain.watch(student.frames.dataset)


def _found_delay(student: FrameStudent, frames: SceneFrames, recording: Recording) -> float:
    """By cross-validation over frames that teach and were shown."""
    shown = student.teaching[np.isin(student.teaching, recording.events.ids)]
    names = frames.dataset.header.state_names
    return estimate_delay(
        recording,
        shown,
        state_labels(frames.dataset.state[shown], names),
        frames.group[shown],
        window=window_of(recording.events),
    ).delay
