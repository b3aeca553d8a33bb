"""``b2m-drive report``: the report of a run, again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(run: Annotated[Path, typer.Argument(help="Folder of a finished comparison.")]) -> None:
    """Write the report of a run again, from its table of scores."""
    from b2m_drive.reports.report import write_report

    typer.echo(f"report: {write_report(run)}")
