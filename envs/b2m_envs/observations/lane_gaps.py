"""The nearest vehicles and obstacles of the lanes around, which the state does not show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from b2m_envs.observations.checks import check_flags, check_whole, is_finite_number, refuse, settle
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.start_spacing import LANE_WIDTH

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic

NAMES = ("gap", "relative_speed")
SCENARIOS = ("highway", "highway_fast", "exit", "merge", "merge_generic", "two_way")  # along x
LONGEST_REACH = 1000.0  # [m]
FASTEST = 100.0  # [m/s] of two vehicles that meet, and a margin
_SCALES = (50.0, 10.0)  # [m], [m/s] what is of order 1 after a division by these


@dataclass(frozen=True)
class LaneGaps:
    """Gaps to whom is nearest ahead and behind, and how fast they change, lane by lane.

    The state shows the vehicle's own lane and the ones next to it. Who is to cross several lanes
    has to know which of them will be free when he gets there.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import LaneGaps
    >>> envs = gymnasium.make_vec(
    ...     "b2m_envs:B2M/ExitScene-v0", num_envs=8, observation=LaneGaps(left=1, right=6)
    ... )
    >>> envs.reset(seed=0)[0].shape  # world, lane, vehicle, column
    (8, 8, 3, 2)

    ```

    A row is a lane: from `left` lanes to the left of the ego vehicle's to `right` lanes to its
    right. In it stand the nearest vehicles and obstacles (where merge's ramp ends) ahead, nearest
    first, then those behind, each with the way along the road between the two middles [m] and its
    speed minus the ego vehicle's, along the road [m/s]. A place without any, also of a lane that
    the road does not have, has `reach` and 0. Rows are stripes as wide as a lane, counted from the
    ego vehicle's own: who comes on merge's ramp is in the one that it is in then. Straight roads
    alone have it. The observation is ours: highway-env has none of this kind.

    Args:
        left: Lanes to the left.
        right: Lanes to the right.
        ahead: Vehicles and obstacles ahead in each lane.
        behind: Those behind in each lane.
        reach: How far is seen [m].
        normalize: Whether ways are divided by 50 m and speeds by 10 m/s.

    Raises:
        ValueError: For a setting that does not fit.
    """

    left: int = 1
    right: int = 1
    ahead: int = 2
    behind: int = 1
    reach: float | int = 200
    normalize: bool = True

    def __post_init__(self) -> None:
        settle(self)
        check_whole(self, "left", 0, 100)
        check_whole(self, "right", 0, 100)
        check_whole(self, "ahead", 1, 100)
        check_whole(self, "behind", 0, 100)
        check_flags(self, "normalize")
        if not is_finite_number(self.reach) or not 1 <= self.reach <= LONGEST_REACH:
            refuse(self, "reach", f"a distance from 1 to {LONGEST_REACH:g} m", self.reach)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return NAMES

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_traffic=True)

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's lanes.

        Raises:
            ValueError: For a scenario whose roads are not straight.
        """
        if settings.scenario not in SCENARIOS:
            raise ValueError(
                f"{settings.of.id}: observation: expected one of {', '.join(SCENARIOS)} for "
                f"{type(self).__name__}, whose lanes are straight, came {settings.scenario!r}"
            )
        high = np.array([self.reach, FASTEST], np.float32) / self._divisors
        low = np.array([0.0, -FASTEST], np.float32) / self._divisors
        return spaces.Box(
            np.broadcast_to(low, self._shape), np.broadcast_to(high, self._shape), dtype=np.float32
        )

    def observe(self, traffic: ObservedTraffic) -> Float32[np.ndarray, "chosen lane place column"]:
        """The lanes of the chosen worlds."""
        out = np.empty((len(traffic.which), *self._shape), np.float32)
        traffic.fill(out, self._write)
        out /= self._divisors
        return out

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.left + 1 + self.right, self.ahead + self.behind, len(NAMES)

    @property
    def _divisors(self) -> Float32[np.ndarray, " column"]:
        return np.array(_SCALES if self.normalize else (1.0, 1.0), np.float32)

    def _observe(self, settings: SceneSettings, scene: Any, traffic: Any) -> Any:
        return self.observe(traffic)

    def _write(self, traffic: ObservedTraffic, out: np.ndarray) -> None:
        from b2m_envs.observations.lane_gaps_kernel import write_gaps

        write_gaps(
            traffic.vehicles,
            traffic.count,
            traffic.ego,
            traffic.slots,
            traffic.which,
            self.left,
            self.ahead,
            LANE_WIDTH,
            float(self.reach),
            out,
        )
