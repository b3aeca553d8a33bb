"""Run any comparison from the command line, or say how long that would take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2m_agents.commands.printing import say_expected

if TYPE_CHECKING:
    from b2m_agents.studies.memory.search import MemorySearch
    from b2m_drive.comparisons.runnable import RunnableComparison


def has_run(
    comparison: RunnableComparison[Any, Any] | MemorySearch,
    folder: Path,
    n_workers: int,
    dry_run: bool,
    what: str = "students",
    measured: str = "steps",
) -> bool:
    """Run a comparison; of a dry run, print what it would train and for how long.

    Args:
        comparison: What is run.
        folder: Of the run; one that is there is gone on with.
        n_workers: Processes.
        dry_run: Whether only to look and to measure.
        what: Is trained, in words.
        measured: What the time is measured on.

    Returns:
        Whether there is a finished run now.
    """
    if dry_run:
        comparison.check(folder)
        expected = comparison.expected_time(folder, n_workers)
        say_expected(f"{expected.n_students} {what}", expected.seconds, n_workers, measured)
        return False
    comparison.run(folder, n_workers=n_workers)
    return True
