"""Run any comparison from the command line, or say how long that would take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from b2m_agents.commands.printing import say_expected

if TYPE_CHECKING:
    from b2m_agents.studies.memory.search import MemorySearch
    from b2m_drive.comparisons.runnable import RunnableComparison
    from b2m_drive.executors.chosen import Execution


def has_run(
    comparison: RunnableComparison[Any, Any] | MemorySearch,
    folder: Path,
    where: Execution,
    dry_run: bool,
    what: str = "students",
    measured: str = "steps",
) -> bool:
    """Run a comparison; of a dry run, print what it would train and for how long.

    Args:
        comparison: What is run.
        folder: Of the run; one that is there is gone on with.
        where: Its jobs run.
        dry_run: Whether only to look and to measure.
        what: Is trained, in words.
        measured: What the time is measured on.

    Returns:
        Whether there is a finished run now.
    """
    if dry_run:
        comparison.check(folder)
        expected = comparison.expected_time(folder, where.n_workers)
        say_expected(f"{expected.n_students} {what}", expected.seconds, where.n_workers, measured)
        typer.echo("now: the same without --dry-run")
        return False
    with where.opened(folder) as executor:
        comparison.run(folder, n_workers=where.n_workers, executor=executor, tries=where.tries)
    return True
