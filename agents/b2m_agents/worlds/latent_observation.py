"""Scenes become an encoder's latents before an agent sees them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from b2m_drive.students.devices import device_of
from b2m_drive.students.scene_vae import SceneVAE

SPEED_UNIT = 10.0  # [m/s] brings speeds to the size of latents


class LatentHistory:
    """The newest latents of each environment; before an episode's first, that one repeated.

    Args:
        n_rows: Environments.
        latent_size: Of the encoder.
        n_latents: Kept of each environment.

    Raises:
        ValueError: If none is to be kept.
    """

    def __init__(self, n_rows: int, latent_size: int, n_latents: int) -> None:
        if n_latents < 1:
            raise ValueError(f"stack: expected 1 latent or more, came {n_latents}")
        self._values = np.zeros((n_rows, n_latents, latent_size), np.float32)

    @property
    def flat(self) -> Float32[np.ndarray, "row stacked"]:
        """A copy, oldest latent first."""
        return self._values.reshape(len(self._values), -1).copy()

    def begin(
        self, rows: Bool[np.ndarray, " row"], latents: Float32[np.ndarray, "begun latent"]
    ) -> None:
        """New episodes in these rows, of which these are the first latents."""
        self._values[rows] = latents[:, None]

    def push(self, latents: Float32[np.ndarray, "row latent"]) -> None:
        """The next latent of every row; the oldest is forgotten."""
        self._values[:, :-1] = self._values[:, 1:]
        self._values[:, -1] = latents

    def resume(self, flat: Float32[np.ndarray, "row stacked"]) -> None:
        """Come to where another history gave these rows as `flat`."""
        self._values[:] = flat.reshape(self._values.shape)


class VecLatentObservation(VecEnvWrapper):
    """Vectorised scenes whose observation is the frozen encoder's latent (posterior mean).

    All scenes of a step, with those that ended an episode (`terminal_observation`), go through
    the encoder in one batched pass. The encoder is copied and frozen: training the original goes
    past the agent. Stable-Baselines3 advises a wrapper for an encoder that no gradient should
    reach (issue #409), since a features extractor would encode every stored scene again in every
    epoch; `scene_features` is for an encoder that the policy's gradient should reach.

    Args:
        venv: Scenes of uint8 `[height width channel]`.
        encoder: Of scenes of that size.
        stack: Latents in an observation, oldest first; at an episode's start the first repeats.
        speed: Whether the ego vehicle's speed follows the latents, in `SPEED_UNIT`.
        device: Of the encoder's copy, see `device_of`; None: where the encoder is.

    Raises:
        ValueError: If the observation is no scene, or one of another size than the encoder's, or
            the stack is empty, or there is no such device.
    """

    def __init__(
        self,
        venv: VecEnv,
        encoder: SceneVAE,
        *,
        stack: int = 1,
        speed: bool = False,
        device: str | torch.device | None = None,
    ) -> None:
        space = venv.observation_space
        if not isinstance(space, gymnasium.spaces.Box) or space.dtype != np.uint8:
            raise ValueError(f"observation: expected scenes of uint8, came {space}")
        check_frame_size(encoder, space.shape)
        self.encoder = frozen(encoder).to(encoder.device if device is None else device_of(device))
        self.speed = speed
        self._history = LatentHistory(venv.num_envs, encoder.settings.latent_size, stack)
        size = stack * encoder.settings.latent_size + speed
        latent_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        super().__init__(venv, observation_space=latent_space)
        self.metadata = venv.metadata

    def reset(self) -> Float32[np.ndarray, "batch feature"]:
        """Start new episodes and encode their first scenes."""
        scenes = self.venv.reset()
        assert isinstance(scenes, np.ndarray)
        self._history.begin(np.ones(len(scenes), bool), encode_scenes(self.encoder, scenes))
        return self._observed(self.venv.unwrapped.reset_infos)

    def step_wait(self) -> VecEnvStepReturn:
        """Encode the scenes of a step, and in the same pass those that ended an episode."""
        scenes, reward, done, given = self.venv.step_wait()
        assert isinstance(scenes, np.ndarray)
        infos = list(given)  # SubprocVecEnv gives a tuple
        ended = np.array(["terminal_observation" in info for info in infos], dtype=bool)
        latents = encode_scenes(self.encoder, _with_terminal(scenes, ended, infos))
        newest, terminal = latents[: len(scenes)], latents[len(scenes) :]
        begun = newest[ended]
        newest[ended] = terminal
        self._history.push(newest)
        observed = self._observed(infos)
        for row in np.flatnonzero(ended):
            infos[row] = {**infos[row], "terminal_observation": observed[row].copy()}
        if ended.any():
            self._history.begin(ended, begun)
            first = self.venv.unwrapped.reset_infos
            observed = self._observed(
                [first[row] if is_new else infos[row] for row, is_new in enumerate(ended)]
            )
        return observed, reward, done, infos

    def resume(self, observation: Float32[np.ndarray, "batch feature"]) -> None:
        """Go on after an observation that another one gave, its episodes being under way here."""
        self._history.resume(observation[:, : observation.shape[1] - self.speed])

    def _observed(self, infos: Sequence[Mapping[str, Any]]) -> Float32[np.ndarray, "batch feature"]:
        speeds = [speed_of(info) for info in infos] if self.speed else None
        return policy_input(self._history, speeds)


def policy_input(
    history: LatentHistory, speeds: Sequence[float] | None
) -> Float32[np.ndarray, "row feature"]:
    """What a policy reads: the latents kept, and the ego vehicles' speeds [m/s] if it is told."""
    if speeds is None:
        return history.flat
    column = np.array(speeds, dtype=np.float32)[:, None] / np.float32(SPEED_UNIT)
    return np.concatenate([history.flat, column], axis=1)


def speed_of(info: Mapping[str, Any]) -> float:
    """The ego vehicle's speed [m/s] in an environment's information.

    Raises:
        ValueError: If the environment does not tell it.
    """
    if "speed" not in info:
        raise ValueError(f"speed: expected info['speed'] of the environment, came {sorted(info)}")
    return float(info["speed"])


def frozen(encoder: SceneVAE) -> SceneVAE:
    """A copy of an encoder that no training reaches."""
    return copy.deepcopy(encoder).eval().requires_grad_(False)


def encode_scenes(
    encoder: SceneVAE, scenes: UInt8[np.ndarray, "batch height width channel"]
) -> Float32[np.ndarray, "batch latent"]:
    """The posterior means of scenes, in one pass."""
    with torch.inference_mode():
        latents: np.ndarray = encoder.encode(torch.from_numpy(scenes)).mean.cpu().numpy()
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
