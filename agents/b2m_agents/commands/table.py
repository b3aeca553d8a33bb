"""``b2m-drive table``: every score of any set of runs, one row a score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands.printing import quoted, say_next


def table(
    run: Annotated[
        list[Path], typer.Argument(help="Folders of runs, or folders that runs lie below.")
    ],
    out: Annotated[
        Path, typer.Option(help="File that ends in .csv or .parquet.", dir_okay=False)
    ] = Path("scores.csv"),
) -> None:
    """Write every score of runs into one table, for R, pandas or a spreadsheet.

    Sessions and searches contribute the runs they consist of. Parquet needs the extra `table`.
    """
    from b2m_drive.comparisons.score_table import write_score_table

    n_rows = write_score_table(run, out, lambda why: typer.echo(f"left out: {why}", err=True))
    typer.echo(f"table: {out}  ({n_rows:,} scores)")
    say_next(f"b2m-drive report {' '.join(map(quoted, run))}", "the same as pictures")
