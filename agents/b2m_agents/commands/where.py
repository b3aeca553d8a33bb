"""The options of every verb whose jobs may run elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import Workers, n_processes
from b2m_drive.executors.chosen import Execution

HERE = Execution()
_PANEL = "Where it runs"
_OPTIONS: dict[str, tuple[Any, Any]] = {  # by parameter: annotation, default
    "workers": (Workers, 0),
    "executor": (
        Annotated[
            str,
            typer.Option(
                metavar="processes | ray | HOST:PORT | slurm | slurm-local",
                autocompletion=choices.complete_executor,
                help="processes of this machine; ray: a cluster that runs here, or a new one; "
                "HOST:PORT or ray://HOST:PORT: that Ray cluster; slurm: its queue; slurm-local: as "
                "slurm, on this machine alone.",
                rich_help_panel=_PANEL,
            ),
        ],
        "processes",
    ),
    "partition": (
        Annotated[str | None, typer.Option(help="Of SLURM.", rich_help_panel=_PANEL)],
        None,
    ),
    "minutes": (
        Annotated[
            int | None,
            typer.Option(help="After which SLURM ends a job. Default: 240.", min=1,
                         rich_help_panel=_PANEL),
        ],
        None,
    ),
    "memory": (
        Annotated[
            float | None,
            typer.Option(help="GiB of each job on a cluster. Default: 4 of SLURM; of Ray, as there "
                         "is.", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "gpus": (
        Annotated[
            float | None,
            typer.Option(help="GPUs of each job on a cluster, for --device cuda; a share, such as "
                         ".25, lets several jobs use one. Default: 0.", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "tries": (
        Annotated[
            int,
            typer.Option(help="Of a job that fails, or is lost with its worker.", min=1,
                         rich_help_panel=_PANEL),
        ],
        3,
    ),
}  # fmt: skip


def runs_anywhere(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb, which has a parameter `where`, the options that say where its jobs run."""

    @wraps(verb)
    def with_where(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in _OPTIONS}
        verb(**given, where=_execution(**chosen))

    own = inspect.signature(verb).parameters
    hints = get_type_hints(verb, include_extras=True)
    of_verb = [
        own[name].replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name in own
        if name != "where"
    ]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    ]
    parameters = [*of_verb, *added]
    changed: Any = with_where
    changed.__signature__ = inspect.Signature(parameters)
    changed.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_where


def _execution(workers: int, gpus: float | None, **given: Any) -> Execution:
    try:
        return Execution(n_workers=n_processes(workers), n_gpus=gpus, **given)
    except ValueError as error:
        text = str(error).replace("n_gpus:", "gpus:")
        raise typer.BadParameter(f"--{text}") from error
