"""Train an encoder of driving scenes beside a *simulated* brain that watches them.

    python scripts/train_encoder.py encoders/taught
    python scripts/train_encoder.py encoders/alone --strategy none
    b2m-drive train-agent highway_fast --encoder encoders/taught

Your own brain takes the place of the simulated one: `read_scene_recording("mine.h5")`. One training
without controls shows nothing of the brain; for that there is `b2m-drive compare driving`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from b2m_agents.encoder_view import write_view
from b2m_agents.rollouts import CollectSettings, collect_scenes
from b2m_agents.studies.isolated import frozen_encoder
from b2m_drive.brain.frame_pairing import estimate_delay, principal_latents, responses
from b2m_drive.brain.scene_controls import state_labels
from b2m_drive.brain.simulated_driver import SimulatedDriver
from b2m_drive.evidence.state_probe import state_r2, varying_variables
from b2m_drive.students.fitting import FittingSettings
from b2m_drive.students.frame_batches import FrameBatch, frame_batches
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.scene_vae_fitting import encode_frames, fit_scene_vae
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.transfer import BrainTargets, attach

WINDOW = 0.4  # [s] of the brain's response to a frame
WEIGHT = 0.1  # of the transfer term, beside the encoder's loss a pixel


def watch(scenes: SceneDataset, teaching: np.ndarray, brain: SimulatedDriver) -> BrainTargets:
    """Let the brain watch every frame in order, and take its latents of those that teach."""
    names, episode = scenes.header.state_names, scenes.episode_of_frame
    recording = brain.record(scenes.state, names, scenes.time, episode, 0)
    window = min(WINDOW, scenes.header.step_seconds)  # or it would hold the next frame's, too
    labels = state_labels(scenes.state[teaching], names)
    found = estimate_delay(recording, teaching, labels, episode[teaching], window=window)
    activity = responses(recording, teaching, found.delay, window)
    latents = principal_latents(activity, np.ones(len(teaching), dtype=bool))
    share = latents.share_of_variance.astype(np.float32)
    print(f"simulated brain: {latents.values.shape[1]} latents, {found.delay:g} s after a frame")
    return BrainTargets(latents.values, teaching, "simulated brain", variance=share)


def main(
    folder: Path,
    scenes: Annotated[Path | None, typer.Option(help="File of b2m-drive collect.")] = None,
    scenario: Annotated[str, typer.Option(help="To collect, without --scenes.")] = "highway_fast",
    frames: Annotated[int, typer.Option(help="To collect.", min=1)] = 5200,
    strategy: Annotated[str, typer.Option(help="regression, contrastive or none.")] = "regression",
    preset: Annotated[str, typer.Option(help="ideal, best_session, median_session.")] = "ideal",
    steps: Annotated[int, typer.Option(min=1)] = 500,
    seed: int = 0,
) -> None:
    """Collect scenes, let the brain watch, train, save encoder and view, and read the state."""
    settings = CollectSettings(n_frames=frames, seed=seed, n_workers=os.cpu_count() or 1)
    dataset = SceneDataset(scenes or collect_scenes(scenario, folder / "scenes.h5", settings))
    split, generator = dataset.split(0.2, seed), torch.Generator().manual_seed(seed)
    tuned = frozen_encoder()
    vae = SceneVAE(
        SceneVAESettings(
            *dataset.frame_shape, tuned.latent_size, beta=tuned.beta, widths=tuned.widths
        ),
        generator,
    )
    attachment = None
    if strategy != "none":
        targets = watch(dataset, split.teaching, SimulatedDriver.preset(preset))
        attachment = attach(vae, "to_mean", targets, strategy=strategy, generator=generator)

    def transfer(step: int, batch: FrameBatch) -> torch.Tensor:
        return attachment.loss(batch.frame_id, weight=WEIGHT)

    fit_scene_vae(
        vae,
        frame_batches(dataset, split.teaching, 64, seed),
        FittingSettings(steps, tuned.learning_rate, evaluate_every=steps),
        generator=generator,
        extra_loss=transfer if attachment else None,
        extra_parameters=list(attachment.parameters()) if attachment else (),
    )
    vae.save_pretrained(folder)
    write_view(folder, {"scenario": dataset.header.scenario, **dataset.header.settings})
    held, names = split.held_out, dataset.header.state_names
    state, episode = dataset.state[held], dataset.episode_of_frame[held]
    told = varying_variables(state, names, episode)
    if told:
        columns = [names.index(name) for name in told]
        r2 = state_r2(encode_frames(vae, dataset, held), state[:, columns], told, episode)
        print(f"state read from {len(held)} held-out frames: R2 {np.mean(list(r2.values())):.3f}")
    print(f"encoder: {folder} (teacher: {strategy}{'' if strategy == 'none' else ', simulated'})")


if __name__ == "__main__":
    typer.run(main)
