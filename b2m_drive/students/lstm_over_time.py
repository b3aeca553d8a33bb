"""The recurrence of an LSTM for many models at once, with its gradient written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from b2m_drive.students.driven_by import joined_states, joined_weights, split_gradient


class LSTMOverTime(torch.autograd.Function):
    """The recurrence of `torch.nn.LSTM` for many models, with its gradient written out.

    As in `GRUOverTime`, a step touches only what belongs to it. Gates stand in PyTorch's order:
    input, forget, new, output. Since tanh(x) = 2 sigmoid(2 x) - 1, the new gate's weights are
    doubled and one sigmoid, several times cheaper than a tanh, serves all four. Observations get
    no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any,
        observation: Tensor,  # [time model_or_one trial feature]
        weight_input: Tensor,
        weight_hidden: Tensor,
        bias_input: Tensor,
        bias_hidden: Tensor,
    ) -> Tensor:
        """The hidden state after every step, from zero: [time model trial hidden]."""
        n_models, size = len(weight_input), weight_hidden.shape[-1]
        n_steps, _, n_trials, n_features = observation.shape
        weight = joined_weights(weight_input, weight_hidden, bias_input + bias_hidden)
        weight[..., 2 * size : 3 * size] *= 2
        states = joined_states(observation, n_models, size)
        hidden = states[..., n_features:-1]
        cell = observation.new_empty(n_steps + 1, n_models, n_trials, size)
        cell[0] = 0.0
        squashed = torch.empty_like(cell[1:])  # tanh of the cell
        gates = observation.new_empty(n_steps, n_models, n_trials, 4 * size)
        for step in range(n_steps):
            torch.bmm(states[step], weight, out=gates[step])
            let_in, keep, new, let_out = gates[step].sigmoid_().chunk(4, dim=-1)
            new.mul_(2).sub_(1)
            torch.mul(keep, cell[step], out=cell[step + 1]).addcmul_(let_in, new)
            torch.mul(cell[step + 1], 2, out=squashed[step]).sigmoid_().mul_(2).sub_(1)
            torch.mul(let_out, squashed[step], out=hidden[step + 1])
        ctx.save_for_backward(gates, cell, squashed, states, weight_hidden)
        return hidden[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the weights, summed over time and trials."""
        (grad_output,) = gradients
        gates, cell, squashed, states, weight_hidden = ctx.saved_tensors
        n_steps, n_models, n_trials, size = squashed.shape
        grad_weight = squashed.new_zeros(n_models, 4 * size, states.shape[-1])
        to_gates = squashed.new_empty(n_models, n_trials, 4 * size)
        to_in, to_keep, to_new, to_out = to_gates.chunk(4, dim=-1)
        grad_hidden, grad_cell = (squashed.new_zeros(n_models, n_trials, size) for _ in range(2))
        for step in reversed(range(n_steps)):
            let_in, keep, new, let_out = gates[step].chunk(4, dim=-1)
            grad_hidden += grad_output[step]
            torch.mul(grad_hidden, squashed[step], out=to_out)
            to_cell = grad_hidden * let_out
            grad_cell += to_cell.addcmul_(to_cell, squashed[step].square(), value=-1)
            torch.mul(grad_cell, new, out=to_in)
            torch.mul(grad_cell, cell[step], out=to_keep)
            torch.mul(grad_cell, let_in, out=to_new)
            slope = gates[step] * (1 - gates[step])
            slope[..., 2 * size : 3 * size] = 1 - new.square()
            to_gates *= slope
            grad_weight.baddbmm_(to_gates.transpose(1, 2), states[step])
            torch.bmm(to_gates, weight_hidden, out=grad_hidden)
            grad_cell *= keep
        n_features = states.shape[-1] - size - 1
        *weights, bias = split_gradient(grad_weight, n_features)
        return None, *weights, bias, bias.clone()  # two, since they may be scaled in place
