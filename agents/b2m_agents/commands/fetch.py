"""``b2m-drive fetch``: public recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fetch_kornblith(
    folder: Annotated[Path, typer.Argument(help="Where to put the files.")] = Path(
        "data/kornblith2017"
    ),
    session: Annotated[
        list[str] | None, typer.Option(help="Only this session; may be given more than once.")
    ] = None,
) -> None:
    """Fetch human single-neuron sessions of Kornblith et al. 2017 (ODbL 1.0)."""
    from b2m_drive.recordings.fetching import KORNBLITH_LICENCE, fetch_kornblith2017

    typer.echo(KORNBLITH_LICENCE)
    paths = fetch_kornblith2017(folder, session)
    typer.echo(f"{len(paths)} sessions in {folder}")
