"""Agents and encoders that learnt next to nothing, in seconds."""

from __future__ import annotations

from pathlib import Path

import torch

from b2m_agents.training import TrainingSettings, train_agent
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings

SMALL = {"height": 36, "width": 40, "vehicles_count": 3, "duration": 4.0}


def tiny_encoder(folder: Path) -> Path:
    """An encoder of `SMALL` scenes, with the weights it began with."""
    settings = SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8))
    return SceneVAE(settings, torch.Generator().manual_seed(0)).save_pretrained(folder)


def tiny_agent(folder: Path, encoder: Path, scenario: str = "highway_fast", seed: int = 0) -> Path:
    """An agent of 32 steps on that encoder."""
    settings = TrainingSettings(
        n_steps=32, n_environments=2, rollout=16, batch_size=16, n_epochs=1, seed=seed
    )
    return train_agent(
        scenario, encoder, folder, settings, SMALL, in_processes=False, progress=False
    )
