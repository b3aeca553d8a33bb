"""Where the exit lies, which the state of a scene does not say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from b2m_envs.observations.checks import check_flags, settle
from b2m_envs.scenes.observation import ObservationKind
from b2m_envs.scenes.settings import SceneSettings

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic

NAMES = ("to_begin", "to_end", "to_right")
SCENARIO = "exit"
FARTHEST = 2000.0  # [m] beyond it, cut off
WAY, WIDTH = 100.0, 4.0  # [m] what ways and widths are divided by where they are scaled


def check_has_exit(settings: SceneSettings, name: str) -> None:
    """Raise ValueError for another scenario than the exit, naming the observation."""
    if settings.scenario != SCENARIO:
        raise ValueError(
            f"{settings.of.id}: observation: expected the scenario {SCENARIO!r} for "
            f"{name}, came {settings.scenario!r}"
        )


@dataclass(frozen=True)
class ExitPlace:
    """How far the lane that leads to the exit is ahead, and how far to the right.

    The numbers are those of a road sign: the way along the road until the exit lane begins and
    until it ends (negative behind it), and the way across the road to its middle, all in metres.
    Without them nothing in the state tells when to cross over: the road looks alike all along.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import ExitPlace
    >>> envs = gymnasium.make_vec(
    ...     "b2m_envs:B2M/ExitScene-v0", num_envs=8, observation=ExitPlace(scaled=False)
    ... )
    >>> begin, end, right = envs.reset(seed=0)[0][0]
    >>> float(end - begin), float(right)
    (100.0, 24.0)

    ```

    The observation is ours; highway-env's own of this scenario is `ExitKinematics`.

    Args:
        scaled: Whether ways are divided by 100 m and the width by 4 m, a lane.

    Raises:
        ValueError: For what is neither True nor False.
    """

    scaled: bool = True

    def __post_init__(self) -> None:
        settle(self)
        check_flags(self, "scaled")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers."""
        return NAMES

    @property
    def kind(self) -> ObservationKind:
        """As the environments take it."""
        return ObservationKind(self.space, self._observe, of_traffic=True)

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's numbers.

        Raises:
            ValueError: For another scenario than the exit.
        """
        check_has_exit(settings, type(self).__name__)
        high = (np.full(len(NAMES), FARTHEST) / self._divisors).astype(np.float32)
        return spaces.Box(-high, high, dtype=np.float32)

    def observe(self, traffic: ObservedTraffic) -> Float32[np.ndarray, "chosen number"]:
        """The numbers of the chosen worlds."""
        from b2m_envs.engine.rewards import exit_lane

        lane = exit_lane(traffic.table)  # a straight one
        ego = traffic.vehicles[traffic.which, traffic.ego[traffic.which]]
        x, y = ego["x"] - lane["start_x"], ego["y"] - lane["start_y"]
        along = x * lane["direction_x"] + y * lane["direction_y"]
        across = -x * lane["direction_y"] + y * lane["direction_x"]
        ways = np.stack([-along, lane["length"] - along, -across], axis=1)
        seen: np.ndarray = np.clip(ways, -FARTHEST, FARTHEST) / self._divisors
        return seen.astype(np.float32)

    @property
    def _divisors(self) -> Float32[np.ndarray, " number"]:
        return np.array([WAY, WAY, WIDTH] if self.scaled else [1, 1, 1], np.float32)

    def _observe(self, settings: SceneSettings, scene: Any, traffic: Any) -> Any:
        return self.observe(traffic)
