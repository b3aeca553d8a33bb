"""Our encoder for frames from anywhere: a `SceneVAE` of the size of whatever it is shown."""

from __future__ import annotations

import torch
from torch import nn

from b2m_drive.students.own_network import Frames, Shape
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings

FACTORY = f"{__name__}:FrameVAE"
LAYER = "vae.to_mean"  # the posterior's mean
_BETA = 0.3  # as chosen for the driving study with as many latents, on seeds none reports


class FrameVAE(nn.Module):
    """A `SceneVAE` that fulfils the contract of `b2m_drive.students.own_network`.

    ::

        student = FrameStudent(FrameVAE, "vae.to_mean", "pictures/")

    Args:
        shape: Of the frames: channels, height and width, 16 to 512 pixels each.

    Raises:
        ValueError: If the frames are smaller or larger.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        channels, height, width = shape
        self.vae = SceneVAE(SceneVAESettings(height, width, channels, beta=_BETA))

    def forward(self, frames: Frames) -> Frames:
        """The reconstruction of frames, from draws in training and posterior means else."""
        return self.vae.decode(self.vae.encode(_as_bytes(frames)).latent)

    def task_loss(self, frames: Frames) -> torch.Tensor:
        """The negative evidence lower bound [nats a value of the frame], see `SceneVAE.loss`."""
        _, loss = self.vae(_as_bytes(frames))
        return torch.as_tensor(loss.total)


def _as_bytes(frames: Frames) -> torch.Tensor:
    """Frames as `SceneVAE` takes them: uint8 [batch height width channel].

    Raises:
        ValueError: If a pixel is not within 0 and 1.
    """
    low, high = frames.aminmax()
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"frames: expected pixels of 0 to 1 for this encoder, came {low:g} to {high:g}"
        )
    return (frames * 255).round().byte().permute(0, 2, 3, 1)
