"""Which device a network computes on."""

from __future__ import annotations

import torch


def device_of(name: str | torch.device) -> torch.device:
    """A device that this machine has.

    Args:
        name: As PyTorch names it (``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``), or ``"auto"``:
            a GPU if there is one, else the processor.

    Raises:
        ValueError: If there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).split("\n")[0].removesuffix(".")
        raise ValueError(
            f"device: expected auto, cpu or another that PyTorch has on this machine, "
            f"came {str(name)!r} ({reason})"
        ) from error
    return device
