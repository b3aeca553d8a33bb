"""The newest frames of one world, stacked as an observation holds them."""

from __future__ import annotations

from collections import deque

import numpy as np
from jaxtyping import UInt8

from b2m_envs.scenes.settings import SceneSettings


class FrameStack:
    """Frames up to the age of the oldest one in an observation.

    Args:
        settings: Of the scene.
    """

    def __init__(self, settings: SceneSettings) -> None:
        self._frames: deque[np.ndarray] = deque(maxlen=settings.n_remembered)
        step = settings.frame_interval_steps
        self._ages = range((settings.n_frames - 1) * step, -1, -step)

    def add(self, frame: UInt8[np.ndarray, "height width channel"]) -> None:
        """Keep the newest frame."""
        self._frames.append(frame)

    def clear(self) -> None:
        """Forget an episode."""
        self._frames.clear()

    def stacked(self) -> UInt8[np.ndarray, "height width channel"]:
        """The frames of an observation, the oldest first; the first stands for those before it."""
        newest = len(self._frames) - 1
        frames = [self._frames[max(newest - age, 0)] for age in self._ages]
        return np.concatenate(frames, axis=2)
