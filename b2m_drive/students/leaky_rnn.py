"""The leaky tanh RNN of computational neuroscience, in discrete time."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

RecurrentStart = Literal["random", "orthogonal", "diagonal"]


class LeakyRNN(nn.Module):
    """Rates that leak towards what drives them, one layer.

    In continuous time (Yang et al. 2019; Song, Yang & Wang 2016; Mante et al. 2013)::

        tau dh/dt = -h + tanh(W_in x + W_rec h + b) + noise

    and by Euler's method, with ``alpha = time_step / tau``::

        h_t = (1 - alpha) h_{t-1} + alpha tanh(W_in x_t + W_rec h_{t-1} + b)
              + sqrt(2 alpha) recurrent_noise N(0, 1)

    The state is the rate, as in Yang et al. 2019, so without noise it stays between -1 and 1. (In
    Song et al. and Mante et al. the state is the current, and its nonlinear rate feeds back.) The
    noise is added to the state with the scale of Song et al.: once the step is short beside tau,
    ``recurrent_noise`` is the standard deviation of a state that noise alone moves.

    The parameters have the names of `torch.nn.RNN`; its second bias, which adds nothing, is left
    out.
    """

    def __init__(self, observation_size: int, hidden_size: int, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.weight_ih_l0 = nn.Parameter(torch.empty(hidden_size, observation_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(hidden_size))

    def forward(
        self,
        observation: Float[Tensor, "batch time feature"],
        noise: Float[Tensor, "time batch hidden"] | None = None,
        state: Float[Tensor, "batch hidden"] | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], Float[Tensor, "batch hidden"]]:
        """The state at every step, and the last one, as `torch.nn.RNN` does.

        Args:
            observation: What the network sees.
            noise: Added to the state at each step; `None`: nothing.
            state: From which it begins; `None`: zero.
        """
        driven = observation @ self.weight_ih_l0.T + self.bias_ih_l0
        if state is None:
            state = driven.new_zeros(len(observation), len(self.weight_hh_l0))
        states = []
        for step in range(observation.shape[1]):
            new = torch.tanh(driven[:, step] + state @ self.weight_hh_l0.T)
            state = (1 - self.alpha) * state + self.alpha * new
            if noise is not None:
                state = state + noise[step]
            states.append(state)
        return torch.stack(states, dim=1), state


def start_recurrence(
    weight: Float[Tensor, "hidden hidden"],
    start: RecurrentStart,
    gain: float,
    generator: torch.Generator | None,
) -> None:
    """Fill recurrent weights, in place, with a matrix whose spectral radius is about the gain.

    Args:
        weight: To be filled; must not require a gradient at this moment.
        start: `"random"`: independent normal numbers of variance gain² / hidden (Sompolinsky,
            Crisanti & Sommers 1988; Mante et al. 2013); `"orthogonal"`: gain times a random
            orthogonal matrix (Yang et al. 2019); `"diagonal"`: gain times the identity (Le, Jaitly
            & Hinton 2015), an integrator until a tonic input saturates it.
        gain: The radius; above 1 the state of a network that nothing drives does not die out.
        generator: Of the random numbers.
    """
    if start == "random":
        weight.normal_(0.0, gain * len(weight) ** -0.5, generator=generator)
    elif start == "orthogonal":
        nn.init.orthogonal_(weight, gain, generator=generator)
    else:
        nn.init.eye_(weight).mul_(gain)
