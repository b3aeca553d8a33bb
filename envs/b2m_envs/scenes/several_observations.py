"""Several observations at once, of one world or of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from b2m_envs.scenes.seen import Seen
from b2m_envs.scenes.settings import SceneSettings

if TYPE_CHECKING:
    from b2m_envs.scenes.observation import Kind


@dataclass(frozen=True)
class SeveralKinds:
    """A tuple or a dictionary of kinds of observation, which is one itself."""

    parts: Mapping[str, Kind] | tuple[Kind, ...]

    compute_reward = None  # of several observations none is the one with the goal

    def space(self, settings: SceneSettings) -> spaces.Space[Any]:
        """The space of one world's observations: Gymnasium's `Tuple` or `Dict`."""
        if isinstance(self.parts, tuple):
            return spaces.Tuple([each.space(settings) for each in self.parts])
        return spaces.Dict({name: each.space(settings) for name, each in self.parts.items()})

    def of(self, settings: SceneSettings, seen: Seen) -> Any:
        """The observations of what is seen of one world or of many."""
        if isinstance(self.parts, tuple):
            return tuple(each.of(settings, seen) for each in self.parts)
        return {name: each.of(settings, seen) for name, each in self.parts.items()}

    @property
    def draws(self) -> bool:
        """Whether one of them needs the picture."""
        return any(each.draws for each in self._each)

    @property
    def of_traffic(self) -> bool:
        """Whether one of them reads the vehicles of our engine."""
        return any(each.of_traffic for each in self._each)

    @property
    def of_highway_env(self) -> bool:
        """Whether one of them reads highway-env's environment."""
        return any(each.of_highway_env for each in self._each)

    @property
    def _each(self) -> Iterable[Kind]:
        return self.parts if isinstance(self.parts, tuple) else self.parts.values()


@dataclass(frozen=True)
class FlatKind(SeveralKinds):
    """Kinds whose observations stand one after the other in a vector."""

    parts: tuple[Kind, ...]

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's vector.

        Raises:
            ValueError: If a part's space is no `Box`.
        """
        boxes = [each.space(settings) for each in self.parts]
        for box in boxes:
            if not isinstance(box, spaces.Box):
                expected = "parts of a flat observation that are arrays"
                raise ValueError(f"{settings.of.id}: observation: expected {expected}, came {box}")
        low, high = (
            np.concatenate([np.ravel(getattr(box, end)) for box in boxes]).astype(np.float32)
            for end in ("low", "high")
        )
        return spaces.Box(low, high, dtype=np.float32)

    def of(self, settings: SceneSettings, seen: Seen) -> Float32[np.ndarray, "*world number"]:
        """The vector of what is seen of one world, or one vector each of many."""
        n_axes = int(seen.many)
        arrays = [np.asarray(each.of(settings, seen), np.float32) for each in self.parts]
        flat = [array.reshape(*array.shape[:n_axes], -1) for array in arrays]
        return np.concatenate(flat, axis=-1)
