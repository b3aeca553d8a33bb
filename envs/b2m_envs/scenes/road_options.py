"""Settings of road and traffic, which only some scenarios have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from b2m_envs.scenes.numbers import as_numbers, is_number, is_whole
from b2m_envs.scenes.scenarios import MERGE_LENGTHS, SCENARIOS, USUAL_MERGE_LENGTHS
from b2m_envs.scenes.start_spacing import STRAIGHT_ROADS, StraightRoad, wrong_density

if TYPE_CHECKING:
    from b2m_envs.scenes.settings import SceneSettings

MOST_VEHICLES: Final = 1000
SHORTEST_PART: Final = 10.0  # [m] of a merge, see `MERGE_LENGTHS`
SHORTEST_AFTER: Final = 90.0  # [m] of its last part, in which an episode ends
LONGEST_PART: Final = 10_000.0  # [m]
PENALISED_LANE: Final = 2  # beside a merge: who drives slower than wanted there costs reward
RADII: Final = (5.0, 1000.0)  # [m] of a roundabout's innermost lane
OPTIONS: Final = (
    "vehicles_count",
    "vehicles_density",
    "lanes_count",
    "merge_lengths",
    "roundabout_radius",
)


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
    if settings.scenario in STRAIGHT_ROADS:
        road = STRAIGHT_ROADS[settings.scenario]
        count, density, lanes = traffic_on(settings, road)
        expected = wrong_density(road, count, density, lanes)
        return ("vehicles_density", expected, density) if expected else None
    return None


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
    if name == "vehicles_count":
        valid = is_whole(value) and 0 <= value <= MOST_VEHICLES
        return "" if valid else f"a whole number from 0 to {MOST_VEHICLES}"
    if name == "vehicles_density":
        return "" if is_number(value) and value > 0 else "a number above 0"
    if name == "lanes_count":
        fewest, most = settings.of.lanes
        valid = is_whole(value) and fewest <= value <= most
        return "" if valid else f"{fewest} to {most}"
    if name == "roundabout_radius":
        low, high = RADII
        valid = is_number(value) and low <= value <= high
        return "" if valid else f"{low:g} to {high:g} m"
    return _wrong_lengths(value)


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
