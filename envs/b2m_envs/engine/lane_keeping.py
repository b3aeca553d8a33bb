"""Batches of vehicles with slipping tyres that keep their lane: highway-env's, without its objects.

Nothing is drawn at random there. Its noise is in one observation alone (`b2m_envs.Attributes`),
which reads highway-env's environment and not these worlds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float64

from b2m_envs.engine.ego_places import write_coordinates
from b2m_envs.engine.rewards import Scoring, SteppedWorlds
from b2m_envs.engine.sharing import Chosen
from b2m_envs.engine.slipping import keep_lane
from b2m_envs.engine.worlds import Worlds
from b2m_envs.scenes.settings import SceneSettings

SCENARIO = "lane_keeping"
FIRST, LAST = ("c", "d", 0), ("a", "b", 0)  # lanes to keep: a straight one, then a winding one


def lane_keeping_terms(stepped: SteppedWorlds) -> dict[str, Float64[np.ndarray, " world"]]:
    """The middle of the lane that is to be kept, whichever is nearest."""
    ego = stepped.ego.copy()
    ego["lane"] = ego["target_lane"]
    along, across, on_road = (np.empty(len(ego)) for _ in range(3))
    write_coordinates(stepped.table.network.lanes, ego, along, across, on_road)
    return {"lane_reward": 1 - (across / stepped.wanted["width"]) ** 2}


def never(stepped: SteppedWorlds) -> Bool[np.ndarray, " world"]:
    """An episode ends with its time alone."""
    return np.zeros(len(stepped.ego), np.bool_)


class LaneKeepingWorlds(Worlds):
    """See `Worlds`: the vehicle follows the lane that it is to keep, and `slip` is state too.

    `slip` is float64 `[world 2]`: lateral speed [m/s] and yaw rate [rad/s].
    """

    scoring: ClassVar[Mapping[str, Scoring]] = {
        SCENARIO: Scoring(lane_keeping_terms, weighted=False, ends=never)
    }

    def __init__(self, settings: SceneSettings, n_worlds: int, n_threads: int = 1) -> None:
        super().__init__(settings, n_worlds, n_threads)
        self.slip = np.zeros((n_worlds, 2))
        self.copy(0, self._source)
        self._start = self.vehicles[0].copy()
        self.count[:] = self.count[0]

    def begin(self, which: Chosen, generators: Sequence[np.random.Generator]) -> None:
        """Begin new episodes, which all begin alike: nothing is drawn from the generators."""
        self.vehicles[which], self.slip[which] = self._start, 0.0

    def copy(self, world: int, source: Any) -> None:
        """Bring a world to where a highway-env environment is, see `Worlds.copy`."""
        super().copy(world, source)
        kept = self.table.number[FIRST if source.lanes else LAST]
        self.vehicles["target_lane"][world, self.ego[world]] = kept
        self.slip[world] = source.vehicle.lateral_speed, source.vehicle.yaw_rate

    @property
    def kernels(self) -> tuple[Any, ...]:
        """The compiled function that advances these worlds."""
        return (keep_lane,)

    def _advance(self, n_substeps: int, which: Chosen) -> None:
        keep_lane(
            self.table.network,
            self.table.number[LAST],
            self.vehicles,
            self.slip,
            which,
            self._controls,
            1 / self.settings.simulated_per_second,
            n_substeps,
            self.progress,
            self._new_search(),
        )
