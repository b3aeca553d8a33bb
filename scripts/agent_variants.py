"""Agents of one scenario that differ in one thing: trained, scored, told and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib.figure import Figure

from b2m_agents.drivers.drivers import HIGHWAY_ENV
from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agent
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.studies.agents.many_trainings import (
    CRASHED,
    RETURN,
    AgentTrainings,
    agent_folder,
    summaries,
)
from b2m_drive.comparisons.jobs import SCORES
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.evidence.statistics import Interval
from b2m_drive.files.writing import atomic_write

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
MARKERS = ("o", "s", "D", "^", "v", "P")
CRASHES = (0, 1, 2, 5, 10, 20, 50, 100)  # [%] that the axis names
Point: TypeAlias = tuple[float, float]  # share of episodes with a crash, return


@dataclass(frozen=True)
class Variant:
    """How agents of one kind learn."""

    settings: TrainingSettings
    environment: Mapping[str, Any] = field(default_factory=dict)  # fields of `SceneSettings`
    encoder: Path | None = None


def compare(
    folder: Path, scenario: str, variants: Mapping[str, Variant], seeds: int, episodes: int,
    workers: int,
) -> tuple[dict[str, list[Point]], Point]:  # fmt: skip
    """Train agents of every kind, printing a line for each kind; a killed run goes on.

    Returns:
        Crashes and return of every agent, by kind, and those of highway-env's driver model in the
        same episodes.
    """
    found: dict[str, list[Point]] = {}
    for name, variant in variants.items():
        trainings = AgentTrainings(
            {scenario: variant.settings},
            tuple(range(seeds)),
            variant.environment,
            variant.encoder,
            n_held_out=episodes,
        )
        at = folder / name.replace(" ", "_").replace("'", "")
        trainings.run(at, n_workers=workers)
        scores = read_scores(at / SCORES)
        found[name] = points(scores)
        print(line(name, summaries(scores)[scenario]), flush=True)
    model = driver_model(agent_folder(at, scenario, 0), episodes)
    print(f"driver model: return {model[1]:.1f}, crashes {model[0]:.0%}")
    return found, model


def points(scores: list[Score]) -> list[Point]:
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


def driver_model(agent: Path, episodes: int) -> Point:
    """Crashes and mean return of highway-env's driver model, in an agent's held-out episodes."""
    driven = evaluate_agent(agent, EvaluationSettings(episodes), progress=False).of(HIGHWAY_ENV)
    crashes, returns = ([getattr(each, name) for each in driven] for name in ("crashed", "return_"))
    return float(np.mean(crashes)), float(np.mean(returns))


def draw(
    found: Mapping[str, list[Point]], model: Point, picture: Path, title: str, legend: str
) -> None:
    """Draw every agent as a faint mark, the mean of each kind as a large one."""
    figure = Figure((7, 4.2), layout="constrained")
    axis = figure.subplots()
    for (name, agents), colour, marker in zip(found.items(), COLOURS, MARKERS, strict=False):
        crashes, returns = 100 * np.array(agents)[:, 0], np.array(agents)[:, 1]
        axis.scatter(crashes, returns, color=colour, marker=marker, alpha=0.35, s=25)
        axis.scatter(
            crashes.mean(), returns.mean(), color=colour, marker=marker, s=90, label=name,
            edgecolor="black",
        )  # fmt: skip
    axis.scatter(100 * model[0], model[1], color="black", marker="*", s=160, label="driver model")
    axis.set(
        xlabel="episodes with a crash [%]", ylabel="return, by highway-env's reward", title=title
    )
    axis.set_xscale(
        "symlog", linthresh=5, linscale=1.2
    )  # most agents crash seldom, some nearly always
    axis.set_xticks(CRASHES, [str(each) for each in CRASHES])
    axis.set_xlim(-0.4, 100)
    axis.grid(alpha=0.3)
    axis.legend(title=legend, frameon=False, fontsize=9, loc="lower left")
    axis.spines[["top", "right"]].set_visible(False)
    with atomic_write(picture) as draft:
        figure.savefig(draft, dpi=120, format="png")
    print(f"picture: {picture}")
