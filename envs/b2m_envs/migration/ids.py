"""highway-env's ids, and the scenarios that they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from b2m_envs.scenes.highway_env_names import ONE_VEHICLE

_CONNECTED: Final = {"neighbour_vehicles_connected_lanes": True}


@dataclass(frozen=True)
class HighwayEnvId:
    """One of highway-env's environments that we have."""

    scenario: str
    preset: Mapping[str, Any] = field(default_factory=dict)  # beside its class's configuration
    configured_by: str | None = None  # path of the class, where it is not the scenario's
    n_steps: int | None = None  # after which highway-env's registration truncates


IDS: Mapping[str, HighwayEnvId] = MappingProxyType(
    {
        "highway-v0": HighwayEnvId("highway"),
        "highway-fast-v0": HighwayEnvId("highway_fast"),
        "merge-v0": HighwayEnvId("merge"),
        "merge-v1": HighwayEnvId("merge", _CONNECTED),
        "merge-generic-v0": HighwayEnvId("merge_generic"),
        "merge-generic-v1": HighwayEnvId("merge_generic", _CONNECTED),
        "exit-v0": HighwayEnvId("exit"),
        "exit-v1": HighwayEnvId("exit", _CONNECTED),
        "roundabout-v0": HighwayEnvId("roundabout"),
        "roundabout-v1": HighwayEnvId("roundabout", _CONNECTED),
        "roundabout-generic-v0": HighwayEnvId("roundabout_generic"),
        "roundabout-generic-v1": HighwayEnvId("roundabout_generic", _CONNECTED),
        "intersection-v0": HighwayEnvId("intersection"),
        "intersection-v1": HighwayEnvId(
            "intersection",
            configured_by="highway_env.envs.intersection_env.ContinuousIntersectionEnv",
        ),
        "intersection-v2": HighwayEnvId("intersection", _CONNECTED),
        "two-way-v0": HighwayEnvId("two_way", n_steps=15),
        "u-turn-v0": HighwayEnvId("u_turn"),
        "u-turn-v1": HighwayEnvId("u_turn", _CONNECTED),
        "racetrack-v0": HighwayEnvId("racetrack"),
        "racetrack-v1": HighwayEnvId("racetrack", _CONNECTED),
        "racetrack-large-v0": HighwayEnvId("racetrack_large"),
        "racetrack-large-v1": HighwayEnvId("racetrack_large", _CONNECTED),
        "racetrack-oval-v0": HighwayEnvId("racetrack_oval"),
        "racetrack-oval-v1": HighwayEnvId("racetrack_oval", _CONNECTED),
        "parking-v0": HighwayEnvId("parking"),
        "parking-parked-v0": HighwayEnvId("parking", {"vehicles_count": 10}),
        "parking-ActionRepeat-v0": HighwayEnvId("parking", {"policy_frequency": 1, "duration": 20}),
        "lane-keeping-v0": HighwayEnvId("lane_keeping", n_steps=200),
    }
)
MISSING: Mapping[str, str] = MappingProxyType(  # ids that we have not -> what to use instead
    {
        "intersection-multi-agent-v0": f"intersection-v0: {ONE_VEHICLE}",
        "intersection-multi-agent-v1": f"intersection-v0: {ONE_VEHICLE}",
        "intersection-multi-agent-v2": f"intersection-v2: {ONE_VEHICLE}",
    }
)


def known_id(env_id: object) -> HighwayEnvId:
    """The row of an id, also as "highway_env:highway-v0".

    Raises:
        ValueError: for an id that is none, or that we have not; says what to use instead.
    """
    name = env_id.rpartition(":")[2] if isinstance(env_id, str) else env_id
    if isinstance(name, str) and name in IDS:
        return IDS[name]
    if isinstance(name, str) and name in MISSING:
        raise ValueError(f"{name}: not among our environments; use {MISSING[name]}")
    raise ValueError(f"env_id: expected one of highway-env's, {', '.join(IDS)}, came {env_id!r}")
