"""highway-env's Kinematics observation: a table of the nearest vehicles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from b2m_envs.observations.checks import (
    check_features,
    check_flags,
    check_ranges,
    check_whole,
    refuse,
    settle,
)
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.start_spacing import LANE_WIDTH

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic

FEATURES = (
    "presence",
    "x",
    "y",
    "vx",
    "vy",
    "heading",
    "cos_h",
    "sin_h",
    "cos_d",
    "sin_d",
    "long_off",
    "lat_off",
    "ang_off",
)
ORDERS = ("sorted", "road")
FASTEST = 40.0  # [m/s] highway-env's Vehicle.MAX_SPEED
BY_LANES = "y"  # the feature whose usual range grows with the lanes of the road


@dataclass(frozen=True)
class Kinematics:
    """The ego vehicle and those near it, one row each, equal to highway-env's to 1e-6.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import Kinematics
    >>> envs = gymnasium.make_vec(
    ...     "b2m_envs:B2M/HighwayFastScene-v0", num_envs=8, observation=Kinematics(vehicles_count=4)
    ... )
    >>> envs.reset(seed=0)[0].shape
    (8, 4, 5)

    ```

    Features: presence (1, or 0 in an empty row), x and y [m], vx and vy [m/s], heading [rad], its
    cosine and sine, cosine and sine of the direction to the destination, and the offsets along the
    lane [m], across it [m] and of heading [rad]. Obstacles have no heading and no offsets of their
    own; these are 0 where highway-env gives NaN.

    Args:
        features: The columns.
        vehicles_count: The rows, the ego vehicle's among them.
        features_range: Lowest and highest value that become -1 and 1. None: highway-env's, where
            y spans the lanes of the road on which the episode began.
        absolute: Whether the others' x, y, vx and vy are those of the world. The ego
            vehicle's always are.
        order: "sorted" by distance along the ego vehicle's lane, or as on the "road".
        normalize: Whether ranges become -1 to 1.
        clip: Whether what is beyond them is cut off.
        see_behind: Whether vehicles more than 10 m behind count.
        observe_intentions: Whether the destinations of the others are given, and not 0.
        include_obstacles: Whether obstacles count.

    Raises:
        ValueError: For a setting that does not fit.
    """

    features: Sequence[str] = ("presence", "x", "y", "vx", "vy")
    vehicles_count: int = 5
    features_range: Mapping[str, Sequence[float | int]] | None = None
    absolute: bool = False
    order: str = "sorted"
    normalize: bool = True
    clip: bool = True
    see_behind: bool = False
    observe_intentions: bool = False
    include_obstacles: bool = True

    def __post_init__(self) -> None:
        settle(self)
        check_features(self, self.features, FEATURES)
        check_whole(self, "vehicles_count", 1, 1000)
        self._check_order()
        check_flags(self, "absolute", "normalize", "clip", "see_behind")
        check_flags(self, "observe_intentions", "include_obstacles")
        check_ranges(self, self.features_range, FEATURES)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.features)

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_traffic=True)

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's table."""
        shape = (self.vehicles_count, len(self.features))
        return spaces.Box(-np.inf, np.inf, shape, np.float32)

    def observe(self, traffic: ObservedTraffic) -> Float32[np.ndarray, "chosen row feature"]:
        """The tables of the chosen worlds."""
        shape = (len(traffic.which), self.vehicles_count, len(self.features))
        out = np.zeros(shape, np.float32)
        traffic.fill(out, self._write)
        return out

    def _write(self, traffic: ObservedTraffic, out: np.ndarray) -> None:
        from b2m_envs.observations.kinematics_kernel import empty_tables, write_tables

        columns = np.array([FEATURES.index(each) for each in self.features])
        write_tables(
            traffic.table.network,
            traffic.vehicles,
            traffic.count,
            traffic.ego,
            traffic.routes,
            traffic.slots,
            traffic.lanes_at_start,
            traffic.which,
            columns,
            self._ranges(),
            not self.features_range,
            (self.absolute, self.order == "sorted", self.clip, self.see_behind),
            (self.observe_intentions, self.include_obstacles),
            self._lane_of_x(traffic),
            empty_tables(len(FEATURES), traffic.vehicles.shape[1]),
            out,
        )

    def _lane_of_x(self, traffic: ObservedTraffic) -> int:
        """Number of the lane along which the ego vehicle's own x is counted; -1: the world's."""
        return -1

    def _check_order(self) -> None:
        expected = " or ".join(map(repr, ORDERS))
        if self.order == "shuffled":
            expected += (
                " (highway-env shuffles with the generator that its traffic draws from, so that "
                "who looks changes what happens)"
            )
        if self.order not in ORDERS:
            refuse(self, "order", expected, self.order)

    def _observe(self, settings: SceneSettings, scene: Any, traffic: Any) -> Any:
        return self.observe(traffic)

    def _ranges(self) -> np.ndarray:
        """Lowest and highest value of each of `FEATURES`; NaN where nothing is normalised."""
        ranges = np.full((len(FEATURES), 2), np.nan)
        if self.normalize:
            for feature, limits in (self.features_range or usual_ranges()).items():
                ranges[FEATURES.index(feature)] = limits
        return ranges


def usual_ranges() -> dict[str, Sequence[float | int]]:
    """highway-env's ranges; that of y is for one lane."""
    return {
        "x": (-5 * FASTEST, 5 * FASTEST),
        BY_LANES: (-LANE_WIDTH, LANE_WIDTH),
        "vx": (-2 * FASTEST, 2 * FASTEST),
        "vy": (-2 * FASTEST, 2 * FASTEST),
    }
