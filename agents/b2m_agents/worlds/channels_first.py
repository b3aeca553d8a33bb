"""Scenes with their channels first, as a convolution reads them: said, and never guessed.

Stable-Baselines3 takes the smallest axis of a picture for its channels. A stack of 12 frames in
colour (36 channels) of 36 x 48 pixels has no smallest axis, and one of 64 frames has it elsewhere.
"""

from __future__ import annotations

import gymnasium
import numpy as np
from jaxtyping import UInt8
from stable_baselines3.common.vec_env import VecEnv, VecTransposeImage, is_vecenv_wrapped


def with_channels_first(venv: VecEnv) -> VecEnv:
    """These worlds, with the channels of their scenes first; once is enough."""
    return venv if is_vecenv_wrapped(venv, VecTransposeImage) else VecChannelsFirst(venv)


class VecChannelsFirst(VecTransposeImage):
    """Scenes `[height width channel]` as `[channel height width]`, whatever their sizes.

    Stable-Baselines3 looks for a `VecTransposeImage` before it guesses, and this is one.

    Args:
        venv: Worlds that show scenes of uint8, channels last.

    Raises:
        ValueError: If they show something else.
    """

    def __init__(self, venv: VecEnv) -> None:
        space = venv.observation_space
        if not isinstance(space, gymnasium.spaces.Box) or space.dtype != np.uint8:
            raise ValueError(f"observation: expected scenes of uint8, came {space}")
        super().__init__(venv)
        self.metadata = venv.metadata

    @staticmethod
    def transpose_space(
        observation_space: gymnasium.spaces.Box, key: str = ""
    ) -> gymnasium.spaces.Box:
        """The space of scenes with their channels first."""
        height, width, n_channels = observation_space.shape
        return gymnasium.spaces.Box(0, 255, (n_channels, height, width), np.uint8)


def channels_first(scene: UInt8[np.ndarray, "*batch height width channel"]) -> np.ndarray:
    """One scene, or many, with the channels before height and width."""
    return np.moveaxis(scene, -1, -3)


def check_channels_first(read: tuple[int, ...], shape: tuple[int, int, int]) -> None:
    """Refuse a policy that was made for other scenes, or whose axes were guessed.

    Args:
        read: Shape of what the policy reads.
        shape: Of a scene: height, width, channels.

    Raises:
        ValueError: Names both.
    """
    height, width, n_channels = shape
    if read != (n_channels, height, width):
        raise ValueError(
            f"observation: expected a policy that reads (channel, height, width) "
            f"{(n_channels, height, width)}, came one of {read}"
        )
