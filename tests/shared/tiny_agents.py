"""Agents and encoders that learnt next to nothing, in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.training import train_agent
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings

SMALL = {"height": 36, "width": 40, "vehicles_count": 3, "duration": 4.0}
_SHORT = {
    "ppo": {"rollout": 16, "batch_size": 16, "n_epochs": 1},
    "recurrent_ppo": {"rollout": 16, "batch_size": 16, "n_epochs": 1, "lstm_size": 12},
    "dqn": {"learning_starts": 16, "batch_size": 16, "buffer_size": 64, "gradient_steps": 1},
    "sac": {"learning_starts": 16, "batch_size": 16, "buffer_size": 64, "gradient_steps": 1},
}


def tiny_encoder(folder: Path) -> Path:
    """An encoder of `SMALL` scenes, with the weights it began with."""
    settings = SceneVAESettings(36, 40, 2, latent_size=6, widths=(8, 8))
    return SceneVAE(settings, torch.Generator().manual_seed(0)).save_pretrained(folder)


def tiny_agent(
    folder: Path,
    encoder: Path | None,
    algorithm: str = "ppo",
    *,
    scenario: str = "highway_fast",
    observation: str = "latents",
    device: str = "cpu",
    **changes: Any,
) -> Path:
    """An agent of 32 steps; continuous actions for SAC."""
    short = {"n_steps": 32, "n_environments": 2, "evaluate_every": 0, "tensorboard": False}
    settings = settings_for(
        scenario,
        observation=observation,
        algorithm=algorithm,
        **short | _SHORT[algorithm] | changes,
    )
    action = {"action": "continuous"} if algorithm == "sac" else {}
    return train_agent(
        scenario, encoder, folder, settings, SMALL | action, in_processes=False, progress=False,
        device=device,
    )  # fmt: skip
