"""``b2m-drive fetch``: public recordings, and how to get those that an archive's client fetches."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.printing import quoted, say_next

if TYPE_CHECKING:
    from b2m_drive.recordings.datasets.data_set import DataSet


def fetch(
    name: Annotated[
        str | None,
        typer.Argument(
            help="The data set, such as kornblith2017; none: list what there is.",
            autocompletion=choices.complete_data_set,
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Argument(help="Where to put the files.", show_default="data/NAME")
    ] = None,
    session: Annotated[
        list[str] | None,
        typer.Option(help="Only this session; may be given more than once (kornblith2017)."),
    ] = None,
) -> None:
    """Fetch public recordings, or say how; without a name, list what there is.

    kornblith2017 is downloaded, hash-checked, file by file. For the others the exact command of
    their archive's own client is printed, or their page where there is none, with licence and
    citation. Files of dandi_000469, dandi_000673 and dandi_000004 are then read without a mapping.
    """
    from b2m_drive.recordings.datasets.table import DATA_SETS, data_set

    if name is None:
        typer.echo("\n".join(_listed(each) for each in DATA_SETS.values()))
        say_next("b2m-drive fetch NAME", "fetches one, or says how")
        return
    chosen = data_set(name)
    if chosen.name == "kornblith2017":
        _fetch_kornblith(folder or Path("data") / chosen.name, session)
        return
    if session:
        raise ValueError(f"--session: expected kornblith2017, came {name}: its client chooses")
    folder = folder or Path("data") / chosen.name
    typer.echo(_how(chosen, folder))
    say_next(f"b2m-drive inspect {quoted(folder)}/FILE", "once it is there")


def _fetch_kornblith(folder: Path, session: list[str] | None) -> None:
    from b2m_drive.recordings.fetching import KORNBLITH_LICENCE, fetch_kornblith2017

    typer.echo(KORNBLITH_LICENCE)
    paths = fetch_kornblith2017(folder, session)
    typer.echo(f"{len(paths)} sessions in {folder}")
    say_next(f"b2m-drive inspect {quoted(folder)}", "what they hold, and whether they can teach")


def _listed(each: DataSet) -> str:
    lines = [each.name, each.title, f"task: {each.task}", f"licence: {each.licence}"]
    lines += [f"size: {each.size}"] if each.size else []
    lines += [f"environment: {each.environment}"] if each.environment else []
    return "\n    ".join(lines)


def _how(chosen: DataSet, folder: Path) -> str:
    """Licence and citation, then what to type or where to go."""
    about = [chosen.title, f"licence: {chosen.licence}", f"cite: {chosen.citation}"]
    about += [f"size: {chosen.size}"] if chosen.size else []
    about += [f"page: {chosen.page}"]
    if not chosen.command:
        return "\n".join([*about, f"no client is known: download it from its page into {folder}"])
    quoted = shlex.quote(str(folder))
    commands = (f"mkdir -p {quoted} && cd {quoted}", *chosen.command)
    return "\n".join([*about, "not downloaded here; its archive's own client does it:",
                      *(f"    {each}" for each in commands)])  # fmt: skip
