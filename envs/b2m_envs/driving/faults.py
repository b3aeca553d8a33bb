"""Settings that lead into highway-env's own faults, which exactness keeps: docs/highway-env.md."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from b2m_envs.driving.steady_steering import slowest_steady_speed
from b2m_envs.scenes.road_options import straight_road, traffic_on
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.start_spacing import farthest_start

USUAL_AT_INTERSECTION = 10  # vehicles of highway-env's intersection if it is not told otherwise
DENSEST_FAST = 2.0  # up to which highway_fast's traffic overlaps in less than 1 % of the episodes
START = (20.0, 50.0)  # [m] along the oval's straight, where the ego vehicle begins
HALF = 3.5  # [m] of a vehicle, and of an obstacle beside it
OBSTACLES = {"block_lane": (40.0, 49.0), "force_decision": (90.0, 90.0)}  # [m] before its end
PAGE = "see docs/highway-env.md"


class HighwayEnvFault(UserWarning):
    """A setting makes one of highway-env's own faults likelier than its defaults do."""


def warn_of_faults(settings: SceneSettings) -> None:
    """Warn of the faults that these settings lead to, one sentence each; none for defaults."""
    for sentence in faults_of(settings):
        warnings.warn(f"{settings.of.id}: {sentence}; {PAGE}", HighwayEnvFault, stacklevel=3)


def faults_of(settings: SceneSettings) -> Iterator[str]:
    """The faults, in words."""
    yield from _swinging(settings)
    yield from _overlapping(settings)
    yield from _reversing(settings)
    yield from _off_the_road(settings)
    yield from _in_obstacles(settings)


def _swinging(settings: SceneSettings) -> Iterator[str]:
    own, chosen = settings.of.simulation_frequency, settings.simulated_per_second
    bound, usual = slowest_steady_speed(chosen), slowest_steady_speed(own)
    if chosen < own and min(settings.aimed_speeds, default=bound) < bound:
        yield (
            f"simulation_frequency={chosen}: highway-env's steering swings below {bound:.1f} m/s "
            f"(at {own} Hz below {usual:.1f} m/s)"
        )


def _overlapping(settings: SceneSettings) -> Iterator[str]:
    density = settings.vehicles_density
    if settings.scenario == "highway_fast" and density is not None and density > DENSEST_FAST:
        yield (
            f"vehicles_density={density:g}: vehicles of highway_fast collide with the ego vehicle "
            f"only, and above {DENSEST_FAST:g} they drive through each other"
        )


def _reversing(settings: SceneSettings) -> Iterator[str]:
    count = settings.vehicles_count
    if settings.scenario == "intersection" and count is not None and count > USUAL_AT_INTERSECTION:
        yield (
            f"vehicles_count={count}: vehicles that wait at the intersection drive backwards, "
            f"more often than with highway-env's {USUAL_AT_INTERSECTION}"
        )


def _off_the_road(settings: SceneSettings) -> Iterator[str]:
    road = straight_road(settings)
    if road is None:
        return
    count, density, lanes = traffic_on(settings, road)
    if count and farthest_start(road, lanes, density, count) > road.length:
        yield (
            f"vehicles_count={count}, vehicles_density={density:g}: some vehicles may begin "
            f"beyond the end of the road, which is {road.length:g} m long"
        )


def _in_obstacles(settings: SceneSettings) -> Iterator[str]:
    length = 100.0 if settings.oval_length is None else float(settings.oval_length)
    for name, (nearest, farthest) in OBSTACLES.items():
        first, last = length - farthest, length - nearest
        if getattr(settings, name) and first < START[1] + HALF and last > START[0] - HALF:
            yield (
                f"{name}=True on an oval of {length:g} m: some episodes begin in an obstacle, "
                f"which stand {first:g} to {last:g} m along the straight"
            )
