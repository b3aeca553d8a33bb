"""Stable-Baselines3's algorithms, made from our settings, new or as a file has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.her import HerReplayBuffer

from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.learning.agent_file import (
    SavedAgent,
    check_layers,
    read_agent_data,
    read_agent_file,
    restore,
    resume_from,
)
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithm_settings import (
    AlgorithmSettings,
    DQNSettings,
    HERSettings,
    PPOSettings,
    RecurrentPPOSettings,
    SACSettings,
    check_action,
    layer_sizes,
)
from b2m_agents.learning.policy_networks import ScaledState, SceneCNN
from b2m_agents.learning.recurrent_policy import DrivingLstmPolicy
from b2m_agents.online.online_transfer import TransferPPO
from b2m_agents.online.scene_features import scene_policy
from b2m_agents.worlds.channels_first import VecChannelsFirst
from b2m_drive.files.refusals import naming
from b2m_drive.students.devices import device_of
from b2m_envs.scenes.observation import action_space, state_scales
from b2m_envs.scenes.settings import SceneSettings

Policy = TypeVar("Policy", bound=BaseAlgorithm)


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


_MODULES = {  # of a policy's class -> whose it is
    "stable_baselines3.dqn.policies": "dqn",
    "stable_baselines3.sac.policies": "sac",
    "stable_baselines3.common.policies": "ppo",  # or A2C's, which clips nothing
    DrivingLstmPolicy.__module__: "recurrent_ppo",
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
    needs_scene = settings.observation == "state"
    scales = state_scales(venv.get_attr("settings", [0])[0]) if needs_scene else ()
    return _made(settings, settings.algorithm, _common(settings, scales, device) | {"env": venv})


def policy_to_act(
    settings: TrainingSettings,
    scene: SceneSettings,
    observed: spaces.Space[Any],
    device: str | torch.device = "cpu",
) -> BaseAlgorithm:
    """The same without environments or a replay buffer: only to act.

    Args:
        settings: Of its training.
        scene: What it drives in.
        observed: Its observations, scenes as the environment shows them.
        device: Of the networks, see `device_of`.
    """
    common = _common(settings, state_scales(scene), device) | {
        "env": None,
        "_init_setup_model": False,
    }
    algorithm = settings.algorithm
    if not isinstance(algorithm, PPOSettings):
        algorithm = replace(algorithm, buffer_size=1)
    if isinstance(algorithm, SACSettings):
        common["target_entropy"] = 0.0  # of learning alone; "auto" would ask the environments
    if settings.observation == "pixels" and isinstance(observed, spaces.Box):
        observed = VecChannelsFirst.transpose_space(observed)
    return set_up(_made(settings, algorithm, common), observed, action_space(scene))


def set_up(policy: Policy, observed: spaces.Space[Any], acts: spaces.Space[Any]) -> Policy:
    """Build the networks of an algorithm that was made without environments.

    Args:
        policy: Made with ``_init_setup_model=False``.
        observed: What it reads; of scenes, the channels first.
        acts: Its actions.
    """
    policy.observation_space, policy.action_space, policy.n_envs = observed, acts, 1
    policy._setup_model()
    return policy


def read_policy(
    path: Path,
    settings: TrainingSettings,
    scene: SceneSettings,
    observed: spaces.Space[Any],
    device: str | torch.device = "cpu",
) -> BaseAlgorithm:
    """A saved agent, ready to act; nothing that stands in the file is run.

    Args:
        path: The file, see `b2m_agents.learning.agent_file`.
        settings: Of its training.
        scene: What it drives in.
        observed: Its observations.
        device: Of the networks, see `device_of`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, something else, or of another algorithm; names the file.
    """
    device = device_of(device)
    saved = read_agent_file(path)
    check_algorithm(saved, settings.algorithm.name)
    check_layers(saved, layer_sizes(settings.algorithm))
    with naming(path.with_name("config.json"), "possible settings of an agent"):
        policy = policy_to_act(settings, scene, observed, device)
    restore(policy, saved)
    return policy


def policy_to_resume(
    path: Path, venv: VecEnv, settings: TrainingSettings, device: str | torch.device = "cpu"
) -> BaseAlgorithm:
    """A saved agent that learns on where it was; its replay buffer is empty.

    Args:
        path: The file, see `b2m_agents.learning.agent_file`.
        venv: What it learns in, at whatever moment.
        settings: Of its training.
        device: Of the networks, see `device_of`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, something else, or of another algorithm; names the file.
    """
    saved = read_agent_file(path)
    check_algorithm(saved, settings.algorithm.name)
    check_layers(saved, layer_sizes(settings.algorithm))
    policy = new_policy(venv, settings, device)
    restore(policy, saved)
    resume_from(policy, saved)
    return policy


def check_algorithm(saved: SavedAgent, expected: str) -> None:
    """Refuse the file of another algorithm.

    Raises:
        ValueError: Names the file, and both.
    """
    module = saved.policy_module
    came = _MODULES.get(module, module)
    if came == "ppo" and _OF_PPO not in saved.data:
        came = module
    if came == "sac" and saved.observes_parts:
        came = "her"
    if came != expected:
        raise ValueError(f"{saved.path}: expected an agent of {expected}, came one of {came}")


def steps_taken(path: Path) -> int:
    """How many steps the agent of a file had learnt for.

    Raises:
        ValueError: If the file is damaged or something else; names it.
    """
    return read_agent_data(path).n_steps


def _made(
    training: TrainingSettings, settings: AlgorithmSettings, common: dict[str, Any]
) -> BaseAlgorithm:
    match settings:
        case PPOSettings() if training.taught is not None:
            made = partial(TransferPPO, n_brain_latents=training.taught.n_brain_latents)
            return _new_ppo(made, settings, common)
        case RecurrentPPOSettings():
            return _new_ppo(RecurrentPPO, settings, _with_memory(settings, common))
        case PPOSettings():
            return _new_ppo(PPO, settings, common)
        case DQNSettings():
            return _new_dqn(settings, common)
        case HERSettings():
            return _new_sac(settings, _with_hindsight(settings, common))
        case SACSettings():
            return _new_sac(settings, common)


def _common(
    settings: TrainingSettings, scales: tuple[float, ...], device: str | torch.device
) -> dict[str, Any]:
    """Keywords of every algorithm."""
    return {
        "policy": "MlpPolicy",
        "learning_rate": settings.algorithm.learning_rate,
        "gamma": settings.algorithm.discount,
        "batch_size": settings.algorithm.batch_size,
        "policy_kwargs": _networks(settings, scales),
        "seed": episode_seed(settings.seed, 0),
        "device": device_of(device),
    }


def _with_hindsight(settings: HERSettings, common: dict[str, Any]) -> dict[str, Any]:
    """Keywords of an agent that is shown goals; of one that learns, with a replay that has them."""
    common = common | {"policy": "MultiInputPolicy"}
    if common["env"] is None:
        return common
    replay = {"n_sampled_goal": settings.hindsight_goals, "goal_selection_strategy": "future"}
    return common | {"replay_buffer_class": HerReplayBuffer, "replay_buffer_kwargs": replay}


def _with_memory(settings: RecurrentPPOSettings, common: dict[str, Any]) -> dict[str, Any]:
    """Keywords of a policy with an LSTM in place of one without."""
    networks = common["policy_kwargs"] | {"lstm_hidden_size": settings.lstm_size}
    return common | {"policy": DrivingLstmPolicy, "policy_kwargs": networks}


def _new_ppo(made: Callable[..., Policy], settings: PPOSettings, common: dict[str, Any]) -> Policy:
    return made(
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


def _networks(settings: TrainingSettings, scales: tuple[float, ...]) -> dict[str, Any]:
    networks: dict[str, Any] = {"net_arch": list(settings.algorithm.hidden_sizes)}
    if settings.observation == "state":
        networks["features_extractor_class"] = ScaledState
        networks["features_extractor_kwargs"] = {"scales": scales}
    elif settings.taught is not None:
        networks |= scene_policy(settings.taught.encoder, channels_first=True)
    elif settings.observation == "pixels":
        networks["features_extractor_class"] = SceneCNN
    return networks
