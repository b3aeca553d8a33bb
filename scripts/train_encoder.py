"""Train an encoder of driving scenes beside a *simulated* brain that watches them.

    python scripts/train_encoder.py encoders/taught
    python scripts/train_encoder.py encoders/alone --strategy none
    b2m-drive train-agent highway_fast --encoder encoders/taught

Your own brain takes the place of the simulated one: `read_scene_recording("mine.h5")`. One training
without controls shows nothing of the brain; `b2m-drive compare driving` has the controls.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import typer

from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_agents.studies.isolated import frozen_encoder
from b2m_agents.worlds.encoder_view import write_view
from b2m_drive import CardScore, TrainedOn
from b2m_drive.evidence.state_probe import state_r2, varying_variables
from b2m_drive.recordings.simulated.driver import SimulatedDriver
from b2m_drive.students.devices import device_of
from b2m_drive.students.fitting import FittingSettings
from b2m_drive.students.frame_batches import frame_batches
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.scene_vae_fitting import encode_frames, fit_scene_vae
from b2m_drive.students.scenes import SceneDataset
from b2m_drive.students.student_card import NO_BRAIN_AND_SIMULATED
from b2m_drive.teachers.frame_pairing import principal_latents, responses
from b2m_drive.transfer import BrainTargets, attach

WEIGHT = 0.1  # of the transfer term, beside the encoder's loss a pixel


def watch(scenes: SceneDataset, rows: np.ndarray, brain: SimulatedDriver) -> BrainTargets:
    """The brain watches the whole drive; of some frames its latents are the target."""
    names, episode = scenes.header.state_names, scenes.episode_of_frame
    recording = brain.record(scenes.state, names, scenes.time, episode, 0)
    activity = responses(recording, rows, brain.delay, window=0.4)  # of a person: estimate_delay
    latents = principal_latents(activity, np.ones(len(rows), dtype=bool), n_latents=16)
    share = latents.share_of_variance.astype(np.float32)
    return BrainTargets(latents.values, rows, "simulated brain", variance=share)


def read_state(vae: SceneVAE, scenes: SceneDataset, rows: np.ndarray) -> float:
    """Mean R2 of the state's variables, read linearly from the latents of these frames."""
    episode, state = scenes.episode_of_frame[rows], scenes.state[rows]
    varying = varying_variables(state, scenes.header.state_names, episode)
    columns = [scenes.header.state_names.index(name) for name in varying]
    r2 = state_r2(encode_frames(vae, scenes, rows), state[:, columns], varying, episode)
    return float(np.mean(list(r2.values()))) if r2 else float("nan")


def main(
    folder: Path, scenes: Path | None = None, scenario: str = "highway_fast", frames: int = 5200,
    strategy: Literal["regression", "contrastive", "none"] = "regression", preset: str = "ideal",
    steps: int = 500, seed: int = 0, device: str = "cpu",
) -> None:  # fmt: skip
    """Train on --scenes, or collect some; --strategy regression, contrastive or none.

    Either strategy is the term that `b2m-drive compare driving` judges. --device cuda, or auto.
    """
    where = device_of(device)
    path = scenes or collect_scenes(scenario, folder / "scenes.h5", CollectSettings(frames))
    dataset, tuned = SceneDataset(path), frozen_encoder()
    split, generator = dataset.split(0.2, seed), torch.Generator().manual_seed(seed)
    size = (*dataset.frame_shape, tuned.latent_size)
    vae = SceneVAE(SceneVAESettings(*size, beta=tuned.beta, widths=tuned.widths), generator)
    vae.to(where)  # before a teacher is attached, which follows
    settings = FittingSettings(steps, tuned.learning_rate, evaluate_every=steps)
    teaching: dict[str, Any] = {}
    if strategy != "none":
        targets = watch(dataset, split.teaching, SimulatedDriver.preset(preset))
        head = attach(vae, "to_mean", targets, strategy=strategy, generator=generator)
        teaching["extra_loss"] = lambda step, batch: head.loss(batch.frame_id, weight=WEIGHT)
        teaching["extra_parameters"] = list(head.parameters())
    with frame_batches(dataset, split.teaching, 32, seed) as batches:
        fit_scene_vae(vae, batches, settings, generator=generator, **teaching)
    teacher = "none" if strategy == "none" else f"simulated brain ({preset}), {strategy}"
    r2 = read_state(vae, dataset, split.held_out)
    scored = CardScore("R2 of the state", r2, "1", "not known: one seed", "held-out frames")
    viewer = {"simulated": True, "source": f"SimulatedDriver, preset {preset}"}
    brain = NO_BRAIN_AND_SIMULATED if strategy == "none" else viewer
    told = f"{len(split.teaching)} SIMULATED frames of {dataset.header.scenario}."
    card = TrainedOn(told, brain, teacher, scores=(scored,))
    vae.save_pretrained(folder, card)  # a recording of a person is given itself, as brain
    write_view(folder, {"scenario": dataset.header.scenario, **dataset.header.settings})
    print(f"teacher: {teacher}; R2 of the state in held-out frames: {r2:.3f}; saved: {folder}")


if __name__ == "__main__":
    typer.run(main)
