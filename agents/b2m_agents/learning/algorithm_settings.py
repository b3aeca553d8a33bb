"""Settings of the algorithms that agents learn by, and which actions each can choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import gymnasium

from b2m_agents.learning.setting_ranges import (
    is_number,
    require,
    require_share,
    require_whole,
)
from b2m_drive.files.settings_types import take_as_declared
from b2m_envs.scenes.settings import is_whole

ALGORITHMS = ("ppo", "recurrent_ppo", "dqn", "sac", "her")
_MOST_UNITS = 16_384  # of a layer; more is a slip, for which there is no memory
_WIDTHS = f"from 1 to {_MOST_UNITS}"


@dataclass(frozen=True)
class PPOSettings:
    """Proximal policy optimisation (Schulman et al. 2017); any actions."""

    name: ClassVar[str] = "ppo"
    rollout: int = 64  # steps of each environment between two updates
    batch_size: int = 1024  # divides rollout x n_environments
    n_epochs: int = 6
    learning_rate: float = 5e-4
    learning_rate_end: float | None = None  # see `learning_rate_at`; None: it stays
    discount: float = 0.95
    gae_lambda: float = 0.95
    entropy_weight: float = 0.002
    hidden_sizes: tuple[int, ...] = (128, 128)

    def __post_init__(self) -> None:
        take_as_declared(self)
        require_whole(self, {"rollout": 1, "n_epochs": 1, "batch_size": 2})
        _require_rate(self)
        require_share(self, "discount", "gae_lambda")
        require(self, "entropy_weight", is_number(self.entropy_weight), "at least 0")

    @property
    def steps_of_update(self) -> int:
        """Steps of each environment between two updates."""
        return self.rollout


@dataclass(frozen=True)
class RecurrentPPOSettings(PPOSettings):
    """PPO with a policy that remembers its episode; any actions.

    The policy and the value each have an LSTM (Hochreiter and Schmidhuber 1997) between what reads
    the observation and the layers of `hidden_sizes`. Its gradient runs back to the beginning of the
    episode, or of the rollout.
    """

    name: ClassVar[str] = "recurrent_ppo"
    hidden_sizes: tuple[int, ...] = (128,)  # behind the LSTM
    lstm_size: int = 128  # units, of each of the two

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "lstm_size", _is_width(self.lstm_size), f"a whole number {_WIDTHS}")


@dataclass(frozen=True)
class DQNSettings:
    """Deep Q-learning (Mnih et al. 2015); discrete actions.

    Every environment explores on its own, with a share of random actions that falls from 1 in a
    straight line. Steps are those of all environments together, but for `train_every`.
    """

    name: ClassVar[str] = "dqn"
    learning_rate: float = 5e-4
    learning_rate_end: float | None = None  # see `learning_rate_at`; None: it stays
    discount: float = 0.95
    buffer_size: int = 100_000  # [steps]
    learning_starts: int = 4096  # [steps]
    train_every: int = 1  # steps of each environment between two updates
    gradient_steps: int = 8  # of an update
    batch_size: int = 256
    target_every: int = 4096  # [steps] between two copies into the target network
    exploration_steps: int = 60_000  # [steps] until the share of random actions is the final one
    exploration_final: float = 0.05
    hidden_sizes: tuple[int, ...] = (128, 128)

    def __post_init__(self) -> None:
        take_as_declared(self)
        names = ("buffer_size", "train_every", "gradient_steps", "target_every")
        require_whole(self, dict.fromkeys((*names, "exploration_steps"), 1))
        require_whole(self, {"learning_starts": 0, "batch_size": 2})
        _require_rate(self)
        require_share(self, "discount", "exploration_final")

    @property
    def steps_of_update(self) -> int:
        """Steps of each environment between two updates."""
        return self.train_every


@dataclass(frozen=True)
class SACSettings:
    """Soft actor-critic (Haarnoja et al. 2018), its entropy weight learnt; continuous actions.

    Steps are those of all environments together, but for `train_every`.
    """

    name: ClassVar[str] = "sac"
    learning_rate: float = 5e-4
    learning_rate_end: float | None = None  # see `learning_rate_at`; None: it stays
    discount: float = 0.97
    buffer_size: int = 100_000  # [steps]
    learning_starts: int = 4096  # [steps]
    train_every: int = 1  # steps of each environment between two updates
    gradient_steps: int = 8  # of an update
    batch_size: int = 256
    target_share: float = 0.01  # of the critic that goes into its target in a gradient step
    hidden_sizes: tuple[int, ...] = (128, 128)

    def __post_init__(self) -> None:
        take_as_declared(self)
        names = ("buffer_size", "train_every", "gradient_steps")
        require_whole(self, dict.fromkeys(names, 1))
        require_whole(self, {"learning_starts": 0, "batch_size": 2})
        _require_rate(self)
        require_share(self, "discount", "target_share")

    @property
    def steps_of_update(self) -> int:
        """Steps of each environment between two updates."""
        return self.train_every


@dataclass(frozen=True)
class HERSettings(SACSettings):
    """SAC with hindsight experience replay (Andrychowicz et al. 2017), for scenarios with a goal.

    Of every batch, `hindsight_goals` parts of `hindsight_goals` + 1 are learnt from as if a pose
    that was reached later in the same episode had been the goal. What differs from SAC's defaults
    is highway-env's own recipe of parking.
    """

    name: ClassVar[str] = "her"
    learning_rate: float = 1e-3
    discount: float = 0.95
    target_share: float = 0.05
    hidden_sizes: tuple[int, ...] = (256, 256, 256)
    hindsight_goals: int = 4  # for each goal that was wanted

    def __post_init__(self) -> None:
        super().__post_init__()
        require_whole(self, {"hindsight_goals": 1})


AlgorithmSettings: TypeAlias = (
    PPOSettings | RecurrentPPOSettings | DQNSettings | SACSettings | HERSettings
)
ALGORITHM_SETTINGS: Mapping[str, type[AlgorithmSettings]] = {
    "ppo": PPOSettings,
    "recurrent_ppo": RecurrentPPOSettings,
    "dqn": DQNSettings,
    "sac": SACSettings,
    "her": HERSettings,
}


def check_action(algorithm: AlgorithmSettings, action: gymnasium.Space[Any]) -> None:
    """Refuse an algorithm for actions that it cannot choose.

    Raises:
        ValueError: Says what to use instead.
    """
    if isinstance(algorithm, DQNSettings) and not isinstance(action, gymnasium.spaces.Discrete):
        raise ValueError(
            'algorithm: expected ppo or sac for continuous actions, came dqn; or action="discrete"'
            ", where the scenario has it"
        )
    if isinstance(algorithm, SACSettings) and not isinstance(action, gymnasium.spaces.Box):
        raise ValueError(
            f"algorithm: expected ppo or dqn for discrete actions, came {algorithm.name}; or "
            'action="continuous" (--action continuous)'
        )


def learning_rate_at(settings: AlgorithmSettings, share: float) -> float:
    """The learning rate after this share of a training's steps: a straight line to its end.

    A training keeps it from one checkpoint or evaluation to the next.
    """
    if settings.learning_rate_end is None:
        return settings.learning_rate
    return settings.learning_rate + share * (settings.learning_rate_end - settings.learning_rate)


def layer_sizes(settings: AlgorithmSettings) -> tuple[int, ...]:
    """Of every layer whose size is a setting."""
    if isinstance(settings, RecurrentPPOSettings):
        return (*settings.hidden_sizes, settings.lstm_size)
    return settings.hidden_sizes


def _require_rate(settings: AlgorithmSettings) -> None:
    rate, end = settings.learning_rate, settings.learning_rate_end
    require(settings, "learning_rate", is_number(rate) and rate > 0, "more than 0")
    require(settings, "learning_rate_end", end is None or is_number(end), "0 or more, or None")
    sizes = settings.hidden_sizes
    valid = isinstance(sizes, tuple) and all(map(_is_width, sizes))
    require(settings, "hidden_sizes", valid, f"a tuple of whole numbers {_WIDTHS}")


def _is_width(size: Any) -> bool:
    """Whether a layer can have so many units."""
    return is_whole(size) and 1 <= size <= _MOST_UNITS
