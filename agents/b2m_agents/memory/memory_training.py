"""Train an agent of a memory task: recurrent PPO, resumable after a kill."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import set_random_seed
from tqdm.auto import tqdm

from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.learning.agent_file import save_agent
from b2m_agents.learning.deleted_agent import require_agent
from b2m_agents.learning.folder_names import AGENT_FILE, CONFIG_FILE
from b2m_agents.memory.memory_agent import (
    MemoryAgentSettings,
    memory_config,
    new_algorithm,
    read_algorithm,
    read_memory_settings,
)
from b2m_agents.memory.memory_card import training_scores, write_memory_card
from b2m_agents.memory.memory_vec_env import MemoryVecEnv
from b2m_drive.files.fingerprints import recorded_write
from b2m_drive.files.locks import claim, is_unused
from b2m_drive.files.provenance import resumed_versions
from b2m_drive.files.tables import read_table, write_table
from b2m_drive.files.writing import write_json
from b2m_drive.students.devices import device_of

CURVE_FILE = "learning_curve.csv"
CurveRow: TypeAlias = tuple[int, int, float, float]  # in the order of its columns
_CURVE_COLUMNS = ("step", "trials", "correct", "aborted")


def train_memory_agent(
    settings: MemoryAgentSettings,
    folder: str | Path,
    *,
    progress: bool = True,
    device: str | torch.device = "cpu",
) -> Path:
    """Train an agent of a memory task by reward alone; called again after a kill, it goes on.

    Every `checkpoint_every` steps the agent is written, whole or not at all, and new trials begin
    from seeds that follow from the step count. So a training that was killed ends with the very
    weights of one that was not. Called with more steps, a finished training goes on too. Sets
    the global seeds of Python, NumPy and PyTorch, which is how Stable-Baselines3 is seeded; uses
    one thread.

    Args:
        settings: Of task and training. The defaults take a minute or two of one core.
        folder: Of the agent, see `b2m_agents.memory.memory_agent`.
        progress: Show a bar with the share of correct trials.
        device: Of the networks, see `device_of`. Numbers round otherwise on another one.

    Raises:
        ValueError: If there is no such device, or the folder holds another training, something
            else, or a damaged file; names what differs.
    """
    device = device_of(device)
    folder = Path(folder)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the layers are small: more threads take longer
    environment = MemoryVecEnv(settings.trials, settings.n_environments)
    try:
        with claim(folder, "a training"):
            _open_folder(folder, settings)
            _learn(folder, environment, settings, device, progress)
    finally:
        torch.set_num_threads(n_threads)
        environment.close()
    return folder


def _learn(
    folder: Path,
    environment: MemoryVecEnv,
    settings: MemoryAgentSettings,
    device: torch.device,
    progress: bool,
) -> None:
    algorithm = _resume(folder, environment, settings, device)
    algorithm = algorithm or new_algorithm(settings, environment, device=device)
    curve = _read_curve(folder / CURVE_FILE, algorithm.num_timesteps)
    total = _rounded_up(settings.n_steps, settings.rollout_steps)
    leg = _rounded_up(settings.checkpoint_every, settings.rollout_steps)
    with tqdm(
        total=total, initial=algorithm.num_timesteps, unit="step", desc="training",
        disable=not progress,
    ) as bar:  # fmt: skip
        while algorithm.num_timesteps < total:
            # Trials and chance of a leg depend on where it starts alone, so a resumed one is the
            # same.
            seed = episode_seed(settings.seed, algorithm.num_timesteps)
            set_random_seed(seed)
            environment.seed(seed)
            algorithm.set_env(environment)  # begins new trials
            algorithm.learn(
                min(leg, total - algorithm.num_timesteps),
                callback=_Watch(bar, curve),
                reset_num_timesteps=algorithm.num_timesteps == 0,
            )
            _write_checkpoint(folder, algorithm, curve)
            _, n_trials, correct, _ = curve[-1]
            write_memory_card(folder, asdict(settings), training_scores(n_trials, correct))


def _resume(
    folder: Path, environment: MemoryVecEnv, settings: MemoryAgentSettings, device: torch.device
) -> RecurrentPPO | None:
    """The agent of the last checkpoint; None: there is none."""
    if not (folder / AGENT_FILE).is_file():
        return None
    return read_algorithm(folder, settings, environment, learns=True, device=device)


def _write_checkpoint(folder: Path, algorithm: RecurrentPPO, curve: Sequence[CurveRow]) -> None:
    """The curve first: its rows count only once the agent of their step is there."""
    write_table(folder / CURVE_FILE, _CURVE_COLUMNS, curve)
    with recorded_write(folder / AGENT_FILE) as draft:
        save_agent(algorithm, draft)


class _Watch(BaseCallback):
    """Moves the bar and counts how the trials of each rollout ended."""

    def __init__(self, bar: Any, curve: list[CurveRow]) -> None:
        super().__init__()
        self._bar = bar
        self._curve = curve
        self._ended: list[tuple[bool, bool]] = []  # correct, aborted

    def _on_rollout_start(self) -> None:
        self._ended = []

    def _on_step(self) -> bool:
        self._ended += [(each["correct"], each["aborted"]) for each in self.locals["infos"] if each]
        self._bar.update(self.num_timesteps - self._bar.n)
        return True

    def _on_rollout_end(self) -> None:
        n = len(self._ended)
        correct, aborted = np.mean(self._ended, axis=0) if n else (math.nan, math.nan)
        row = (self.num_timesteps, n, round(float(correct), 4), round(float(aborted), 4))
        self._curve.append(row)
        said = f"correct {correct:.0%}, fixation broken {aborted:.0%}"
        self._bar.set_postfix_str(said, refresh=False)


def _open_folder(folder: Path, settings: MemoryAgentSettings) -> None:
    """Start an agent's folder, or take up one of the same training."""
    config = memory_config(settings)
    if (folder / CONFIG_FILE).is_file():
        _refuse_other_training(folder, read_memory_settings(folder), settings)
        first_leg = _rounded_up(settings.checkpoint_every, settings.rollout_steps)
        require_agent(folder, CURVE_FILE, first_leg)
        before = json.loads((folder / CONFIG_FILE).read_text()).get("versions", {})
        config["versions"] = resumed_versions(folder, before, config["versions"])
    elif not is_unused(folder):
        raise ValueError(f"{folder}: expected an empty folder or an agent's, came other files")
    write_json(folder / CONFIG_FILE, config)


def _refuse_other_training(
    folder: Path, before: MemoryAgentSettings, now: MemoryAgentSettings
) -> None:
    there, here = asdict(before), asdict(now)
    differing = [
        f"{name}: there {there[name]!r}, now {here[name]!r}"
        for name in there
        if name != "n_steps" and there[name] != here[name]  # a training may be made longer
    ]
    if differing:
        raise ValueError(
            f"{folder} holds an agent of another training; give another folder. "
            + "; ".join(differing)
        )


def _read_curve(path: Path, n_steps: int) -> list[CurveRow]:
    """Rollouts up to a step; later ones were not part of the checkpoint."""
    if not n_steps:
        return []
    rows = read_table(path, _CURVE_COLUMNS, "rollouts", _curve_row)
    return [row for row in rows if row[0] <= n_steps]


def _curve_row(path: Path, line: int, cells: list[str]) -> CurveRow:
    try:
        step, trials, correct, aborted = cells
        return int(step), int(trials), float(correct), float(aborted)
    except ValueError as error:
        raise ValueError(f"{path}: line {line}: expected a rollout, came {cells}") from error


def _rounded_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
