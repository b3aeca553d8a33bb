"""How much the teacher weighs while training goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from b2m_drive.files.settings_types import take_as_declared


@dataclass(frozen=True)
class WeightSchedule:
    """A weight that stays constant, or falls linearly from its peak to zero.

    A teacher helps early; with its weight at zero in the end the student is free to settle its
    own task, and a poor teacher costs less.
    """

    peak: float = 1.0
    falls_to_zero_at: float | None = None  # fraction of training in (0, 1]; None: constant

    def __post_init__(self) -> None:
        take_as_declared(self)
        if not (math.isfinite(self.peak) and self.peak >= 0):
            raise ValueError(f"peak: expected a finite weight of at least 0, came {self.peak}")
        if self.falls_to_zero_at is not None and not 0 < self.falls_to_zero_at <= 1:
            raise ValueError(
                "falls_to_zero_at: expected a fraction of training in (0, 1] or None, "
                f"came {self.falls_to_zero_at}"
            )

    def __call__(self, step: int, n_steps: int) -> float:
        """Weight at a step, counted from 0, of a training of ``n_steps``.

        Raises:
            ValueError: If the training has no steps or the step is negative.
        """
        if n_steps < 1:
            raise ValueError(f"n_steps: expected at least 1, came {n_steps}")
        if step < 0:
            raise ValueError(f"step: expected at least 0, came {step}")
        if self.falls_to_zero_at is None:
            return self.peak
        return self.peak * max(0.0, 1 - step / (self.falls_to_zero_at * n_steps))
