"""Many agents trained alike: seeds by scenarios, each scored on held-out episodes.

It compares nobody: it says how well agents of one kind drive, and how much that depends on the
seed of their training. Each agent's folder is one that `train_agent` writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from b2m_agents.evaluation.evaluate import AGENT, DrivenEpisode, EvaluationSettings, evaluate_agent
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.settings_json import training_json
from b2m_agents.learning.trained_agent import encoder_fingerprint
from b2m_agents.learning.training import train_agent
from b2m_agents.learning.training_scene import scene_of_training
from b2m_agents.learning.training_stops import total_steps
from b2m_drive.comparisons.jobs import SCORES, Job, RunJob
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.evidence.condition import Condition
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.evidence.statistics import Interval, mean_interval
from b2m_drive.files.provenance import installed_versions
from b2m_drive.students.devices import device_of
from b2m_drive.students.scene_vae import SceneVAE

STUDY = "agent_trainings"
RETURN, CRASHED, OFF_ROAD, SUCCESS, SPEED = "return", "crashed", "off_road", "success", "speed"
METRICS = (RETURN, CRASHED, OFF_ROAD, SUCCESS, SPEED)
_UNITS = {
    RETURN: "sum of rewards",
    CRASHED: "share of episodes",
    OFF_ROAD: "share of steps",
    SUCCESS: "share of episodes",
    SPEED: "m/s",
}
_PACKAGES = ("torch", "numpy", "stable-baselines3", "gymnasium", "highway-env", "b2m-drive")


@dataclass(frozen=True)
class TrainingPlan:
    """One agent: all that a worker needs to train and to score it."""

    scenario: str
    settings: TrainingSettings  # its seed among them
    environment: Mapping[str, Any]
    encoder: Path | None
    folder: Path
    n_held_out: int
    device: str


@dataclass(frozen=True)
class AgentTrainings(RunnableComparison[TrainingPlan, Mapping[str, Mapping[str, Interval]]]):
    """Agents of every scenario and seed, trained by the same settings.

    Args:
        settings: By scenario; their seeds are replaced.
        seeds: Of the trainings.
        environment: Fields of `SceneSettings`, the same for all.
        encoder: Folder of the encoder, for agents that see latents.
        n_held_out: Episodes that each agent is scored on, the same for all.
        device: Of policy and encoder.

    Raises:
        ValueError: If there is no scenario, or fewer than two different seeds, or an agent cannot
            learn in one of the scenarios so, see `scene_of_training`.
    """

    settings: Mapping[str, TrainingSettings]
    seeds: tuple[int, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)
    encoder: Path | None = None
    n_held_out: int = 30
    device: str = "cpu"

    kind = "trainings"

    def __post_init__(self) -> None:
        if not self.settings:
            raise ValueError("scenarios: expected one or more, came none")
        if len(self.seeds) < 2 or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: expected two or more different ones, came {self.seeds}")
        EvaluationSettings(n_episodes=self.n_held_out)
        device_of(self.device)
        for scenario, settings in self.settings.items():
            scene_of_training(scenario, self.encoder, settings, self.environment)

    @property
    def run_job(self) -> RunJob:
        """Trains and scores one agent."""
        return run_job

    def describe(self) -> dict[str, Any]:
        """The configuration of the run: everything that decides its numbers."""
        encoder = None if self.encoder is None else SceneVAE.from_pretrained(self.encoder)
        return {
            "study": STUDY,
            "training": {
                scenario: {k: v for k, v in training_json(each).items() if k != "seed"}
                for scenario, each in self.settings.items()
            },
            "seeds": list(self.seeds),
            "environment": dict(self.environment),
            "encoder": None if encoder is None else encoder_fingerprint(encoder),
            "n_held_out": self.n_held_out,
            "versions": installed_versions(_PACKAGES),
            **({} if self.device == "cpu" else {"device": str(device_of(self.device))}),
        }

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[TrainingPlan]]]:
        """One job an agent."""
        plans = [
            TrainingPlan(
                scenario,
                replace(settings, seed=seed),
                dict(self.environment),
                self.encoder,
                agent_folder(folder, scenario, seed),
                self.n_held_out,
                self.device,
            )
            for seed in self.seeds
            for scenario, settings in self.settings.items()
        ]
        return {
            folder: [
                Job(
                    f"{plan.scenario}-seed-{plan.settings.seed}",
                    plan,
                    total_steps(plan.settings),
                    size=plan.scenario,
                    reads=() if plan.encoder is None else (plan.encoder,),
                    writes=plan.folder,
                )
                for plan in plans
            ]
        }

    def read(self, folder: Path) -> Mapping[str, Mapping[str, Interval]]:
        """By scenario and metric: the mean over agents, with its interval; the agent is the unit.

        A metric that some agent could not be measured by is missing.
        """
        return summaries(read_scores(folder / SCORES))


def agent_folder(folder: Path, scenario: str, seed: int) -> Path:
    """Where an agent lies in the folder of all."""
    return folder / scenario / f"seed-{seed}"


def run_job(plan: TrainingPlan, after_step: Callable[[], None]) -> list[Score]:
    """Train the agent of a plan, or go on with it, and score it on held-out episodes."""
    counted = _Counted(after_step)
    train_agent(
        plan.scenario,
        plan.encoder,
        plan.folder,
        plan.settings,
        plan.environment,
        in_processes=False,
        progress=False,
        after_steps=counted.up_to,
        device=plan.device,
    )
    settings = EvaluationSettings(plan.n_held_out, device=plan.device)
    driven = evaluate_agent(plan.folder, settings, progress=False, references=False)
    episodes = driven.of(AGENT)
    values = {name: _mean(name, episodes) for name in METRICS}
    counted.up_to(total_steps(plan.settings))  # also of a training that its patience ended
    condition, training = Condition(plan.scenario), plan.settings
    return [
        Score(condition, training.seed, name, training.n_steps, value, _UNITS[name])
        for name, value in values.items()
        if value is not None
    ]


class _Counted:
    """Steps of a training that were told one by one."""

    def __init__(self, after_step: Callable[[], None]) -> None:
        self._after_step = after_step
        self._n_steps = 0

    def up_to(self, n_steps: int) -> None:
        """Tell those that were not yet."""
        for _ in range(n_steps - self._n_steps):
            self._after_step()
        self._n_steps = max(self._n_steps, n_steps)


def _mean(metric: str, episodes: Sequence[DrivenEpisode]) -> float | None:
    """Over an agent's episodes; None where some episode says nothing."""
    column = {
        RETURN: [each.return_ for each in episodes],
        CRASHED: [float(each.crashed) for each in episodes],
        OFF_ROAD: [each.off_road for each in episodes],
        SUCCESS: [np.nan if each.success is None else float(each.success) for each in episodes],
        SPEED: [each.speed for each in episodes],
    }[metric]
    mean = float(np.mean(column))
    return mean if np.isfinite(mean) else None


def summaries(scores: Sequence[Score]) -> dict[str, dict[str, Interval]]:
    """The mean over agents of every scenario and metric."""
    found: dict[str, dict[str, Interval]] = {}
    for scenario in dict.fromkeys(score.condition.control for score in scores):
        own = [score for score in scores if score.condition.control == scenario]
        n_agents = len({score.seed for score in own})
        by_metric = {
            name: np.array([each.value for each in own if each.metric == name]) for name in METRICS
        }
        found[scenario] = {
            name: mean_interval(values)
            for name, values in by_metric.items()
            if len(values) == n_agents
        }
    return found


def summaries_text(found: Mapping[str, Mapping[str, Interval]]) -> str:
    """A line a scenario, for a terminal: means over agents with their 95 % intervals."""
    lines = [
        f"{scenario} ({next(iter(by_metric.values())).n} agents): "
        + "; ".join(
            f"{name.replace('_', ' ')} {each.mean:.2f} [{each.low:.2f}, {each.high:.2f}]"
            for name, each in by_metric.items()
        )
        for scenario, by_metric in found.items()
    ]
    return "\n".join(lines)
