"""Stable-Baselines3's algorithms, made from our settings and read from their files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from b2m_agents.agent_settings import (
    DQNSettings,
    PPOSettings,
    SACSettings,
    TrainingSettings,
    check_action,
)
from b2m_agents.episodes import episode_seed
from b2m_agents.policy_networks import ScaledState, SceneCNN
from b2m_drive.students.devices import device_of
from b2m_envs.driving.observation import state_scales


class ExploringDQN(DQN):
    """DQN in which each of many environments explores on its own.

    Stable-Baselines3 draws once for all environments of a step, and so lets all of them act at
    random or none; and its share of random actions follows the steps that one call of `learn`
    asks for. Here the share follows the steps taken, so that a training in several calls is that
    in one.

    Args:
        *args: As those of `DQN`.
        exploration_steps: Until the share of random actions is the final one.
        **keywords: As those of `DQN`.
    """

    def __init__(self, *args: Any, exploration_steps: int = 1, **keywords: Any) -> None:
        self.exploration_steps = exploration_steps
        super().__init__(*args, **keywords)

    def predict(
        self,
        observation: Any,
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """The best actions; unless `deterministic`, some environments act at random."""
        best, state = self.policy.predict(observation, state, episode_start, deterministic=True)
        if deterministic:
            return best, state
        chance = np.random.random_sample(best.shape) < self.exploration_rate  # noqa: NPY002
        at_random = np.random.randint(self.action_space.n, size=best.shape)  # type: ignore[attr-defined]  # noqa: NPY002
        return np.where(chance, at_random, best), state

    def _on_step(self) -> None:
        super()._on_step()
        done = min(self.num_timesteps / self.exploration_steps, 1.0)
        first, last = self.exploration_initial_eps, self.exploration_final_eps
        self.exploration_rate = first + done * (last - first)
        self.logger.record("rollout/exploration_rate", self.exploration_rate)


_CLASSES: dict[str, type[PPO | ExploringDQN | SAC]] = {
    "ppo": PPO,
    "dqn": ExploringDQN,
    "sac": SAC,
}
_MODULES = {  # of a policy's class -> whose it is
    "stable_baselines3.dqn.policies": "dqn",
    "stable_baselines3.sac.policies": "sac",
    "stable_baselines3.common.policies": "ppo",  # or A2C's, which clips nothing
}
_OF_PPO = "clip_range"


def new_policy(
    venv: VecEnv, settings: TrainingSettings, device: str | torch.device = "cpu"
) -> BaseAlgorithm:
    """An algorithm that has learnt nothing yet.

    Args:
        venv: What it learns in; the observation that the settings name.
        settings: The seed is that of the weights, and of the environments' episodes.
        device: Of the networks, see `device_of`.

    Raises:
        ValueError: If the algorithm cannot choose the environment's actions, or there is no such
            device.
    """
    check_action(settings.algorithm, venv.action_space)
    common: dict[str, Any] = {
        "policy": "MlpPolicy",
        "env": venv,
        "learning_rate": settings.algorithm.learning_rate,
        "gamma": settings.algorithm.discount,
        "batch_size": settings.algorithm.batch_size,
        "policy_kwargs": _networks(venv, settings),
        "seed": episode_seed(settings.seed, 0),
        "device": device_of(device),
    }
    match settings.algorithm:
        case PPOSettings():
            return _new_ppo(settings.algorithm, common)
        case DQNSettings():
            return _new_dqn(settings.algorithm, common)
        case SACSettings():
            return _new_sac(settings.algorithm, common)


def read_policy(
    path: Path,
    env: VecEnv | None = None,
    *,
    force_reset: bool = True,
    algorithm: str | None = None,
    device: str | torch.device = "cpu",
) -> BaseAlgorithm:
    """Read a policy that Stable-Baselines3 saved.

    Args:
        path: The file; a pickle is inside, so open only what you trust.
        env: To learn on in; None: only to act.
        force_reset: Whether learning starts with new episodes.
        algorithm: Expected, one of `ALGORITHMS`; None: any of them.
        device: Of the networks, see `device_of`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, something else, or of another algorithm; names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent}: expected a file {path.name} of a trained agent")
    came = algorithm_of(path)
    if came not in (_CLASSES if algorithm is None else (algorithm,)):
        expected = " or ".join(_CLASSES) if algorithm is None else algorithm
        raise ValueError(f"{path}: expected an agent of {expected}, came one of {came}")
    keywords: dict[str, Any] = {} if came == "ppo" else {"buffer_size": 1}
    device = device_of(device)
    try:
        if env is None:  # only to act: no room for a replay buffer
            return _CLASSES[came].load(path, device=device, custom_objects=keywords)
        return _CLASSES[came].load(path, env, device=device, force_reset=force_reset)
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to mean
        raise ValueError(f"{path}: expected an agent of Stable-Baselines3, came {error}") from error


def algorithm_of(path: Path) -> str:
    """Which algorithm saved a file; of an unknown one, the module of its policy.

    Raises:
        ValueError: If the file is damaged or something else; names it.
    """
    data = _saved(path)
    module = str(data["policy_class"]["__module__"])
    known = _MODULES.get(module, module)
    return module if known == "ppo" and _OF_PPO not in data else known


def steps_taken(path: Path) -> int:
    """How many steps the agent of a file had learnt for.

    Raises:
        ValueError: If the file is damaged or something else; names it.
    """
    return int(_saved(path)["num_timesteps"])


def _saved(path: Path) -> dict[str, Any]:
    """What Stable-Baselines3 wrote as JSON."""
    try:
        with zipfile.ZipFile(path) as file:
            data: dict[str, Any] = json.loads(file.read("data"))
        _ = data["policy_class"]["__module__"], int(data["num_timesteps"])
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError, OSError) as error:
        raise ValueError(f"{path}: expected an agent of Stable-Baselines3, came {error}") from error
    return data


def _new_ppo(settings: PPOSettings, common: dict[str, Any]) -> PPO:
    return PPO(
        n_steps=settings.rollout,
        n_epochs=settings.n_epochs,
        gae_lambda=settings.gae_lambda,
        ent_coef=settings.entropy_weight,
        **common,
    )


def _new_dqn(settings: DQNSettings, common: dict[str, Any]) -> ExploringDQN:
    return ExploringDQN(
        buffer_size=settings.buffer_size,
        learning_starts=settings.learning_starts,
        train_freq=settings.train_every,
        gradient_steps=settings.gradient_steps,
        target_update_interval=settings.target_every,
        exploration_steps=settings.exploration_steps,
        exploration_final_eps=settings.exploration_final,
        **common,
    )


def _new_sac(settings: SACSettings, common: dict[str, Any]) -> SAC:
    return SAC(
        buffer_size=settings.buffer_size,
        learning_starts=settings.learning_starts,
        train_freq=settings.train_every,
        gradient_steps=settings.gradient_steps,
        tau=settings.target_share,
        **common,
    )


def _networks(venv: VecEnv, settings: TrainingSettings) -> dict[str, Any]:
    networks: dict[str, Any] = {"net_arch": list(settings.algorithm.hidden_sizes)}
    if settings.observation == "state":
        scales = state_scales(venv.get_attr("settings", [0])[0])
        networks["features_extractor_class"] = ScaledState
        networks["features_extractor_kwargs"] = {"scales": scales}
    elif settings.observation == "pixels":
        networks["features_extractor_class"] = SceneCNN
    return networks
