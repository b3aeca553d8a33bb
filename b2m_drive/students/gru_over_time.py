"""The recurrence of a GRU for many models at once, with its gradient written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class GRUOverTime(torch.autograd.Function):
    """The recurrence of `torch.nn.GRU` for many models, with its gradient written out.

    Autograd through a Python loop keeps a node for every small operation of every step, and a
    projection of all steps at once makes arrays that no cache holds. Here a step touches only
    what belongs to it. Observations get no gradient.
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
        to_input = weight_input.transpose(1, 2).contiguous()
        to_hidden = weight_hidden.transpose(1, 2).contiguous()
        bias_gates = (bias_input + bias_hidden)[:, None, : 2 * size]
        bias_projected, bias_recurrent = (b[:, None, 2 * size :] for b in (bias_input, bias_hidden))
        shape = (n_steps, n_models, n_trials)
        hidden = observation.new_empty(n_steps + 1, *shape[1:], size)
        hidden[0] = 0.0
        gates = observation.new_empty(*shape, 2 * size)  # reset, update
        new, recurrent_new = (observation.new_empty(*shape, size) for _ in range(2))
        projected = observation.new_empty(*shape[1:], 3 * size)
        recurrent = torch.empty_like(projected)
        for step in range(n_steps):
            seen = observation[step].expand(n_models, n_trials, n_features)
            torch.bmm(seen, to_input, out=projected)
            torch.bmm(hidden[step], to_hidden, out=recurrent)
            torch.add(projected[..., : 2 * size], recurrent[..., : 2 * size], out=gates[step])
            reset, update = gates[step].add_(bias_gates).sigmoid_().chunk(2, dim=-1)
            torch.add(recurrent[..., 2 * size :], bias_recurrent, out=recurrent_new[step])
            torch.add(projected[..., 2 * size :], bias_projected, out=new[step])
            new[step].addcmul_(reset, recurrent_new[step]).tanh_()
            torch.lerp(new[step], hidden[step], update, out=hidden[step + 1])
        ctx.save_for_backward(
            observation, gates, new, recurrent_new, hidden, weight_input, weight_hidden
        )
        return hidden[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the weights, summed over time and trials."""
        (grad_output,) = gradients
        observation, gates, new, recurrent_new, hidden, *weights = ctx.saved_tensors
        weight_input, weight_hidden = weights
        n_steps, n_models, n_trials, size = new.shape
        grad_input, grad_recurrent = torch.zeros_like(weight_input), torch.zeros_like(weight_hidden)
        grad_bias_input, grad_bias_hidden = (
            new.new_zeros(n_models, n_trials, 3 * size) for _ in range(2)
        )
        to_projected, to_recurrent = (new.new_empty(n_models, n_trials, 3 * size) for _ in range(2))
        grad_hidden = new.new_zeros(n_models, n_trials, size)
        for step in reversed(range(n_steps)):
            reset, update = gates[step].chunk(2, dim=-1)
            grad_hidden += grad_output[step]
            to_new = grad_hidden * (1 - update)
            to_new.addcmul_(to_new, new[step].square(), value=-1)
            to_update = (hidden[step] - new[step]).mul_(grad_hidden)
            to_reset = to_new * recurrent_new[step]
            torch.mul(
                torch.cat([to_reset, to_update], -1),
                gates[step] - gates[step].square(),
                out=to_projected[..., : 2 * size],
            )
            to_projected[..., 2 * size :] = to_new
            to_recurrent.copy_(to_projected)
            to_recurrent[..., 2 * size :] *= reset
            grad_bias_input += to_projected
            grad_bias_hidden += to_recurrent
            seen = observation[step].expand(n_models, n_trials, -1)
            grad_input.baddbmm_(to_projected.transpose(1, 2), seen)
            grad_recurrent.baddbmm_(to_recurrent.transpose(1, 2), hidden[step])
            grad_hidden.mul_(update).baddbmm_(to_recurrent, weight_hidden)
        return None, grad_input, grad_recurrent, grad_bias_input.sum(1), grad_bias_hidden.sum(1)
