"""The best agent of a training, by episodes that neither it nor an evaluation sees."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from b2m_agents.episodes.episodes import selection_seed
from b2m_agents.learning.acting import Acting
from b2m_agents.learning.checkpoints import write_policy
from b2m_agents.learning.folder_names import AGENT_FILE, BEST_FOLDER, CONFIG_FILE, ENCODER_FOLDER
from b2m_agents.learning.training_record import Selection
from b2m_drive.files.writing import atomic_folder, write_bytes


def select(policy: BaseAlgorithm, worlds: VecEnv, seed: int) -> Selection:
    """Let an agent drive the same episodes each time, by its most likely actions.

    Args:
        policy: The agent.
        worlds: One an episode, see `selection_worlds`.
        seed: Of the training. The episodes' seeds follow from it, see `selection_seed`.
    """
    worlds.seed(selection_seed(seed))
    observation, acting = worlds.reset(), Acting(policy)
    done = np.ones(worlds.num_envs, np.bool_)
    returns, crashed = np.zeros(worlds.num_envs), np.zeros(worlds.num_envs, np.bool_)
    runs = np.ones(worlds.num_envs, np.bool_)
    while runs.any():
        observation, _, done, infos = worlds.step(acting.act(observation, done))
        for world in np.flatnonzero(done & runs):
            returns[world] = infos[world]["episode"]["r"]
            crashed[world] = infos[world]["crashed"]
        runs &= ~done
    return Selection(policy.num_timesteps, float(returns.mean()), float(crashed.mean()))


def write_best(folder: Path, policy: BaseAlgorithm) -> Path:
    """Put an agent into its training's ``best``, which is itself an agent's folder.

    Args:
        folder: Of the training.
        policy: The agent. Its file is replaced whole or not at all.
    """
    best = folder / BEST_FOLDER
    best.mkdir(exist_ok=True)
    encoder = folder / ENCODER_FOLDER
    if encoder.is_dir() and not (best / ENCODER_FOLDER).is_dir():
        with atomic_folder(best / ENCODER_FOLDER) as draft:
            shutil.copytree(encoder, draft, dirs_exist_ok=True)
    write_bytes(best / CONFIG_FILE, (folder / CONFIG_FILE).read_bytes())
    write_policy(best / AGENT_FILE, policy)
    return best
