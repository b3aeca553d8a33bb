"""``b2m-drive compare driving --encoder``: a network of the user's own, on frames from anywhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from b2m_agents.commands.printing import report_comparison
from b2m_agents.commands.running import has_run

if TYPE_CHECKING:
    from b2m_agents.studies.driving.comparison import SimulatedViewer
    from b2m_drive.executors.chosen import Execution
    from b2m_drive.recordings.recording import Recording
    from b2m_drive.transfer.term import Strategy


def run_own_encoder(
    encoder: str,
    layer: str,
    frames: str | Path,
    brain: SimulatedViewer | Recording,
    *,
    strategies: Sequence[Strategy],
    n_seeds: int,
    n_steps: int,
    delay: float | None,
    out: Path | None,
    where: Execution,
    dry_run: bool,
    device: str = "cpu",
) -> Path:
    """Compare and report, or say how long that would take; returns the run's folder."""
    from b2m_agents.studies.driving.own_encoder import compare_own_encoder, usual_folder
    from b2m_drive.comparisons.frame_student import FrameStudent

    started = time.perf_counter()
    student = FrameStudent(encoder, layer, frames)
    compared = compare_own_encoder(
        student, brain, strategies=strategies, seeds=range(n_seeds), n_steps=n_steps, delay=delay,
        device=device,
    )  # fmt: skip
    folder = out or usual_folder(student, compared.responses)
    if has_run(compared, folder, where, dry_run, f"students of {n_steps} steps"):
        report_comparison(folder, started)
    return folder
