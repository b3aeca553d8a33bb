"""What every batched camera can do, and the one place that makes them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int32, Int64, Shaped, UInt8

from b2m_envs.rendering.batched.birds_eye import BatchedBirdsEyeCamera
from b2m_envs.rendering.batched.drivers_eye import BatchedDriversEyeCamera
from b2m_envs.rendering.geometry import RoadGeometry
from b2m_envs.rendering.settings import CameraSettings


@runtime_checkable
class BatchedCamera(Protocol):
    """Draws many worlds on one road in one call; a picture depends on its own world only.

    Both methods release the interpreter lock, and threads may call them at once for different
    worlds.
    """

    def draw(
        self,
        things: Shaped[np.ndarray, "world slot"],
        count: Int32[np.ndarray, " world"],
        scenes: UInt8[np.ndarray, "world height width channel"],
        first_channel: int,
        worlds: Int64[np.ndarray, " drawn"],
    ) -> None:
        """Draw one picture a world into some channels of its scene.

        Args:
            things: rows of `THING`; in each world the ego vehicle first.
            count: how many rows of each world are in use.
            scenes: changed in place.
            first_channel: where the picture begins: one channel (grey) or three (red, green, blue).
            worlds: which worlds are drawn.
        """

    def vehicle_mask(
        self,
        things: Shaped[np.ndarray, "world slot"],
        count: Int32[np.ndarray, " world"],
        masks: Bool[np.ndarray, "world height width"],
        worlds: Int64[np.ndarray, " drawn"],
    ) -> None:
        """Pixels at least half covered by other vehicles or obstacles; never the ego vehicle.

        Args:
            things: rows of `THING`; in each world the ego vehicle first.
            count: how many rows of each world are in use.
            masks: changed in place.
            worlds: which worlds are drawn.
        """


def make_batched_camera(settings: CameraSettings, road: RoadGeometry) -> BatchedCamera:
    """The batched camera that the settings ask for, of worlds on this road."""
    if settings.view == "birds_eye":
        return BatchedBirdsEyeCamera(settings, road)
    return BatchedDriversEyeCamera(settings, road)
