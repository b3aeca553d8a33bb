"""Train an agent on latents, pixels or the state; resumable after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat
from stable_baselines3.common.utils import FloatSchedule, set_random_seed
from stable_baselines3.common.vec_env import VecEnv
from tqdm.auto import tqdm

from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.learning.agent_card import copy_card, write_agent_cards
from b2m_agents.learning.agent_settings import TrainingSettings, settings_for
from b2m_agents.learning.algorithm_settings import (
    PPOSettings,
    RecurrentPPOSettings,
    learning_rate_at,
)
from b2m_agents.learning.algorithms import new_policy
from b2m_agents.learning.best_agent import select, write_best
from b2m_agents.learning.checkpoints import read_checkpoint, write_checkpoint
from b2m_agents.learning.settings_json import training_json
from b2m_agents.learning.taught_encoder import TaughtEncoder
from b2m_agents.learning.trained_agent import AgentConfig, encoder_fingerprint
from b2m_agents.learning.training_folder import open_folder
from b2m_agents.learning.training_record import EndedEpisode, TrainingRecord
from b2m_agents.learning.training_scene import scene_of_training
from b2m_agents.learning.training_stops import next_stop, rounded_up, total_steps
from b2m_agents.learning.training_worlds import selection_worlds, training_worlds
from b2m_agents.online.online_teacher import OnlineTeacher
from b2m_agents.online.online_transfer import TransferPPO, starting_encoder
from b2m_agents.online.scene_features import put_encoder
from b2m_agents.worlds.latent_observation import check_frame_size
from b2m_drive.files.locks import claim
from b2m_drive.files.provenance import installed_versions
from b2m_drive.students.devices import device_of
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.settings_json import settings_json

TENSORBOARD_FOLDER = "tensorboard"
_PACKAGES = (
    "b2m-drive",
    "highway-env",
    "gymnasium",
    "numpy",
    "numba",
    "torch",
    "stable-baselines3",
)
# Of PyTorch: small layers take longer with two, and where another program uses a core, the two
# wait for each other. The number of cores does not count, for a training that goes on elsewhere
# would round otherwise. The engine has a thread a core.
_THREADS = 1
_EPISODES_OF_A_LOG = 100  # of DQN and SAC; PPO, with a memory or without, logs every update
_SECONDS_OF_A_TEXT = 0.5


def train_agent(
    scenario: str,
    encoder: str | Path | None,
    folder: str | Path,
    settings: TrainingSettings | None = None,
    environment: Mapping[str, Any] | None = None,
    *,
    teacher: OnlineTeacher | None = None,
    in_processes: bool = True,
    progress: bool = True,
    after_steps: Callable[[int], None] | None = None,
    device: str | torch.device = "cpu",
) -> Path:
    """Train an agent to drive (PPO, recurrent PPO, DQN, SAC or HER); after a kill, it goes on.

    Every `checkpoint_every` steps the agent is written, with its replay buffer and the episodes
    under way, so that a training that was killed ends with the very weights of one that was not.
    Called with more steps, a finished training goes on too, unless its learning rate falls. Sets
    the global seeds of Python, PyTorch and NumPy, which is how Stable-Baselines3 is seeded.

    Args:
        scenario: One of `b2m_envs.scenes.scenarios.SCENARIOS`.
        encoder: Folder that `SceneVAE.save_pretrained` wrote, for an agent that sees latents;
            copied into the agent's. None for one that sees pixels or the state. Beside a teacher,
            what the agent's own encoder begins as; None: a new one of the seed.
        folder: Of the agent, see `b2m_agents.learning.trained_agent`.
        settings: Of the training; None: those of `settings_for(scenario)`.
        environment: Fields of `SceneSettings`. Where they are left out, the encoder's own view
            (see `encoder_view`) and the scenario's own; of reward and target speeds, without a
            teacher, `usual_reward` and `usual_speeds`. They must give frames of the encoder's
            size, and actions that the algorithm can choose.
        teacher: That teaches the encoder of an agent of pixels while it learns to drive by PPO
            (`b2m_agents.online.online_transfer`). It is not saved: give it again to go on. The
            settings' seed is that of the frames drawn, too.
        in_processes: One process an environment, or all of them in this one. The result is the
            same. Scenes that the engine has are a batch in this process anyway.
        progress: Show a bar with the mean return of the last episodes.
        after_steps: Called with the number of steps done, those before a kill among them.
        device: Of policy and encoder, see `device_of`. Numbers round otherwise on another one, so
            a training is the same after a kill only where it goes on on its own.

    Raises:
        FileNotFoundError: If the encoder's folder lacks a file.
        ValueError: If a setting is unknown or out of range, the encoder is of other frames,
            missing or superfluous, the algorithm cannot choose the scene's actions, there is no
            such device, or the folder holds another training or a damaged one; names what differs.
        ChildProcessError: If an environment's process ended; called again, the training goes on.
    """
    if settings is None:
        settings = settings_for(scenario, observation="latents" if teacher is None else "pixels")
    device = device_of(device)
    scene, environment = scene_of_training(scenario, encoder, settings, environment or {}, teacher)
    given = None if encoder is None else SceneVAE.from_pretrained(encoder)
    if given is not None:
        check_frame_size(given, (scene.height, scene.width, scene.n_channels))
    taught = None
    if teacher is not None:
        taught = _Taught.of(teacher, given, scene, settings)
        settings = taught.settings
    config = _config_of(scene, environment, settings, given, teacher)
    frozen_encoder = given if taught is None else None
    folder = Path(folder)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(_THREADS)
    try:
        with claim(folder, "a training"):
            open_folder(folder, config, frozen_encoder if taught is None else taught.start)
            if frozen_encoder is not None:
                copy_card(encoder, folder)
                frozen_encoder.to(device)
            with training_worlds(scene, frozen_encoder, settings, in_processes) as worlds:
                told = _Told(progress, after_steps or _nobody)
                _learn(folder, worlds, scene, frozen_encoder, settings, device, told, taught)
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        raise ChildProcessError(
            "an environment's process ended, killed or for want of memory; call it again to go on "
            "from the last checkpoint"
        ) from error
    finally:
        torch.set_num_threads(n_threads)
    return folder


def _learn(
    folder: Path,
    venv: VecEnv,
    scene: SceneSettings,
    encoder: SceneVAE | None,
    settings: TrainingSettings,
    device: torch.device,
    told: _Told,
    taught: _Taught | None,
) -> None:
    policy = read_checkpoint(folder, venv, settings, device) or new_policy(venv, settings, device)
    if taught is not None:
        taught.teach(policy)
    record = TrainingRecord.read(folder, policy.num_timesteps)
    total = total_steps(settings)
    learns_by_rollouts = isinstance(settings.algorithm, PPOSettings)
    with (
        closing(_Choosing(folder, scene, encoder, settings)) as choosing,
        closing(_logger(folder, settings)) as logger,
        tqdm(
            total=total, initial=policy.num_timesteps, unit="step", desc="training",
            disable=not told.progress,
        ) as bar,
    ):  # fmt: skip
        policy.set_logger(logger)
        while policy.num_timesteps < total and not record.is_settled(settings.patience):
            # The chance of a leg depends on where it starts alone, so a resumed one is the same.
            seed = episode_seed(settings.seed, policy.num_timesteps)
            set_random_seed(seed)
            policy.action_space.seed(seed)
            policy.lr_schedule = FloatSchedule(
                learning_rate_at(settings.algorithm, policy.num_timesteps / total)
            )
            policy.learn(
                next_stop(policy.num_timesteps, total, settings) - policy.num_timesteps,
                callback=_Watch(bar, record, told.after_steps),
                log_interval=1 if learns_by_rollouts else _EPISODES_OF_A_LOG,
                reset_num_timesteps=policy.num_timesteps == 0,
            )
            if choosing.is_due(policy.num_timesteps, total):
                choosing.choose(policy, record)
            record.write(folder)
            write_checkpoint(folder, policy, venv)
            write_agent_cards(folder, record)


@dataclass(frozen=True)
class _Told:
    """Who is told how far a training is."""

    progress: bool  # whether a bar shows it
    after_steps: Callable[[int], None]


def _nobody(n_steps: int) -> None:
    pass


@dataclass(frozen=True)
class _Taught:
    """An agent's own encoder as it begins, and its teacher."""

    teacher: OnlineTeacher
    start: SceneVAE
    settings: TrainingSettings  # with those of the encoder

    @classmethod
    def of(
        cls,
        teacher: OnlineTeacher,
        given: SceneVAE | None,
        scene: SceneSettings,
        settings: TrainingSettings,
    ) -> _Taught:
        """A teacher in a training; without a given encoder a new one begins."""
        new = SceneVAESettings(scene.height, scene.width, scene.n_channels)
        start = starting_encoder(given or new, settings.seed)
        n_steps = teacher.n_steps or total_steps(settings)
        taught = TaughtEncoder.of(teacher, start.settings, n_steps)
        teacher = replace(teacher, n_steps=n_steps, seed=settings.seed)
        return cls(teacher, start, replace(settings, taught=taught))

    def teach(self, policy: BaseAlgorithm) -> None:
        """Let the teacher take part in a policy, which begins with this encoder if it is new."""
        assert isinstance(policy, TransferPPO)
        if not policy.num_timesteps:
            put_encoder(policy.policy, self.start)
        policy.teach(self.teacher)


class _Choosing:
    """Evaluates an agent now and then, and keeps the best."""

    def __init__(
        self,
        folder: Path,
        scene: SceneSettings,
        encoder: SceneVAE | None,
        settings: TrainingSettings,
    ) -> None:
        self._folder, self._settings = folder, settings
        self._worlds = (
            selection_worlds(scene, encoder, settings) if settings.evaluate_every else None
        )

    def is_due(self, now: int, total: int) -> bool:
        """Whether this step is one of evaluation; the last one is."""
        if self._worlds is None:
            return False
        leg = rounded_up(self._settings.evaluate_every, self._settings.update_steps)
        return now % leg == 0 or now >= total

    def choose(self, policy: BaseAlgorithm, record: TrainingRecord) -> None:
        """Evaluate an agent, and keep it if none was better."""
        assert self._worlds is not None
        chosen = select(policy, self._worlds, self._settings.seed)
        record.selections.append(chosen)
        policy.logger.record("selection/return", chosen.return_)
        policy.logger.record("selection/crashed", chosen.crashed)
        policy.logger.dump(policy.num_timesteps)
        if record.newest_is_best:
            write_best(self._folder, policy)

    def close(self) -> None:
        """Close the worlds."""
        if self._worlds is not None:
            self._worlds.close()


class _Watch(BaseCallback):
    """Tells how far the training is, and keeps every finished episode."""

    def __init__(
        self, bar: Any, record: TrainingRecord, after_steps: Callable[[int], None]
    ) -> None:
        super().__init__()
        self._after_steps = after_steps
        self._bar = bar
        self._record = record
        self._next_text = 0.0

    def _on_step(self) -> bool:
        infos = self.locals["infos"]
        for world in np.flatnonzero(self.locals["dones"]):
            ended = infos[world]["episode"]
            self._record.episodes.append(
                EndedEpisode(
                    step=self.num_timesteps,
                    return_=float(ended["r"]),
                    length=int(ended["l"]),
                    crashed=bool(infos[world]["crashed"]),
                    seconds=round(time.time() - self._record.started, 3),
                )
            )
        self._after_steps(self.num_timesteps)
        self._bar.update(self.num_timesteps - self._bar.n)
        if time.monotonic() > self._next_text:
            self._bar.set_postfix_str(self._record.recent_text(), refresh=False)
            self._next_text = time.monotonic() + _SECONDS_OF_A_TEXT
        return True


def _logger(folder: Path, settings: TrainingSettings) -> Logger:
    """Where Stable-Baselines3 writes what it measures; its own default writes to a folder."""
    outputs: list[KVWriter] = []
    if settings.tensorboard:
        outputs.append(TensorBoardOutputFormat(str(folder / TENSORBOARD_FOLDER)))
    return Logger(folder=None, output_formats=outputs)


def _packages_of(settings: TrainingSettings) -> tuple[str, ...]:
    """Whose versions are noted."""
    remembers = isinstance(settings.algorithm, RecurrentPPOSettings)
    return (*_PACKAGES, "sb3-contrib") if remembers else _PACKAGES


def _config_of(
    scene: SceneSettings,
    environment: Mapping[str, Any],
    settings: TrainingSettings,
    encoder: SceneVAE | None,
    teacher: OnlineTeacher | None,
) -> AgentConfig:
    return AgentConfig(
        scenario=scene.scenario,
        environment=settings_json(scene, environment) | {"engine": scene.chosen_engine},
        training=training_json(settings),
        encoder=None if encoder is None else encoder_fingerprint(encoder),
        versions=installed_versions(_packages_of(settings)),
        teacher=None if teacher is None else {"fingerprint": teacher.fingerprint, **teacher.about},
    )
