"""Who drives: chance, constant speed, highway-env's driver model, or a trained agent."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gymnasium
import numpy as np

from b2m_agents.episodes.episodes import (
    Act,
    Episode,
    Observation,
    make_watched_scene,
    neutral_action,
    play_episode,
)
from b2m_agents.learning.folder_names import AGENT_FILE
from b2m_envs.scenes.chosen_reward import USUAL_REWARD
from b2m_envs.scenes.named_function import is_function_name
from b2m_envs.scenes.observation import ObservationObject, action_space
from b2m_envs.scenes.settings import ENGINE, SceneSettings, settings_from_keywords

if TYPE_CHECKING:
    from b2m_agents.learning.trained_agent import TrainedAgent

RANDOM: Final = "random"
CONSTANT_SPEED: Final = "constant_speed"
HIGHWAY_ENV: Final = "highway_env"
DRIVERS = (RANDOM, CONSTANT_SPEED, HIGHWAY_ENV)
EPISODES_OF_A_BLOCK = 64  # on the engine
_ACTIONS = 1  # stream of random numbers beside the environment's


@dataclass(frozen=True)
class RolloutSpec:
    """Who drives where; picklable, so that any process can play any of its episodes."""

    scene: SceneSettings
    policy: str  # one of `DRIVERS`, or the folder of a trained agent
    device: str = "cpu"  # of an agent, see `b2m_drive.students.devices.device_of`
    observes: ObservationObject | None = None  # of an agent that sees the traffic


def rollout_spec_of(scenario: str, policy: str, environment: Mapping[str, Any]) -> RolloutSpec:
    """Put a driver into a scenario.

    Args:
        scenario: One of `b2m_envs.scenes.scenarios.SCENARIOS`.
        policy: One of `DRIVERS`, or the folder of a trained agent.
        environment: Fields of `SceneSettings`. What is left out is the scenario's own, or, for a
            trained agent, what it was trained on, but for a reward by a function of a module,
            which its file may name: that is looked up only if it is given here.

    Raises:
        FileNotFoundError: If the agent's folder lacks a file.
        ValueError: If the scenario, the driver or a setting is unknown or out of range, or an
            agent would see or do something else than in its training; names it.
    """
    if "driver" in environment:
        raise ValueError(
            "driver: expected none among the environment's settings, the policy says it"
        )
    if policy in DRIVERS:
        scene = settings_from_keywords(scenario, environment)
        return RolloutSpec(
            replace(scene, driver=HIGHWAY_ENV if policy == HIGHWAY_ENV else "agent"), policy
        )
    if not Path(policy).is_dir():
        raise ValueError(
            f"policy: expected one of {', '.join(DRIVERS)} or the folder of a trained agent, "
            f"came {policy!r}"
        )
    from b2m_agents.learning.observed import check_is_shown
    from b2m_agents.learning.trained_agent import check_scene, read_agent_config

    config = read_agent_config(Path(policy))
    trained_on = config.environment if scenario == config.scenario else config.view
    if is_function_name(trained_on.get("reward")):  # driving needs no code that a file names
        trained_on = {name: value for name, value in trained_on.items() if name != "reward"}
    scene = settings_from_keywords(scenario, {**trained_on, **environment})
    check_scene(config, scene)
    observes = config.settings.environments_observe
    check_is_shown(scene, observes)
    return RolloutSpec(
        replace(scene, driver="agent"),
        policy,
        observes=None if isinstance(observes, str) else observes,
    )


def rewarded_alike(spec: RolloutSpec) -> RolloutSpec:
    """With highway-env's own reward, by which agents that learnt from others can be compared."""
    return replace(spec, scene=replace(spec.scene, reward=USUAL_REWARD))


def drive_episode(spec: RolloutSpec, seed: int) -> Episode:
    """Play one episode; environment and agent are kept from call to call in a process."""
    return play_episode(_environment(spec.scene, spec.observes), _driver(spec, seed), seed)


def drive_episodes(spec: RolloutSpec, seeds: Iterable[int]) -> Iterator[Episode]:
    """Play one episode a seed, in their order; many at a time where the engine has the scene.

    An episode depends on its own seed alone: it is the one that `drive_episode` plays.
    """
    if spec.scene.chosen_engine != ENGINE:
        return (drive_episode(spec, seed) for seed in seeds)
    from b2m_agents.episodes.batched_episodes import (
        play_episodes,  # compiled code: only where it is used
    )

    return play_episodes(spec.scene, partial(_driver, spec), seeds, observes=spec.observes)


def compile_for_workers(spec: RolloutSpec, n_workers: int) -> None:
    """Compile what several workers need once, here, and not in each of them at the same time."""
    if n_workers < 2 or spec.scene.chosen_engine != ENGINE:
        return
    from b2m_agents.episodes.batched_episodes import play_episodes

    step = 1 / spec.scene.steps_per_second
    short = replace(spec.scene, duration=step, frame_interval=None)
    for _ in play_episodes(
        short, partial(_driver, RolloutSpec(short, CONSTANT_SPEED)), [0], n_worlds=1
    ):
        pass


def block_size(spec: RolloutSpec, n_episodes: int, n_workers: int) -> int:
    """How many episodes a worker best drives at a time.

    Args:
        spec: Who drives where.
        n_episodes: At least so many will be driven.
        n_workers: Who share them.
    """
    if spec.scene.chosen_engine != ENGINE:
        return 1
    return max(1, min(EPISODES_OF_A_BLOCK, -(-n_episodes // n_workers)))


def agent_fingerprint(folder: str | Path) -> str:
    """Short hash of a trained agent's file, which changes when it learns on.

    Raises:
        FileNotFoundError: If the folder holds no trained agent.
    """
    path = Path(folder) / AGENT_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: expected a file {AGENT_FILE} of a trained agent")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _driver(spec: RolloutSpec, seed: int) -> Act | None:
    space = action_space(spec.scene)
    if spec.policy == HIGHWAY_ENV:
        return None
    if spec.policy == CONSTANT_SPEED:
        return lambda scene, state: neutral_action(space)
    if spec.policy == RANDOM:
        # Not the seed alone: the environment draws its traffic from a generator of that.
        return _random_driver(space, np.random.default_rng((seed, _ACTIONS)))
    return _agent(spec.policy, agent_fingerprint(spec.policy), spec.device).driver()


def _random_driver(space: gymnasium.Space[Any], generator: np.random.Generator) -> Act:
    if isinstance(space, gymnasium.spaces.Discrete):
        n_actions = int(space.n)
        return lambda scene, state: int(generator.integers(n_actions))
    assert isinstance(space, gymnasium.spaces.Box)
    low, high = space.low, space.high
    return lambda scene, state: generator.uniform(low, high).astype(space.dtype)


_Kept = tuple[SceneSettings, ObservationObject | None, gymnasium.Env[Observation, Any]]
_environments: deque[_Kept] = deque(maxlen=2)  # the newest; an observation may have no hash


def _environment(
    scene: SceneSettings, observes: ObservationObject | None
) -> gymnasium.Env[Observation, Any]:
    for *kept, environment in _environments:
        if kept == [scene, observes]:
            return environment
    _environments.append((scene, observes, make_watched_scene(scene, observes)))
    return _environments[-1][-1]


@lru_cache(maxsize=2)
def _agent(folder: str, fingerprint: str, device: str) -> TrainedAgent:
    """An agent, read anew when its file has changed."""
    from b2m_agents.learning.trained_agent import TrainedAgent

    return TrainedAgent.read(Path(folder), device)
