"""``b2m-drive report``: the report of a run again, or of many runs on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands.printing import quoted, say_next

RUNS_PAGE = Path("runs-report.html")


def report(
    run: Annotated[
        list[Path],
        typer.Argument(help="Folders of finished comparisons, or folders that such lie below."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help=f"Page about many runs. Default: {RUNS_PAGE}.", dir_okay=False),
    ] = None,
) -> None:
    """Write the report of a run again, from its table of scores; of several, one page.

    The page of several has every verdict in a table, gains over the closest null as forest plots,
    and links to each run's own report.
    """
    from b2m_drive.comparisons.run_opening import CONFIG

    if len(run) == 1 and out is None and not _holds_runs(run[0], CONFIG):
        from b2m_drive.reports.report import write_report

        typer.echo(f"report: {write_report(run[0])}")
        say_next(f"b2m-drive table {quoted(run[0])}", "every score; the report is for a browser")
        return
    from b2m_drive.reports.runs_report import write_runs_report

    typer.echo(f"report: {write_runs_report(run, out or RUNS_PAGE)}")
    every = " ".join(map(quoted, run))
    say_next(f"b2m-drive table {every}", "every score; the report is for a browser")


def _holds_runs(folder: Path, config: str) -> bool:
    """Whether a folder is no run but has some below."""
    from b2m_drive.comparisons.run_summaries import run_folders

    return not (folder / config).is_file() and any(run_folders(folder))
