"""How rewards trade return against crashes: agents that learnt from each, and the driver model.

python scripts/return_and_crashes.py FOLDER [--scenario NAME] [--seeds N] [--steps N]

Each agent learns from one reward, from the state, and is scored on the same held-out episodes by
highway-env's own return and by its crashes. FOLDER holds all agents; a killed run goes on.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from matplotlib.figure import Figure

from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.studies.agents.many_trainings import (
    CRASHED,
    RETURN,
    AgentTrainings,
    agent_folder,
    summaries,
)
from b2m_drive.comparisons.jobs import SCORES
from b2m_drive.evidence.scores import read_scores
from b2m_drive.evidence.statistics import Interval
from b2m_drive.files.writing import atomic_write

REWARDS: Mapping[str, Any] = {
    "highway-env's": {"reward": "highway_env"},
    **{
        f"crash {weight}": {"reward": {"collision_reward": weight, "normalize_reward": False}}
        for weight in (-1, -5, -15, -50)
    },
    "safe": {"reward": "safe"},
}
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
MARKERS = ("o", "s", "D", "^", "v", "P")


def main(
    folder: Path,
    scenario: str = "highway_fast",
    seeds: Annotated[int, typer.Option(min=2)] = 3,
    steps: Annotated[int, typer.Option(min=1)] = 200_000,
    episodes: Annotated[int, typer.Option(min=1)] = 100,
    workers: Annotated[int, typer.Option(min=1)] = 1,
    picture: Path = Path("docs/return_and_crashes.png"),
) -> None:
    """Train, score, print the table and draw the picture."""
    found, every = {}, tuple(range(seeds))
    for name, environment in REWARDS.items():
        settings = {scenario: settings_for(scenario, observation="state", n_steps=steps)}
        trainings = AgentTrainings(settings, every, environment, n_held_out=episodes)
        at = folder / name.replace(" ", "_").replace("'", "")
        trainings.run(at, n_workers=workers)
        scores = read_scores(at / SCORES)
        found[name] = (summaries(scores)[scenario], points(scores))
        print(line(name, found[name][0]), flush=True)
    model = driver_model(agent_folder(at, scenario, 0) / "evaluation.csv")
    print(f"driver model: return {model[1]:.1f}, crashes {model[0]:.0%}")
    with atomic_write(picture) as draft:
        drawn(found, model, scenario).savefig(draft, dpi=120, format="png")
    print(f"picture: {picture}")


def points(scores: list[Any]) -> list[tuple[float, float]]:
    """Crashes and return of every agent."""
    by_seed: dict[int, dict[str, float]] = {}
    for score in scores:
        by_seed.setdefault(score.seed, {})[score.metric] = score.value
    return [(each[CRASHED], each[RETURN]) for each in by_seed.values()]


def line(name: str, found: Mapping[str, Interval]) -> str:
    """One row of the table: means over agents with their intervals."""
    return f"{name}: " + "; ".join(
        f"{metric} {each.mean:.2f} [{each.low:.2f}, {each.high:.2f}]"
        for metric, each in found.items()
    )


def driver_model(evaluation: Path) -> tuple[float, float]:
    """Crashes and mean return of highway-env's driver model in the same episodes."""
    with evaluation.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["driver"] == "highway_env"]
    crashed = np.mean([float(row["crashed"]) for row in rows])
    return float(crashed), float(np.mean([float(row["return"]) for row in rows]))


def drawn(
    found: Mapping[str, tuple[Any, list[tuple[float, float]]]],
    model: tuple[float, float],
    scenario: str,
) -> Figure:
    """Every agent as a faint mark, the mean of each reward as a large one."""
    figure = Figure((7, 4.2), layout="constrained")
    axis = figure.subplots()
    for (name, (_, agents)), colour, marker in zip(found.items(), COLOURS, MARKERS, strict=True):
        crashes, returns = 100 * np.array(agents)[:, 0], np.array(agents)[:, 1]
        axis.scatter(crashes, returns, color=colour, marker=marker, alpha=0.35, s=25)
        axis.scatter(
            crashes.mean(), returns.mean(), color=colour, marker=marker, s=90, label=name,
            edgecolor="black",
        )  # fmt: skip
    axis.scatter(100 * model[0], model[1], color="black", marker="*", s=160, label="driver model")
    axis.set(
        xlabel="episodes with a crash [%]", ylabel="return, by highway-env's reward",
        title=f"{scenario}: what an agent learns from, and how it then drives",
    )  # fmt: skip
    axis.grid(alpha=0.3)
    axis.legend(title="learnt from", frameon=False, fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    typer.run(main)
