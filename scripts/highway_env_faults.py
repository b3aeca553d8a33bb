"""Print how often highway-env's own faults show, which our engine keeps: docs/highway-env.md.

    python scripts/highway_env_faults.py          # about a minute

Episodes are those of seeds 0, 1, ...; highway-env's driver model drives the ego vehicle too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from highway_env.road.lane import StraightLane
from highway_env.road.road import Road, RoadNetwork
from highway_env.vehicle.controller import ControlledVehicle

from b2m_envs.driving.steady_steering import slowest_steady_speed
from b2m_envs.engine.worlds import Worlds
from b2m_envs.scenes.settings import SceneSettings

EPISODES = 300
LENGTH, WIDTH = 5.0, 2.0  # [m] of a vehicle
SMALL = 1e-9  # [m] from the lane's centre, from which errors grow or decay
LARGE = 1e-3  # [m, rad] up to which they are small
LONGEST = 60  # simulation steps in which they are watched
MODEL: Any = "highway_env"  # drives

Seen = Callable[[np.ndarray], bool]  # VEHICLE [vehicle] of one world -> whether the fault shows


def main() -> None:
    """Print every table."""
    steering()
    starts()
    traffic()
    reversing_into()


def steering() -> None:
    """Where the steering controller begins to swing."""
    print("steering swings below [m/s]: frequency, measured, derived; growth at half that speed")
    for frequency in (5, 10, 15, 30):
        slow, fast = 0.05, 20.0
        for _ in range(20):
            middle = (slow + fast) / 2
            slow, fast = (middle, fast) if growth(middle, frequency) > 1 else (slow, middle)
        derived = slowest_steady_speed(frequency)
        at_half = growth(derived / 2, frequency)
        print(
            f"  {frequency:3d} Hz  {fast:6.3f}  {derived:6.3f}  x {at_half:.1f} a simulation step"
        )


def growth(speed: float, frequency: int) -> float:
    """Factor by which highway-env's error grows in a simulation step, at a speed [m/s]."""
    network = RoadNetwork()
    network.add_lane("a", "b", StraightLane([0, 0], [10_000, 0]))
    road = Road(network, np_random=np.random.default_rng(0))
    vehicle = ControlledVehicle(road, [100.0, SMALL], 0.0, speed, target_speed=speed)
    errors: list[float] = []
    while len(errors) < LONGEST and (not errors or errors[-1] < LARGE):
        vehicle.act()
        vehicle.step(1 / frequency)
        errors.append(float(np.hypot(vehicle.position[1], vehicle.heading)))
    half = len(errors) // 2
    last = max(len(errors) - 2, half + 1)  # the newest one may be large
    factor = errors[min(last, len(errors) - 1)] / errors[half]
    return float(factor ** (1 / (last - half)))


def starts() -> None:
    """Vehicles that overlap, or drive backwards, as an episode begins."""
    print(f"vehicles that overlap at the start, of {EPISODES} episodes")
    for scenario in ("two_way", "merge", "u_turn", "roundabout", "highway", "exit"):
        settings = SceneSettings(scenario)
        print(f"  {scenario:12s} {share(settings, overlapping, at_start=True)}")
    for config in ({"vehicles_density": 4}, {"lanes_count": 16}):
        print(
            f"  highway-env's highway-v0 {config}: {their_starts('highway-v0', config, overlaps)}"
        )
    config = {"lanes_count": 7}
    print(f"  highway-env's exit-v1 {config}: {their_starts('exit-v1', config, overlaps)}")
    config = {"lanes_count": 12}
    print(f"  backwards, exit-v1 {config}: {their_starts('exit-v1', config, backwards)}")


def their_starts(name: str, config: dict[str, Any], counts: Callable[[Any], int]) -> str:
    """What highway-env's own environment begins with: settings that ours refuses."""
    world = gym.make(name, config=config).unwrapped
    found, all_vehicles = [], 0
    for seed in range(20):
        world.reset(seed=seed)
        found.append(counts(world.road.vehicles))  # type: ignore[attr-defined]
        all_vehicles += len(world.road.vehicles)  # type: ignore[attr-defined]
    return f"{sum(found)} of {all_vehicles} vehicles, {np.count_nonzero(found)} of 20 episodes"


def backwards(vehicles: list[Any]) -> int:
    """Vehicles that drive backwards."""
    return sum(vehicle.speed < 0 for vehicle in vehicles)


def overlaps(vehicles: list[Any]) -> int:
    """Vehicles of straight lanes that overlap another one."""
    x, y = np.array([vehicle.position for vehicle in vehicles]).T
    near = (np.abs(x - x[:, None]) < LENGTH) & (np.abs(y - y[:, None]) < WIDTH)
    return int((near.sum(axis=1) > 1).sum())


def overlapping(vehicles: np.ndarray) -> bool:
    """Whether two vehicles that have not crashed overlap, on parallel lanes."""
    moving = vehicles[~vehicles["crashed"]]
    parallel = np.cos(moving["heading"] - moving["heading"][:, None]) > 0.99
    centre = moving["heading"][:, None]
    dx, dy = moving["x"] - moving["x"][:, None], moving["y"] - moving["y"][:, None]
    along = dx * np.cos(centre) + dy * np.sin(centre)
    across = -dx * np.sin(centre) + dy * np.cos(centre)
    near = parallel & (np.abs(along) < LENGTH) & (np.abs(across) < WIDTH)
    np.fill_diagonal(near, False)
    return bool(near.any())


def others_overlapping(vehicles: np.ndarray) -> bool:
    """The same without the ego vehicle, which is the first."""
    return overlapping(vehicles[1:])


def reversing(vehicles: np.ndarray) -> bool:
    """Whether a vehicle that has not crashed drives backwards."""
    return bool((~vehicles["crashed"] & (vehicles["speed"] < -1)).any())


def standing(vehicles: np.ndarray) -> bool:
    """Whether a vehicle that has not crashed stands."""
    return bool((~vehicles["crashed"] & (np.abs(vehicles["speed"]) < 0.1)).any())


def traffic() -> None:
    """What traffic does, by setting."""
    print("an uncrashed vehicle drives backwards, below -1 m/s, after a policy step")
    for count in (4, 10, 20, 40):
        settings = SceneSettings("intersection", driver=MODEL, vehicles_count=count)
        print(f"  intersection, {count:2d} vehicles: {share(settings, reversing)}")
    for scenario in ("merge", "roundabout", "u_turn", "highway", "exit", "racetrack"):
        brief = 30.0 if scenario == "racetrack" else None
        settings = SceneSettings(scenario, driver=MODEL, duration=brief)
        print(f"  {scenario}: {share(settings, reversing)}")
    print("highway_fast: other vehicles overlap, uncrashed, after a policy step")
    for density in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0):
        settings = SceneSettings("highway_fast", driver=MODEL, vehicles_density=density)
        print(f"  density {density}: {share(settings, others_overlapping)}")
    settings = SceneSettings("merge", driver=MODEL)
    print(
        f"merge: somebody stands, uncrashed, at the end: {share(settings, standing, at_end=True)}"
    )


def share(
    settings: SceneSettings, seen: Seen, *, at_start: bool = False, at_end: bool = False
) -> str:
    """Part of the episodes in which something is seen."""
    worlds = Worlds(settings, EPISODES)
    every = np.arange(EPISODES)
    worlds.begin(every, [np.random.default_rng(seed) for seed in every])
    found = np.array([at_start and seen(vehicles(worlds, int(number))) for number in every])
    which = every[: 0 if at_start else None]
    idle = np.ones(EPISODES, np.int64)
    for step in range(settings.last_step):
        if not len(which):
            break
        worlds.step(None if settings.driver == MODEL else idle, which)
        for number in which:
            last = worlds.terminated[number] or step == settings.last_step - 1
            if last or not at_end:
                found[number] |= seen(vehicles(worlds, number))
        which = which[~worlds.terminated[which]]
    return f"{found.mean():.1%} (first seeds {np.flatnonzero(found)[:5].tolist()})"


def vehicles(worlds: Worlds, number: int) -> np.ndarray:
    """VEHICLE `[vehicle]` of one world, the ego vehicle first."""
    here = worlds.vehicles[number, : worlds.count[number]]
    ego = int(worlds.ego[number])
    return here[[ego, *(row for row in range(len(here)) if row != ego)]]


def reversing_into() -> None:
    """Ego vehicles that reverse into a vehicle which stands in their way."""
    print("an ego vehicle reverses through a standing one without a crash, by speed [m/s]")
    for frequency in (5, 15, 30):
        shares = [f"{speed}: {missed(speed, frequency):.0%}" for speed in (2, 5, 10, 20, 30)]
        print(f"  {frequency:3d} Hz  " + "  ".join(shares))


def missed(speed: float, frequency: int) -> float:
    """Part of those who reverse at a speed [m/s] and do not crash, up to a width aside."""
    settings = SceneSettings(
        "highway", action="continuous", vehicles_count=1, simulation_frequency=frequency
    )
    worlds, generator = Worlds(settings, EPISODES), np.random.default_rng(0)
    every = np.arange(EPISODES)
    worlds.begin(every, [np.random.default_rng(seed) for seed in every])
    own, other = worlds.vehicles[:, 0], worlds.vehicles[:, 1]
    own["x"], own["y"], own["speed"] = 500.0, 0.0, -speed
    other["x"] = 500.0 - generator.uniform(7, 12, EPISODES)
    other["y"] = generator.uniform(-0.95, 0.95, EPISODES) * WIDTH
    other["speed"], other["kind"] = 0.0, own["kind"]  # nobody drives it
    for _ in range(int(20 / speed) + 1):
        worlds.step(np.zeros((EPISODES, 2), np.float32), every)
    return float((~own["crashed"]).mean())


if __name__ == "__main__":
    main()
