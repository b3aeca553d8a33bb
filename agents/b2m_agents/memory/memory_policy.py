"""The recurrent policy of the memory tasks: an LSTM that starts so that it can remember."""

from __future__ import annotations

from typing import Any

import gymnasium
import torch
from jaxtyping import Float
from sb3_contrib.ppo_recurrent import MlpLstmPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

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

    @staticmethod
    def _process_sequence(  # type: ignore[override]  # the parent's annotation lacks the cell
        features: Tensor,
        lstm_states: tuple[Tensor, Tensor],
        episode_starts: Tensor,
        lstm: nn.LSTM,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As the parent does it, but in one pass if trials begin only where sequences do.

        The rollout buffer cuts its sequences where trials begin, and the parent then goes step by
        step all the same.
        """
        n_seq = lstm_states[0].shape[1]
        starts = episode_starts.reshape(n_seq, -1)
        if starts[:, 1:].any():
            stepped: Any = MlpLstmPolicy._process_sequence(
                features, lstm_states, episode_starts, lstm
            )
            return stepped  # type: ignore[no-any-return]
        kept = (1 - starts[:, 0])[None, :, None]
        sequence = features.reshape(n_seq, -1, lstm.input_size).transpose(0, 1)
        output, states = lstm(sequence, (kept * lstm_states[0], kept * lstm_states[1]))
        return output.transpose(0, 1).flatten(0, 1), states
