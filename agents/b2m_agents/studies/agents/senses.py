"""What an agent of each condition is given of a scene: latents, pixels, the state, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from b2m_agents.worlds.channels_first import VecChannelsFirst, channels_first
from b2m_agents.worlds.latent_observation import VecLatentObservation, encode_scenes
from b2m_agents.worlds.replayable_episodes import ReplayableSceneVecEnv
from b2m_agents.worlds.scene_vec_env import waiting_scenes
from b2m_drive.comparisons.agents_study import BLIND, LATENTS, PIXELS
from b2m_drive.students.scene_vae import SceneVAE
from b2m_envs.scenes.observation import finite_state
from b2m_envs.scenes.settings import SceneSettings

Scenes = UInt8[np.ndarray, "row height width channel"]
States = Float32[np.ndarray, "row variable"]


@dataclass(frozen=True)
class Senses:
    """How one agent sees scenes, in training, in evaluation and in behaviour cloning."""

    scene: SceneSettings
    observation: str  # `LATENTS`, or one of `BESIDE`
    encoder: SceneVAE | None = None  # frozen; of latents only

    @property
    def needs_pictures(self) -> bool:
        """Whether scenes have to be drawn."""
        return self.observation in (LATENTS, PIXELS)

    def worlds(self, n_worlds: int) -> VecEnv:
        """Worlds to learn in, that show what this agent is given."""
        kind = "scene" if self.needs_pictures else "state"
        worlds = ReplayableSceneVecEnv(waiting_scenes(self.scene, n_worlds, observation=kind))
        if self.encoder is not None:
            return VecLatentObservation(worlds, self.encoder)
        if self.observation == PIXELS:
            return VecChannelsFirst(worlds)
        return ZeroObservation(worlds) if self.observation == BLIND else worlds

    def observe(self, scenes: Scenes | None, state: States) -> np.ndarray:
        """What the policy reads of some worlds, one row each, as in training.

        Args:
            scenes: None where nothing was drawn.
            state: As the worlds give it, NaN where a variable has no meaning.
        """
        if self.encoder is not None:
            assert scenes is not None
            return encode_scenes(self.encoder, scenes)
        if self.observation == PIXELS:
            assert scenes is not None
            return channels_first(scenes)
        finite = finite_state(self.scene, state)
        return np.zeros_like(finite) if self.observation == BLIND else finite

    def features(self, scenes: Scenes | None, state: States) -> Float32[np.ndarray, "row feature"]:
        """The same as rows of numbers: pixels one beside another, the channels of each together."""
        seen = scenes if self.observation == PIXELS else self.observe(scenes, state)
        assert seen is not None
        return seen.reshape(len(seen), -1).astype(np.float32)


class ZeroObservation(VecEnvWrapper):
    """Worlds of which an agent sees zeros: what it earns, it earns without looking."""

    def reset(self) -> np.ndarray:
        """Begin, and show nothing."""
        return np.zeros_like(self.venv.reset())

    def step_wait(self) -> VecEnvStepReturn:
        """Drive on, and show nothing; not at an episode's end either."""
        observation, reward, done, infos = self.venv.step_wait()
        return np.zeros_like(observation), reward, done, [_without_end(info) for info in infos]


def _without_end(info: dict[str, Any]) -> dict[str, Any]:
    if "terminal_observation" not in info:
        return info
    return {**info, "terminal_observation": np.zeros_like(info["terminal_observation"])}
