"""``b2m-drive calibrate``: is the verdict to be trusted?"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands.options import Device
from b2m_agents.commands.printing import say_report
from b2m_agents.commands.running import has_run
from b2m_agents.commands.where import HERE, runs_anywhere
from b2m_drive.executors.chosen import Execution


@runs_anywhere
def calibrate(
    null: Annotated[int, typer.Option(help="Brains that have nothing to teach.", min=1)] = 100,
    ideal: Annotated[int, typer.Option(help="Brains that do.", min=1)] = 20,
    first_brain: Annotated[int, typer.Option(help="Seed of the first brain.", min=0)] = 0,
    device: Device = "cpu",
    out: Annotated[Path, typer.Option(help="Folder of the run; resumes one that is there.")] = Path(
        "runs/calibration"
    ),
    where: Execution = HERE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how long it takes; train nothing.")
    ] = False,
) -> None:
    """Is the verdict to be trusted? The same verdict over simulated brains with a known answer.

    Prints how often brains without any signal are called specific (5 % at most is wanted) and how
    often ideal ones are, with exact 95 % intervals, on a small preset of compare memory (one
    session, small students; six nulls, no probes). Kill it and call it again: it goes on where it
    stopped.
    """
    from b2m_agents.studies.memory.calibration import (
        SMALL_STUDY,
        CalibrationSettings,
        VerdictCalibration,
    )
    from b2m_drive.comparisons.calibration import VERDICTS, calibration_text, read_rows, shares
    from b2m_drive.reports.report import write_report

    started = time.perf_counter()
    study = replace(SMALL_STUDY, device=device)
    settings = CalibrationSettings(null, ideal, first_brain, study=study)
    if has_run(VerdictCalibration(settings), out, where, dry_run, "brains"):
        typer.echo(calibration_text(shares(read_rows(out / VERDICTS))))
        say_report(write_report(out), started)
