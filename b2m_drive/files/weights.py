"""Weights of networks in safetensors files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from b2m_drive.files.refusals import naming, require_file


def read_weights(path: Path, expected: str = "weights (safetensors)") -> dict[str, Tensor]:
    """The tensors of a safetensors file, all of them finite.

    Args:
        path: Of the file.
        expected: What it should be, for the message of an error.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or a weight is NaN or infinite; names file and tensor.
    """
    require_file(path, expected)
    with naming(path, expected):
        weights = load_file(path)
        check_finite(weights, str(path))
    return weights


def check_finite(weights: Mapping[str, Tensor], origin: str) -> None:
    """Refuse weights that are NaN or infinite.

    Raises:
        ValueError: Names the first such tensor.
    """
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            n_bad = int((~torch.isfinite(tensor)).sum())
            raise ValueError(
                f"{origin}: {name}: expected finite weights, came {n_bad} NaN or infinite ones of "
                f"{tensor.numel()}"
            )
