"""``b2m-drive evaluate-agent``: agents in held-out episodes or trials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands.options import Device, Workers, n_processes, refuse_options
from b2m_agents.commands.printing import quoted, say_next


def evaluate_agent(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="Folders that train-agent wrote: one agent, several seeds of a training, or "
            "different agents of one scenario.",
        ),
    ],
    episodes: Annotated[
        int | None,
        typer.Option(
            help="Held out, the same for each driver. Default: 30; of trials, 1000.", min=1
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the held-out episodes.", min=0)] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of evaluation.csv. Default: the agent's; of several, runs/evaluation."
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="The picture, a .png. Default: evaluation.png beside it.")
    ] = None,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """Drive held-out episodes: agents, constant speed, and highway-env's driver model.

    Prints return (mean and interquartile mean), crash rate, speed, length, lane changes and time
    to collision with 95 % intervals, and whether each agent beats constant speed and is
    not worse than the driver model by more than 5 % of its return. Trainings that differ in their
    seed alone are pooled, too: only then does an interval speak of trainings, not of episodes
    alone. Writes one row a driver and episode to evaluation.csv, and a picture. Of an agent of a
    memory task: the share of correct trials.
    """
    from b2m_agents.memory.memory_agent import is_memory_agent

    of_memory = [folder for folder in folders if is_memory_agent(folder)]
    if of_memory and len(of_memory) < len(folders):
        raise typer.BadParameter(
            f"FOLDER: expected agents that all drive or all remember, came {of_memory[0]} among "
            "drivers"
        )
    if of_memory:
        refuse_options({"out": out, "figure": figure}, "an agent of a memory task")
        _evaluate_memory(folders, episodes or 1000, seed, device)
        return
    out = out or (folders[0] if len(folders) == 1 else Path("runs") / "evaluation")
    _evaluate_drivers(folders, out, figure, episodes or 30, seed, n_processes(workers), device)


def _evaluate_memory(folders: list[Path], n_trials: int, seed: int, device: str) -> None:
    from b2m_agents.memory.memory_agent import evaluate_memory_agent, played_text

    for folder in folders:
        text = played_text(evaluate_memory_agent(folder, n_trials, seed=seed, device=device))
        typer.echo(text if len(folders) == 1 else f"{folder}: {text}")
    task = "TASK --seed 1 --out runs/another"
    say_next(f"b2m-drive train-agent {task}", "another training: this one's interval is of trials")


def _evaluate_drivers(
    folders: list[Path],
    out: Path,
    figure: Path | None,
    n_episodes: int,
    seed: int,
    n_workers: int,
    device: str,
) -> None:
    from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agents
    from b2m_agents.evaluation.figure import (
        FIGURE_FILE,
        check_figure_path,
        write_evaluation_figure,
    )
    from b2m_agents.evaluation.scores import scores_of
    from b2m_agents.evaluation.text import evaluation_text

    figure = figure or out / FIGURE_FILE
    check_figure_path(figure)
    settings = EvaluationSettings(n_episodes, seed, n_workers=n_workers, device=device)
    evaluation = evaluate_agents(folders, out, settings)
    scores = scores_of(evaluation, seed)
    typer.echo(evaluation_text(evaluation, scores))
    typer.echo(f"\nfigure: {write_evaluation_figure(figure, evaluation, scores)}")
    say_next(f"b2m-drive record {quoted(folders[0])}", "films it in held-out episodes")
