"""The table of environments, and the one call that tells Gymnasium about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from b2m_envs.missing_packages import needing_envs


@dataclass(frozen=True)
class Registration:
    """One row of the table; entry points are strings, so that nothing heavy is imported."""

    id: str
    entry_point: str
    vector_entry_point: str | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)


SCENES = {
    "Highway": "highway",
    "HighwayFast": "highway_fast",
    "Merge": "merge",
    "MergeGeneric": "merge_generic",
    "Exit": "exit",
    "Roundabout": "roundabout",
    "RoundaboutGeneric": "roundabout_generic",
    "Intersection": "intersection",
    "TwoWay": "two_way",
    "UTurn": "u_turn",
    "Racetrack": "racetrack",
    "RacetrackLarge": "racetrack_large",
    "RacetrackOval": "racetrack_oval",
    "Parking": "parking",
    "LaneKeeping": "lane_keeping",
}

MEMORY_TASKS = {  # the file of each single environment; batches share one
    "MemoryDecision": "environment",
    "Sternberg": "sternberg_environment",
    "ContextDecision": "context_environment",
}

DRIVING_EVENTS = {  # the file of each environment
    "LaneDeparture": "lane_departure",
    "EmergencyBraking": "emergency_braking",
}

REGISTRATIONS = (
    *(
        Registration(
            id=f"B2M/{name}-v0",
            entry_point=f"b2m_envs.memory_decision.{file}:{name}Env",
            vector_entry_point=f"b2m_envs.memory_decision.vector_environment:{name}VectorEnv",
        )
        for name, file in MEMORY_TASKS.items()
    ),
    *(
        Registration(
            id=f"B2M/{title}Scene-v0",
            entry_point="b2m_envs.driving.environment:DrivingSceneEnv",
            vector_entry_point="b2m_envs.driving.vector_environment:DrivingSceneVectorEnv",
            kwargs={"scenario": scenario},
        )
        for title, scenario in SCENES.items()
    ),
    *(
        Registration(id=f"B2M/{name}-v0", entry_point=f"b2m_envs.driving_events.{file}:{name}Env")
        for name, file in DRIVING_EVENTS.items()
    ),
)


def register_environments() -> None:
    """Register every environment of the table that Gymnasium does not know yet."""
    with needing_envs("b2m_envs.register_environments"):
        import gymnasium  # trials and settings need none of it

    for registration in REGISTRATIONS:
        if registration.id not in gymnasium.registry:
            gymnasium.register(
                id=registration.id,
                entry_point=registration.entry_point,
                vector_entry_point=registration.vector_entry_point,
                kwargs=dict(registration.kwargs),
            )
