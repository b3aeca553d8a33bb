"""highway-env's TimeToCollision observation: when each lane and speed would lead to a collision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from b2m_envs.observations.checks import refuse, settle
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic

N_SPEEDS = N_LANES = 3
LONGEST_HORIZON = 1000  # [s]


@dataclass(frozen=True)
class TimeToCollision:
    """Collisions to come, by target speed, lane and time; equal to highway-env's.

    The axes are the next lower target speed, the present one and the next higher; the lane to the
    left, the vehicle's own and that to the right; and the policy steps up to the horizon. 1 is a
    collision with the centre of a vehicle, or no such lane; 0.5 one with its front or rear.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import TimeToCollision
    >>> env = gymnasium.make("b2m_envs:B2M/HighwayFastScene-v0", observation=TimeToCollision(5))
    >>> env.reset(seed=0)[0].shape
    (3, 3, 5)

    ```

    Args:
        horizon: [s]

    Raises:
        ValueError: For a horizon that does not fit.
    """

    horizon: float | int = 10

    def __post_init__(self) -> None:
        settle(self)
        number = isinstance(self.horizon, int | float) and not isinstance(self.horizon, bool)
        if not number or not 0 < self.horizon <= LONGEST_HORIZON:
            refuse(self, "horizon", f"a time up to {LONGEST_HORIZON} s, above 0", self.horizon)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return ("speed", "lane", "time")

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_traffic=True)

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's grid.

        Raises:
            ValueError: If the ego vehicle has no meta-actions, or the horizon is below a step.
        """
        if settings.action != "discrete" or settings.driver != "agent":
            came = f"action={settings.action!r}, driver={settings.driver!r}"
            raise ValueError(
                f"{settings.of.id}: observation: TimeToCollision: expected meta-actions "
                f"(action='discrete', driver='agent'), came {came}"
            )
        if self._n_times(settings) < 1:
            step = 1 / settings.steps_per_second
            refuse(self, "horizon", f"a policy step or more, {step:g} s", self.horizon)
        return spaces.Box(0, 1, (N_SPEEDS, N_LANES, self._n_times(settings)), np.float32)

    def observe(self, traffic: ObservedTraffic) -> Float32[np.ndarray, "chosen speed lane time"]:
        """The grids of the chosen worlds."""
        shape = (len(traffic.which), N_SPEEDS, N_LANES, self._n_times(traffic.settings))
        out = np.zeros(shape, np.float32)
        traffic.fill(out, self._write)
        return out

    def _write(self, traffic: ObservedTraffic, out: np.ndarray) -> None:
        from b2m_envs.observations.time_to_collision_kernel import write_grids

        write_grids(
            traffic.table.network,
            traffic.vehicles,
            traffic.count,
            traffic.ego,
            traffic.routes,
            traffic.which,
            np.array(traffic.settings.aimed_speeds, np.float64),
            1 / traffic.settings.steps_per_second,
            out,
        )

    def _observe(self, settings: SceneSettings, scene: Any, traffic: Any) -> Any:
        return self.observe(traffic)

    def _n_times(self, settings: SceneSettings) -> int:
        return math.floor(self.horizon / (1 / settings.steps_per_second))
