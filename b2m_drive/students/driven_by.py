"""What drives a step of many recurrent models, as one matrix product instead of three terms."""

from __future__ import annotations

import torch
from torch import Tensor


def joined_weights(weight_input: Tensor, weight_hidden: Tensor, bias: Tensor) -> Tensor:
    """Weights for `joined_states`: [model feature+hidden+1 gates*hidden]."""
    return (
        torch.cat([weight_input, weight_hidden, bias[..., None]], -1).transpose(1, 2).contiguous()
    )


def joined_states(observation: Tensor, n_models: int, size: int) -> Tensor:
    """What each step sees, its state before, and a one: [time+1 model trial feature+hidden+1].

    The states are zero and to be filled in; the last step, which sees nothing, is for the last
    state.

    Args:
        observation: [time model_or_one trial feature].
        n_models: How many share the observation, if there is but one.
        size: Of the hidden state.
    """
    n_steps, _, n_trials, n_features = observation.shape
    states = observation.new_zeros(n_steps + 1, n_models, n_trials, n_features + size + 1)
    states[:-1, ..., :n_features] = observation
    states[..., -1] = 1.0
    return states


def split_gradient(gradient: Tensor, n_features: int) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of input weights, recurrent weights and bias, from that of all together.

    Args:
        gradient: [model gates*hidden feature+hidden+1].
        n_features: Of the observation.
    """
    return (
        gradient[..., :n_features].contiguous(),
        gradient[..., n_features:-1].contiguous(),
        gradient[..., -1].contiguous(),
    )
