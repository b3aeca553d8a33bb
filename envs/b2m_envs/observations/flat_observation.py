"""Several observations in one vector, for a policy that reads plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gymnasium import spaces

from b2m_envs.observations.checks import refuse, settle
from b2m_envs.scenes.observation import OBSERVATIONS, Kind, ObservationObject
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.several_observations import FlatKind


@dataclass(frozen=True)
class FlatObservation:
    """Several observations one after the other, each flat, as one vector of float32.

    A tuple of observations is Gymnasium's `Tuple`, which Stable-Baselines3 does not take, and a
    dictionary needs its `MultiInputPolicy`; this is one `Box` for `MlpPolicy`.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import CrossingTraffic, FlatObservation
    >>> envs = gymnasium.make_vec(
    ...     "b2m_envs:B2M/IntersectionScene-v0",
    ...     num_envs=8,
    ...     observation=FlatObservation(("scaled_state", CrossingTraffic())),
    ... )
    >>> envs.reset(seed=0)[0].shape
    (8, 29)

    ```

    Args:
        parts: Names and objects whose space is a `Box`.

    Raises:
        ValueError: For none, or what is no observation; of parts that are no `Box`, as the
            environment is made.
    """

    parts: Sequence[str | ObservationObject]

    def __post_init__(self) -> None:
        settle(self)
        listed = isinstance(self.parts, Sequence) and not isinstance(self.parts, str)
        if not listed or not self.parts:
            refuse(self, "parts", "one observation or more, in a tuple", self.parts)
        for part in self.parts:
            known = isinstance(part, str) and part in OBSERVATIONS
            if not known and (isinstance(part, type | str) or not hasattr(part, "kind")):
                expected = (
                    f"{', '.join(map(repr, OBSERVATIONS))}, or an object such as Kinematics()"
                )
                refuse(self, "parts", expected, part)

    @property
    def kind(self) -> FlatKind:
        """As the environments take it."""
        kinds: list[Kind] = [
            OBSERVATIONS[part] if isinstance(part, str) else part.kind for part in self.parts
        ]
        return FlatKind(tuple(kinds))

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's vector."""
        return self.kind.space(settings)
