"""What there is of a scene for an observation to be made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Seen:
    """One world, or many with an axis of worlds in front; None is what no observation asked for."""

    state: Any  # Float32[np.ndarray, "*world variable"], NaN where a variable has no meaning
    scene: Any = None  # UInt8[np.ndarray, "*world height width channel"]
    traffic: Any = None  # ObservedTraffic of our engine; of one world, a batch of one
    highway_env: Any = None  # highway-env's environment, of one world that runs on it
    many: bool = False


def row_of(observation: Any, world: int) -> Any:
    """One world of an observation of many: an array, or a dictionary or tuple of such."""
    if isinstance(observation, Mapping):
        return {name: row_of(each, world) for name, each in observation.items()}
    if isinstance(observation, tuple):
        return tuple(row_of(each, world) for each in observation)
    return observation[world]
