"""What it takes that an encoder shows vehicles: latents, layers, scales, a static road, time.

Encoders alone, without any brain, under several changes one by one, scored on held-out frames of
other episodes on the way:

    b2m-drive collect highway_fast --frames 22000 --vehicle-mask --height 48 --width 36 \
        --view-length 48 --seed 7 --out scenes.h5
    python scripts/encoder_variants.py scenes.h5 --picture docs/encoder_variants.png

Some twenty seconds of a core an encoder, more for those with more layers. Prints the means over
seeds and each seed's scores, and draws what the first seed's encoders make of held-out scenes.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm
from tune_changed_weight import draw_rows
from tune_isolated_driving import one_thread

from b2m_agents.studies.driving.plan import DrivingStudySettings
from b2m_agents.studies.driving.student import StudyData, study_data_of
from b2m_agents.studies.isolated import frozen_encoder
from b2m_drive.evidence.image_quality import image_quality
from b2m_drive.evidence.state_probe import state_r2
from b2m_drive.students.frame_batches import FramesFromMemory
from b2m_drive.students.pixel_weights import changed_pixels
from b2m_drive.students.scene_vae import Posterior, SceneVAE, SceneVAESettings, VAELoss
from b2m_drive.students.scene_vae_fitting import encode_frames, fit_scene_vae
from b2m_drive.students.seeded_streams import generator_for, torch_generator_for

SCORED_AT = (500, 1000)  # steps of 32 frames
FINE = {"first_stride": 2, "widths": (16, 32, 64, 64)}
COARSE = 4  # pixels of the second scale's, along each side
METRICS = ("vehicle pixels", "R2 of the state", "error x 1000")
WEIGHT = DrivingStudySettings().changed_weight or 1.0


@dataclass(frozen=True)
class Variant:
    """What is unlike the usual encoder."""

    settings: Mapping[str, Any] = field(default_factory=dict)  # of `SceneVAESettings`
    static_road: bool = False  # what is decoded is added to a picture that is learnt
    coarse_loss: bool = False  # the loss is also taken of pictures of a quarter of the size
    n_frames: int = 4000  # that teach


VARIANTS = {
    "as it is": Variant(),
    "32 latents": Variant({"latent_size": 32, "beta": 0.3}),  # as before 0.13.0
    "twice as wide": Variant({"widths": (32, 64, 128)}),
    "finer layers": Variant(FINE),
    "two scales": Variant(coarse_loss=True),
    "static road": Variant(static_road=True),
    "16,000 frames": Variant(n_frames=16_000),
}


class VariedVAE(SceneVAE):
    """A `SceneVAE` that may add a static picture, or judge two scales."""

    def __init__(self, settings: SceneVAESettings, variant: Variant, seed: int, mean: Tensor):
        super().__init__(settings, torch_generator_for(seed, 0))
        self.coarse_loss = variant.coarse_loss
        logits = torch.logit(mean.clamp(0.02, 0.98))
        self.static_road = nn.Parameter(logits) if variant.static_road else None

    def decode(self, latent: Tensor) -> Tensor:
        """Frames that latents stand for."""
        pixels = super().decode(latent)
        if self.static_road is None:
            return pixels
        return torch.sigmoid(torch.logit(pixels, eps=1e-6) + self.static_road)

    def loss(self, frames: Tensor, posterior: Posterior, weight: Tensor | None = None) -> VAELoss:
        """The usual loss, or its mean over both scales."""
        usual = super().loss(frames, posterior, weight)
        if not self.coarse_loss or weight is None:
            return usual
        pixels = frames.permute(0, 3, 1, 2).float() / 255
        pair = (self.decode(posterior.latent), pixels, weight)
        decoded, truth, weight = (nn.functional.avg_pool2d(each, COARSE) for each in pair)
        error = (weight * (decoded - truth).square()).sum() / weight.sum()
        coarse = 0.5 * ((2 * math.pi * (error + 255**-2)).log() + 1)
        fine = usual.reconstruction / self.settings.n_values
        return VAELoss(usual.reconstruction, usual.kl, usual.total + (coarse - fine) / 2)


@dataclass(frozen=True)
class Trained:
    """How one encoder did."""

    scores: dict[int, tuple[float, ...]]  # `METRICS` by step
    pictures: np.ndarray  # uint8 [scene height width] of some held-out scenes
    ms: float  # of processor time a step


@cache
def data_of(scenes: Path, n_frames: int) -> StudyData:
    """Frames that teach, and those of other episodes to score on."""
    return study_data_of(scenes, DrivingStudySettings(n_frames=n_frames, frames_curve=()))


def train(task: tuple[Path, str, int]) -> Trained:
    """Train an encoder of a variant and a seed."""
    scenes, name, seed = task
    variant, tuned = VARIANTS[name], frozen_encoder()
    data = data_of(scenes, variant.n_frames)
    frames = data.watched.frames
    usual = {"latent_size": tuned.latent_size, "beta": tuned.beta, "widths": tuned.widths}
    settings = SceneVAESettings(*frames.shape[1:], **{**usual, **variant.settings})
    weights = changed_pixels(frames, WEIGHT)
    network = VariedVAE(settings, variant, seed, weights.mean_frame)
    order = int(generator_for(seed, 1).integers(2**31))
    scores: dict[int, tuple[float, ...]] = {}
    scoring = 0.0

    def evaluate(step: int) -> None:
        nonlocal scoring
        begun = time.process_time()
        scores[step] = scored(network, data)
        scoring += time.process_time() - begun

    begun = time.process_time()
    study = DrivingStudySettings(n_steps=SCORED_AT[-1], evaluate_at=SCORED_AT)
    fit_scene_vae(
        network,
        FramesFromMemory(frames, study.batch_size, order),
        study.fitting(tuned.learning_rate),
        generator=torch_generator_for(seed, 2),
        weigh_pixels=weights,
        evaluate=evaluate,
    )
    ms = 1000 * (time.process_time() - begun - scoring) / SCORED_AT[-1]
    shown = torch.from_numpy(data.held_out[rows_shown(data)])
    return Trained(scores, network.reconstruct(shown)[..., -1].numpy(), ms)


def scored(network: SceneVAE, data: StudyData) -> tuple[float, ...]:
    """`METRICS` on held-out frames."""
    latents = encode_frames(network, data.held_out)
    with torch.no_grad():
        parts = [network.decode(part) for part in torch.split(torch.from_numpy(latents), 256)]
    pictures = (torch.cat(parts) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    quality = image_quality(data.held_out, pictures, data.vehicles, data.n_newest, 0)
    r2 = state_r2(latents, data.state, data.variables, data.episode)
    vehicles = math.nan if quality.vehicle_pixels is None else quality.vehicle_pixels
    return vehicles, float(np.mean(list(r2.values()))), 1000 * quality.error


def rows_shown(data: StudyData) -> np.ndarray:
    """Held-out scenes with many pixels of vehicles."""
    pixels = data.vehicles.sum((1, 2))
    busy = np.flatnonzero(pixels >= np.quantile(pixels, 0.75))
    return np.asarray(busy[np.linspace(0, len(busy) - 1, 8).astype(np.int64)])


def main() -> None:
    """Train every variant on every seed; print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes", type=Path, help="that collect wrote with --vehicle-mask")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=tuple(VARIANTS))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="PNG to write")
    asked = parser.parse_args()
    tasks = [(asked.scenes, name, seed) for name in asked.only for seed in asked.seeds]
    with get_context("spawn").Pool(asked.workers, initializer=one_thread) as pool:
        done = list(tqdm(pool.imap(train, tasks), total=len(tasks), unit="encoder"))
    for place, name in enumerate(asked.only):
        tell(name, done[place * len(asked.seeds) : (place + 1) * len(asked.seeds)])
    if asked.picture:
        data = data_of(asked.scenes, VARIANTS[asked.only[0]].n_frames)
        firsts = done[:: len(asked.seeds)]
        rows = {"scene": data.held_out[rows_shown(data)][..., -1]}
        rows |= {name: each.pictures for name, each in zip(asked.only, firsts, strict=True)}
        draw_rows(asked.picture, rows)


def tell(name: str, trained: list[Trained]) -> None:
    """Print means and each seed's scores."""
    print(f"{name}: {np.mean([each.ms for each in trained]):.1f} ms of a processor a step")
    for step in SCORED_AT:
        for place, metric in enumerate(METRICS):
            values = [each.scores[step][place] for each in trained]
            each_one = ", ".join(f"{value:.3f}" for value in values)
            print(f"    after {step} steps: {metric} {np.mean(values):.3f} ({each_one})")


if __name__ == "__main__":
    main()
