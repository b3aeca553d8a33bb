"""What an agent's policy weighed before it acted: probabilities, values, or the controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float64
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.dqn.policies import DQNPolicy
from torch.distributions import Categorical

from b2m_envs.scenes.actions import control_table
from b2m_envs.scenes.settings import SceneSettings


@dataclass(frozen=True)
class ActionChoices:
    """The actions there are, what the driver gave for each, and which one it took."""

    names: tuple[str, ...]
    kind: Literal["probability", "value", "control", "chosen"]
    values: Float64[np.ndarray, " action"]  # all 0 of a driver that does not weigh
    chosen: int | None = None  # None: controls, which are all set at once, or nothing yet


def action_names(scene: SceneSettings) -> tuple[str, ...]:
    """highway-env's meta-actions, the controls of a continuous action, or the values to choose."""
    if scene.action == "discrete":
        return tuple(name.lower().replace("_", " ") for name in scene.meta_actions)
    controls = tuple(name.replace("acceleration", "throttle") for name in scene.controls)
    if scene.action == "continuous":
        return controls
    table = control_table(len(controls), scene.n_per_axis)
    return tuple(
        ", ".join(f"{name} {value:+.2g}" for name, value in zip(controls, row, strict=True))
        for row in table
    )


def taken(action: Any, scene: SceneSettings) -> ActionChoices:
    """The action that was taken, of a driver that does not say what else it weighed."""
    names = action_names(scene)
    if scene.action == "continuous":
        return ActionChoices(names, "control", np.asarray(action, dtype=np.float64))
    return ActionChoices(names, "chosen", np.zeros(len(names)), int(action))


class Weighing:
    """What a policy weighs at the moments of one episode, which it is asked for in turn.

    Args:
        policy: Of an agent.
        scene: Where it drives.
    """

    def __init__(self, policy: BaseAlgorithm, scene: SceneSettings) -> None:
        self._network, self._scene = policy.policy, scene
        self._memory: Any = None  # of an agent that remembers: hidden state and cell of its LSTM

    def weighed(self, observation: Any, action: Any) -> ActionChoices:
        """PPO's probabilities, DQN's values; of continuous actions the mean.

        Args:
            observation: What the policy read, as `TrainedAgent.reader` gives it.
            action: The one it took.
        """
        if self._scene.action == "continuous":
            return taken(action, self._scene)
        network, names = self._network, action_names(self._scene)
        tensor, _ = network.obs_to_tensor(observation)
        with torch.inference_mode():
            if isinstance(network, DQNPolicy):
                return ActionChoices(names, "value", _numbers(network.q_net(tensor)), int(action))
            assert isinstance(network, ActorCriticPolicy), type(network)
            distribution = self._distribution(network, tensor).distribution
        assert isinstance(distribution, Categorical), type(distribution)
        return ActionChoices(names, "probability", _numbers(distribution.probs), int(action))

    def _distribution(self, network: ActorCriticPolicy, tensor: Any) -> Distribution:
        if not isinstance(network, RecurrentActorCriticPolicy):
            return network.get_distribution(tensor)
        empty = torch.zeros(network.lstm_hidden_state_shape, device=network.device)
        states, goes_on = self._memory or (empty, empty), torch.zeros(1, device=network.device)
        distribution, self._memory = network.get_distribution(tensor, states, goes_on)
        return distribution


def _numbers(of_batch: torch.Tensor) -> Float64[np.ndarray, " action"]:
    numbers: np.ndarray = of_batch[0].cpu().numpy().astype(np.float64)
    return numbers
