"""How well a `SceneVAE` rebuilds frames: everywhere, and where the other vehicles are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from b2m_drive.students.scene_vae import SceneVAE


@dataclass(frozen=True)
class ReconstructionError:
    """Mean squared errors of pixels within 0 and 1, for latents at their posterior mean.

    Vehicles are few pixels: a student may lose all of them and hardly err over the whole frame.
    """

    everywhere: float
    vehicles: float  # of the newest frame, where other vehicles are; NaN if nowhere or not told


def reconstruction_error(
    vae: SceneVAE,
    frames: UInt8[np.ndarray, "frame height width channel"],
    vehicle_mask: Bool[np.ndarray, "frame height width"] | None = None,
    *,
    newest_channels: int = 1,
    batch_size: int = 256,
) -> ReconstructionError:
    """Errors over frames, a batch at a time.

    Args:
        vae: The student.
        frames: Held out.
        vehicle_mask: Pixels of other vehicles in the newest of the stacked frames.
        newest_channels: Last channels that are the newest frame: 1 if grey, 3 if in colour.
        batch_size: Frames a pass.

    Raises:
        ValueError: If there are no frames, or the masks are of another shape.
    """
    if not len(frames):
        raise ValueError("frames: expected at least one to reconstruct, came none")
    if vehicle_mask is not None and vehicle_mask.shape != frames.shape[:3]:
        raise ValueError(f"vehicle_mask: expected {frames.shape[:3]}, came {vehicle_mask.shape}")
    device = vae.to_mean.weight.device
    total = of_vehicles = n_vehicle_values = 0.0
    for start in range(0, len(frames), batch_size):
        batch = frames[start : start + batch_size]
        rebuilt = vae.reconstruct(torch.from_numpy(batch).to(device)).cpu().numpy()
        error = np.square((rebuilt.astype(np.float32) - batch) / 255)
        total += float(error.sum(dtype=np.float64))
        if vehicle_mask is not None:
            chosen = error[..., -newest_channels:][vehicle_mask[start : start + batch_size]]
            of_vehicles += float(chosen.sum(dtype=np.float64))
            n_vehicle_values += chosen.size
    vehicles = of_vehicles / n_vehicle_values if n_vehicle_values else float("nan")
    return ReconstructionError(total / frames.size, vehicles)
