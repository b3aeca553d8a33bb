"""The recurrence of a leaky RNN for many models at once, with its gradient written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from b2m_drive.students.driven_by import joined_states, joined_weights, split_gradient


class LeakyOverTime(torch.autograd.Function):
    """The recurrence of `LeakyRNN` for many models, with its gradient written out.

    As in `GRUOverTime`, a step touches only what belongs to it. Observations and noise get no
    gradient.
    """

    @staticmethod
    def forward(
        ctx: Any,
        observation: Tensor,  # [time model_or_one trial feature]
        weight_input: Tensor,
        weight_hidden: Tensor,
        bias: Tensor,
        alpha: float,  # time step / time constant
        noise: Tensor | None,  # [time model trial hidden], added to the hidden state
    ) -> Tensor:
        """The hidden state after every step, from zero: [time model trial hidden]."""
        n_models, size = len(weight_input), weight_hidden.shape[-1]
        n_steps, _, n_trials, n_features = observation.shape
        weight = joined_weights(weight_input, weight_hidden, bias)
        states = joined_states(observation, n_models, size)
        hidden = states[..., n_features:-1]
        new = observation.new_empty(n_steps, n_models, n_trials, size)
        for step in range(n_steps):
            torch.bmm(states[step], weight, out=new[step]).tanh_()
            torch.lerp(hidden[step], new[step], alpha, out=hidden[step + 1])
            if noise is not None:
                hidden[step + 1] += noise[step]
        ctx.save_for_backward(new, states, weight_hidden)
        ctx.alpha = alpha
        return hidden[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the weights, summed over time and trials."""
        (grad_output,) = gradients
        new, states, weight_hidden = ctx.saved_tensors
        n_steps, n_models, n_trials, size = new.shape
        grad_weight = new.new_zeros(n_models, size, states.shape[-1])
        grad_hidden = new.new_zeros(n_models, n_trials, size)
        for step in reversed(range(n_steps)):
            grad_hidden += grad_output[step]
            to_new = grad_hidden * ctx.alpha
            to_new.addcmul_(to_new, new[step].square(), value=-1)
            grad_weight.baddbmm_(to_new.transpose(1, 2), states[step])
            grad_hidden.mul_(1 - ctx.alpha).baddbmm_(to_new, weight_hidden)
        return None, *split_gradient(grad_weight, states.shape[-1] - size - 1), None, None
