"""Losses are computed in float32 even where a network is not, as PyTorch's own are."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def widened(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Half precision as float32, which holds the square of 300; float32 and float64 as they are."""
    return values.float() if values.dtype in _HALF else values


def without_autocast(values: Tensor) -> AbstractContextManager[object]:
    """A context in which autocast does not narrow the products of these values again."""
    device = values.device.type
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)
