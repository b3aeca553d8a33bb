"""The recurrent policy of the memory tasks: an LSTM that starts so that it can remember."""

from __future__ import annotations

from typing import Any

import gymnasium
import torch
from jaxtyping import Float
from sb3_contrib.ppo_recurrent import MlpLstmPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor

from b2m_agents.learning.recurrent_policy import through_lstm
from b2m_envs.memory_decision import FIXATE


class ScaledObservation(BaseFeaturesExtractor):
    """The observation times a gain, since the codes of stimuli are small numbers."""

    def __init__(self, observation_space: gymnasium.spaces.Box, gain: float) -> None:
        super().__init__(observation_space, observation_space.shape[0])
        self.gain = gain

    def forward(self, observation: Float[Tensor, "step feature"]) -> Float[Tensor, "step feature"]:
        """Scale."""
        return observation * self.gain


class MemoryLstmPolicy(MlpLstmPolicy):
    """sb3-contrib's LSTM policy, with the start and the arithmetic that trials ask for.

    The forget gates begin open (Jozefowicz et al. 2015) and the readout prefers to fixate: an
    agent that acts at random breaks fixation within a step or two and never sees a probe.

    Args:
        forget_gate_bias: Added to the bias of the forget gate.
        fixation_bias: Of the logit of fixating; the others start near zero.
        observation_space: Of the environment.
        action_space: Of the environment.
        lr_schedule: Learning rate by share of training left.
        settings: All other keywords of `MlpLstmPolicy`.
    """

    _process_sequence = staticmethod(through_lstm)  # type: ignore[assignment]  # lacks the cell

    def __init__(
        self,
        observation_space: gymnasium.spaces.Space[Any],
        action_space: gymnasium.spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        forget_gate_bias: float,
        fixation_bias: float,
        **settings: Any,
    ) -> None:
        super().__init__(observation_space, action_space, lr_schedule, **settings)
        size = self.lstm_actor.hidden_size
        with torch.no_grad():
            # PyTorch's order of gates: input, forget, cell, output
            self.lstm_actor.get_parameter("bias_ih_l0")[size : 2 * size] += forget_gate_bias
            self.action_net.get_parameter("bias")[FIXATE] = fixation_bias
