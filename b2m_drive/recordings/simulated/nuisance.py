"""What a simulated brain does that has nothing to do with its task: gains, drift, fluctuations."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64


def smooth_fluctuations(
    n_steps: int, spacing: int, n_fluctuations: int, generator: np.random.Generator
) -> Float64[np.ndarray, "step fluctuation"]:
    """Smooth noise of unit variance at its knots, ``spacing`` steps apart, linear between them."""
    knots = generator.normal(size=(n_steps // spacing + 2, n_fluctuations))
    position = np.arange(n_steps) / spacing
    left = position.astype(int)
    share = (position - left)[:, None]
    course: Float64[np.ndarray, "step fluctuation"] = (
        knots[left] + (knots[left + 1] - knots[left]) * share
    )
    return course


def log_gain(
    spread: float, shape: tuple[int, int], generator: np.random.Generator
) -> Float64[np.ndarray, "trial unit"]:
    """Log of a lognormal gain whose mean is 1; the spread is the log's standard deviation."""
    gain: Float64[np.ndarray, "trial unit"] = generator.normal(-(spread**2) / 2, spread, shape)
    return gain


def slow_drift(
    spread: float, n_trials: int, n_units: int, generator: np.random.Generator
) -> Float64[np.ndarray, "trial unit"]:
    """One slow wave a unit over the session, of its own speed and phase, added to the log rate."""
    cycles = generator.uniform(0.5, 2.0, size=n_units)
    phase = generator.uniform(0.0, 2 * np.pi, size=n_units)
    course = np.arange(n_trials)[:, None] / n_trials
    wave = np.sin(2 * np.pi * cycles * course + phase)
    drift: Float64[np.ndarray, "trial unit"] = spread * np.sqrt(2) * wave
    return drift
