"""The engine's state variables, against those of highway-env's own worlds."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from highway_env.road.lane import StraightLane
from highway_env.road.road import Road, RoadNetwork
from highway_env.vehicle.controller import MDPVehicle
from highway_env.vehicle.kinematics import Vehicle
from highway_env.vehicle.objects import Landmark, Obstacle

from b2m_envs.engine.copying import copy_road
from b2m_envs.engine.lanes import lane_table
from b2m_envs.engine.layout import NOBODY, ROUTE_LENGTH, VEHICLE
from b2m_envs.engine.path_table import curve_heading, curve_local, path_table
from b2m_envs.engine.scene_state import SceneStates
from b2m_envs.highway_env.bridge import build_world
from b2m_envs.scenes.lane_paths import LanePaths
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import STATE_INDEX, scene_state
from tests.shared.engine_scenarios import ENGINE_SCENARIOS

SLOTS = 64
TOLERANCE = 1e-6


class Copies:
    """Copies of highway-env's worlds, and the states that both ways find in them."""

    def __init__(self, road: Road, n_worlds: int, perception: float = 60.0) -> None:
        self.paths, self.perception = LanePaths(road.network), perception
        self.table = lane_table(road.network, connected=False)
        self.states = SceneStates(self.paths, self.table, SLOTS, perception)
        n_rows = SLOTS + sum(not isinstance(thing, Landmark) for thing in road.objects)
        self.vehicles = np.zeros((n_worlds, n_rows), VEHICLE)
        self.routes = np.zeros((n_worlds, n_rows, ROUTE_LENGTH, 2), np.int32)
        self.count, self.ego = np.zeros((2, n_worlds), np.int32)
        self.expected = np.full((n_worlds, len(STATE_INDEX)), np.nan, np.float32)

    def copy(self, number: int, road: Road, ego: Any) -> None:
        self.count[number], self.ego[number] = copy_road(
            road, ego, self.table, self.vehicles[number], self.routes[number], SLOTS
        )
        self.expected[number] = scene_state(self.paths, road, ego, self.perception)

    def read(self, which: np.ndarray | None = None) -> np.ndarray:
        out = np.full_like(self.expected, -7)
        which = np.arange(len(out)) if which is None else which
        self.states.read(self.vehicles, self.count, self.ego, self.routes, which, out)
        return out


def driven(settings: SceneSettings, n_steps: int) -> Iterator[Any]:
    """A highway-env world after each step of random driving, from new episodes on."""
    world, random = build_world(settings), np.random.default_rng(7)
    world.action_space.seed(7)
    over = True
    for _ in range(n_steps):
        if over:
            world.begin(random)
            over, left = False, settings.last_step
        else:
            action = world.action_space.sample()
            action = int(action) if settings.action == "discrete" else action
            _, _, over, _, _ = world.step(action if settings.driver == "agent" else None)
            left -= 1
            over = over or left == 0
        yield world


def copies(settings: SceneSettings, n_steps: int) -> Copies:
    worlds = None
    for number, world in enumerate(driven(settings, n_steps)):
        if worlds is None:
            worlds = Copies(world.road, n_steps, settings.perception)
        worlds.copy(number, world.road, world.vehicle)
    assert worlds is not None
    return worlds


def assert_same(states: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(states, expected, rtol=TOLERANCE, atol=TOLERANCE)


def first_road(scenario: str, seed: int = 0) -> Road:
    world = build_world(SceneSettings(scenario))
    world.begin(np.random.default_rng(seed))
    return world.road


def crowd(road: Road, random: np.random.Generator) -> MDPVehicle:
    """Fill a road with vehicles around an ego vehicle anywhere on it, or beside it."""
    lanes = road.network.lanes_dict()
    start, end, number = list(lanes)[random.integers(len(lanes))]
    lane = lanes[start, end, number]
    along = random.uniform(-7, lane.length + 7)
    if lane.length > 1000:
        along = random.uniform(-7, 100)
    place = lane.position(along, random.normal(0, 1.2))
    siblings = [index for index in lanes if index[0] == start]
    ego = MDPVehicle(
        road,
        place,
        lane.heading_at(along) + random.normal(0, 0.3),
        random.uniform(0, 30),
        target_lane_index=siblings[random.integers(len(siblings))],
    )
    if random.random() < 0.8:
        nodes = list(road.network.graph)
        ego.plan_route_to(nodes[random.integers(len(nodes))])
        ego.route = ego.route[:ROUTE_LENGTH]
    ego.action = {"acceleration": random.normal(), "steering": 0.0}
    ego.crashed = random.random() < 0.1
    others = [beside(road, place + random.normal(0, 30, 2), random) for _ in range(12)]
    road.vehicles = [*others[:6], ego, *others[6:]]
    return ego


def beside(road: Road, place: np.ndarray, random: np.random.Generator) -> Vehicle:
    """A vehicle on the lane nearest to a place."""
    lane = road.network.get_lane(road.network.get_closest_lane_index(place))
    along, _ = lane.local_coordinates(place)
    along = np.clip(along, -10, lane.length + 10)
    heading = lane.heading_at(along) + random.normal(0, 0.2)
    speed = random.uniform(0, 30)
    return Vehicle(road, lane.position(along, random.normal(0, 1)), heading, speed)


def crowds(scenario: str, n_worlds: int, perception: float) -> Copies:
    road, random = first_road(scenario), np.random.default_rng(3)
    worlds = Copies(road, n_worlds, perception)
    for number in range(n_worlds):
        worlds.copy(number, road, crowd(road, random))
    return worlds


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ENGINE_SCENARIOS)
@pytest.mark.parametrize(
    "action", ["discrete", pytest.param("continuous", marks=pytest.mark.thorough)]
)
def test_states_are_those_of_highway_envs_world_over_random_driving(scenario: str, action: Any):
    worlds = copies(SceneSettings(scenario, action=action, simulation_frequency=5), 30)
    assert_same(worlds.read(), worlds.expected)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["merge", "roundabout", "intersection", "exit"])
def test_states_are_those_of_highway_envs_world_when_its_model_drives(scenario: str):
    settings = SceneSettings(scenario, driver="highway_env", simulation_frequency=5)
    worlds = copies(settings, 20)
    assert_same(worlds.read(), worlds.expected)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ENGINE_SCENARIOS)
@pytest.mark.parametrize(
    "perception",
    [60.0, *(pytest.param(each, marks=pytest.mark.thorough) for each in (15.0, 250.0))],
)
def test_states_are_those_of_highway_envs_world_in_a_crowd(scenario: str, perception: float):
    worlds = crowds(scenario, 60, perception)
    states = worlds.read()
    assert_same(states, worlds.expected)
    assert np.isfinite(states[:, STATE_INDEX["gap"]]).any()


@pytest.mark.slow
def test_the_crowds_give_every_variable_many_values():
    worlds = [crowds(scenario, 30, 60.0) for scenario in ("exit", "racetrack", "roundabout")]
    states = np.concatenate([world.read() for world in worlds])
    for name, column in STATE_INDEX.items():
        known = states[np.isfinite(states[:, column]), column]
        assert len(np.unique(known)) >= (2 if name == "hazard" else 3), name
    assert np.isnan(states[:, STATE_INDEX["lane"]]).any()


def test_half_a_metre_of_the_vehicle_ahead_is_half_a_metre_of_the_gap():
    road = Road(RoadNetwork.straight_road_network(2), np_random=np.random.default_rng(0))
    for x in (100.0, 130.0):
        road.vehicles.append(Vehicle(road, [x, 4.0], 0.0, 20.0))
    worlds = Copies(road, 1)
    worlds.copy(0, road, road.vehicles[0])
    before = worlds.read()[0]
    assert_same(before, worlds.expected[0])
    worlds.vehicles["x"][0, 1] += 0.5
    after = worlds.read()[0]
    assert after[STATE_INDEX["gap"]] - before[STATE_INDEX["gap"]] == pytest.approx(0.5)
    with pytest.raises(AssertionError):
        assert_same(after, worlds.expected[0])


def test_an_obstacle_behind_the_slots_is_seen_and_an_empty_slot_is_not():
    road = Road(RoadNetwork.straight_road_network(1), np_random=np.random.default_rng(0))
    road.vehicles.append(Vehicle(road, [100.0, 0.0], 0.0, 20.0))
    road.objects.append(Obstacle(road, [140.0, 0.0]))
    worlds = Copies(road, 1)
    worlds.copy(0, road, road.vehicles[0])
    worlds.vehicles["x"][0, 1] = 120  # the slot's vehicle is gone
    gap = worlds.read()[0, STATE_INDEX["gap"]]
    assert gap == 40 - (Vehicle.LENGTH + Obstacle.LENGTH) / 2
    assert_same(worlds.read(), worlds.expected)


def test_worlds_not_asked_for_keep_their_rows_and_threads_read_different_worlds():
    worlds = crowds("merge", 40, 60.0)
    out = worlds.read(np.array([3, 5]))
    assert_same(out[[3, 5]], worlds.expected[[3, 5]])
    assert (np.delete(out, [3, 5], axis=0) == -7).all()
    halves = np.arange(0, 40, 2), np.arange(1, 40, 2)
    with ThreadPoolExecutor(2) as pool:
        even, odd = pool.map(worlds.read, halves)
    assert_same(even[::2], worlds.expected[::2])
    assert_same(odd[1::2], worlds.expected[1::2])


@pytest.mark.parametrize("scenario", ["merge", "roundabout", "racetrack"])
def test_coordinates_of_every_curve_are_those_of_the_lane_paths(scenario: str):
    road, random = first_road(scenario), np.random.default_rng(1)
    paths, lanes = LanePaths(road.network), lane_table(road.network, connected=False)
    table = path_table(paths, lanes)
    bridges = [
        join.bridge
        for name in lanes.names
        for join in paths._joins[name].values()
        if join.bridge is not None
    ]
    curves = [paths.curves[name] for name in lanes.names] + bridges
    assert len(curves) == len(table.curves)
    for number, curve in enumerate(curves):
        for _ in range(20):
            along = random.uniform(-8, curve.lane.length + 8)
            x, y = curve.lane.position(along, random.normal(0, 2))
            place, across = curve.local(np.array([x, y]))
            assert curve_local(table, number, x, y) == pytest.approx((place, across), abs=1e-9)
            expected = pytest.approx(curve.heading(place), abs=1e-9)
            assert curve_heading(table, number, place) == expected


def test_paths_of_another_network_and_missing_columns_are_refused():
    road, other = first_road("merge"), first_road("roundabout")
    with pytest.raises(ValueError, match="path table: paths: expected those of"):
        path_table(LanePaths(road.network), lane_table(other.network, connected=False))
    worlds = crowds("merge", 2, 60.0)
    worlds.expected = worlds.expected[:, :5]
    with pytest.raises(ValueError, match="scene states: out: expected 14 columns, came 5"):
        worlds.read()


def test_a_lane_that_begins_before_the_one_it_follows_is_refused():
    network = two_lanes(ends=103, begins=98)
    with pytest.raises(ValueError, match=r"path table: lane .*'a', 'b', 0.* 2 m behind"):
        path_table(LanePaths(network), lane_table(network, connected=False))


def test_no_path_leads_back_to_a_lane_that_begins_far_behind_the_end():
    network = two_lanes(ends=110, begins=90)
    table = path_table(LanePaths(network), lane_table(network, connected=False))
    assert table.curves["default_join"][0] == NOBODY  # only a route would lead there, and ends
    assert len(table.arrivals) == 0


def two_lanes(ends: float, begins: float) -> RoadNetwork:
    """A lane from 100 m on, and one that goes on at its end [m], or begins [m] before it."""
    network = RoadNetwork()
    network.add_lane("a", "b", StraightLane([100, 0], [ends, 0]))
    network.add_lane("b", "c", StraightLane([begins, 0], [200, 0]))
    return network
