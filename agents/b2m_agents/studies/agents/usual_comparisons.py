"""The comparison of agents that is usually made of a driving run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from b2m_agents.studies.agents.comparison import driving_run
from b2m_agents.studies.agents.plan import AgentsStudySettings
from b2m_drive.comparisons.agents_study import BESIDE
from b2m_drive.transfer.term import STRATEGIES


def settings_of_run(
    encoders: Path,
    *,
    strategies: Collection[str] = (),
    beside: Collection[str] = (),
    n_seeds: int | None = None,
) -> AgentsStudySettings:
    """Settings that fit a finished driving comparison; other budgets by `dataclasses.replace`.

    Args:
        encoders: Folder of the driving comparison.
        strategies: Those compared; none: all of the run.
        beside: What agents without an encoder observe; none: all of `BESIDE`.
        n_seeds: The first so many of the run's seeds; None: all.

    Raises:
        FileNotFoundError: If a file of the driving comparison is missing.
        ValueError: If it is another study, or has fewer seeds.
    """
    config = driving_run(encoders).config
    seeds = config.seeds
    if n_seeds is not None and n_seeds > len(seeds):
        raise ValueError(f"seeds: expected at most the run's {len(seeds)}, came {n_seeds}")
    chosen = strategies or config.strategies
    return replace(
        AgentsStudySettings(),
        strategies=tuple(each for each in STRATEGIES if each in chosen),
        seeds=seeds[:n_seeds],
        beside=tuple(each for each in BESIDE if each in (beside or BESIDE)),
    )


def usual_folder(encoders: Path) -> Path:
    """Where the comparison of agents lies if nobody says otherwise: ``RUN-agents``."""
    return encoders.resolve().with_name(f"{encoders.resolve().name}-agents")
