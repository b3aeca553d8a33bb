"""Cameras that draw many worlds in one call, compiled by numba."""

from b2m_envs.rendering.batched.camera import BatchedCamera, make_batched_camera
from b2m_envs.rendering.batched.things import THING

__all__ = ["THING", "BatchedCamera", "make_batched_camera"]
