"""Checkpoints of a training: written whole, so that a kill leaves the last one as it was.

Beside the agent's own file there are, until the next checkpoint, the episodes under way
(``episodes-under-way-STEP.json``) and, for DQN and SAC, the replay buffer (``replay-STEP.npz``:
plain arrays, no pickle). They name the step of the agent that they belong to, and count only once
its file is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.her import HerReplayBuffer

from b2m_agents.learning.agent_file import save_agent
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.learning.algorithms import policy_to_resume
from b2m_agents.learning.deleted_agent import OTHER_AGENT
from b2m_agents.learning.folder_names import AGENT_FILE, ENCODER_FOLDER
from b2m_agents.online.online_transfer import TransferPPO
from b2m_agents.worlds.latent_observation import VecLatentObservation
from b2m_agents.worlds.replayable_episodes import EpisodeUnderWay, ReplayableSceneVecEnv
from b2m_drive.files.array_files import read_arrays
from b2m_drive.files.fingerprints import recorded_write, require_as_made
from b2m_drive.files.json_files import read_json
from b2m_drive.files.refusals import naming
from b2m_drive.files.writing import write_arrays, write_json

_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
_EPISODES = ("ep_start", "ep_length")  # where each row's episode begins, of hindsight replay
_STARTS = "current_ep_start"  # of the episodes under way
_STEPPED = ("episodes-under-way-*.json", "replay-*.npz")


def write_checkpoint(folder: Path, policy: BaseAlgorithm, venv: VecEnv) -> None:
    """Write where a training is.

    Args:
        folder: Of the agent.
        policy: With its replay buffer, if it has one.
        venv: Worlds that can be taken up, as `training_worlds` gives them.
    """
    under_way = [asdict(each) for each in venv.env_method("under_way")]
    current = [episodes_file(folder, policy.num_timesteps)]
    write_json(current[0], {"episodes": under_way})
    buffer = getattr(policy, "replay_buffer", None)
    if isinstance(buffer, ReplayBuffer):
        current.append(replay_file(folder, policy.num_timesteps))
        write_replay(current[1], buffer)
    write_policy(folder / AGENT_FILE, policy)  # the moment at which this checkpoint counts
    for pattern in _STEPPED:
        for path in folder.glob(pattern):
            if path not in current:
                path.unlink()


def read_checkpoint(
    folder: Path, venv: VecEnv, settings: TrainingSettings, device: str | torch.device = "cpu"
) -> BaseAlgorithm | None:
    """The policy of the last checkpoint, its worlds where they were; None: there is none.

    Raises:
        FileNotFoundError: If a file of the checkpoint is missing.
        ValueError: If one is damaged or of another algorithm; names it.
    """
    path = folder / AGENT_FILE
    if not path.is_file():
        return None
    policy = policy_to_resume(path, venv, settings, device)
    require_as_made(folder, AGENT_FILE, OTHER_AGENT)
    if policy.num_timesteps >= settings.n_steps:
        return policy
    buffer = getattr(policy, "replay_buffer", None)
    if isinstance(buffer, ReplayBuffer):
        read_replay(replay_file(folder, policy.num_timesteps), buffer)
    episodes = read_episodes(episodes_file(folder, policy.num_timesteps), venv.num_envs)
    resume_episodes(venv, episodes)
    if isinstance(venv, VecLatentObservation):
        assert isinstance(policy._last_obs, np.ndarray)
        venv.resume(policy._last_obs)
    return policy


def write_policy(path: Path, policy: BaseAlgorithm) -> None:
    """Write a policy as Stable-Baselines3 saves it, whole or not at all.

    An encoder that learns with it is written beside it, for others: before it, so that a training
    that goes on after a kill in between writes the very same encoder again.
    """
    if isinstance(policy, TransferPPO):
        policy.encoder.save_pretrained(path.parent / ENCODER_FOLDER)
    with recorded_write(path) as draft:
        save_agent(policy, draft)


def write_replay(path: Path, buffer: ReplayBuffer) -> None:
    """Write the filled rows of a replay buffer, whole or not at all."""
    n_rows = buffer.buffer_size if buffer.full else buffer.pos
    arrays = {name: array[:n_rows] for name, array in _arrays_of(buffer).items()}
    arrays["position"] = np.array([buffer.pos, int(buffer.full)])
    if isinstance(buffer, HerReplayBuffer):
        arrays[_STARTS] = buffer._current_ep_start
    write_arrays(path, arrays, compressed=False)


def read_replay(path: Path, buffer: ReplayBuffer) -> None:
    """Fill a replay buffer with what was written of another.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or of other sizes; names it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the replay buffer of the checkpoint, found none")
    file = read_arrays(path, "a replay buffer")
    with naming(path, "a replay buffer"):
        every = _arrays_of(buffer)
        arrays = {name: file[name] for name in every}
        position, full = (int(number) for number in file["position"])
        if not 0 <= position <= buffer.buffer_size or full not in (0, 1):
            raise ValueError(f"the position {position} of {buffer.buffer_size} rows")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("numbers that are not finite")
        if isinstance(buffer, HerReplayBuffer):
            _check_episodes(arrays, file[_STARTS], buffer)
    n_rows = buffer.buffer_size if full else position
    for name, array in arrays.items():
        there = every[name]
        expected = (n_rows, *there.shape[1:])
        if n_rows > len(there) or array.shape != expected or array.dtype != there.dtype:
            raise ValueError(
                f"{path}: {name}: expected {there.dtype} of shape {expected}, came {array.dtype} "
                f"of {array.shape}"
            )
    for name, array in arrays.items():
        every[name][:n_rows] = array
    buffer.pos, buffer.full = position, bool(full)
    if isinstance(buffer, HerReplayBuffer):
        buffer._current_ep_start = file[_STARTS]


def _arrays_of(buffer: ReplayBuffer) -> dict[str, np.ndarray]:
    """A buffer's arrays by name, a dictionary's parts one by one; each has a row a step."""
    names = (*_ARRAYS, *(_EPISODES if isinstance(buffer, HerReplayBuffer) else ()))
    every: dict[str, np.ndarray] = {}
    for name in names:
        array = getattr(buffer, name)
        parts = array.items() if isinstance(array, dict) else ()
        every |= {f"{name}.{part}": each for part, each in parts} or {name: array}
    return every


def _check_episodes(
    arrays: Mapping[str, np.ndarray], starts: np.ndarray, buffer: HerReplayBuffer
) -> None:
    """Refuse episodes that are not within the buffer, of which goals could not be drawn."""
    found = [*(arrays[name] for name in _EPISODES), starts]
    if starts.shape != (buffer.n_envs,) or any(each.dtype.kind != "i" for each in found):
        raise ValueError(f"starts of episodes {starts.dtype} {starts.shape}")
    if any(((each < 0) | (each > buffer.buffer_size)).any() for each in found):
        raise ValueError(f"episodes outside of the {buffer.buffer_size} rows")


def read_episodes(path: Path, n_episodes: int) -> list[EpisodeUnderWay]:
    """The episodes under way, one a world.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or of another number of worlds; names it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the checkpoint's episodes, found none")
    entries = read_json(path, "the episodes under way")
    with naming(path, "the episodes under way"):
        episodes = [
            EpisodeUnderWay(int(each["stream"]), int(each["index"]), tuple(each["actions"]))
            for each in entries["episodes"]
        ]
    if len(episodes) != n_episodes:
        raise ValueError(f"{path}: expected {n_episodes} episodes, came {len(episodes)}")
    return episodes


def resume_episodes(venv: VecEnv, episodes: Sequence[EpisodeUnderWay]) -> None:
    """Bring the environments to where others were."""
    if isinstance(venv.unwrapped, ReplayableSceneVecEnv):
        venv.unwrapped.resume(episodes)
        return
    for index, episode in enumerate(episodes):
        venv.env_method("resume", episode, indices=index)


def episodes_file(folder: Path, step: int) -> Path:
    """Of the checkpoint at a step."""
    return folder / f"episodes-under-way-{step}.json"


def replay_file(folder: Path, step: int) -> Path:
    """Of the checkpoint at a step, for DQN and SAC."""
    return folder / f"replay-{step}.npz"
