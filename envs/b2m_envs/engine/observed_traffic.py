"""What an observation of the traffic reads: the worlds of a batch as they lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int32, Int64, Shaped

from b2m_envs.engine.lanes import LaneTable
from b2m_envs.engine.sharing import Sharing
from b2m_envs.scenes.settings import SceneSettings


@dataclass(frozen=True, eq=False)
class ObservedTraffic:
    """Vehicles, obstacles and lanes of a batch of worlds; see `b2m_envs.engine.layout`.

    Whoever observes reads these arrays, which belong to the batch, and writes none of them.
    """

    settings: SceneSettings
    table: LaneTable
    vehicles: Shaped[np.ndarray, "world row"]  # VEHICLE, obstacles from row `slots` on
    count: Int32[np.ndarray, " world"]  # vehicles
    ego: Int32[np.ndarray, " world"]  # row of the ego vehicle
    routes: Int32[np.ndarray, "world row step 2"]  # (road, number of a lane)
    slots: int  # rows for vehicles
    lanes_at_start: Int32[np.ndarray, " world"]  # of the road on which the episode began
    which: Int64[np.ndarray, " chosen"]  # worlds to observe
    sharing: Sharing | None = None  # threads that share the worlds; None: the caller's alone

    def fill(self, out: np.ndarray, write: Callable[[ObservedTraffic, np.ndarray], None]) -> None:
        """Let a function write the rows of `out` [chosen ...], each thread those of some worlds.

        Args:
            out: One row for each world of `which`.
            write: Called with the traffic, `which` being a part of it, and with that part's rows.
        """
        if self.sharing is None:
            write(self, out)
            return

        def write_part(places: np.ndarray) -> None:
            first, behind = int(places[0]), int(places[-1]) + 1
            write(replace(self, which=self.which[first:behind]), out[first:behind])

        if len(self.which):
            self.sharing.run(write_part, np.arange(len(self.which)))
