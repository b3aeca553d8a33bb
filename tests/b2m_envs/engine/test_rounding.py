"""Where last digits decide: what the exactness tests excuse there, and what they never excuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from highway_env.road.lane import StraightLane
from highway_env.road.road import Road, RoadNetwork
from highway_env.vehicle.controller import ControlledVehicle
from highway_env.vehicle.kinematics import Vehicle

from b2m_envs.driving.steady_steering import slowest_steady_speed
from b2m_envs.engine.neighbour_search import find_place
from b2m_envs.engine.traffic import advance
from b2m_envs.engine.worlds import Worlds
from b2m_envs.scenes.settings import SceneSettings
from tests.b2m_envs.engine.oracle import load
from tests.b2m_envs.engine.rounding import collision_hangs_on_a_digit, nearest_lanes
from tests.b2m_envs.engine.test_exact import STYLES, begin_both, drive_both, meta

SLOWER = meta("SLOWER")
OVERLAP = ("g", "h", 1), ("h", "i", 1)  # arcs of the racetrack around one centre


@pytest.mark.parametrize("frequency", [5, 10, 15, 30])
@pytest.mark.parametrize(("factor", "grows"), [(0.97, True), (1.03, False)])
def test_steering_swings_below_the_derived_speed_and_is_steady_above(frequency, factor, grows):
    network = RoadNetwork()
    network.add_lane("a", "b", StraightLane([0, 0], [10_000, 0]))
    road = Road(network, np_random=np.random.default_rng(0))
    speed = factor * slowest_steady_speed(frequency)
    vehicle = ControlledVehicle(road, [0.0, 1e-9], 0.0, speed, target_speed=speed)
    for _ in range(200):
        vehicle.act()
        vehicle.step(1 / frequency)
    error = np.hypot(vehicle.position[1], vehicle.heading)
    assert error > 1e-6 if grows else error < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", [8, 1, 12, 19])
def test_an_unlucky_seed_of_a_slow_racetrack_differs_as_highway_env_does_from_itself(seed: int):
    worlds, oracles = begin_both(SceneSettings("racetrack"), [seed])
    events = drive_both(worlds, oracles, [SLOWER], 60, most_amplified=0.5)
    assert events["amplified"] == events["swing"]
    assert events["stand"] > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("roundabout", {}),
        ("roundabout", {"simulation_frequency": 5}),
        ("racetrack", {"simulation_frequency": 5}),
        ("racetrack_oval", {"simulation_frequency": 10}),
        ("intersection", {"simulation_frequency": 6, "vehicles_count": 6}),
        ("exit", {"vehicles_count": 12}),
    ],
)
def test_slow_traffic_at_low_frequencies_is_excused_for_its_steering_only(scenario, options):
    settings = SceneSettings(scenario, **options)
    worlds, oracles = begin_both(settings, [40, 41, 42])
    n_steps = min(settings.last_step, 40)
    events = drive_both(worlds, oracles, [SLOWER] * 3, n_steps, most_amplified=0.5)
    assert events["amplified"] == events["swing"] + events["lane tie"] + events["contact"]


def swinging(scenario: str, seed: int, n_steps: int) -> tuple[Worlds, list[Any]]:
    """Both, after steps in which the steering has begun to swing."""
    worlds, oracles = begin_both(SceneSettings(scenario), [seed])
    drive_both(worlds, oracles, [SLOWER], n_steps, most_amplified=0.5)
    load(worlds, 0, oracles[0])
    return worlds, oracles


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("name", ["headway", "acceleration", "distance"])
def test_another_constant_is_noticed_although_the_steering_swings(name: str):
    worlds, oracles = swinging("roundabout", 0, 5)
    worlds.model[name] *= 1.001
    with pytest.raises(AssertionError, match=r"roundabout, world 0, step \d"):
        drive_both(worlds, oracles, [SLOWER], 6, most_amplified=1)


def test_another_clock_is_noticed_although_the_steering_swings(monkeypatch):
    worlds, oracles = swinging("racetrack", 8, 28)

    def longer_steps(*arguments: Any) -> None:
        advance(*arguments[:11], 1.001 * arguments[11], *arguments[12:])

    monkeypatch.setattr("b2m_envs.engine.worlds.advance", longer_steps)
    with pytest.raises(AssertionError, match=r"racetrack, world 0, step \d"):
        drive_both(worlds, oracles, [SLOWER], 10, most_amplified=1)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["reward", "terms", "terminated", "did"])
def test_another_result_is_noticed_although_the_steering_swings(wrong: str, monkeypatch):
    worlds, oracles = swinging("racetrack", 8, 28)
    step = worlds.step

    def step_and_err(actions: Any, which: Any) -> None:
        step(actions, which)
        values = getattr(worlds, wrong)
        values[...] = ~values if values.dtype == np.bool_ else values + 1

    monkeypatch.setattr(worlds, "step", step_and_err)
    with pytest.raises(AssertionError, match="racetrack, world 0, step 0"):
        drive_both(worlds, oracles, [SLOWER], 3, most_amplified=1)


def on_overlap(network: Any, generator: np.random.Generator) -> tuple[np.ndarray, float]:
    """A place and a heading where both arcs are, some laps on."""
    lane = network.get_lane(OVERLAP[0])
    along = lane.length - generator.uniform(0.1, 2.4)
    heading = lane.heading_at(along) + generator.normal(0, 0.1)
    laps = 2 * np.pi * generator.integers(-5, 6)
    return lane.position(along, generator.normal(0, 0.5)), heading + laps


def test_one_place_is_on_the_same_of_two_equal_lanes_to_the_last_bit():
    worlds, oracles = begin_both(SceneSettings("racetrack"), [0])
    network, generator = oracles[0].road.network, np.random.default_rng(0)
    search, vehicle = worlds._new_search(), worlds.vehicles[0]
    for _ in range(500):
        position, heading = on_overlap(network, generator)
        assert set(nearest_lanes(network, position, heading)) == set(OVERLAP)
        vehicle["x"][0], vehicle["y"][0] = position
        vehicle["heading"][0] = heading
        found = find_place(worlds.table.network.lanes, vehicle, 0, search)
        assert worlds.table.names[found] == network.get_closest_lane_index(position, heading)


def put_on(worlds: Worlds, lane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine find a lane for its only vehicle after every step, whatever is nearest."""
    step = worlds.step

    def step_and_put(actions: Any, which: Any) -> None:
        step(actions, which)
        worlds.vehicles["lane"][0, 0] = worlds.table.number[lane]

    monkeypatch.setattr(worlds, "step", step_and_put)


def driving_onto_overlap() -> tuple[Worlds, list[Any]]:
    """Both, with the ego vehicle in the middle of the overlap, at 1 m/s."""
    settings = SceneSettings("racetrack", action="continuous", vehicles_count=0)
    worlds, oracles = begin_both(settings, [0])
    ego, lane = oracles[0].vehicle, oracles[0].road.network.get_lane(OVERLAP[0])
    ego.position, ego.heading = lane.position(lane.length - 1.5, 0.0), lane.heading_at(77.0)
    ego.speed = 1.0
    ego.on_state_update()
    load(worlds, 0, oracles[0])
    return worlds, oracles


def straight_on(world: Any, step: int, generator: np.random.Generator) -> np.ndarray:
    return np.zeros(2, np.float32)


def test_the_other_of_two_equal_lanes_is_excused_as_a_tie(monkeypatch):
    worlds, oracles = driving_onto_overlap()
    put_on(worlds, OVERLAP[1], monkeypatch)
    events = drive_both(worlds, oracles, [straight_on], 2, most_amplified=1)
    assert events["lane tie"] == events["amplified"] > 0


def test_a_lane_that_is_farther_is_not_excused(monkeypatch):
    worlds, oracles = driving_onto_overlap()
    put_on(worlds, ("g", "h", 0), monkeypatch)
    with pytest.raises(AssertionError, match=r"racetrack, world 0, step 0: .*lane"):
        drive_both(worlds, oracles, [straight_on], 2, most_amplified=1)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_lane_tie_on_the_racetrack_at_full_speed_is_told_from_swinging_steering():
    worlds, oracles = begin_both(SceneSettings("racetrack", driver="highway_env"), [1])
    events = drive_both(worlds, oracles, STYLES["driver"][:1], 340)
    assert events["amplified"] == events["lane tie"] + events["swing"]


@pytest.mark.parametrize(("gap", "hangs"), [(0.0, True), (-0.3, False), (0.05, False)])
def test_only_vehicles_that_just_touch_collide_by_a_digit(gap: float, hangs: bool):
    first, second = (Vehicle(None, [x, 0.0]) for x in (0.0, 5.0 + gap))
    assert collision_hangs_on_a_digit(first, second, 1 / 15) is hangs
