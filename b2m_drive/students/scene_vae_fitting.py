"""Training a `SceneVAE`, and running a trained one over many frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from torch import Tensor, nn

from b2m_drive.students.devices import device_of, on_device
from b2m_drive.students.fitting import FittingSettings, fit
from b2m_drive.students.frame_batches import FrameBatch, FrameBatches
from b2m_drive.students.scene_dataset import SceneDataset
from b2m_drive.students.scene_vae import SceneVAE

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")

ExtraLoss = Callable[[int, FrameBatch], Float[Tensor, ""]]
WeighPixels = Callable[
    [UInt8[Tensor, "batch height width channel"]], Float[Tensor, "batch channel height width"]
]


def fit_scene_vae(
    vae: SceneVAE,
    batches: Iterator[FrameBatch],
    settings: FittingSettings,
    *,
    generator: torch.Generator | None = None,
    extra_loss: ExtraLoss | None = None,
    extra_parameters: Sequence[nn.Parameter] = (),
    weigh_pixels: WeighPixels | None = None,
    precision: Precision = "float32",
    compiled: bool = False,
    evaluate: Callable[[int], None] | None = None,
    after_step: Callable[[], None] | None = None,
    device: str | torch.device | None = None,
) -> None:
    """Train a student on frames, with a teacher's term if there is one.

    ::

        attachment = attach(vae, "to_mean", targets)
        fit_scene_vae(
            vae, batches, FittingSettings(500, 2e-3),
            extra_loss=lambda step, batch: attachment.loss(batch.frame_id, weight=weight(step)),
            extra_parameters=list(attachment.parameters()),
        )

    Args:
        vae: The student. It ends in evaluation mode.
        batches: Frames to learn from, one batch a step.
        settings: Steps, learning rate and so on.
        generator: Of the draws from the posterior.
        extra_loss: Added to the student's loss, after its forward pass: of the step and batch.
        extra_parameters: Trained as well, such as those of a teacher's attachment.
        weigh_pixels: Weights of a batch's pixels in the loss, see `ChangedPixels`; None: all alike.
        precision: Of the layers' arithmetic; weights and losses stay float32.
        compiled: Whether PyTorch compiles the convolutions first, for a GPU and many steps: it
            takes up to a minute, and on one CPU core gains nothing. They stay compiled.
        evaluate: Called with the number of steps done, in evaluation mode.
        after_step: Called after each step, for progress.
        device: That the student is brought to and trained on, see `device_of`; None: where it is.
            A teacher is attached after that: an attachment follows its network's device. Frames in
            memory are kept there, too, where they fit.

    Raises:
        ValueError: If the precision is unknown, the frames are of another size or type, or there
            is no such device.
    """
    if device is not None:
        vae.to(device_of(device))
    device = vae.device
    if isinstance(batches, FrameBatches):
        batches.keep_on(device)
    if compiled:  # not the rest: a draw from a generator, and a teacher's hook, stay as they are
        vae.encoder.compile()
        vae.decoder.compile()
    in_precision = _arithmetic(precision, device)
    parameters = [*vae.parameters(), *extra_parameters]

    def loss_of_step(step: int) -> Tensor:
        batch = next(batches)
        frames = on_device(batch.frames, device)
        vae.check_frames(frames)
        with in_precision():
            weight = None if weigh_pixels is None else weigh_pixels(frames)
            _, loss = vae(frames, generator, weight)
        total: Tensor = loss.total
        return total if extra_loss is None else total + extra_loss(step, batch)

    def evaluate_in_evaluation_mode(n_steps: int) -> None:
        if evaluate is not None:
            vae.eval()
            evaluate(n_steps)
        vae.train()

    try:
        fit(
            parameters,
            loss_of_step,
            settings,
            limit_gradient=_limit_gradient,
            evaluate=evaluate_in_evaluation_mode,
            after_step=after_step or _nothing,
        )
    finally:
        vae.eval()


@torch.no_grad()
def encode_frames(
    vae: SceneVAE,
    frames: UInt8[np.ndarray, "frame height width channel"] | SceneDataset,
    rows: Int[np.ndarray, " row"] | None = None,
    *,
    batch_size: int = 256,
    precision: Precision = "float32",
    device: str | torch.device | None = None,
) -> Float32[np.ndarray, "row latent"]:
    """Posterior means of many frames, a batch at a time.

    Args:
        vae: The encoder. Its mode does not matter.
        frames: In memory, or a file that is read a batch at a time.
        rows: Which of them; None: all.
        batch_size: Frames a pass.
        precision: Of the layers' arithmetic.
        device: That the encoder is brought to, see `device_of`; None: where it is.

    Raises:
        ValueError: If the precision is unknown, the frames are of another size or type, or there
            is no such device.
    """
    if device is not None:
        vae.to(device_of(device))
    rows = np.arange(len(frames)) if rows is None else rows
    in_precision = _arithmetic(precision, vae.device)
    latents = np.empty((len(rows), vae.settings.latent_size), dtype=np.float32)
    for start in range(0, len(rows), batch_size):
        chosen = rows[start : start + batch_size]
        batch = frames.frames(chosen) if isinstance(frames, SceneDataset) else frames[chosen]
        with in_precision():
            mean = vae.encode(torch.from_numpy(batch)).mean
        latents[start : start + len(chosen)] = mean.cpu().numpy()
    return latents


def _arithmetic(
    precision: Precision, device: torch.device
) -> Callable[[], AbstractContextManager[Any]]:
    """What to compute in, as a function that opens the context."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision: expected one of {PRECISIONS}, came {precision!r}")
    enabled = precision == "bfloat16"
    return lambda: torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def _limit_gradient(parameters: Sequence[nn.Parameter], limit: float) -> None:
    nn.utils.clip_grad_norm_(parameters, limit)


def _nothing() -> None:
    pass
