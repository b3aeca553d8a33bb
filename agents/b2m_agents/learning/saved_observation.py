"""The newest observation of a training as plain arrays, so that it goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

_NAME = "observation"
_AXES = "axes"


def arrays_of_observation(observation: Any) -> dict[str, np.ndarray]:
    """Arrays by name, of an observation of many worlds, of a dictionary of such, or of None."""
    if isinstance(observation, Mapping):
        return {f"{_NAME}.{part}": np.asarray(each) for part, each in observation.items()}
    array = np.asarray(np.zeros(0) if observation is None else observation)
    # Convolutions round by how images lie in memory, and those of a transposed one lie otherwise.
    axes = np.argsort([-stride for stride in array.strides], kind="stable")
    return {_NAME: array.transpose(axes), _AXES: axes}


def observation_of(
    arrays: Mapping[str, np.ndarray], space: spaces.Space[Any], n_worlds: int
) -> Any:
    """The observation that `arrays_of_observation` made arrays of.

    Args:
        arrays: By name, with others among them.
        space: Of one world's observation.
        n_worlds: Side by side.

    Raises:
        ValueError: If they are of another space or number of worlds.
        KeyError: If one is missing.
    """
    if isinstance(space, spaces.Dict):
        return {
            part: _checked(arrays[f"{_NAME}.{part}"], each, n_worlds)
            for part, each in space.spaces.items()
        }
    return _checked(_laid_out(arrays[_NAME], arrays[_AXES]), space, n_worlds)


def _checked(array: np.ndarray, space: spaces.Space[Any], n_worlds: int) -> np.ndarray:
    if array.shape != (n_worlds, *(space.shape or ())) or array.dtype != space.dtype:
        raise ValueError(f"observations {array.dtype} {array.shape}")
    return array


def _laid_out(array: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """An array whose axes lay in this order in memory."""
    if sorted(axes.tolist()) != list(range(array.ndim)):
        raise ValueError(f"the axes {axes.tolist()} of an array of {array.ndim}")
    return array.transpose(np.argsort(axes))
