"""Weights of pixels in a reconstruction, so that what is small and moves is not blurred away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

CHANGED = 0.1  # grey levels from the mean frame, black being 0 and white 1


@dataclass(frozen=True)
class ChangedPixels:
    """Gives pixels that differ from the mean frame more weight than the others have.

    A vehicle covers about one pixel in two hundred of a bird's-eye view, so that an encoder gains
    little by drawing it, and a short training ends before it does. Nothing but the frames is
    asked: no mask, and no state of the scene.
    """

    mean_frame: Float[Tensor, "channel height width"]  # black 0, white 1
    weight: float  # of a pixel that differs; 1 of the others

    def __call__(
        self, frames: UInt8[Tensor, "batch height width channel"]
    ) -> Float[Tensor, "batch channel height width"]:
        """The weight of every pixel of some frames."""
        pixels = frames.permute(0, 3, 1, 2).float() / 255
        differs = (pixels - self.mean_frame.to(pixels.device)).abs() > CHANGED
        return 1 + (self.weight - 1) * differs.float()


def changed_pixels(
    frames: UInt8[np.ndarray, "frame height width channel"], weight: float
) -> ChangedPixels:
    """Weights by the mean of the frames that a student learns from.

    Args:
        frames: That it learns from.
        weight: Of a pixel that differs from their mean, beside 1 of the others.

    Raises:
        ValueError: If there are no frames.
    """
    if not len(frames):
        raise ValueError("frames: expected one or more, came none")
    mean = frames.mean(0, dtype=np.float64) / 255
    return ChangedPixels(torch.from_numpy(mean.transpose(2, 0, 1).astype(np.float32)), weight)
