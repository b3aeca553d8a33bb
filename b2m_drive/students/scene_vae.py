"""The student that sees: a variational autoencoder of driving scenes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from b2m_drive.files.settings_types import take_as_declared
from b2m_drive.students.devices import on_device
from b2m_drive.students.student_card import TrainedOn
from b2m_drive.students.student_folder import (
    read_student,
    write_student,
)

SMALLEST, LARGEST = 16, 512  # [pixels] of a frame's height and width
_LARGEST_LOGVAR = 8.0
_LEAST_VARIANCE = (1 / 255) ** 2  # of a pixel: one grey level
_CHANNELS_PER_GROUP = 8


@dataclass(frozen=True)
class SceneVAESettings:
    """Size and loss of a `SceneVAE`."""

    height: int  # [pixels]
    width: int  # [pixels]
    channels: int  # of all frames stacked into one observation
    latent_size: int = 32
    beta: float = 1.0  # weight of the divergence from the prior (Higgins et al. 2017)
    free_bits: float = 0.1  # [nats] of each latent that cost nothing (Kingma et al. 2016, C.8)
    widths: tuple[int, ...] = (16, 32, 64)  # channels of the encoder's layers; the decoder's mirror
    first_stride: int = 4  # of the first layer; the others have 2
    pixel_variance: float | None = None  # of a pixel around its reconstruction; None: fitted

    def __post_init__(self) -> None:
        take_as_declared(self)
        for name in ("height", "width"):
            value = getattr(self, name)
            if not isinstance(value, int) or not SMALLEST <= value <= LARGEST:
                raise ValueError(
                    f"{name}: expected a whole number of {SMALLEST} to {LARGEST} pixels, "
                    f"came {value!r}"
                )
        for name in ("channels", "latent_size", "first_stride"):
            _check_count(name, getattr(self, name))
        if not self.widths:
            raise ValueError(f"widths: expected at least one layer, came {self.widths!r}")
        for value in self.widths:
            _check_count("widths", value)
        for name in ("beta", "free_bits"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}: expected a number of at least 0, came {value!r}")
        if self.pixel_variance is not None and not self.pixel_variance > 0:
            raise ValueError(f"pixel_variance: expected more than 0, came {self.pixel_variance!r}")

    @property
    def n_values(self) -> int:
        """Numbers in a frame."""
        return self.height * self.width * self.channels


@dataclass(frozen=True)
class Posterior:
    """What the encoder believes about the latents of each frame."""

    mean: Float[Tensor, "batch latent"]
    logvar: Float[Tensor, "batch latent"]
    latent: Float[Tensor, "batch latent"]  # a draw, or the mean


@dataclass(frozen=True)
class VAELoss:
    """The two sides of the bound, as means over the batch, and what is minimised."""

    reconstruction: Float[Tensor, ""]  # [nats a frame] negative log-likelihood of the pixels
    kl: Float[Tensor, ""]  # [nats a frame] divergence of the posterior from the prior
    total: Float[Tensor, ""]  # [nats a value of the frame], free bits and beta applied


class SceneVAE(nn.Module):
    """A convolutional variational autoencoder (Kingma & Welling 2014) of frames of any size.

    Frames are padded at the right and the bottom until every layer divides them evenly, and the
    reconstruction is cut back. Group normalisation (Wu & He 2018) after each convolution lets the
    student leave the plateau of the mean image, on which it otherwise sits for hundreds of steps
    and every teacher looks good. ``to_mean`` is the layer for a teacher to attach to.
    """

    def __init__(
        self, settings: SceneVAESettings, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.settings = settings
        strides = (settings.first_stride, *[2] * (len(settings.widths) - 1))
        rows, columns = (
            math.ceil(size / math.prod(strides)) for size in (settings.height, settings.width)
        )
        self._map_shape = (settings.widths[-1], rows, columns)
        n_features = math.prod(self._map_shape)
        self.encoder = _encoder(settings.channels, settings.widths, strides)
        self.to_mean = nn.Linear(n_features, settings.latent_size)
        self.to_logvar = nn.Linear(n_features, settings.latent_size)
        self.from_latent = nn.Linear(settings.latent_size, n_features)
        self.decoder = _decoder(settings.channels, settings.widths, strides)
        self._padding = (
            columns * math.prod(strides) - settings.width,
            rows * math.prod(strides) - settings.height,
        )
        _initialise(self, generator)

    @property
    def device(self) -> torch.device:
        """Where it computes; frames and latents that it is given are brought there."""
        return self.to_mean.weight.device

    def forward(
        self,
        frames: UInt8[Tensor, "batch height width channel"],
        generator: torch.Generator | None = None,
        weight: Float[Tensor, "batch channel height width"] | None = None,
    ) -> tuple[Posterior, VAELoss]:
        """The posterior of frames, and the loss on them, see `loss`."""
        posterior = self.encode(frames, generator)
        return posterior, self.loss(frames, posterior, weight)

    def encode(
        self,
        frames: UInt8[Tensor, "batch height width channel"],
        generator: torch.Generator | None = None,
    ) -> Posterior:
        """The posterior of each frame.

        Args:
            frames: As an environment gives them.
            generator: Of the draw. Without one, latents are drawn in training mode from PyTorch's
                own generator, and are the posterior means in evaluation mode.

        Raises:
            ValueError: If the frames are of another size or type.
        """
        self.check_frames(frames)
        frames = on_device(frames, self.device)
        pixels = self._padded(_as_pixels(frames) - 0.5).to(self.to_mean.weight.dtype)
        features = self.encoder(pixels).flatten(1)
        mean = self.to_mean(features).float()
        logvar = _LARGEST_LOGVAR * torch.tanh(self.to_logvar(features).float() / _LARGEST_LOGVAR)
        latent = mean
        if self.training or generator is not None:
            latent = mean + (0.5 * logvar).exp() * _normal(mean, generator)
        return Posterior(mean, logvar, latent)

    def decode(
        self, latent: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch channel height width"]:
        """The frames, with pixels within 0 and 1, that latents stand for."""
        rows = self.from_latent(latent.to(self.to_mean.weight)).view(-1, *self._map_shape)
        pixels = self.decoder(rows)[..., : self.settings.height, : self.settings.width]
        return torch.sigmoid(pixels.float())

    def loss(
        self,
        frames: UInt8[Tensor, "batch height width channel"],
        posterior: Posterior,
        weight: Float[Tensor, "batch channel height width"] | None = None,
    ) -> VAELoss:
        """The negative evidence lower bound of frames, given their posterior.

        The likelihood is Gaussian around the reconstruction and summed over pixels, so that a
        small vehicle counts as many nats as it has pixels. With a fitted variance it is the
        sigma-VAE (Rybkin, Daniilidis & Levine 2021, eq. 7): the variance that makes the batch
        most likely, its mean squared error. This balances the two sides without a weight to tune,
        so that beta = 1 collapses no posterior.

        Args:
            frames: That were encoded.
            posterior: Of them.
            weight: Of each pixel in the mean squared error, such as `ChangedPixels` gives; only
                ratios of weights count. None: all alike.
        """
        pixels = _as_pixels(on_device(frames, self.device))
        error = _squared_error(self.decode(posterior.latent), pixels, weight)
        n_values = self.settings.n_values
        if self.settings.pixel_variance is None:
            likelihood = 0.5 * n_values * ((2 * math.pi * (error + _LEAST_VARIANCE)).log() + 1)
        else:
            variance = self.settings.pixel_variance
            likelihood = 0.5 * n_values * (math.log(2 * math.pi * variance) + error / variance)
        kl = kl_of_latents(posterior)
        paid = kl.clamp_min(self.settings.free_bits).sum()
        total = (likelihood + self.settings.beta * paid) / n_values
        return VAELoss(likelihood, kl.sum(), total)

    @torch.no_grad()
    def reconstruct(
        self, frames: UInt8[Tensor, "batch height width channel"]
    ) -> UInt8[Tensor, "batch height width channel"]:
        """Frames as the posterior mean remembers them."""
        return _as_frames(self.decode(self.encode(frames).mean))

    @torch.no_grad()
    def sample(
        self, n_frames: int, generator: torch.Generator | None = None
    ) -> UInt8[Tensor, "frame height width channel"]:
        """Frames of latents drawn from the prior."""
        like = self.to_mean.bias.expand(n_frames, -1)
        return _as_frames(self.decode(_normal(like, generator)))

    @torch.no_grad()
    def traverse(
        self,
        frame: UInt8[Tensor, "height width channel"],
        index: int,
        values: Sequence[float] | Float[Tensor, " step"],
    ) -> UInt8[Tensor, "step height width channel"]:
        """What changes in a frame when one latent takes other values.

        Args:
            frame: Whose other latents are kept.
            index: Of the latent.
            values: For it, one a step.

        Raises:
            ValueError: If there is no such latent, or the frame is of another size or type.
        """
        if not 0 <= index < self.settings.latent_size:
            raise ValueError(
                f"index: expected a latent, 0 to {self.settings.latent_size - 1}, came {index}"
            )
        latent = self.encode(frame[None]).mean.repeat(len(values), 1)
        latent[:, index] = torch.as_tensor(values).to(latent)
        return _as_frames(self.decode(latent))

    def check_frames(self, frames: Tensor) -> None:
        """Raise ValueError if frames are not what this student sees."""
        shape = (self.settings.height, self.settings.width, self.settings.channels)
        if frames.dtype != torch.uint8 or frames.ndim != 4 or tuple(frames.shape[1:]) != shape:
            raise ValueError(
                f"frames: expected torch.uint8 (batch, {', '.join(map(str, shape))}), "
                f"came {frames.dtype} {tuple(frames.shape)}"
            )

    def save_pretrained(self, folder: str | Path, trained_on: TrainedOn | None = None) -> Path:
        """Write weights (safetensors), settings (JSON) and a model card, whole or not at all.

        Args:
            folder: Where to.
            trained_on: What it learnt from, for the card; None: the card says that it is not told.
        """
        return write_student(folder, self, self.settings, trained_on)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> SceneVAE:
        """Read a student that `save_pretrained` wrote; it comes in evaluation mode.

        Args:
            folder: Of the student, or ``"user/name"`` on the Hugging Face Hub (extra ``hub``).

        Raises:
            FileNotFoundError: If the folder or one of its two files is missing.
            ValueError: If a file is damaged or belongs to another class or architecture.
        """
        return read_student(folder, cls, SceneVAESettings).eval()

    def _padded(
        self, pixels: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel padded_height padded_width"]:
        """The last column and row repeated, until every layer divides the frame evenly."""
        right, bottom = self._padding
        if not (right or bottom):
            return pixels
        return nn.functional.pad(pixels, (0, right, 0, bottom), mode="replicate")


def kl_of_latents(posterior: Posterior) -> Float[Tensor, " latent"]:
    """Divergence of each latent from a standard normal [nats], mean over the batch.

    Kingma & Welling 2014, appendix B. A latent near 0 has collapsed: it tells nothing.
    """
    mean, logvar = posterior.mean.float(), posterior.logvar.float()  # the square of 300 is no half
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean(0)


def _encoder(channels: int, widths: Sequence[int], strides: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out, stride in zip((channels, *widths[:-1]), widths, strides, strict=True):
        # A kernel two wider than the stride: neighbours overlap, and no pixel is left out.
        layers += [nn.Conv2d(n_in, n_out, stride + 2, stride, padding=1), _norm(n_out), nn.SiLU()]
    return nn.Sequential(*layers)


def _decoder(channels: int, widths: Sequence[int], strides: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    inner = zip(widths[:0:-1], widths[-2::-1], strides[:0:-1], strict=True)
    for n_in, n_out, stride in inner:
        layers += [_norm(n_in), nn.SiLU()]
        layers += [nn.ConvTranspose2d(n_in, n_out, stride + 2, stride, padding=1)]
    # Pixels of a block as channels (Shi et al. 2016): faster here than a transposed convolution.
    layers += [_norm(widths[0]), nn.SiLU()]
    layers += [nn.Conv2d(widths[0], channels * strides[0] ** 2, 3, padding=1)]
    layers += [nn.PixelShuffle(strides[0])]
    return nn.Sequential(*layers)


def _norm(width: int) -> nn.GroupNorm:
    n_groups = width // _CHANNELS_PER_GROUP if width % _CHANNELS_PER_GROUP == 0 else 1
    return nn.GroupNorm(n_groups, width)


def _initialise(network: nn.Module, generator: torch.Generator | None) -> None:
    """PyTorch's uniform start of linear and convolution layers, drawn from the generator."""
    device = None if generator is None else generator.device
    with torch.no_grad():
        for layer in network.modules():
            if not isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                continue
            bound = math.prod(layer.weight.shape[1:]) ** -0.5
            for parameter in layer.parameters():
                draw = torch.rand(parameter.shape, generator=generator, device=device)
                parameter.copy_((2 * draw - 1) * bound)


def _normal(
    like: Float[Tensor, "*shape"], generator: torch.Generator | None
) -> Float[Tensor, "*shape"]:
    """A standard normal draw; a generator on another device draws there."""
    device = like.device if generator is None else generator.device
    noise = torch.randn(like.shape, generator=generator, device=device)
    return on_device(noise, like.device)


def _squared_error(
    decoded: Float[Tensor, "batch channel height width"],
    pixels: Float[Tensor, "batch channel height width"],
    weight: Float[Tensor, "batch channel height width"] | None,
) -> Float[Tensor, ""]:
    """The mean over pixels, weighted where weights are given."""
    if weight is None:
        return nn.functional.mse_loss(decoded, pixels)
    return (weight * (decoded - pixels).square()).sum() / weight.sum()


def _as_pixels(
    frames: UInt8[Tensor, "batch height width channel"],
) -> Float[Tensor, "batch channel height width"]:
    return frames.permute(0, 3, 1, 2).float() / 255


def _as_frames(
    pixels: Float[Tensor, "batch channel height width"],
) -> UInt8[Tensor, "batch height width channel"]:
    return (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}: expected a whole number of at least 1, came {value!r}")
