"""How a single environment is looked at: a larger picture, or a window."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from jaxtyping import UInt8

from b2m_envs.driving.single_world import SingleWorld
from b2m_envs.driving.window import SceneWindow
from b2m_envs.scenes.settings import SceneSettings


class ShownScene:
    """Mixed into a single environment: `render`, and the window of mode "human"."""

    settings: SceneSettings
    render_mode: str | None
    _title: str
    _world: SingleWorld
    _began: bool
    _render_camera: Any
    _window: SceneWindow | None = None

    def render(self) -> UInt8[np.ndarray, "height width channel"] | None:
        """A larger picture in colour (mode "rgb_array"); "human" shows every step by itself."""
        return self._picture() if self.render_mode == "rgb_array" else None

    def _show(self) -> None:
        if self._window is None:
            self._window = SceneWindow(self._title, self.settings.steps_per_second)
        self._window.show(self._picture())

    def _close_window(self) -> None:
        if self._window is not None:
            self._window.close()
            self._window = None

    def _picture(self) -> UInt8[np.ndarray, "height width channel"]:
        if not self._began:
            raise gymnasium.error.ResetNeeded(f"{self._title}: call reset() before render()")
        picture: np.ndarray = self._render_camera.draw(self._world.road(), self._world.traffic())
        return picture
