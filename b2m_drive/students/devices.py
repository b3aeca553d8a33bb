"""Which device a network computes on, and what it is given there."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn


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


def device_of_network(network: nn.Module) -> torch.device:
    """Where a network's first parameter or buffer is; the cpu if it has none."""
    for tensors in (network.parameters(), network.buffers()):
        for tensor in tensors:
            return tensor.device
    return torch.device("cpu")


def free_bytes(device: torch.device) -> int | None:
    """Memory of a GPU that nobody uses now; None of a device that does not tell."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def pinned(values: Tensor) -> Tensor:
    """A copy in memory that a CUDA GPU reads by itself, while this process goes on."""
    return values.pin_memory()


def on_device(values: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; itself if it is there already.

    Only towards CUDA is the copy left to run beside this process, in the order of the GPU's work.
    Elsewhere it is waited for: what comes back to the cpu could be read before it has arrived.
    """
    return values.to(device, non_blocking=device.type == "cuda")


def brought(values: Any, device: torch.device) -> Any:
    """The same values with every tensor among them on a device.

    Tensors are found in tuples, lists, dictionaries and dataclasses, however nested; everything
    else (arrays of NumPy, numbers, objects of a user's own) comes back as it is. What is on the
    device already is not copied.
    """
    if isinstance(values, Tensor):
        return on_device(values, device)
    if type(values) is dict:
        return {name: brought(each, device) for name, each in values.items()}
    if isinstance(values, tuple):
        moved = [brought(each, device) for each in values]
        return type(values)(*moved) if hasattr(values, "_fields") else tuple(moved)
    if isinstance(values, list):
        return [brought(each, device) for each in values]
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        return _fields_brought(values, device)
    return values


def _fields_brought(values: Any, device: torch.device) -> Any:
    fields = {f.name: getattr(values, f.name) for f in dataclasses.fields(values) if f.init}
    moved = {name: brought(each, device) for name, each in fields.items()}
    changed = {name: each for name, each in moved.items() if each is not fields[name]}
    return dataclasses.replace(values, **changed) if changed else values
