"""How an agent learns: settings of a training, with defaults for each scenario."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from b2m_agents.learning.algorithm_settings import (
    ALGORITHM_SETTINGS,
    ALGORITHMS,
    AlgorithmSettings,
    DQNSettings,
    HERSettings,
    PPOSettings,
)
from b2m_agents.learning.observed import (
    GOALS,
    OBSERVATIONS,
    Observed,
    as_environments_take_it,
    plain_options,
)
from b2m_agents.learning.setting_ranges import require, require_whole
from b2m_agents.learning.taught_encoder import TaughtEncoder
from b2m_drive.files.settings_types import take_as_declared
from b2m_envs.scenes.observation import ObservationObject
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import is_whole


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What an agent that drives sees, how it learns, and for how long; see `settings_for`.

    Steps are those of all environments together; every number of them is rounded up to whole
    updates.
    """

    algorithm: AlgorithmSettings = field(default_factory=PPOSettings)
    observation: Observed = "latents"
    observation_options: Mapping[str, Any] = field(default_factory=dict)  # of the traffic's
    n_steps: int = 400_000
    n_environments: int = 64  # side by side; the result depends on their number
    stack: int = 1  # latents in an observation, oldest first
    speed: bool = False  # whether the ego vehicle's speed stands beside the latents
    checkpoint_every: int = 40_960  # [steps]
    evaluate_every: int = 40_960  # [steps] between two evaluations that choose the best; 0: none
    n_evaluation_episodes: int = 40
    patience: int | None = None  # evaluations without a better one, after which it ends
    tensorboard: bool = True
    seed: int = 0
    taught: TaughtEncoder | None = None  # that sees for an agent of pixels; `train_agent` sets it

    def __post_init__(self) -> None:
        take_as_declared(self)
        if type(self.algorithm) not in ALGORITHM_SETTINGS.values():
            names = ", ".join(each.__name__ for each in ALGORITHM_SETTINGS.values())
            require(self, "algorithm", False, f"one of {names}")
        known = f"one of {', '.join(OBSERVATIONS)}"
        require(self, "observation", self.observation in OBSERVATIONS, known)
        object.__setattr__(self, "observation_options", plain_options(self.observation_options))
        as_environments_take_it(self.observation, self.observation_options)
        self._check_goals()
        positive = ("n_steps", "n_environments", "stack", "checkpoint_every")
        require_whole(self, dict.fromkeys((*positive, "n_evaluation_episodes"), 1))
        require_whole(self, {"evaluate_every": 0, "seed": 0})
        for name in ("speed", "tensorboard"):
            require(self, name, isinstance(getattr(self, name), bool), "True or False")
        for name, without in (("stack", 1), ("speed", False)):
            alone = self.observation == "latents" or getattr(self, name) == without
            require(self, name, alone, f"{without} beside {self.observation}: it is of latents")
        if self.taught is not None:
            beside = "beside an encoder that is taught"
            require(self, "observation", self.observation == "pixels", f"pixels {beside}")
            if type(self.algorithm) is not PPOSettings:
                name = self.algorithm.name
                raise ValueError(f"algorithm: expected ppo {beside}, came {name}")
        self._check_patience()
        self._check_algorithm()

    @property
    def environments_observe(self) -> str | ObservationObject:
        """What the environments are given as ``observation``; pictures for latents and pixels."""
        return as_environments_take_it(self.observation, self.observation_options)

    @property
    def update_steps(self) -> int:
        """Steps of all environments between two updates."""
        return self.algorithm.steps_of_update * self.n_environments

    def _check_goals(self) -> None:
        learns_from_goals = isinstance(self.algorithm, HERSettings)
        if learns_from_goals and self.observation != GOALS:
            raise ValueError(
                f"observation: expected {GOALS} beside her, which learns from goals it reached, "
                f"came {self.observation}; the other algorithms take it"
            )
        if self.observation == GOALS and not learns_from_goals:
            raise ValueError(
                f"algorithm: expected her beside {GOALS}, came {self.algorithm.name}; goal_state "
                "tells the others where the goal is"
            )

    def _check_patience(self) -> None:
        if self.patience is None:
            return
        require_whole(self, {"patience": 1})
        expected = "evaluations to count (evaluate_every is 0)"
        require(self, "patience", self.evaluate_every > 0, expected)

    def _check_algorithm(self) -> None:
        algorithm, n_steps = self.algorithm, self.update_steps
        if isinstance(algorithm, PPOSettings):
            expected = f"a divisor of rollout x n_environments ({n_steps})"
            require(algorithm, "batch_size", n_steps % algorithm.batch_size == 0, expected)
            return
        starts = algorithm.learning_starts
        expected = f"more than learning_starts ({starts}), before which nothing is learnt"
        require(self, "n_steps", self.n_steps > starts, expected)
        expected = f"at least n_environments ({self.n_environments})"
        names = ("buffer_size", "target_every") if algorithm.name == "dqn" else ("buffer_size",)
        for name in names:
            require(algorithm, name, getattr(algorithm, name) >= self.n_environments, expected)


@dataclass(frozen=True)
class _Usual:
    """What a training in a scenario usually takes: a few minutes of two cores."""

    state: int = 400_000  # steps, by what the agent sees
    latents: int = 600_000
    pixels: int = 300_000
    discount: float | None = None  # None: the algorithm's own
    n_environments: int = 64
    rollout: int = 64  # of PPO
    evaluate_every: int = 40_960  # [steps]
    n_evaluation_episodes: int = 40

    def training(self, observation: str, share: float) -> dict[str, int]:
        """Fields of `TrainingSettings`; the share is that of the steps of PPO."""
        return {
            "n_steps": round(getattr(self, observation, self.state) * share),
            "n_environments": self.n_environments,
            "evaluate_every": round(self.evaluate_every * share),
            "checkpoint_every": round(self.evaluate_every * share),
            "n_evaluation_episodes": self.n_evaluation_episodes,
        }


_HIGHWAY = _Usual(state=600_000)
_TRACK = _Usual(  # episodes of 1500 steps
    state=600_000,
    discount=0.99,
    evaluate_every=122_880,
    n_evaluation_episodes=16,
)
_SLOW = _Usual(  # highway-env's own engine, in a process an environment
    state=100_000,
    latents=80_000,
    pixels=80_000,
    discount=0.97,
    n_environments=4,
    rollout=256,
    evaluate_every=20_480,
    n_evaluation_episodes=8,
)
_USUAL: Mapping[str, _Usual] = {
    **{name: _Usual() for name in SCENARIOS},
    **dict.fromkeys(("highway", "highway_fast"), _HIGHWAY),
    **{name: _TRACK for name in ("racetrack", "racetrack_large", "racetrack_oval")},
    **{name: _SLOW for name, scenario in SCENARIOS.items() if not scenario.fast},
}
# What `settings_for` gives observations beside their own defaults, which saved agents mean.
_USUAL_OPTIONS: Mapping[str, Mapping[str, Any]] = {"exit_gaps": {"right": 6}}  # all of its lanes
_SET_APART = {"algorithm", "observation", "taught"}  # fields that are no changes
_OFF_POLICY_SHARE = 0.25  # steps beside those of PPO: each is learnt from many times
_PIXEL_BUFFER = 20_000  # [steps] of pictures that memory has room for
_PIXEL_EPOCHS = 4  # most of the time goes into the network, and so into updates


def settings_for(
    scenario: str, *, observation: str = "latents", algorithm: str = "ppo", **changes: Any
) -> TrainingSettings:
    """Settings of a training in a driving scenario that ends in minutes on two cores.

    Args:
        scenario: One of `b2m_envs.scenes.scenarios.SCENARIOS`.
        observation: One of `OBSERVATIONS`.
        algorithm: One of `ALGORITHMS`.
        **changes: Fields of `TrainingSettings` or of the algorithm's settings.

    Raises:
        ValueError: For an unknown name, or a value out of range; names it.
    """
    for name, value, known in (
        ("scenario", scenario, tuple(SCENARIOS)),
        ("observation", observation, OBSERVATIONS),
        ("algorithm", algorithm, ALGORITHMS),
    ):
        if value not in known:
            raise ValueError(f"{name}: expected one of {', '.join(known)}, came {value!r}")
    usual, kind = _USUAL[scenario], ALGORITHM_SETTINGS[algorithm]
    of_algorithm = {item.name for item in fields(kind)}
    of_training = {item.name for item in fields(TrainingSettings)} - _SET_APART
    for name in changes:
        if name not in of_algorithm | of_training:
            known = (*sorted(of_training), *sorted(of_algorithm))
            raise ValueError(
                f"settings: expected some of {', '.join(known)}, came {name!r}{_of_others(name)}"
            )
    inner = {name: value for name, value in changes.items() if name in of_algorithm}
    outer = {name: value for name, value in changes.items() if name in of_training}
    share = 1.0 if issubclass(kind, PPOSettings) else _OFF_POLICY_SHARE
    outer = usual.training(observation, share) | outer
    options = outer.get("observation_options", {})
    if observation in _USUAL_OPTIONS and isinstance(options, Mapping):
        outer["observation_options"] = dict(_USUAL_OPTIONS[observation]) | dict(options)
    return TrainingSettings(
        algorithm=kind(**_usual_algorithm(kind, usual, observation, outer, inner) | inner),
        observation=observation,  # type: ignore[arg-type]
        **outer,
    )


def _of_others(name: str) -> str:
    """Which algorithms have a setting, for a message."""
    owners = [
        algorithm
        for algorithm, kind in ALGORITHM_SETTINGS.items()
        if name in {item.name for item in fields(kind)}
    ]
    return f", which {' and '.join(owners)} has" if owners else ""


def _usual_algorithm(
    kind: type[AlgorithmSettings],
    usual: _Usual,
    observation: str,
    outer: Mapping[str, Any],
    inner: Mapping[str, Any],
) -> dict[str, Any]:
    """What is usual in a scenario, beside the algorithm's own defaults.

    Args:
        kind: Of the algorithm's settings.
        usual: Of the scenario.
        observation: What the agent sees.
        outer: Fields of `TrainingSettings` that are set.
        inner: Fields of the algorithm's settings that the user set.
    """
    own_discount = usual.discount is None or kind is HERSettings
    values: dict[str, Any] = {} if own_discount else {"discount": usual.discount}
    if not issubclass(kind, PPOSettings):
        if observation == "pixels":
            values["buffer_size"] = _PIXEL_BUFFER
        if kind is DQNSettings and is_whole(outer["n_environments"]):
            values["target_every"] = max(DQNSettings.target_every, outer["n_environments"])
        return values
    values["rollout"] = usual.rollout
    if observation == "pixels":
        values["n_epochs"] = _PIXEL_EPOCHS
    counts = (inner.get("rollout", usual.rollout), outer["n_environments"])
    if all(is_whole(count) and count > 0 for count in counts):
        values["batch_size"] = largest_divisor(math.prod(counts), PPOSettings.batch_size)
    return values


def largest_divisor(number: int, most: int) -> int:
    """The largest divisor from 2 to `most`; the number itself if there is none."""
    divisors = (each for each in range(min(number, most), 1, -1) if number % each == 0)
    return next(divisors, number)


def usual_action(scenario: str, algorithm: str) -> str | None:
    """The kind of action that is usual; None: the scenario's own.

    Racetracks are steered: their meta-actions hardly reach through the bends.
    """
    return "continuous" if _USUAL.get(scenario) is _TRACK and algorithm != "dqn" else None
