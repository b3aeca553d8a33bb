"""highway-env's Lidar observation: what beams in all directions meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from b2m_envs.observations.checks import check_flags, check_whole, is_finite_number, refuse, settle
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic

MOST_CELLS = 1000
LONGEST_RANGE = 1000  # [m]
LARGEST_OVERLAP = 10.0  # [m] a distance is below 0 where the ego vehicle is within another's
FASTEST_TOGETHER = 100.0  # [m/s] of two vehicles: each keeps to 40, and a step beyond


@dataclass(frozen=True)
class Lidar:
    """The nearest vehicle or obstacle in each direction, equal to highway-env's to 1e-6.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import Lidar
    >>> envs = gymnasium.make_vec(
    ...     "b2m_envs:B2M/HighwayFastScene-v0", num_envs=8, observation=Lidar(cells=24)
    ... )
    >>> envs.reset(seed=0)[0].shape
    (8, 24, 2)

    ```

    Cell k looks k / `cells` of a full turn from the world's x axis towards its y axis (to the right
    in the eyes of who drives along x); the ego vehicle's heading turns nothing. Its columns are the
    distance from the ego vehicle's middle [m], and the speed along the beam relative to the ego
    vehicle [m/s], below 0 if it comes nearer. A cell that meets nothing has `maximum_range`
    in both columns, as highway-env fills it: a speed means nothing there.

    Args:
        cells: Directions.
        maximum_range: How far the middle of what is seen may be [m].
        normalize: Whether both columns are divided by `maximum_range`.

    Raises:
        ValueError: For a setting that does not fit.
    """

    cells: int = 16
    maximum_range: float | int = 60
    normalize: bool = True

    def __post_init__(self) -> None:
        settle(self)
        check_whole(self, "cells", 1, MOST_CELLS)
        check_flags(self, "normalize")
        far = self.maximum_range
        if not is_finite_number(far) or not 0 < far <= LONGEST_RANGE:
            refuse(self, "maximum_range", f"a distance up to {LONGEST_RANGE} m, above 0", far)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return ("distance", "speed")

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_traffic=True)

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's cells; speeds are not cut off, and may be above the range."""
        low = np.array([-LARGEST_OVERLAP, -FASTEST_TOGETHER], np.float32)
        fastest = max(self.maximum_range, FASTEST_TOGETHER)
        high = np.array([self.maximum_range, fastest], np.float32)
        scale = np.float32(self.maximum_range if self.normalize else 1)
        low, high = (np.tile(bound / scale, (self.cells, 1)) for bound in (low, high))
        return spaces.Box(low, high, dtype=np.float32)

    def observe(self, traffic: ObservedTraffic) -> Float32[np.ndarray, "chosen cell column"]:
        """The cells of the chosen worlds."""
        out = np.empty((len(traffic.which), self.cells, len(self.names)), np.float32)
        traffic.fill(out, self._write)
        return out

    def _observe(self, settings: SceneSettings, scene: Any, traffic: Any) -> Any:
        return self.observe(traffic)

    def _write(self, traffic: ObservedTraffic, out: np.ndarray) -> None:
        from b2m_envs.observations.lidar_kernel import write_cells

        write_cells(
            traffic.vehicles,
            traffic.count,
            traffic.ego,
            traffic.slots,
            traffic.which,
            float(self.maximum_range),
            np.float32(self.maximum_range if self.normalize else 1),
            np.empty((4, 2)),
            out,
        )
