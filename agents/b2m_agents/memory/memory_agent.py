"""An agent that learnt a memory task by reward alone: its settings, its folder, its evaluation.

======================  ========================================================================
``config.json``         settings of the training, versions
``agent.zip``           the policy as Stable-Baselines3 saves it; read here without unpickling, see
                        `b2m_agents.learning.agent_file`
``learning_curve.csv``  one row a rollout: how its trials ended, of a policy that still explores
``evaluation.csv``      one row a held-out trial, of the newest evaluation
``fingerprints.json``   SHA-256 of ``agent.zip``, see `b2m_drive.files.fingerprints`
======================  ========================================================================
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from sb3_contrib import RecurrentPPO

from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.learning.agent_file import check_layers, read_agent_file, restore
from b2m_agents.learning.algorithms import set_up
from b2m_agents.learning.deleted_agent import OTHER_AGENT
from b2m_agents.learning.folder_names import (
    AGENT_FILE,
    AGENT_FILES,
    CONFIG_FILE,
    EVALUATION_FILE,
)
from b2m_agents.memory.memory_card import played_scores, write_memory_card
from b2m_agents.memory.memory_policy import MemoryLstmPolicy, ScaledObservation
from b2m_agents.memory.memory_trials import PlayedTrials, held_out_seeds, play_trials
from b2m_agents.memory.memory_vec_env import MemoryVecEnv
from b2m_drive.files.fingerprints import require_as_made
from b2m_drive.files.hub import pretrained_folder
from b2m_drive.files.json_files import read_json
from b2m_drive.files.locks import EVALUATION, claim
from b2m_drive.files.provenance import installed_versions
from b2m_drive.files.refusals import naming
from b2m_drive.files.settings_types import take_as_declared
from b2m_drive.files.tables import write_table
from b2m_drive.students.devices import device_of
from b2m_envs.memory_decision.settings import TrialSettings
from b2m_envs.memory_decision.tasks import TASKS as TASKS

_CLASS = "MemoryAgent"  # in the configuration, so that no other agent's is taken for one
_PACKAGES = ("b2m-drive", "gymnasium", "numpy", "torch", "stable-baselines3", "sb3-contrib")


@dataclass(frozen=True)
class MemoryAgentSettings:
    """Which memory task an agent learns, and how (PPO, Schulman et al. 2017, on an LSTM).

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
        take_as_declared(self)
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
        return TASKS[self.task].settings_class(
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


def evaluate_memory_agent(
    folder: str | Path, n_trials: int = 1000, *, seed: int = 0, device: str = "cpu"
) -> PlayedTrials:
    """Let an agent of a memory task play held-out trials, and write how each ended.

    Args:
        folder: Of the agent; ``evaluation.csv`` is written into it, and scores into its card.
        n_trials: How many. Their seeds are odd, those of trainings even.
        seed: Which ones.
        device: Of the agent, see `device_of`.

    Returns:
        How each trial ended; ``share_correct`` with its exact 95 % interval.

    Raises:
        FileNotFoundError: If the folder lacks a file of a trained agent.
        ValueError: If a file is damaged, of another kind of agent, or a number out of range.
    """
    folder = Path(folder)
    seeds = held_out_seeds(n_trials, seed)
    settings = read_memory_settings(folder)
    policy = read_memory_policy(folder, device)
    with claim(folder, "an evaluation", lock=EVALUATION):
        played = play_trials(policy, settings.trials, seeds)
        names = [field.name for field in fields(PlayedTrials)]
        columns = [getattr(played, name).astype(np.int64).tolist() for name in names]
        write_table(folder / EVALUATION_FILE, names, zip(*columns, strict=True))
        write_memory_card(folder, asdict(settings), played_scores(played))
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

    @classmethod
    def from_pretrained(cls, folder: str | Path, device: str = "cpu") -> MemoryAgentPolicy:
        """An agent of a folder here, or ``"user/name"`` on the Hugging Face Hub (extra ``hub``).

        Raises:
            FileNotFoundError: If the folder or a file is missing, here or on the Hub.
            ValueError: As `read_memory_policy`.
            ConnectionError: If the Hub cannot be reached.
        """
        return read_memory_policy(pretrained_folder(folder, AGENT_FILES), device)

    def begin(self, n_trials: int) -> None:
        """Start so many trials from a state of zero."""
        self._state = None

    def act(self, observation: Float32[np.ndarray, "trial feature"]) -> Int64[np.ndarray, " trial"]:
        """The most likely action of this step of every trial."""
        action, self._state = self.algorithm.predict(observation, self._state, deterministic=True)
        return np.asarray(action)


def memory_config(settings: MemoryAgentSettings) -> dict[str, Any]:
    """The entries of ``config.json``."""
    versions = installed_versions(_PACKAGES)
    return {"class": _CLASS, "settings": asdict(settings), "versions": versions}


def is_memory_agent(folder: str | Path) -> bool:
    """Whether a folder says that it holds a memory agent; false of whatever cannot be read."""
    try:
        return read_json(Path(folder) / CONFIG_FILE).get("class") == _CLASS
    except (OSError, ValueError):
        return False


def read_memory_settings(folder: str | Path) -> MemoryAgentSettings:
    """The settings that a memory agent was trained with.

    Raises:
        FileNotFoundError: If the folder holds no configuration.
        ValueError: If it is damaged or of another kind of agent; names the file.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: expected a file {CONFIG_FILE} of a trained agent")
    entries = read_json(path, "the configuration of an agent")
    if entries.get("class") != _CLASS:
        raise ValueError(f"{path}: expected the configuration of a memory agent, came another")
    with naming(path, "settings of a memory agent"):
        return MemoryAgentSettings(**entries["settings"])


def read_memory_policy(folder: str | Path, device: str = "cpu") -> MemoryAgentPolicy:
    """The policy of a trained agent.

    Raises:
        FileNotFoundError: If the folder lacks a file.
        ValueError: If a file is damaged, of another algorithm or another task; names it.
    """
    folder = Path(folder)
    settings = read_memory_settings(folder)
    return MemoryAgentPolicy(
        read_algorithm(folder, settings, MemoryVecEnv(settings.trials, 1), device=device)
    )


def new_algorithm(
    settings: MemoryAgentSettings,
    environment: MemoryVecEnv,
    *,
    learns: bool = True,
    device: str | torch.device = "cpu",
) -> RecurrentPPO:
    """An agent that has learnt nothing yet.

    Args:
        settings: Of its training.
        environment: What it learns in, or acts in.
        learns: Whether it will learn on; False: only to act, whatever the number of trials.
        device: Of the networks, see `device_of`.
    """
    algorithm = RecurrentPPO(
        MemoryLstmPolicy,
        environment if learns else None,  # type: ignore[arg-type]
        n_steps=settings.rollout if learns else 1,
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
        device=device_of(device),
        _init_setup_model=learns,
    )
    if learns:
        return algorithm
    return set_up(algorithm, environment.observation_space, environment.action_space)


def read_algorithm(
    folder: Path,
    settings: MemoryAgentSettings,
    environment: MemoryVecEnv,
    *,
    learns: bool = False,
    device: str | torch.device = "cpu",
) -> RecurrentPPO:
    """A saved agent, checked against the environment it is for; nothing in its file is run.

    Args:
        folder: Of the agent.
        settings: Of its training.
        environment: What it acts in, or learns on in with new trials.
        learns: Whether it will learn on.
        device: Of the networks, see `device_of`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, of another algorithm or other observations; names the file.
    """
    path, device = folder / AGENT_FILE, device_of(device)
    saved = read_agent_file(path)
    if saved.policy_module != MemoryLstmPolicy.__module__:
        raise ValueError(
            f"{path}: expected a recurrent agent with the policy {MemoryLstmPolicy.__name__}, "
            f"came a policy of {saved.policy_module}"
        )
    expected = environment.observation_space.shape
    if saved.observed != expected:
        raise ValueError(
            f"{path}: expected an agent that observes {expected} numbers as the task in "
            f"{CONFIG_FILE} shows, came one of {saved.observed}"
        )
    check_layers(saved, [settings.hidden_size])
    with naming(folder / CONFIG_FILE, "possible settings of a memory agent"):
        algorithm = new_algorithm(settings, environment, learns=learns, device=device)
    restore(algorithm, saved)
    require_as_made(folder, AGENT_FILE, OTHER_AGENT)
    return algorithm
