"""Agents that learn a memory task by reward alone: recurrent PPO, resumable after a kill.

======================  ========================================================================
``config.json``         settings of the training, versions
``agent.zip``           the policy as Stable-Baselines3 saves it (a pickle inside: open only
                        files that you trust)
``learning_curve.csv``  one row a rollout: how its trials ended, of a policy that still explores
``evaluation.csv``      one row a held-out trial, of the newest evaluation
======================  ========================================================================
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float32, Int64
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import set_random_seed
from tqdm.auto import tqdm

from b2m_agents.drivers import AGENT_FILE
from b2m_agents.episodes import episode_seed
from b2m_agents.memory_policy import MemoryLstmPolicy, ScaledObservation
from b2m_agents.memory_trials import PlayedTrials, held_out_seeds, play_trials
from b2m_agents.memory_vec_env import MemoryVecEnv
from b2m_drive.evidence.comparison import write_json
from b2m_drive.evidence.tables import read_table, write_table
from b2m_envs.memory_decision import (
    ContextDecisionSettings,
    MemoryDecisionSettings,
    SternbergSettings,
)
from b2m_envs.memory_decision.settings import TrialSettings

CONFIG_FILE = "config.json"
CURVE_FILE = "learning_curve.csv"
EVALUATION_FILE = "evaluation.csv"
TASKS: dict[str, type[TrialSettings]] = {
    "memory_decision": MemoryDecisionSettings,
    "sternberg": SternbergSettings,
    "context_decision": ContextDecisionSettings,
}
_CLASS = "MemoryAgent"  # in the configuration, so that no other agent's is taken for one
CurveRow: TypeAlias = tuple[int, int, float, float]  # in the order of its columns
_CURVE_COLUMNS = ("step", "trials", "correct", "aborted")
_PACKAGES = ("b2m-drive", "gymnasium", "numpy", "torch", "stable-baselines3", "sb3-contrib")


@dataclass(frozen=True)
class MemoryAgentSettings:
    """What an agent learns, and how (PPO, Schulman et al. 2017, on an LSTM).

    Every step's reward answers that step alone: a choice is judged and a broken fixation punished
    at once. So nothing is lost with a discount of 0, and the advantages of hundreds of steps of
    fixation carry no noise of choices to come. What must be bridged is bridged by the LSTM: its
    gradient runs back through the trial.
    """

    task: str = "memory_decision"  # one of `TASKS`
    n_items: int = 2
    maintenance: float = 0.5  # [s]
    time_step: float = 0.1  # [s]
    n_steps: int = 786_432  # of all environments together; rounded up to whole rollouts
    n_environments: int = 128  # trials side by side
    rollout: int = 96  # steps of each environment between two updates: several trials
    batch_size: int = 3072  # steps
    n_epochs: int = 4
    learning_rate: float = 3e-3
    discount: float = 0.0
    gae_lambda: float = 0.9
    entropy_weight: float = 0.003
    hidden_size: int = 64
    input_gain: float = 20.0  # multiplies the observation, whose codes have norm 1
    forget_gate_bias: float = 2.0  # > 0 keeps memory at the start of training
    fixation_bias: float = 3.0  # of the logit of fixating at the start of training
    checkpoint_every: int = 98_304  # [steps] rounded up to whole rollouts
    seed: int = 0

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"task: expected one of {', '.join(TASKS)}, came {self.task!r}")
        for name in (
            "n_items", "n_steps", "n_environments", "rollout", "n_epochs", "hidden_size",
            "checkpoint_every",
        ):  # fmt: skip
            self._require_whole(name, 1)
        self._require_whole("seed", 0)
        n_samples = self.rollout_steps
        self._require_whole("batch_size", 2)
        if n_samples % self.batch_size:
            raise ValueError(
                f"batch_size: expected a divisor of rollout x n_environments ({n_samples}), "
                f"came {self.batch_size!r}"
            )
        for name in ("learning_rate", "input_gain"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: expected more than 0, came {getattr(self, name)!r}")
        for name in ("discount", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected 0 to 1, came {getattr(self, name)!r}")
        for name in ("entropy_weight", "forget_gate_bias", "fixation_bias"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: expected at least 0, came {getattr(self, name)!r}")
        _ = self.trials  # checks what the task asks for

    @property
    def trials(self) -> TrialSettings:
        """Settings of the task; what is not named here is the task's default."""
        return TASKS[self.task](
            n_items=self.n_items, maintenance=self.maintenance, time_step=self.time_step
        )

    @property
    def rollout_steps(self) -> int:
        """Steps of all environments between two updates."""
        return self.rollout * self.n_environments

    def _require_whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name}: expected a whole number of at least {least}, came {value!r}")


def train_memory_agent(
    settings: MemoryAgentSettings, folder: str | Path, *, progress: bool = True
) -> Path:
    """Train an agent by reward alone; called again after a kill, it goes on.

    Every `checkpoint_every` steps the agent is written, whole or not at all, and new trials begin
    from seeds that follow from the step count. So a training that was killed ends with the very
    weights of one that was not. Called with more steps, a finished training goes on too. Sets
    the global seeds of Python, NumPy and PyTorch, which is how Stable-Baselines3 is seeded; uses
    one thread.

    Args:
        settings: Of task and training. The defaults take a minute or two of one core.
        folder: Of the agent, see this module.
        progress: Show a bar with the share of correct trials.

    Raises:
        ValueError: If the folder holds another training, something else, or a damaged file;
            names what differs.
    """
    folder = _open_folder(Path(folder), settings)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the layers are small: more threads take longer
    environment = MemoryVecEnv(settings.trials, settings.n_environments)
    try:
        _learn(folder, environment, settings, progress)
    finally:
        torch.set_num_threads(n_threads)
        environment.close()
    return folder


def evaluate_memory_agent(
    folder: str | Path, n_trials: int = 1000, *, seed: int = 0
) -> PlayedTrials:
    """Let an agent play held-out trials by its most likely actions, and write how each ended.

    Args:
        folder: Of the agent; ``evaluation.csv`` is written into it.
        n_trials: How many. Their seeds are odd, those of trainings even.
        seed: Which ones.

    Returns:
        How each trial ended; ``share_correct`` with its exact 95 % interval.

    Raises:
        FileNotFoundError: If the folder lacks a file of a trained agent.
        ValueError: If a file is damaged, of another kind of agent, or a number out of range.
    """
    folder = Path(folder)
    seeds = held_out_seeds(n_trials, seed)
    settings = read_memory_settings(folder)
    played = play_trials(read_memory_policy(folder), settings.trials, seeds)
    names = [field.name for field in fields(PlayedTrials)]
    columns = [getattr(played, name).astype(np.int64).tolist() for name in names]
    write_table(folder / EVALUATION_FILE, names, zip(*columns, strict=True))
    return played


def played_text(played: PlayedTrials) -> str:
    """How trials went, in one line for a terminal."""
    correct, aborted = played.share_correct, played.share_aborted
    return (
        f"correct: {correct.mean:.1%} [{correct.low:.1%}, {correct.high:.1%}] of {correct.n} "
        f"held-out trials (95 % interval; chance 50 %); fixation broken in {aborted.mean:.1%}"
    )


class MemoryAgentPolicy:
    """A trained agent as a policy of many trials: its most likely actions, its LSTM's state."""

    def __init__(self, algorithm: RecurrentPPO) -> None:
        self.algorithm = algorithm
        self._state: tuple[np.ndarray, ...] | None = None

    def begin(self, n_trials: int) -> None:
        """Start so many trials from a state of zero."""
        self._state = None

    def act(self, observation: Float32[np.ndarray, "trial feature"]) -> Int64[np.ndarray, " trial"]:
        """The most likely action of this step of every trial."""
        action, self._state = self.algorithm.predict(observation, self._state, deterministic=True)
        return np.asarray(action)


def read_memory_settings(folder: str | Path) -> MemoryAgentSettings:
    """The settings that a memory agent was trained with.

    Raises:
        FileNotFoundError: If the folder holds no configuration.
        ValueError: If it is damaged or of another kind of agent; names the file.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: expected a file {CONFIG_FILE} of a trained agent")
    try:
        entries = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected JSON, came {error}") from error
    if not isinstance(entries, dict) or entries.get("class") != _CLASS:
        raise ValueError(f"{path}: expected the configuration of a memory agent, came another")
    try:
        return MemoryAgentSettings(**entries["settings"])
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: expected settings of a memory agent: {error}") from error


def read_memory_policy(folder: str | Path) -> MemoryAgentPolicy:
    """The policy of a trained agent.

    Raises:
        FileNotFoundError: If the folder lacks a file.
        ValueError: If a file is damaged, of another algorithm or another task; names it.
    """
    folder = Path(folder)
    settings = read_memory_settings(folder)
    return MemoryAgentPolicy(_read_algorithm(folder, MemoryVecEnv(settings.trials, 1).batch))


def _read_algorithm(folder: Path, batch: Any) -> RecurrentPPO:
    path = folder / AGENT_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: expected a file {AGENT_FILE} of a trained agent")
    try:
        algorithm = RecurrentPPO.load(path, device="cpu")
        fits = isinstance(algorithm.policy, MemoryLstmPolicy)
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to mean
        raise ValueError(f"{path}: expected a recurrent agent, came {error}") from error
    if not fits:
        raise ValueError(
            f"{path}: expected the policy {MemoryLstmPolicy.__name__}, "
            f"came {type(algorithm.policy).__name__}"
        )
    expected, came = batch.single_observation_space, algorithm.observation_space
    if came != expected:
        bounds = " within other bounds" if came.shape == expected.shape else ""
        raise ValueError(
            f"{path}: expected an agent that observes {expected.shape} numbers as the task in "
            f"{CONFIG_FILE} shows, came one of {came.shape}{bounds}"
        )
    return algorithm


def _learn(
    folder: Path, environment: MemoryVecEnv, settings: MemoryAgentSettings, progress: bool
) -> None:
    algorithm = _take_up(folder, environment) or _new_algorithm(environment, settings)
    curve = _read_curve(folder / CURVE_FILE, algorithm.num_timesteps)
    total = _rounded_up(settings.n_steps, settings.rollout_steps)
    leg = _rounded_up(settings.checkpoint_every, settings.rollout_steps)
    with tqdm(
        total=total, initial=algorithm.num_timesteps, unit="step", desc="training",
        disable=not progress,
    ) as bar:  # fmt: skip
        while algorithm.num_timesteps < total:
            # Trials and chance of a leg depend on where it starts alone, so a resumed one is the
            # same.
            seed = episode_seed(settings.seed, algorithm.num_timesteps)
            set_random_seed(seed)
            environment.seed(seed)
            algorithm.set_env(environment)  # begins new trials
            algorithm.learn(
                min(leg, total - algorithm.num_timesteps),
                callback=_Watch(bar, curve),
                reset_num_timesteps=algorithm.num_timesteps == 0,
            )
            _write_checkpoint(folder, algorithm, curve)


def _new_algorithm(environment: MemoryVecEnv, settings: MemoryAgentSettings) -> RecurrentPPO:
    return RecurrentPPO(
        MemoryLstmPolicy,
        environment,
        n_steps=settings.rollout,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        learning_rate=settings.learning_rate,
        gamma=settings.discount,
        gae_lambda=settings.gae_lambda,
        ent_coef=settings.entropy_weight,
        policy_kwargs={
            "forget_gate_bias": settings.forget_gate_bias,
            "fixation_bias": settings.fixation_bias,
            "lstm_hidden_size": settings.hidden_size,
            "shared_lstm": True,  # the critic reads the actor's state and leaves it as it is
            "enable_critic_lstm": False,
            "net_arch": {"pi": [], "vf": [settings.hidden_size]},
            "features_extractor_class": ScaledObservation,
            "features_extractor_kwargs": {"gain": settings.input_gain},
        },
        seed=episode_seed(settings.seed, 0),  # of the weights
        device="cpu",
    )


def _take_up(folder: Path, environment: MemoryVecEnv) -> RecurrentPPO | None:
    """The agent of the last checkpoint; None: there is none."""
    if not (folder / AGENT_FILE).is_file():
        return None
    return _read_algorithm(folder, environment.batch)


def _write_checkpoint(folder: Path, algorithm: RecurrentPPO, curve: Sequence[CurveRow]) -> None:
    """The curve first: its rows count only once the agent of their step is there."""
    write_table(folder / CURVE_FILE, _CURVE_COLUMNS, curve)
    draft = folder / f".{AGENT_FILE}"  # one that a kill left here is written over
    algorithm.save(draft)
    os.replace(draft, folder / AGENT_FILE)


class _Watch(BaseCallback):
    """Moves the bar and counts how the trials of each rollout ended."""

    def __init__(self, bar: Any, curve: list[CurveRow]) -> None:
        super().__init__()
        self._bar = bar
        self._curve = curve
        self._ended: list[tuple[bool, bool]] = []  # correct, aborted

    def _on_rollout_start(self) -> None:
        self._ended = []

    def _on_step(self) -> bool:
        self._ended += [(each["correct"], each["aborted"]) for each in self.locals["infos"] if each]
        self._bar.update(self.num_timesteps - self._bar.n)
        return True

    def _on_rollout_end(self) -> None:
        n = len(self._ended)
        correct, aborted = np.mean(self._ended, axis=0) if n else (math.nan, math.nan)
        row = (self.num_timesteps, n, round(float(correct), 4), round(float(aborted), 4))
        self._curve.append(row)
        self._bar.set_postfix_str(f"correct {correct:.0%}, fixation broken {aborted:.0%}")


def _open_folder(folder: Path, settings: MemoryAgentSettings) -> Path:
    """Start an agent's folder, or take up one of the same training."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder for the agent, came a file")
    if (folder / CONFIG_FILE).is_file():
        _refuse_other_training(folder, read_memory_settings(folder), settings)
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder}: expected an empty folder or an agent's, came other files")
    folder.mkdir(parents=True, exist_ok=True)
    versions = {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}
    write_json(
        folder / CONFIG_FILE, {"class": _CLASS, "settings": asdict(settings), "versions": versions}
    )
    return folder


def _refuse_other_training(
    folder: Path, before: MemoryAgentSettings, now: MemoryAgentSettings
) -> None:
    there, here = asdict(before), asdict(now)
    differing = [
        f"{name}: there {there[name]!r}, now {here[name]!r}"
        for name in there
        if name != "n_steps" and there[name] != here[name]  # a training may be made longer
    ]
    if differing:
        raise ValueError(
            f"{folder} holds an agent of another training; give another folder. "
            + "; ".join(differing)
        )


def _read_curve(path: Path, n_steps: int) -> list[CurveRow]:
    """Rollouts up to a step; later ones were not part of the checkpoint."""
    if not n_steps:
        return []
    rows = read_table(path, _CURVE_COLUMNS, "rollouts", _curve_row)
    return [row for row in rows if row[0] <= n_steps]


def _curve_row(path: Path, line: int, cells: list[str]) -> CurveRow:
    try:
        step, trials, correct, aborted = cells
        return int(step), int(trials), float(correct), float(aborted)
    except ValueError as error:
        raise ValueError(f"{path}: line {line}: expected a rollout, came {cells}") from error


def _rounded_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
