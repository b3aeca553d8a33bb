"""highway-env's AttributesObservation: what a controller of the lane-keeping vehicle reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float64

from b2m_envs.observations.checks import check_features, settle
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings

KNOWN = ("state", "derivative", "reference_state")
NUMBERS = ("y", "heading", "lateral_speed", "yaw_rate")
SCENARIO = "lane_keeping"


@dataclass(frozen=True)
class Attributes:
    """The lane-keeping vehicle's state, derivative and reference, equal to highway-env's to 1e-6.

    It is a dictionary of columns of four numbers: y [m], heading [rad], lateral speed [m/s] and yaw
    rate [rad/s] of the vehicle, in the world's axes but for the lateral speed; what they change by
    in a second; and what they would be in the middle of the lane.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import Attributes
    >>> env = gymnasium.make("b2m_envs:B2M/LaneKeepingScene-v0", observation=Attributes())
    >>> env.reset(seed=0)[0]["reference_state"].shape
    (4, 1)

    ```

    State and derivative have noise, as highway-env's: evenly distributed up to .05, from the
    environment's generator. Nothing else in lane keeping draws from it.

    Args:
        attributes: Some of "state", "derivative" and "reference_state".

    Raises:
        ValueError: For others.
    """

    attributes: Sequence[str] = KNOWN

    def __post_init__(self) -> None:
        settle(self)
        check_features(self, self.attributes, KNOWN, "attributes")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers in each column."""
        return NUMBERS

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_highway_env=True)

    def space(self, settings: SceneSettings) -> spaces.Space[Any]:
        """The space of one world's dictionary.

        Raises:
            ValueError: For another scenario than lane keeping.
        """
        if settings.scenario != SCENARIO:
            raise ValueError(
                f"{settings.of.id}: observation: expected the scenario {SCENARIO!r} for "
                f"Attributes, came {settings.scenario!r}"
            )
        column = spaces.Box(-np.inf, np.inf, (len(NUMBERS), 1), np.float64)
        return spaces.Dict(dict.fromkeys(self.attributes, column))

    def observe(self, world: Any) -> dict[str, Float64[np.ndarray, "number 1"]]:
        """The dictionary of highway-env's lane-keeping environment."""
        return {name: np.asarray(getattr(world, name), np.float64) for name in self.attributes}

    def _observe(self, settings: SceneSettings, scene: Any, world: Any) -> Any:
        return self.observe(world)
