"""Read the folder of a finished agents' comparison, and judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from b2m_drive.comparisons.agents_study import (
    AGENTS_STUDY,
    BLIND,
    CLONED_OFF_ROAD,
    CLONED_SAFE,
    DRIVERS,
    OFF_ROAD,
    RETURN,
    SAFE,
    STUDIED,
    SUCCESS,
    SUMMARY_OF,
    cloned,
    cloned_study,
    encoder_conditions,
)
from b2m_drive.comparisons.configuration import (
    BrainEntries,
    Configuration,
    configuration_as,
    read_object,
)
from b2m_drive.comparisons.jobs import SCORES
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.study import Study
from b2m_drive.comparisons.verdict import Verdict, judge_curves, weak_text
from b2m_drive.evidence.condition import ALONE, BRAIN, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import (
    SUMMARIES,
    LearningCurve,
    learning_curves,
    values_by_seed,
)
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.evidence.statistics import (
    Interval,
    PairedDifference,
    mean_interval,
    paired_difference,
)
from b2m_drive.files.refusals import naming

_ALONE = Condition(ALONE)


@dataclass(frozen=True, kw_only=True)
class AgentsConfiguration(Configuration):
    """What a comparison of agents holds besides."""

    brain: BrainEntries
    beside: tuple[str, ...]  # what agents without an encoder observe
    demonstrations: tuple[int, ...]  # frames, of behaviour cloning
    n_validation: int  # episodes
    n_held_out: int  # episodes
    scenario: str
    encoders: Mapping[str, Any]
    cloning_tested_on: int | None = None  # frames


@dataclass(frozen=True)
class AgentsResult:
    """A finished comparison of agents, as its folder holds it."""

    folder: Path
    config: AgentsConfiguration
    scores: tuple[Score, ...]  # of the agents
    of_drivers: tuple[Score, ...]  # one row an episode
    curves: dict[str, dict[Condition, LearningCurve]]  # by what is judged, then by condition

    @property
    def simulated(self) -> bool:
        """Whether the brain is simulated."""
        return self.config.brain.simulated

    @property
    def methods(self) -> list[TransferMethod]:
        """Every strategy."""
        return self.config.methods

    @property
    def with_encoder(self) -> tuple[Condition, ...]:
        """Conditions whose agents read latents."""
        return encoder_conditions(self.methods)

    @property
    def beside(self) -> tuple[Condition, ...]:
        """Conditions of agents without an encoder."""
        return tuple(map(Condition, self.config.beside))

    def summary(self, judged: str, condition: Condition) -> Float64[np.ndarray, " seed"]:
        """What is judged of a condition, a value a seed."""
        return SUMMARIES[SUMMARY_OF[judged]](self.curves[judged][condition])

    def over(
        self, judged: str, condition: Condition, other: Condition = _ALONE
    ) -> PairedDifference:
        """A condition minus another, paired by seed."""
        return paired_difference(self.summary(judged, condition), self.summary(judged, other))

    def driver(self, metric: str, driver: str) -> Interval | None:
        """A driver's mean over its episodes; None where it did not drive."""
        found = values_by_seed(
            [s for s in self.of_drivers if s.condition.control == driver], metric
        )
        return mean_interval(*found.values()) if found else None

    def by_seed(self, metric: str) -> dict[Condition, Float64[np.ndarray, " seed"]]:
        """Values of a metric that each agent has once, by condition."""
        return values_by_seed(self.scores, metric)

    def verdict(self, method: TransferMethod, judged: str) -> Verdict:
        """The verdict on one way of teaching, by one of the things that are judged."""
        verdict = judge_curves(
            self.curves[judged], method, SUMMARY_OF[judged], self.simulated, STUDIED[judged]
        )
        failures = self.failures(method, "agents", SAFE, OFF_ROAD, SUCCESS)
        weak = _weak(self.curves[RETURN], STUDIED[RETURN])  # whatever is judged of them
        return replace(verdict, failures=failures, weak=weak)

    def cloned_verdict(self, method: TransferMethod, n_frames: int) -> Verdict:
        """The same on drivers that were cloned from so many frames."""
        study = cloned_study(n_frames)
        curves = learning_curves(self.scores, study.curve)
        verdict = judge_curves(curves, method, "final", self.simulated, study)
        metrics = (cloned(each, n_frames) for each in (CLONED_SAFE, CLONED_OFF_ROAD))
        failures = self.failures(method, "clones", *metrics)
        return replace(verdict, failures=failures, weak=_weak(curves, study))

    def failures(
        self,
        method: TransferMethod,
        who: str,
        safe: str,
        off_road: str,
        success: str | None = None,
    ) -> str:
        """In what the taught fail more often than those alone, a sentence; empty: in nothing.

        A return may praise an early crash, or what happens off the road; so this stands beside it.
        """
        brain = method.condition(BRAIN)
        texts = []
        for metric, words, more_is_worse in (
            (safe, "end without a crash in {} of the episodes", False),
            (off_road, "are off the road in {} of the steps", True),
            (success, "reach the goal in {} of the episodes", False),
        ):
            values = {} if metric is None else self.by_seed(metric)
            if brain not in values or _ALONE not in values:  # a run of before, or no goal
                continue
            mine, alone = float(values[brain].mean()), float(values[_ALONE].mean())
            if mine > alone if more_is_worse else mine < alone:
                texts.append(f"{words.format(f'{mine:.1%}')} (alone {alone:.1%})")
        return f"Yet these {who} {' and '.join(texts)}." if texts else ""


def _weak(curves: Mapping[Condition, LearningCurve], study: Study) -> str:
    """Says so where agents alone do no better for sure than blind ones; else it is empty.

    A return has no score of one who knows nothing but theirs; without them nothing is said.
    """
    blind = Condition(BLIND)
    if blind not in curves:
        return ""
    alone, nothing_seen = (SUMMARIES["final"](curves[each]) for each in (_ALONE, blind))
    if paired_difference(alone, nothing_seen).low > 0:
        return ""
    floor = float(nothing_seen.mean())
    return weak_text(mean_interval(alone), floor, "those that see nothing", study)


def read_agents(folder: Path) -> AgentsResult:
    """Read and check the folder of a finished comparison.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is not what it should be, or an agent lacks a score.
    """
    with naming(folder / CONFIG, "the configuration of compared agents"):
        return _read_agents(folder)


def _read_agents(folder: Path) -> AgentsResult:
    path = folder / CONFIG
    config = configuration_as(AgentsConfiguration, path, read_object(path))
    if config.study != AGENTS_STUDY:
        raise ValueError(f"{path}: study: expected {AGENTS_STUDY!r}, came {config.study!r}")
    rows = read_scores(folder / SCORES)
    of_agents = tuple(row for row in rows if row.condition.control not in DRIVERS)
    of_drivers = tuple(row for row in rows if row.condition.control in DRIVERS)
    try:
        curves = {judged: learning_curves(of_agents, judged) for judged in STUDIED}
    except ValueError as error:
        raise ValueError(f"{folder / SCORES}: {error}") from error
    result = AgentsResult(folder, config, of_agents, of_drivers, curves)
    for judged, found in curves.items():
        lacking = [name for name in (*result.with_encoder, *result.beside) if name not in found]
        if lacking:
            raise ValueError(
                f"{folder / SCORES}: expected {judged} of every condition, found none of "
                f"{', '.join(map(str, lacking))}"
            )
    return result
