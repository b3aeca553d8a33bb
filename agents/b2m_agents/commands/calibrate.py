"""``b2m-drive calibrate``: is the verdict to be trusted?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands.options import Workers, n_processes
from b2m_agents.commands.printing import say_expected, say_report


def calibrate(
    null: Annotated[int, typer.Option(help="Brains that have nothing to teach.", min=1)] = 100,
    ideal: Annotated[int, typer.Option(help="Brains that do.", min=1)] = 20,
    first_brain: Annotated[int, typer.Option(help="Seed of the first brain.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the run; resumes one that is there.")] = Path(
        "runs/calibration"
    ),
    workers: Workers = 0,
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
        CalibrationSettings,
        calibrate_verdict,
        describe_calibration,
        expected_time_of_calibration,
    )
    from b2m_drive.comparisons.calibration import VERDICTS, calibration_text, read_rows, shares
    from b2m_drive.comparisons.run_opening import check_run
    from b2m_drive.reports.report import write_report

    started, n_workers = time.perf_counter(), n_processes(workers)
    settings = CalibrationSettings(n_null=null, n_ideal=ideal, first_brain=first_brain)
    if dry_run:
        check_run(out, describe_calibration(settings))
        seconds = expected_time_of_calibration(settings, n_workers)
        say_expected(f"{null + ideal} brains", seconds, n_workers)
        return
    calibrate_verdict(settings, out, n_workers=n_workers)
    typer.echo(calibration_text(shares(read_rows(out / VERDICTS))))
    say_report(write_report(out), started)
