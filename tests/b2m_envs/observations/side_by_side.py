"""One state of highway-env, seen by its own observations and by ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from b2m_envs.engine.observed_traffic import ObservedTraffic
from b2m_envs.engine.worlds import Worlds
from b2m_envs.highway_env.bridge import build_world
from b2m_envs.scenes.settings import SceneSettings

SCENARIOS = (
    "highway",
    "highway_fast",
    "merge",
    "exit",
    "roundabout",
    "intersection",
    "two_way",
    "u_turn",
    "racetrack",
    "racetrack_large",
    "racetrack_oval",
    "merge_generic",
    "roundabout_generic",
)


FEW: dict[str, dict[str, int]] = {  # others, where highway-env's own number takes it long
    "highway": {"vehicles_count": 14},
    "exit": {"vehicles_count": 12},
}


def settings_of(scenario: str, **further: Any) -> SceneSettings:
    return SceneSettings(scenario, **FEW.get(scenario, {}), **further)


def few_vehicles(scenario: str) -> SceneSettings:
    """A scenario with at most 12 other vehicles, of which highway-env simulates 50 slowly."""
    return SceneSettings(scenario, vehicles_count=12 if scenario == "highway" else None)


def states(settings: SceneSettings, seed: int, n_steps: int) -> Iterator[tuple[Any, Any]]:
    """highway-env's world of an episode under random actions, and the same as our traffic."""
    source, worlds = build_world(settings), Worlds(settings, 1)
    source.begin(np.random.default_rng(seed))
    roads = source.road.network.all_side_lanes(source.vehicle.lane_index)
    lanes_at_start = np.array([len(roads)], np.int32)
    draws = np.random.default_rng(seed + 1)
    for step in range(n_steps):
        if step:
            source.step(int(draws.integers(5 if settings.of.lane_changes else 3)))
        worlds.copy(0, source)
        yield (
            source,
            ObservedTraffic(
                settings=settings,
                table=worlds.table,
                vehicles=worlds.vehicles,
                count=worlds.count,
                ego=worlds.ego,
                routes=worlds.routes,
                slots=worlds.slots,
                lanes_at_start=lanes_at_start,
                which=np.zeros(1, np.int64),
            ),
        )
        if source.vehicle.crashed:
            return
