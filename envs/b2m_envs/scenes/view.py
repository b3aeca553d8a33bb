"""The cameras of a scene: the one of its observation, and a larger one to look at."""

from __future__ import annotations

from dataclasses import replace

from b2m_envs.rendering.settings import LARGEST_SIDE, SMALLEST_SIDE, CameraSettings
from b2m_envs.scenes.settings import SceneSettings

RENDERED_SIDE = 480  # [px] of the longer side of `render()`'s picture


def camera_settings(settings: SceneSettings) -> CameraSettings:
    """The camera that a scene is observed with."""
    return CameraSettings(
        view=settings.camera,
        height=int(settings.height),
        width=int(settings.width),
        colour=settings.colour,
        heading_up=settings.heading_up,
        length=float(settings.view_length),
        behind=settings.of.behind,
    )


def enlarged(camera: CameraSettings) -> CameraSettings:
    """The same camera in colour, with a picture large enough to be looked at."""
    scale = max(1.0, RENDERED_SIDE / max(camera.height, camera.width))
    height, width = (
        min(max(round(side * scale), SMALLEST_SIDE), LARGEST_SIDE)
        for side in (camera.height, camera.width)
    )
    return replace(camera, height=height, width=width, colour=True)
