"""What begins the episodes of a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from b2m_envs.engine.drawn_traffic import (
    ROUNDABOUT_GOALS,
    merge_start,
    roundabout_start,
    start_at_merge,
    start_at_roundabout,
)
from b2m_envs.engine.initial_traffic import (
    SPAWNS,
    highway_start,
    plans_to,
    spawn_table,
    start_from_spawns,
    start_on_highway,
)
from b2m_envs.engine.lanes import LaneTable
from b2m_envs.scenes.scenarios import MERGE_LENGTHS

STARTED: Final = (  # scenarios begun here
    *SPAWNS, "highway", "highway_fast", "exit", "merge_generic", "roundabout_generic"
)  # fmt: skip


class Starter:
    """Begins the episodes of a scenario.

    Args:
        scenario: Name of the scenario.
        source: highway-env's environment of it, which has begun an episode.
        table: Of its road network.
        levels: float64 `[level]` target speeds of the ego vehicle [m/s].
        ego_kind: META, STEERED or DRIVER.
    """

    def __init__(
        self, scenario: str, source: Any, table: LaneTable, levels: np.ndarray, ego_kind: int
    ) -> None:
        config = source.config
        goals: Sequence[str] = ()
        self._how: Any
        if scenario in SPAWNS:
            spawns = SPAWNS[scenario]
            goals = [goal for spawn in spawns for goal in spawn.goals]
            self.kernel, self._how = start_from_spawns, spawn_table(spawns, table, goals)
        elif scenario == "merge_generic":
            lengths = [config[key] for key in MERGE_LENGTHS]
            self.kernel = start_at_merge
            self._how = merge_start(int(config["vehicles_count"]), lengths, table)
        elif scenario == "roundabout_generic":
            goals, self.kernel = ROUNDABOUT_GOALS, start_at_roundabout
            self._how = roundabout_start(int(config["vehicles_count"]), table)
        else:
            goals = ["3"]
            self.kernel, self._how = start_on_highway, highway_start(scenario, config)
        self._network = table.network
        self._plans = plans_to(goals, source.road.network, table)
        self._levels, self._ego_kind = levels, ego_kind

    def begin(
        self, generator: np.random.Generator, vehicles: np.ndarray, routes: np.ndarray, search: Any
    ) -> int:
        """Begin an episode in one world; returns the number of vehicles."""
        count: int = self.kernel(
            self._network,
            self._plans,
            self._how,
            self._levels,
            self._ego_kind,
            generator,
            vehicles,
            routes,
            search,
        )
        return count
