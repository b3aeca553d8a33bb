"""Trials of a memory task played by a policy, each from a seed of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import gymnasium
import numpy as np
from jaxtyping import Bool, Float32, Int64

import b2m_envs  # noqa: F401 - registers the environments
from b2m_agents.episodes.episodes import episode_seed
from b2m_drive.evidence.statistics import Interval, binomial_interval
from b2m_envs.memory_decision.settings import TrialSettings

_TOGETHER = 512  # trials played side by side


@runtime_checkable
class TrialPolicy(Protocol):
    """Acts in many trials at once, and remembers what it has seen of each."""

    def begin(self, n_trials: int) -> None:
        """Forget: so many new trials begin."""

    def act(self, observation: Float32[np.ndarray, "trial feature"]) -> Int64[np.ndarray, " trial"]:
        """Choose the action of this step of every trial."""


@dataclass(frozen=True, eq=False)
class PlayedTrials:
    """How trials ended, in the order of their seeds."""

    seed: Int64[np.ndarray, " trial"]
    action: Int64[np.ndarray, " trial"]  # the last one: 0 fixate (no answer in time), 1 or 2
    correct: Bool[np.ndarray, " trial"]
    aborted: Bool[np.ndarray, " trial"]  # by breaking fixation
    length: Int64[np.ndarray, " trial"]  # steps

    def __len__(self) -> int:
        return len(self.seed)

    @property
    def share_correct(self) -> Interval:
        """Share of correct trials, with its exact binomial interval.

        A trial that was aborted or got no answer is not correct.
        """
        return _share(self.correct)

    @property
    def share_aborted(self) -> Interval:
        """Share of trials in which fixation was broken."""
        return _share(self.aborted)


def play_trials(policy: TrialPolicy, settings: TrialSettings, seeds: Sequence[int]) -> PlayedTrials:
    """Play the trial that follows each seed: ``reset(seed=...)`` and on to its end.

    Args:
        policy: Who acts.
        settings: Of the task.
        seeds: One a trial.

    Raises:
        ValueError: If there is no seed, one is negative, or the settings hold a list of trials,
            of which every seed would begin the first.
    """
    check_seeds(settings, seeds)
    chunks = [seeds[start : start + _TOGETHER] for start in range(0, len(seeds), _TOGETHER)]
    played = [_play_together(policy, settings, [int(seed) for seed in chunk]) for chunk in chunks]
    columns = [field.name for field in fields(PlayedTrials)]
    return PlayedTrials(
        *(np.concatenate([getattr(each, name) for each in played]) for name in columns)
    )


def check_seeds(settings: TrialSettings, seeds: Sequence[int]) -> None:
    """Check that every seed begins a trial of its own.

    Raises:
        ValueError: If there is no seed, one is negative, or the settings hold a list of trials.
    """
    if settings.trial_list is not None:
        raise ValueError(
            f"{settings.task_id}: trial_list: expected None, since every seed would begin its "
            f"first trial, came {len(settings.trial_list)} trials"
        )
    if len(seeds) == 0 or min(seeds) < 0:
        raise ValueError(f"seeds: expected one or more whole numbers from 0, came {list(seeds)}")


def held_out_seeds(n_trials: int, seed: int) -> list[int]:
    """Seeds of trials for evaluation; they are odd, and those of a training are even.

    Raises:
        ValueError: If the number of trials is less than 1 or the seed is negative.
    """
    for name, value, least in (("n_trials", n_trials, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name}: expected a whole number of {least} or more, came {value!r}")
    return [episode_seed(seed, index, held_out=True) for index in range(n_trials)]


def make_batch(
    settings: TrialSettings, n_environments: int, **keywords: Any
) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    """The native batch of the task's environment.

    Args:
        settings: Of the task.
        n_environments: Trials side by side.
        keywords: Of the batch, such as ``autoreset_mode``.

    Raises:
        ValueError: For what are no settings of a task.
    """
    if not isinstance(settings, TrialSettings):
        raise ValueError(
            "settings: expected those of a memory task, such as MemoryDecisionSettings(), "
            f"came {settings!r}"
        )
    given = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return gymnasium.make_vec(f"{settings.task_id}-v0", n_environments, **keywords, **given)


def _play_together(policy: TrialPolicy, settings: TrialSettings, seeds: list[int]) -> PlayedTrials:
    n = len(seeds)
    batch = make_batch(settings, n)
    observation, _ = batch.reset(seed=seeds)  # type: ignore[arg-type]
    played = PlayedTrials(
        np.array(seeds), np.zeros(n, np.int64), np.zeros(n, bool), np.zeros(n, bool),
        np.zeros(n, np.int64),
    )  # fmt: skip
    running = np.ones(n, dtype=bool)
    policy.begin(n)
    while running.any():
        action = policy.act(observation)
        observation, _, ended, _, info = batch.step(action)
        played.length[running] += 1
        ends = running & ended
        if ends.any():
            played.action[ends] = action[ends]
            played.correct[ends] = info["correct"][ends]
            played.aborted[ends] = info["aborted"][ends]
            running &= ~ended  # the batch begins further trials there, which nobody counts
    batch.close()
    return played


def _share(which: Bool[np.ndarray, " trial"]) -> Interval:
    return Interval(
        float(which.mean()), *binomial_interval(int(which.sum()), len(which)), len(which)
    )
