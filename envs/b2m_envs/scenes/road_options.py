"""Settings of road and traffic, which only some scenarios have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from b2m_envs.scenes.numbers import as_numbers, is_number, is_whole
from b2m_envs.scenes.scenarios import (
    ANY_ARM,
    ARMS,
    MERGE_LENGTHS,
    SCENARIOS,
    USUAL_MERGE_LENGTHS,
)
from b2m_envs.scenes.start_spacing import (
    STRAIGHT_ROADS,
    StraightRoad,
    farthest_start,
    wrong_density,
)

if TYPE_CHECKING:
    from b2m_envs.scenes.settings import SceneSettings

MOST_VEHICLES: Final = 1000
SHORTEST_PART: Final = 10.0  # [m] of a merge, see `MERGE_LENGTHS`
SHORTEST_AFTER: Final = 90.0  # [m] of its last part, in which an episode ends
LONGEST_PART: Final = 10_000.0  # [m]
PENALISED_LANE: Final = 2  # beside a merge: who drives slower than wanted there costs reward
RADII: Final = (5.0, 1000.0)  # [m] of a roundabout's innermost lane
OVAL_LENGTHS: Final = (50.0, 1000.0)  # [m] of a straight; the ego vehicle begins at 20 to 50 m
LAST_START: Final = {"exit": 400.0}  # [m] of the ego vehicle: there the lane to the exit begins
SPEED_LIMITS: Final = (1.0, 40.0)  # [m/s] highway-env's fastest vehicles drive 40
SWITCHES: Final = ("block_lane", "force_decision", "walls")
LATER_OPTIONS: Final = (  # that files from before them do not have
    "merge_lengths",
    "roundabout_radius",
    "ego_spacing",
    "initial_lane",
    "spawn_probability",
    "destination",
    "speed_limit",
    "oval_length",
    *SWITCHES,
)
ROAD_OPTIONS: Final = (  # that lay other lanes
    "lanes_count",
    "merge_lengths",
    "roundabout_radius",
    "speed_limit",
    "oval_length",
)
OPTIONS: Final = ("vehicles_count", "vehicles_density", "lanes_count", *LATER_OPTIONS)


def wrong_option(settings: SceneSettings) -> tuple[str, str, Any] | None:
    """The first of these settings that does not fit, what was expected of it, and what came."""
    for name in OPTIONS:
        value = getattr(settings, name)
        if value is None:
            continue
        if name not in settings.of.options:
            having = [scene.title for scene in SCENARIOS.values() if name in scene.options]
            verb = "have" if len(having) > 1 else "has"
            return name, f"none: only {', '.join(having)} {verb} this option", value
        expected = _expected(settings, name, value)
        if expected:
            return name, expected, value
    many = settings.lanes_count is not None and settings.lanes_count > PENALISED_LANE
    if many and "merge_lengths" in settings.of.options and 0 in settings.aimed_speeds:
        more = PENALISED_LANE + 1
        expected = f"none of 0 m/s with {more} or more lanes: highway-env divides by it"
        return "target_speeds", expected, settings.aimed_speeds
    road = straight_road(settings)
    return None if road is None else _wrong_start(settings, road)


def straight_road(settings: SceneSettings) -> StraightRoad | None:
    """The straight road of a scenario, with the spacing that is set; None where there is none."""
    usual, spacing = STRAIGHT_ROADS.get(settings.scenario), settings.ego_spacing
    if usual is None or spacing is None:
        return usual
    return replace(usual, ego_spacing=float(spacing))


def _wrong_start(settings: SceneSettings, road: StraightRoad) -> tuple[str, str, Any] | None:
    count, density, lanes = traffic_on(settings, road)
    if settings.initial_lane is not None and settings.initial_lane >= lanes:
        return "initial_lane", f"0 to {lanes - 1}, of {lanes} lanes", settings.initial_lane
    limit = LAST_START.get(settings.scenario, road.length)
    if farthest_start(road, lanes, density, 0) > limit:
        expected = f"less: the ego vehicle may begin beyond {limit:g} m of the road"
        return "ego_spacing", expected, settings.ego_spacing
    expected = wrong_density(road, count, density, lanes)
    return ("vehicles_density", expected, density) if expected else None


def traffic_on(settings: SceneSettings, road: StraightRoad) -> tuple[int, float, int]:
    """Other vehicles, density and lanes, the road's own where none are set."""
    count, density = settings.vehicles_count, settings.vehicles_density
    return (
        road.vehicles if count is None else count,
        road.density if density is None else float(density),
        road.lanes if settings.lanes_count is None else settings.lanes_count,
    )


def merge_end(settings: SceneSettings) -> float:
    """Place [m] along the road that ends the episodes of a merge, 90 m before the road's end."""
    before, converging, parallel, after = settings.merge_lengths or USUAL_MERGE_LENGTHS
    return float(before + converging + parallel + after - SHORTEST_AFTER)


def _expected(settings: SceneSettings, name: str, value: Any) -> str:
    """What is expected of one setting; "" if it fits."""
    if name in ("vehicles_density", "ego_spacing"):
        return "" if is_number(value) and value > 0 else "a number above 0"
    if name == "destination":
        among = (*ARMS, ANY_ARM)
        valid = isinstance(value, str) and value in among
        return "" if valid else f"{', '.join(among[:-1])} or {ANY_ARM}"
    if name in SWITCHES:
        return "" if isinstance(value, bool) else "True or False"
    if name == "merge_lengths":
        return _wrong_lengths(value)
    limits, is_right, described = {
        "vehicles_count": ((0, MOST_VEHICLES), is_whole, "a whole number from {} to {}"),
        "lanes_count": (settings.of.lanes, is_whole, "{} to {}"),
        "initial_lane": ((0, settings.of.lanes[1]), is_whole, "a lane from {} to {}"),
        "roundabout_radius": (RADII, is_number, "{:g} to {:g} m"),
        "speed_limit": (SPEED_LIMITS, is_number, "{:g} to {:g} m/s"),
        "oval_length": (OVAL_LENGTHS, is_number, "{:g} to {:g} m"),
        "spawn_probability": ((0, 1), is_number, "a probability, {} to {}"),
    }[name]
    valid = is_right(value) and limits[0] <= value <= limits[1]
    return "" if valid else described.format(*limits)


def _wrong_lengths(value: Any) -> str:
    lengths = as_numbers(value) or ()
    least = (SHORTEST_PART, SHORTEST_PART, SHORTEST_PART, SHORTEST_AFTER)
    if len(lengths) == len(MERGE_LENGTHS) and all(
        low <= length <= LONGEST_PART for low, length in zip(least, lengths, strict=True)
    ):
        return ""
    return (
        f"four lengths [m]: before the merge, converging, parallel ({SHORTEST_PART:g} to "
        f"{LONGEST_PART:,.0f}) and after it ({SHORTEST_AFTER:g} to {LONGEST_PART:,.0f})"
    )
