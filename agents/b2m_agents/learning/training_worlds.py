"""The worlds that an agent learns in, and those that choose its best state."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import gymnasium
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from b2m_agents.episodes.episodes import make_scene
from b2m_agents.learning.agent_settings import TrainingSettings
from b2m_agents.worlds.channels_first import VecChannelsFirst
from b2m_agents.worlds.latent_observation import VecLatentObservation
from b2m_agents.worlds.replayable_episodes import ReplayableEpisodes, ReplayableSceneVecEnv
from b2m_agents.worlds.scene_vec_env import SceneVecEnv, WaitingScenes, waiting_scenes
from b2m_drive.students.scene_vae import SceneVAE
from b2m_envs.driving.batch_checks import has_batch
from b2m_envs.driving.parking_batch import ParkingBatch, has_parking_batch
from b2m_envs.observations.goal_state import GoalState
from b2m_envs.observations.kinematics_goal import KinematicsGoal
from b2m_envs.scenes.observation import ObservationObject, observation_kind
from b2m_envs.scenes.settings import SceneSettings

_WORLDS_OF_A_THREAD = 32  # fewer are not worth a thread of the engine


@contextmanager
def training_worlds(
    scene: SceneSettings,
    encoder: SceneVAE | None,
    settings: TrainingSettings,
    in_processes: bool,
) -> Iterator[VecEnv]:
    """Worlds that can be taken up after a kill, as the agent observes them; closed at the end.

    Args:
        scene: What is driven.
        encoder: Of an agent that sees latents.
        settings: Number of worlds and kind of observation.
        in_processes: One process an environment, for scenes that the engine does not have.
    """
    environments = make_environments(scene, settings, in_processes)
    try:
        yield observed(environments, encoder, settings)
    finally:
        close_worlds(environments)


def selection_worlds(
    scene: SceneSettings, encoder: SceneVAE | None, settings: TrainingSettings
) -> VecEnv:
    """Worlds of the episodes that choose the best agent, one an episode, all in this process."""
    n_worlds, observation = settings.n_evaluation_episodes, settings.environments_observe
    batch = batch_of(scene, n_worlds, observation)
    worlds: VecEnv
    if batch is not None:
        worlds = SceneVecEnv(batch, every_info=False)
    else:
        worlds = DummyVecEnv([lambda: Monitor(make_scene(scene, observation))] * n_worlds)
    return observed(worlds, encoder, settings)


def make_environments(
    scene: SceneSettings, settings: TrainingSettings, in_processes: bool
) -> VecEnv:
    """The environments of a training, before an encoder: a batch where the engine has them."""
    n_worlds, observation = settings.n_environments, settings.environments_observe
    batch = batch_of(scene, n_worlds, observation)
    if batch is not None:
        return ReplayableSceneVecEnv(batch, every_info=False)
    makers: list[Callable[[], gymnasium.Env[Any, Any]]]
    makers = [partial(make_environment, scene, observation)] * n_worlds
    return SubprocVecEnv(makers, start_method="spawn") if in_processes else DummyVecEnv(makers)


def batch_of(
    scene: SceneSettings, n_worlds: int, observation: str | ObservationObject
) -> WaitingScenes | None:
    """The scenes in one batch of arrays; None where there is none, and highway-env simulates."""
    if has_batch(scene, observation_kind(scene, observation)):
        threads = threads_for(n_worlds)
        return waiting_scenes(scene, n_worlds, observation=observation, n_threads=threads)
    goals = GoalState | KinematicsGoal
    if isinstance(observation, goals) and has_parking_batch(scene, observation):
        return ParkingBatch(scene, n_worlds, observation)
    return None


def make_environment(
    scene: SceneSettings, observation: str | ObservationObject
) -> gymnasium.Env[Any, Any]:
    """One environment of a training."""
    # Monitor inside: driving an episode again passes it, so its sums are whole.
    return ReplayableEpisodes(Monitor(make_scene(scene, observation)))


def observed(venv: VecEnv, encoder: SceneVAE | None, settings: TrainingSettings) -> VecEnv:
    """The environments as the agent observes them."""
    if settings.observation == "pixels":
        return VecChannelsFirst(venv)
    if encoder is None:
        return venv
    return VecLatentObservation(venv, encoder, stack=settings.stack, speed=settings.speed)


def threads_for(n_worlds: int) -> int:
    """Threads of the engine; they change no result."""
    return max(1, min(os.cpu_count() or 1, n_worlds // _WORLDS_OF_A_THREAD))


def close_worlds(environments: VecEnv) -> None:
    """Close environments, of which a process may have ended."""
    try:
        environments.close()
    except (EOFError, OSError):  # one has ended, and cannot be asked to
        for process in getattr(environments, "processes", ()):
            process.terminate()
