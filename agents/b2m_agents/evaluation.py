"""Evaluate an agent on held-out episodes, beside constant speed and highway-env's driver model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from tqdm.auto import tqdm

from b2m_agents.drivers import (
    CONSTANT_SPEED,
    HIGHWAY_ENV,
    Drive,
    block_size,
    compile_for_workers,
    drive_episodes,
    drive_of,
)
from b2m_agents.episodes import episode_seed
from b2m_agents.ordered_workers import map_in_order
from b2m_agents.trained_agent import read_agent_config
from b2m_drive.evidence.statistics import LEVEL, Interval, binomial_interval
from b2m_drive.evidence.tables import write_table

AGENT = "agent"
EVALUATION_FILE = "evaluation.csv"
_N_RESAMPLES = 10_000


@dataclass(frozen=True)
class EvaluationSettings:
    """On how many held-out episodes, and which."""

    n_episodes: int = 30  # the same for every driver
    seed: int = 0
    n_workers: int = 1  # processes; the scores are the same for any number

    def __post_init__(self) -> None:
        for name, least in (("n_episodes", 1), ("seed", 0), ("n_workers", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{name}: expected a whole number of {least} or more, came {value!r}"
                )


@dataclass(frozen=True)
class DrivenEpisode:
    """How one episode went."""

    driver: str
    seed: int
    return_: float  # sum of the rewards, highway-env's
    crashed: bool
    speed: float  # [m/s] mean over the episode
    length: float  # [s] until a crash, the goal or the time limit
    engine: str  # what simulated


@dataclass(frozen=True)
class DriverScores:
    """A driver's means over the same held-out episodes, each with its 95 % interval."""

    driver: str
    return_: Interval
    crash_rate: Interval
    speed: Interval  # [m/s]
    length: Interval  # [s]
    lead: Interval | None  # the agent's return minus this driver's, paired by episode


@dataclass(frozen=True)
class Evaluation:
    """Every driver on the same held-out episodes."""

    episodes: tuple[DrivenEpisode, ...]
    scores: tuple[DriverScores, ...]  # the agent's first


def evaluate_agent(
    folder: str | Path, settings: EvaluationSettings | None = None, *, progress: bool = True
) -> Evaluation:
    """Drive an agent and two other drivers through the same episodes, and write how each went.

    The episodes' seeds are odd, those of trainings and collections even, so none was seen before.

    Args:
        folder: Of the agent; `evaluation.csv` is written into it, one row a driver and episode.
        settings: None: 30 episodes in this process.
        progress: Show a bar.

    Raises:
        FileNotFoundError: If the folder lacks a file of a trained agent.
        ValueError: If one of its files is damaged.
    """
    settings = settings or EvaluationSettings()
    config = read_agent_config(Path(folder))
    drives = {
        driver: drive_of(
            config.scenario, str(folder) if driver == AGENT else driver, config.environment
        )
        for driver in (AGENT, CONSTANT_SPEED, HIGHWAY_ENV)
    }
    episodes = _drive_all(drives, settings, progress)
    _write_episodes(Path(folder) / EVALUATION_FILE, episodes)
    generator = np.random.default_rng(settings.seed)
    scores = tuple(_scores_of(driver, episodes, generator) for driver in drives)
    return Evaluation(tuple(episodes), scores)


def bootstrap_interval(
    values: Float64[np.ndarray, " episode"], generator: np.random.Generator
) -> Interval:
    """Mean over episodes with its percentile bootstrap interval (Efron & Tibshirani 1993)."""
    rows = generator.integers(len(values), size=(_N_RESAMPLES, len(values)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values[rows].mean(axis=1), (tail, 1 - tail))
    return Interval(float(values.mean()), float(low), float(high), len(values))


def scores_text(evaluation: Evaluation) -> str:
    """The table of scores, for a terminal."""
    lines = [
        f"{'driver':16s}{'return':>22s}{'crashed':>22s}{'speed [m/s]':>22s}{'length [s]':>22s}"
        f"{'agent leads by':>24s}"
    ]
    for scores in evaluation.scores:
        lead = _interval_text(scores.lead, "+.2f") if scores.lead else "-"
        lines.append(
            f"{scores.driver:16s}{_interval_text(scores.return_, '.2f'):>22s}"
            f"{_interval_text(scores.crash_rate, '.0%'):>22s}"
            f"{_interval_text(scores.speed, '.1f'):>22s}{_interval_text(scores.length, '.1f'):>22s}"
            f"{lead:>24s}"
        )
    n = evaluation.scores[0].return_.n
    engine = evaluation.episodes[0].engine
    note = f"means and 95 % intervals over the same {n} held-out episodes, simulated by {engine}"
    return "\n".join([*lines, note])


def _drive_all(
    drives: dict[str, Drive], settings: EvaluationSettings, progress: bool
) -> list[DrivenEpisode]:
    n_episodes = settings.n_episodes
    for drive in drives.values():
        compile_for_workers(drive, settings.n_workers)
    seeds = [episode_seed(settings.seed, index, held_out=True) for index in range(n_episodes)]
    items = [
        (driver, drive, seeds[first : first + size])
        for driver, drive in drives.items()
        for size in [block_size(drive, n_episodes, settings.n_workers)]
        for first in range(0, n_episodes, size)
    ]
    with (
        closing(map_in_order(_drive_some, items, settings.n_workers)) as driven,
        tqdm(
            total=len(drives) * n_episodes, unit="episode", desc="driving", disable=not progress
        ) as bar,
    ):
        episodes = []
        for block in driven:
            episodes += block
            bar.update(len(block))
        return episodes


def _drive_some(item: tuple[str, Drive, list[int]]) -> list[DrivenEpisode]:
    driver, drive, seeds = item
    return [
        DrivenEpisode(
            driver=driver,
            seed=episode.seed,
            return_=float(episode.reward.sum()),
            crashed=episode.crashed,
            speed=float(episode.speed.mean()),
            length=len(episode.reward) / drive.scene.steps_per_second,
            engine=drive.scene.chosen_engine,
        )
        for episode in drive_episodes(drive, seeds)
    ]


def _scores_of(
    driver: str, episodes: Sequence[DrivenEpisode], generator: np.random.Generator
) -> DriverScores:
    def values(name: str, of: str = driver) -> Float64[np.ndarray, " episode"]:
        return np.array([float(getattr(each, name)) for each in episodes if each.driver == of])

    lead = values("return_", AGENT) - values("return_")
    return DriverScores(
        driver=driver,
        return_=bootstrap_interval(values("return_"), generator),
        crash_rate=_rate_interval(values("crashed")),
        speed=bootstrap_interval(values("speed"), generator),
        length=bootstrap_interval(values("length"), generator),
        lead=None if driver == AGENT else bootstrap_interval(lead, generator),
    )


def _rate_interval(values: Float64[np.ndarray, " episode"]) -> Interval:
    """Exact, since a bootstrap of no crash in 30 episodes would promise that there is none."""
    low, high = binomial_interval(int(values.sum()), len(values))
    return Interval(float(values.mean()), low, high, len(values))


def _interval_text(interval: Interval, form: str) -> str:
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _write_episodes(path: Path, episodes: Sequence[DrivenEpisode]) -> None:
    names = [field.name for field in fields(DrivenEpisode)]
    rows = ([_plain(getattr(each, name)) for name in names] for each in episodes)
    write_table(path, [name.rstrip("_") for name in names], rows)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value
