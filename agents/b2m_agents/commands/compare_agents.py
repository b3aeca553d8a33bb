"""``b2m-drive compare agents``: agents on the encoders of a driving comparison."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import Device
from b2m_agents.commands.printing import say_report, say_verdicts
from b2m_agents.commands.running import has_run
from b2m_agents.commands.where import HERE, runs_anywhere
from b2m_drive.executors.chosen import Execution

if TYPE_CHECKING:
    from b2m_agents.studies.agents.comparison import AgentsComparison


@runs_anywhere
def compare_agents(
    run: Annotated[
        Path, typer.Argument(help="Folder of a finished compare driving, whose encoders are used.")
    ],
    scenario: Annotated[
        choices.Scenario | None,
        typer.Option(
            metavar="SCENARIO",
            help=f"Where the agents drive: {choices.SCENARIO_NAMES}. Default: as the scenes of the "
            "run.",
        ),
    ] = None,
    strategy: Annotated[
        list[choices.Strategy] | None,
        typer.Option(
            metavar=choices.shown(choices.Strategy),
            help="regression (BLT) or contrastive (BCT); may be given more than once. Default: "
            "all of the run.",
        ),
    ] = None,
    observation: Annotated[
        list[choices.BesideEncoders] | None,
        typer.Option(
            metavar=choices.shown(choices.BesideEncoders),
            help="Agents without an encoder, beside: pixels (end to end), state or blind; may be "
            "given more than once. Default: all three.",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="The first so many of the run's seeds. Default: all.", min=2),
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Of each agent's training, by 2,560.", min=2560)
    ] = 51_200,
    episodes: Annotated[int, typer.Option(help="Held out, of each agent.", min=2)] = 100,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the comparison; resumes one that is there. Default: RUN-agents."
        ),
    ] = None,
    device: Device = "cpu",
    where: Execution = HERE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many agents and how long; train none.")
    ] = False,
) -> None:
    """Does the brain's teaching of an encoder still show in the driving? Trains, judges, reports.

    For every seed and condition of a compare driving, an agent (PPO) learns to drive on what that
    frozen encoder sees; beside them agents on pixels, on the state and blind, two drivers that do
    not learn, and behaviour cloning from 200 and 1,000 frames. Kill it and call it again: it goes
    on where it stopped.
    """
    from dataclasses import replace

    from b2m_agents.studies.agents.comparison import AgentsComparison
    from b2m_agents.studies.agents.usual_comparisons import settings_of_run, usual_folder

    settings = replace(
        settings_of_run(run, strategies=strategy or (), beside=observation or (), n_seeds=seeds),
        n_steps=steps,
        n_held_out=episodes,
    )
    comparison = AgentsComparison(run, settings, scenario, device)
    _run_agents(comparison, out or usual_folder(run), where, dry_run)


def _run_agents(
    comparison: AgentsComparison, folder: Path, where: Execution, dry_run: bool
) -> None:
    from b2m_drive.reports.agents_report import agents_summary, agents_verdicts
    from b2m_drive.reports.report import write_report

    started, what = time.perf_counter(), f"agents of {comparison.settings.n_steps:,} steps"
    if has_run(comparison, folder, where, dry_run, what, measured="updates"):
        path = write_report(folder)
        say_verdicts(agents_verdicts(folder))
        typer.echo(f"\n{agents_summary(folder)}")
        say_report(path, started)
