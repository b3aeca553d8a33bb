"""The driving comparisons that are usually made: their curves, their brains, their folders."""

from __future__ import annotations

from pathlib import Path

from b2m_agents.studies.driving.comparison import DrivingComparison, SimulatedViewer
from b2m_agents.studies.driving.plan import DrivingStudySettings
from b2m_drive.files.names import safe_name
from b2m_drive.recordings.recording import Recording
from b2m_drive.students.scenes import SceneDataset

FRAMES = (500, 1000)  # of the data curve, as far as there are more that teach
SIGNALS = (0.0, 0.3)  # further shares of signal of a simulated brain


def frames_curve(n_frames: int) -> tuple[int, ...]:
    """Further numbers of frames, all below those that teach."""
    return tuple(each for each in FRAMES if each < n_frames)


def comparison_of(
    dataset: SceneDataset,
    brain: SimulatedViewer | Recording,
    settings: DrivingStudySettings,
    device: str = "cpu",
    note: str = "",
) -> DrivingComparison:
    """A comparison of a brain that watched the scenes of a file, ready to be run.

    Args:
        dataset: The scenes.
        brain: A simulated one, which watches them now, or a person's recording.
        settings: Of the comparison.
        device: That students are trained on.
        note: That the report has beneath its verdicts.

    Raises:
        ValueError: If the recording cannot teach.
    """
    viewer = brain if isinstance(brain, SimulatedViewer) else None
    recording = brain.watch(dataset) if isinstance(brain, SimulatedViewer) else brain
    return DrivingComparison(dataset.path, settings, viewer, recording, device, note=note)


def usual_folder(comparison: DrivingComparison) -> Path:
    """Where a run lies if nobody says otherwise: by its session and a simulated share of signal."""
    viewer = comparison.viewer
    signal = f"-signal-{viewer.signal:g}" if viewer else ""
    return Path("runs") / f"driving-{safe_name(comparison.recording.session)}{signal}"
