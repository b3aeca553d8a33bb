"""Cameras: pictures of the road and the traffic around the ego vehicle, drawn by OpenCV."""

from b2m_envs.rendering.camera import Camera, make_camera
from b2m_envs.rendering.geometry import Goal, LaneShape, LineKind, RoadGeometry, Traffic
from b2m_envs.rendering.settings import CameraSettings

__all__ = [
    "Camera",
    "CameraSettings",
    "Goal",
    "LaneShape",
    "LineKind",
    "RoadGeometry",
    "Traffic",
    "make_camera",
]
