"""highway-env's OccupancyGrid observation: layers of cells around the ego vehicle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32, UInt8

from b2m_envs.observations.checks import (
    check_features,
    check_flags,
    check_ranges,
    is_finite_number,
    is_rising,
    refuse,
    settle,
)
from b2m_envs.observations.kinematics import FASTEST, FEATURES
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic

ON_ROAD = "on_road"  # the layer of lanes
LAYERS = (*FEATURES, ON_ROAD)
SMALLEST_STEP = 0.1  # [m]
MOST_CELLS = 512  # along a side
USUAL_RANGES: Mapping[str, Sequence[float | int]] = {
    "vx": (-2 * FASTEST, 2 * FASTEST),
    "vy": (-2 * FASTEST, 2 * FASTEST),
}


@dataclass(frozen=True)
class OccupancyGrid:
    """Cells around the ego vehicle, one layer a feature, equal to highway-env's to 1e-6.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import OccupancyGrid
    >>> envs = gymnasium.make_vec(
    ...     "b2m_envs:B2M/HighwayFastScene-v0", num_envs=8, observation=OccupancyGrid()
    ... )
    >>> envs.reset(seed=0)[0].shape
    (8, 4, 11, 11)

    ```

    A cell shows the feature of the vehicle in it (of several, of the first on the road), as
    `Kinematics` has it, x, y, vx and vy relative to the ego vehicle, which is in it too. "on_road"
    is 1 where the middle of a lane runs, up to 100 m along it. Cells without are 0. Obstacles are
    not shown.

    Args:
        features: The layers: features of `Kinematics`, and "on_road".
        grid_size: Lowest and highest place of the cells' edges [m], relative to the ego vehicle:
            along x, then along y.
        grid_step: Size of a cell [m] along x and along y, .1 or more.
        features_range: Lowest and highest value that become -1 and 1. None: 80 m/s either way of
            vx and vy; others stay as they are.
        align_to_vehicle_axes: Whether x points where the ego vehicle does; otherwise the world's.
        clip: Whether what is beyond -1 and 1 is cut off.
        as_image: Whether -1 to 1 becomes 0 to 255, whole numbers. A cell without is 0 then, too.
        absolute: highway-env has the name but not the thing: False.

    Raises:
        ValueError: For a setting that does not fit.
    """

    features: Sequence[str] = ("presence", "vx", "vy", ON_ROAD)
    grid_size: Sequence[Sequence[float | int]] = ((-27.5, 27.5), (-27.5, 27.5))
    grid_step: Sequence[float | int] = (5, 5)
    features_range: Mapping[str, Sequence[float | int]] | None = None
    align_to_vehicle_axes: bool = False
    clip: bool = True
    as_image: bool = False
    absolute: bool = False

    def __post_init__(self) -> None:
        settle(self)
        check_features(self, self.features, LAYERS)
        check_ranges(self, self.features_range, FEATURES)
        check_flags(self, "align_to_vehicle_axes", "clip", "as_image", "absolute")
        if self.absolute:
            expected = "False (highway-env raises NotImplementedError for absolute cells)"
            refuse(self, "absolute", expected, self.absolute)
        self._check_cells()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers."""
        return tuple(self.features)

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_traffic=True)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Layers, cells along x and cells along y."""
        size, step = np.array(self.grid_size), np.array(self.grid_step)
        cells = np.floor((size[:, 1] - size[:, 0]) / step)
        return len(self.features), int(cells[0]), int(cells[1])

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's grid."""
        if self.as_image:
            return spaces.Box(0, 255, self.shape, np.uint8)
        return spaces.Box(-np.inf, np.inf, self.shape, np.float32)

    def observe(
        self, traffic: ObservedTraffic
    ) -> Float32[np.ndarray, "chosen layer x y"] | UInt8[np.ndarray, "chosen layer x y"]:
        """The grids of the chosen worlds."""
        kind = np.uint8 if self.as_image else np.float32
        out = np.zeros((len(traffic.which), *self.shape), kind)
        traffic.fill(out, self._write)
        return out

    def _observe(self, settings: SceneSettings, scene: Any, traffic: Any) -> Any:
        return self.observe(traffic)

    def _write(self, traffic: ObservedTraffic, out: np.ndarray) -> None:
        from b2m_envs.observations.occupancy_grid_kernel import write_grids

        ranges = np.full((len(FEATURES), 2), np.nan)
        for feature, limits in (self.features_range or USUAL_RANGES).items():
            ranges[FEATURES.index(feature)] = limits
        write_grids(
            traffic.table.network,
            traffic.vehicles,
            traffic.count,
            traffic.ego,
            traffic.routes,
            traffic.which,
            np.array([LAYERS.index(each) for each in self.features]),
            ranges,
            np.array(self.grid_size, np.float64)[:, 0].copy(),
            np.array(self.grid_step, np.float64),
            (self.align_to_vehicle_axes, self.clip, self.as_image),
            np.empty(len(FEATURES)),
            out,
        )

    def _check_cells(self) -> None:
        """Refuse a grid of no cells, or of too many."""
        size, step = self.grid_size, self.grid_step
        if not _is_pair(size) or not all(map(is_rising, size)):
            refuse(self, "grid_size", "(lowest, highest) along x and along y [m]", size)
        if not _is_pair(step) or not all(
            is_finite_number(each) and each >= SMALLEST_STEP for each in step
        ):
            refuse(self, "grid_step", f"two sizes of a cell, {SMALLEST_STEP} m or more", step)
        cells = [(high - low) / each for (low, high), each in zip(size, step, strict=True)]
        if not all(1 <= each < MOST_CELLS + 1 for each in cells):  # whole ones count
            expected = f"room for 1 to {MOST_CELLS} cells of {step} m along x and along y"
            refuse(self, "grid_size", expected, size)


def _is_pair(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
