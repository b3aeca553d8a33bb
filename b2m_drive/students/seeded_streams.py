"""One stream of random numbers for each purpose of a seed, so that conditions stay paired."""

from __future__ import annotations

import numpy as np
import torch


def generator_for(seed: int, purpose: int) -> np.random.Generator:
    """Random numbers of one seed for one purpose."""
    return np.random.default_rng([seed, purpose])


def torch_generator_for(seed: int, purpose: int) -> torch.Generator:
    """The same for PyTorch."""
    state = np.random.SeedSequence([seed, purpose]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
