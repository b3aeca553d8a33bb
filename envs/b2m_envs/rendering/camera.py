"""What every camera can do, and the one place that makes them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, UInt8

from b2m_envs.rendering.geometry import RoadGeometry, Traffic
from b2m_envs.rendering.settings import CameraSettings


@runtime_checkable
class Camera(Protocol):
    """Draws the road and the traffic around the ego vehicle; the same input, the same pixels."""

    def draw(
        self, road: RoadGeometry, traffic: Traffic
    ) -> UInt8[np.ndarray, "height width channel"]:
        """Draw the picture, of one channel (grey) or three (red, green, blue)."""

    def vehicle_mask(
        self, road: RoadGeometry, traffic: Traffic
    ) -> Bool[np.ndarray, "height width"]:
        """Pixels at least half covered by other vehicles or obstacles; never the ego vehicle."""


def make_camera(settings: CameraSettings) -> Camera:
    """The camera that the settings ask for."""
    if settings.view == "birds_eye":
        from b2m_envs.rendering.birds_eye import BirdsEyeCamera  # OpenCV: not where none draws

        return BirdsEyeCamera(settings)
    from b2m_envs.rendering.drivers_eye import DriversEyeCamera

    return DriversEyeCamera(settings)
