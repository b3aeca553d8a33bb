"""``b2m-drive demo``: the whole road on simulated brains."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.compare_driving import run_driving
from b2m_agents.commands.compare_memory import run_memory
from b2m_agents.commands.options import Workers, n_processes
from b2m_agents.commands.printing import say_next
from b2m_drive.executors.chosen import Execution


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/demo"),
    half: Annotated[
        choices.Half,
        typer.Option(metavar=choices.shown(choices.Half), help="Of the project, that is shown."),
    ] = "both",
    workers: Workers = 0,
) -> None:
    """The whole road on simulated brains, in a few minutes: two reports, and a clip of a driver.

    The memory half teaches a recurrent network to remember; the driving half teaches an encoder
    of driving scenes, trains a driver on what the brain-taught encoder sees, and films it. The
    brains are simulated and the reports say so; for a real one see `b2m-drive compare --help`.
    """
    from b2m_agents.studies.demo import NOTE, engine_compiled_meanwhile

    here = Execution(n_workers=n_processes(workers))
    typer.echo(NOTE)
    meanwhile = engine_compiled_meanwhile(typer.echo) if half == "both" else nullcontext()
    if half != "driving":
        with meanwhile:
            _show_memory(out / "memory", here)
    if half != "memory":
        _show_driving(out, here)
    say_next("b2m-drive inspect FILE", "looks at a recording of your own")


def _show_memory(out: Path, where: Execution) -> None:
    from b2m_agents.studies.demo import demo_memory

    typer.echo("\nmemory: a recurrent network, taught to remember by a brain or by nulls")
    run_memory(demo_memory(), out, where, dry_run=False)


def _show_driving(out: Path, where: Execution) -> None:
    """A small comparison, a driver on the taught encoder, its evaluation, and a clip."""
    from b2m_agents.evaluation.scores import scores_of
    from b2m_agents.evaluation.text import evaluation_text
    from b2m_agents.studies import demo

    typer.echo("\ndriving: an encoder of scenes, taught by a brain that watched or by nulls")
    run = run_driving(
        demo.SCENES,
        demo.VIEWER,
        demo.DRIVING,
        out / "driving",
        where,
        dry_run=False,
        note=demo.NOTE,
    )
    encoder = demo.taught_encoder(run)
    typer.echo(f"\na driver (PPO) on what {encoder} sees:")
    agent = demo.demo_driver(encoder, out / "agent")
    evaluation = demo.demo_evaluation(agent, where.n_workers)
    typer.echo(evaluation_text(evaluation, scores_of(evaluation)))
    typer.echo(f"video: {demo.demo_clip(agent, run)}")
