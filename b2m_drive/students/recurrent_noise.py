"""The private noise of a student's hidden state."""

from __future__ import annotations

import torch
from torch import Tensor


class RecurrentNoise:
    """Normal numbers from a generator that nothing else draws from.

    So noise changes no other draw, and equal students that see batches of equal shape have equal
    noise. A scale of 0 draws nothing, not even the seed.
    """

    def __init__(self, scale: float, generator: torch.Generator | None) -> None:
        self.scale = scale  # standard deviation of a step's noise
        self._own = torch.Generator()
        if scale > 0:
            seed = torch.randint(2**62, (), generator=generator)
            self._own.manual_seed(int(seed))

    def sample(self, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
        """The next numbers, on the device and in the type of a tensor; `None` at a scale of 0."""
        if self.scale == 0:
            return None
        return self.scale * torch.randn(shape, dtype=like.dtype, generator=self._own).to(like)

    def copy(self) -> RecurrentNoise:
        """The same noise from here on, drawn independently of this one."""
        other = RecurrentNoise(0.0, None)
        other.scale = self.scale
        other._own.set_state(self._own.get_state())
        return other
