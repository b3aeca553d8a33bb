"""Scenes become an encoder's latents before an agent sees them."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from b2m_drive.students.scene_vae import SceneVAE


class VecLatentObservation(VecEnvWrapper):
    """Vectorised scenes whose observation is the frozen encoder's latent (posterior mean).

    All scenes of a step, with those that ended an episode (`terminal_observation`), go through
    the encoder in one batched pass. The encoder is copied and frozen: training the original goes
    past the agent. Stable-Baselines3 advises a wrapper for an encoder that no gradient should
    reach (issue #409), since a features extractor would encode every stored scene again in every
    epoch.

    Args:
        venv: Scenes of uint8 `[height width channel]`.
        encoder: Of scenes of that size.

    Raises:
        ValueError: If the observation is no scene, or one of another size than the encoder's.
    """

    def __init__(self, venv: VecEnv, encoder: SceneVAE) -> None:
        space = venv.observation_space
        if not isinstance(space, gymnasium.spaces.Box) or space.dtype != np.uint8:
            raise ValueError(f"observation: expected scenes of uint8, came {space}")
        check_frame_size(encoder, space.shape)
        self.encoder = frozen(encoder)
        latent_space = gymnasium.spaces.Box(
            -np.inf, np.inf, (encoder.settings.latent_size,), np.float32
        )
        super().__init__(venv, observation_space=latent_space)

    def reset(self) -> Float32[np.ndarray, "batch latent"]:
        """Start new episodes and encode their first scenes."""
        scenes = self.venv.reset()
        assert isinstance(scenes, np.ndarray)
        return encode_scenes(self.encoder, scenes)

    def step_wait(self) -> VecEnvStepReturn:
        """Encode the scenes of a step, and in the same pass those that ended an episode."""
        scenes, reward, done, given = self.venv.step_wait()
        assert isinstance(scenes, np.ndarray)
        infos = list(given)  # SubprocVecEnv gives a tuple
        ended = np.array(["terminal_observation" in info for info in infos], dtype=bool)
        latents = encode_scenes(self.encoder, _with_terminal(scenes, ended, infos))
        for row, latent in zip(np.flatnonzero(ended), latents[len(scenes) :], strict=True):
            infos[row] = {**infos[row], "terminal_observation": latent}
        return latents[: len(scenes)], reward, done, infos


def frozen(encoder: SceneVAE) -> SceneVAE:
    """A copy of an encoder that no training reaches."""
    return copy.deepcopy(encoder).eval().requires_grad_(False)


def encode_scenes(
    encoder: SceneVAE, scenes: UInt8[np.ndarray, "batch height width channel"]
) -> Float32[np.ndarray, "batch latent"]:
    """The posterior means of scenes, in one pass."""
    with torch.inference_mode():
        latents: np.ndarray = encoder.encode(torch.from_numpy(scenes)).mean.numpy()
    return latents.astype(np.float32, copy=False)


def check_frame_size(encoder: SceneVAE, shape: tuple[int, ...]) -> None:
    """Refuse an encoder that was made for other frames than an environment shows.

    Args:
        encoder: To put in front of a policy.
        shape: Of the environment's frames: height, width, channels (those of the stack together).

    Raises:
        ValueError: Names both sizes.
    """
    came = (encoder.settings.height, encoder.settings.width, encoder.settings.channels)
    if came != shape:
        raise ValueError(
            f"encoder: expected one of frames (height, width, channel) {shape} as the environment "
            f"shows them, came one of {came}"
        )


def _with_terminal(
    scenes: UInt8[np.ndarray, "batch height width channel"],
    ended: Bool[np.ndarray, " batch"],
    infos: list[dict[str, Any]],
) -> UInt8[np.ndarray, "more height width channel"]:
    if not ended.any():
        return scenes
    terminal = [infos[row]["terminal_observation"] for row in np.flatnonzero(ended)]
    return np.concatenate([scenes, np.stack(terminal)])
