"""Vehicles whose paths cross or join that of the ego vehicle, and when both are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from b2m_envs.observations.checks import check_flags, check_whole, is_finite_number, refuse, settle
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import LONGEST_TIME

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic

NAMES = ("presence", "own_distance", "own_time", "other_distance", "other_time")
LONGEST_REACH = 200  # [m]


@dataclass(frozen=True)
class CrossingTraffic:
    """The nearest conflicts with crossing and joining traffic, which the state's gaps do not show.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import CrossingTraffic
    >>> envs = gymnasium.make_vec(
    ...     "b2m_envs:B2M/IntersectionScene-v0",
    ...     num_envs=8,
    ...     observation={"lane": "scaled_state", "crossing": CrossingTraffic()},
    ... )
    >>> envs.reset(seed=0)[0]["crossing"].shape
    (8, 3, 5)

    ```

    The path of a vehicle is the middle of its lane, then of the lanes of its route; without one, of
    the only road that goes on, or its lane prolonged (a steered ego vehicle has no route). A
    conflict is the first place on the ego vehicle's path that the other's path passes within 2 m.
    One who is there already and heads the same way within 30 deg leads or follows, and is left to
    the state. Paths are compared at every metre.

    A row has the presence (1, or 0 in an empty row), the way along their paths that both have to
    the conflict [m], and the time that each takes at its present speed [s], 20 s at most. The rows
    are sorted by the ego vehicle's way. An empty row has `reach` and 20 s. The observation is ours:
    highway-env has none of this kind.

    Args:
        vehicles_count: The rows.
        reach: Length of the paths [m].
        normalize: Whether ways are divided by `reach` and times by 20 s.

    Raises:
        ValueError: For a setting that does not fit.
    """

    vehicles_count: int = 3
    reach: float | int = 60
    normalize: bool = True

    def __post_init__(self) -> None:
        settle(self)
        check_whole(self, "vehicles_count", 1, 100)
        check_flags(self, "normalize")
        if not is_finite_number(self.reach) or not 1 <= self.reach <= LONGEST_REACH:
            refuse(self, "reach", f"a distance from 1 to {LONGEST_REACH} m", self.reach)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return NAMES

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_traffic=True)

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's table."""
        highest = np.tile(self._largest / self._divisors, (self.vehicles_count, 1))
        return spaces.Box(np.zeros_like(highest), highest, dtype=np.float32)

    def observe(self, traffic: ObservedTraffic) -> Float32[np.ndarray, "chosen row column"]:
        """The tables of the chosen worlds."""
        out = np.empty((len(traffic.which), self.vehicles_count, len(NAMES)), np.float32)
        traffic.fill(out, self._write)
        out /= self._divisors
        return out

    @property
    def _largest(self) -> Float32[np.ndarray, " column"]:
        return np.array([1, self.reach, LONGEST_TIME, self.reach, LONGEST_TIME], np.float32)

    @property
    def _divisors(self) -> Float32[np.ndarray, " column"]:
        return self._largest if self.normalize else np.ones(len(NAMES), np.float32)

    def _observe(self, settings: SceneSettings, scene: Any, traffic: Any) -> Any:
        return self.observe(traffic)

    def _write(self, traffic: ObservedTraffic, out: np.ndarray) -> None:
        from b2m_envs.observations.crossing_traffic_kernel import STEP, write_conflicts

        n_places = int(self.reach / STEP) + 1
        write_conflicts(
            traffic.table.network,
            traffic.vehicles,
            traffic.count,
            traffic.ego,
            traffic.routes,
            traffic.which,
            float(self.reach),
            np.empty((2, n_places, 3)),
            np.empty((self.vehicles_count, 3)),
            out,
        )
