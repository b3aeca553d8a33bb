"""Encoders and decoders of frames as a user would write them, and frames of the user's own."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import b2m_drive as b2m

N_FRAMES, SIZE = 120, 16
STEP, RATE = 0.5, 20  # [s] between frames, [Hz] of the samples


class Autoencoder(nn.Module):
    """Convolutions to a code and back, as torchvision's blocks are written."""

    def __init__(self, shape: tuple[int, int, int], n_code: int = 8) -> None:
        super().__init__()
        channels, height, width = shape
        small = 8 * (height // 4) * (width // 4)
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, 4, 3, 2, 1), nn.ReLU(inplace=True),
            nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU(inplace=True), nn.Flatten(),
            nn.Linear(small, n_code),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(n_code, small), nn.ReLU(inplace=True),
            nn.Unflatten(1, (8, height // 4, width // 4)),
            nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ReLU(inplace=True),
            nn.ConvTranspose2d(4, channels, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, frames: Tensor) -> Tensor:
        return self.decoder(self.encoder(frames))


class Variational(Autoencoder):
    """Gives a further term of its loss, and draws its code at random."""

    def forward(self, frames: Tensor) -> tuple[Tensor, dict[str, Tensor]]:  # type: ignore[override]
        mean = self.encoder(frames)
        return self.decoder(mean + torch.randn_like(mean)), {"size": 1e-3 * mean.square().mean()}


class Denoising(Autoencoder):
    """Has a loss of its own."""

    def task_loss(self, frames: Tensor) -> Tensor:
        noisy = frames + 0.1 * torch.randn_like(frames)
        return (self.decoder(self.encoder(noisy)) - frames).abs().mean()


def grey() -> Autoencoder:
    """A factory that asks for nothing."""
    return Autoencoder((1, SIZE, SIZE))


def position(count: int = N_FRAMES) -> np.ndarray:
    """Where the bar of each frame is: it goes slowly to and fro."""
    return (5.5 + 5 * np.sin(np.arange(count) / 4)).astype(int)


def bars(count: int = N_FRAMES, n_channels: int = 1) -> np.ndarray:
    """Frames of a bright bar, uint8 [frame height width channel]."""
    frames = np.random.default_rng(3).integers(0, 60, (count, SIZE, SIZE, n_channels))
    for frame, column in zip(frames, position(count), strict=True):
        frame[:, column : column + 3] += 150
    return frames.astype(np.uint8)


def write_hdf5(path: Path, frames: np.ndarray | None = None, name: str = "video/frames") -> str:
    """A file of a user's own making; returns where the frames lie in it."""
    with h5py.File(path, "w") as file:
        file[name] = bars() if frames is None else frames
    return f"{path}:/{name}"


def write_pictures(folder: Path, frames: np.ndarray | None = None, name: str = "f{}.png") -> Path:
    """A folder of pictures, whose names in order are not in the order of their numbers."""
    folder.mkdir()
    for index, frame in enumerate(bars() if frames is None else frames):
        picture = Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame)
        picture.save(folder / name.format(index))
    return folder


def recording(ids: np.ndarray | None = None) -> b2m.Recording:
    """A made-up brain that sees where the bar is while the frames go by."""
    shown = np.arange(N_FRAMES) if ids is None else ids
    random = np.random.default_rng(0)
    each = int(STEP * RATE)
    seen = np.repeat(position(len(shown)), each)
    tuning = random.normal(size=(SIZE, 12))
    return b2m.Recording.from_arrays(
        signal=tuning[seen] + random.normal(0, 0.5, (len(seen), 12)),
        time=np.arange(len(seen)) / RATE,
        onset=np.arange(len(shown)) * STEP,
        duration=STEP,
        ids=shown,
        subject="nobody",
        session="made up",
        source="made up",
        licence="mine",
        simulated=True,
    )
