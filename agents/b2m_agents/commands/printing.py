"""What several verbs print: expected times, verdicts, where the report is."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from b2m_agents.studies.memory.sessions import SessionLeftOut
    from b2m_drive.comparisons.verdict import Verdict


def say_expected(what: str, seconds: float, n_workers: int, measured: str = "steps") -> None:
    """What would be done and how long it would take."""
    typer.echo(
        f"{what} on {n_workers} processes: about {seconds / 60:.1f} minutes "
        f"(from a few {measured} measured here)"
    )


def say_next(command: str, why: str) -> None:
    """What to type next, the last line of a verb."""
    typer.echo(f"now: {command}  # {why}")


def quoted(path: Path) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))


def say_left_out(sessions: Iterable[SessionLeftOut]) -> None:
    """Which sessions are not compared, and why."""
    for session in sessions:
        typer.echo(str(session), err=True)


def say_verdicts(verdicts: Iterable[Verdict], prefix: str = "") -> None:
    """A sentence each, with a blank line before it."""
    for verdict in verdicts:
        typer.echo(f"\n{prefix}{verdict.sentence}")


def say_report(path: Path, started: float) -> None:
    """Where the report is, and how long all took.

    Args:
        path: Of the report.
        started: When, by `time.perf_counter`.
    """
    typer.echo(f"\nreport: {path}  ({time.perf_counter() - started:.0f} s)")
    say_next(f"b2m-drive table {quoted(path.parent)}", "every score; the report is for a browser")


def report_comparison(folder: Path, started: float) -> None:
    """Print the verdicts of a comparison, then write its report and print where it is."""
    from b2m_drive.comparisons.verdict import verdicts_of
    from b2m_drive.reports.report import write_report

    say_verdicts(verdicts_of(folder))
    say_report(write_report(folder), started)


def report_sessions(
    folder: Path, started: float, *, pooled_in: Path | None = None, prefix: str = ""
) -> None:
    """Write the report of many sessions, and print its pooled verdicts and where it is.

    Args:
        folder: Of the run.
        started: When, by `time.perf_counter`.
        pooled_in: Where the sessions lie that decide; None: in the folder.
        prefix: Of each verdict.
    """
    from b2m_drive.comparisons.pooling import pooled_verdicts, read_sessions
    from b2m_drive.reports.report import write_report

    path = write_report(folder)
    say_verdicts(pooled_verdicts(read_sessions(pooled_in or folder)), prefix)
    say_report(path, started)
