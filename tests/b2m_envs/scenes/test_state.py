"""The state variables of a driving scene, for vehicles placed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from highway_env.road.lane import CircularLane, SineLane, StraightLane
from highway_env.road.road import Road, RoadNetwork
from highway_env.vehicle.kinematics import Vehicle
from highway_env.vehicle.objects import Landmark, Obstacle

from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.highway_env.bridge import build_world
from b2m_envs.scenes.lane_paths import LanePaths
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.state import STATE_VARIABLES, scene_state

LENGTH, WIDTH = Vehicle.LENGTH, Vehicle.WIDTH
NEIGHBOURS = ("left_ahead", "left_behind", "right_ahead", "right_behind")


def straight_road(lanes: int = 3, **keywords: object) -> Road:
    network = RoadNetwork.straight_road_network(lanes, **keywords)
    return Road(network, np_random=np.random.default_rng(0))


def road_of(**lanes: list) -> Road:
    """A road from lanes named by their nodes, as a_b=[...]."""
    network = RoadNetwork()
    for name, group in lanes.items():
        for lane in group:
            network.add_lane(*name.split("_"), lane)
    return Road(network, np_random=np.random.default_rng(0))


def place(
    road: Road, index: tuple[str, str, int], along: float, speed: float = 0.0, across: float = 0.0
) -> Vehicle:
    lane = road.network.get_lane(index)
    vehicle = Vehicle(road, lane.position(along, across), lane.heading_at(along), speed)
    road.vehicles.append(vehicle)
    return vehicle


def state_of(road: Road, ego: Vehicle, perception: float = 60.0) -> dict[str, float]:
    values = scene_state(LanePaths(road.network), road, ego, perception)
    names = [variable.name for variable in STATE_VARIABLES]
    return dict(zip(names, values.tolist(), strict=True))


def test_neighbours_on_a_straight_road_have_their_gaps_and_speeds():
    road = straight_road()
    ego = place(road, ("0", "1", 1), 100, 20, across=0.5)
    ego.action["acceleration"] = 1.5
    place(road, ("0", "1", 1), 130, 15)
    place(road, ("0", "1", 1), 170, 0)  # hidden behind the first
    place(road, ("0", "1", 0), 112, 20)
    place(road, ("0", "1", 0), 85, 20)
    place(road, ("0", "1", 2), 70, 30)
    expected = {
        "lane": 1, "lateral_offset": 0.5, "heading": 0, "speed": 20, "acceleration": 1.5,
        "gap": 25, "closing_speed": 5, "time_to_collision": 5,
        "left_ahead": 7, "left_behind": 10, "right_ahead": math.nan, "right_behind": 25,
        "curvature": 0, "hazard": 0,
    }  # fmt: skip
    assert state_of(road, ego) == pytest.approx(expected, nan_ok=True)


def test_alone_on_one_lane_nothing_but_the_ego_vehicle_has_a_value():
    road = straight_road(1)
    state = state_of(road, place(road, ("0", "1", 0), 100, 20))
    unknown = {name for name, value in state.items() if math.isnan(value)}
    assert unknown == {"gap", "closing_speed", "time_to_collision", *NEIGHBOURS}


@pytest.mark.parametrize("angle", [0.4, 2.0, -2.8])
def test_turning_the_whole_world_changes_no_state(angle: float):
    states = []
    for turn in (0.0, angle):
        road = straight_road(angle=turn)
        ego = place(road, ("0", "1", 1), 100, 20, across=-0.3)
        ego.heading += 0.1
        for number, along, speed in ((1, 130, 15), (0, 95, 22), (2, 103, 18)):
            place(road, ("0", "1", number), along, speed)
        states.append(state_of(road, ego))
    assert states[1] == pytest.approx(states[0], nan_ok=True, abs=1e-4)


def test_time_to_collision_is_the_time_until_the_simulated_vehicles_touch():
    road = straight_road(1)
    ego = place(road, ("0", "1", 0), 100, 20)
    place(road, ("0", "1", 0), 130, 12)
    predicted = state_of(road, ego)["time_to_collision"]
    time, step = 0.0, 0.01
    while not ego.crashed:
        road.step(step)
        time += step
    assert predicted == pytest.approx(25 / 8)
    assert time == pytest.approx(predicted, abs=2 * step)


@pytest.mark.parametrize(("gap", "hazard"), [(9.9, 1), (10.1, 0)])
def test_there_is_a_hazard_below_two_seconds_to_a_collision(gap: float, hazard: int):
    road = straight_road(1)
    ego = place(road, ("0", "1", 0), 100, 15)
    place(road, ("0", "1", 0), 100 + gap + LENGTH, 10)
    assert state_of(road, ego)["hazard"] == hazard


def test_a_crash_is_a_hazard_and_a_widening_gap_has_no_time_to_collision():
    road = straight_road(1)
    ego = place(road, ("0", "1", 0), 100, 15)
    place(road, ("0", "1", 0), 110, 20)
    state = state_of(road, ego)
    assert (state["closing_speed"], state["hazard"]) == (-5, 0)
    assert math.isnan(state["time_to_collision"])
    ego.crashed = True
    assert state_of(road, ego)["hazard"] == 1


@pytest.mark.parametrize(("speed", "known"), [(18.7, True), (18.9, False)])
def test_a_time_to_collision_of_twenty_seconds_is_none(speed: float, known: bool):
    road = straight_road(1)
    ego = place(road, ("0", "1", 0), 100, 20)
    place(road, ("0", "1", 0), 129.1, speed)
    state = state_of(road, ego)
    assert (state["gap"] / state["closing_speed"] < 20) == known
    assert math.isfinite(state["time_to_collision"]) == known


def test_vehicles_side_by_side_have_a_gap_of_zero():
    road = straight_road(2)
    ego = place(road, ("0", "1", 1), 100, 20)
    place(road, ("0", "1", 0), 102, 20)
    state = state_of(road, ego)
    assert state["left_ahead"] == 0
    assert math.isnan(state["left_behind"])


def test_a_gap_beyond_perception_does_not_count():
    road = straight_road(1)
    ego = place(road, ("0", "1", 0), 100, 20)
    place(road, ("0", "1", 0), 100 + LENGTH + 30.5, 20)
    assert state_of(road, ego, perception=31)["gap"] == pytest.approx(30.5)
    assert math.isnan(state_of(road, ego, perception=30)["gap"])


def test_an_obstacle_counts_and_a_landmark_does_not():
    road = straight_road(1)
    ego = place(road, ("0", "1", 0), 100, 20)
    road.objects.append(Landmark(road, [110, 0]))
    road.objects.append(Obstacle(road, [120, 0]))
    assert state_of(road, ego)["gap"] == 20 - LENGTH / 2 - Obstacle.LENGTH / 2
    assert state_of(road, ego)["closing_speed"] == 20


def test_an_oncoming_vehicle_closes_with_the_sum_of_both_speeds():
    road = straight_road(1)
    ego = place(road, ("0", "1", 0), 100, 20)
    oncoming = place(road, ("0", "1", 0), 140, 15)
    oncoming.heading = math.pi
    assert state_of(road, ego)["closing_speed"] == pytest.approx(35)


def test_a_crossing_vehicle_is_as_near_as_its_side():
    road = straight_road(1)
    ego = place(road, ("0", "1", 0), 100, 10)
    crossing = place(road, ("0", "1", 0), 120, 8)
    crossing.heading = math.pi / 2
    state = state_of(road, ego)
    assert state["gap"] == pytest.approx(20 - LENGTH / 2 - WIDTH / 2)
    assert state["closing_speed"] == pytest.approx(10)


@pytest.mark.parametrize(("clockwise", "sign"), [(True, 1), (False, -1)])
def test_on_a_circle_gaps_follow_the_arc_and_curvature_is_one_over_the_radius(clockwise, sign):
    arcs = [
        CircularLane([0, 0], radius, 0, sign * 3, clockwise=clockwise) for radius in (40.0, 44.0)
    ]
    arcs.sort(key=lambda arc: -sign * arc.radius)  # from the left, as highway-env counts lanes
    road = road_of(a_b=arcs)
    ego = place(road, ("a", "b", 0), 20, 12)
    place(road, ("a", "b", 0), 45, 9)
    beside = arcs[1].radius * 20 / arcs[0].radius
    place(road, ("a", "b", 1), beside + 15, 9)
    state = state_of(road, ego)
    assert state["heading"] == pytest.approx(0, abs=1e-6)
    assert state["gap"] == pytest.approx(25 - LENGTH, rel=1e-5)
    assert state["closing_speed"] == pytest.approx(3, rel=1e-5)
    assert state["right_ahead"] == pytest.approx(15 - LENGTH, rel=1e-4)
    assert math.isnan(state["left_ahead"])
    assert state["curvature"] == pytest.approx(sign / arcs[0].radius, rel=1e-5)


def test_vehicles_beyond_the_ends_of_the_lane_count():
    pieces = [[StraightLane([x, y], [x + 50, y]) for y in (0, 4)] for x in (0, 50, 100)]
    road = road_of(a_b=pieces[0], b_c=pieces[1], c_d=pieces[2])
    ego = place(road, ("b", "c", 0), 45, 20)
    place(road, ("c", "d", 0), 25, 10)
    place(road, ("c", "d", 1), 15, 10)
    place(road, ("a", "b", 1), 40, 10)
    state = state_of(road, ego)
    assert state["gap"] == 30 - LENGTH
    assert state["right_ahead"] == 20 - LENGTH
    assert state["right_behind"] == 55 - LENGTH


def test_a_bend_behind_the_end_of_a_straight_lane_curves_the_lane_ahead():
    straight = StraightLane([0, 0], [50, 0])
    bend = CircularLane([50, 30], 30, -math.pi / 2, 0)  # to the right
    road = road_of(a_b=[straight], b_c=[bend])
    place(road, ("b", "c", 0), 12, 5)
    state = state_of(road, place(road, ("a", "b", 0), 40, 5))
    assert state["gap"] == pytest.approx(22 - LENGTH, rel=1e-5)
    assert state["curvature"] == pytest.approx((10 / 30) / 20, rel=1e-4)


def test_at_a_fork_the_route_decides_which_vehicle_is_ahead():
    trunk = StraightLane([0, 0], [50, 0])
    on = StraightLane([50, 0], [150, 0])
    off = StraightLane([50, 0], [150, 40])
    road = road_of(a_b=[trunk], b_c=[on], b_d=[off])
    place(road, ("b", "c", 0), 20)
    place(road, ("b", "d", 0), 30)
    ego = place(road, ("a", "b", 0), 40, 10)
    for node, distance in (("c", 30), ("d", 40)):
        ego.route = [("a", "b", 0), ("b", node, None)]
        assert state_of(road, ego)["gap"] == pytest.approx(distance - LENGTH, rel=1e-5)


@pytest.mark.slow
def test_distances_along_a_sine_lane_follow_the_curve():
    lane = SineLane([0, 0], [100, 0], 5, 2 * math.pi / 85, 0.3)
    road = road_of(a_b=[lane])
    ego, lead = place(road, ("a", "b", 0), 20, 5), place(road, ("a", "b", 0), 60, 5)
    points = np.array([lane.position(s, 0) for s in np.linspace(20, 60, 100_001)])
    length = np.hypot(*np.diff(points, axis=0).T).sum()
    assert length > 41
    assert state_of(road, ego)["gap"] == pytest.approx(length - LENGTH, abs=1e-3)
    assert lead.speed == 5


def test_a_lane_that_ends_does_not_go_on_in_the_lane_beside():
    road = road_of(
        a_b=[StraightLane([0, 0], [50, 0]), StraightLane([0, 4], [50, 4])],
        b_c=[StraightLane([50, 0], [150, 0])],
    )
    ego = place(road, ("a", "b", 1), 30, 10)
    place(road, ("b", "c", 0), 10)
    assert math.isnan(state_of(road, ego)["gap"])
    road.objects.append(Obstacle(road, [50, 4]))
    assert state_of(road, ego)["gap"] == 20 - LENGTH / 2 - 1


def test_off_the_road_there_is_no_lane_and_no_neighbour():
    road = straight_road(2)
    place(road, ("0", "1", 1), 110)
    state = state_of(road, place(road, ("0", "1", 1), 100, 10, across=2.5))
    assert state["lateral_offset"] == 2.5
    for name in ("lane", "gap", "closing_speed", "curvature", *NEIGHBOURS):
        assert math.isnan(state[name])


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"parking"}))  # it has spots
def test_lanes_of_every_scenario_are_numbered_from_the_left(scenario: str):
    world = build_world(SceneSettings(scenario))
    world.begin(np.random.default_rng(0))
    lanes = world.road.network.lanes_dict()
    for (begin, end, number), lane in lanes.items():
        right = lanes.get((begin, end, number + 1))
        if right is not None:
            middle = right.position(right.length / 2, 0)
            assert lane.local_coordinates(middle)[1] > 0


@pytest.mark.parametrize("scenario", ["racetrack", "racetrack_large", "racetrack_oval"])
def test_the_lanes_of_a_racetrack_close_to_a_ring(scenario: str):
    world = build_world(SceneSettings(scenario))
    world.begin(np.random.default_rng(0))
    paths = LanePaths(world.road.network)
    path = paths.ahead(("a", "b", 0), None, 5000.0)
    assert len({id(stretch.curve) for stretch in path}) == len(world.road.network.graph)
    turns = [stretch for stretch in path if stretch.curve is path[0].curve]
    assert len(turns) > 2


def test_a_roundabout_is_entered_along_the_route():
    world = build_world(SceneSettings("roundabout"))
    world.begin(np.random.default_rng(0))
    paths, ego = LanePaths(world.road.network), world.vehicle
    path = paths.ahead(ego.lane_index, ego.route, 400.0)
    indices = {id(curve): index for index, curve in paths.curves.items()}
    roads = [indices[id(each.curve)][:2] for each in path if id(each.curve) in indices]
    assert roads[:6] == [
        ("ser", "ses"), ("ses", "se"), ("se", "ex"), ("ex", "ee"), ("ee", "nx"), ("nx", "nxs"),
    ]  # fmt: skip


def test_where_a_roundabout_is_entered_only_the_lane_that_is_joined_is_ahead():
    world = build_world(SceneSettings("roundabout"))
    world.begin(np.random.default_rng(0))
    road = world.road
    road.vehicles.clear()
    entry, ring, joined = (
        road.network.get_lane(index)
        for index in (("ses", "se", 0), ("sx", "se", 0), ("se", "ex", 1))
    )
    ego = place(road, ("ses", "se", 0), entry.length - 6, 8)
    ego.route = [("ses", "se", 0), ("se", "ex", None), ("ex", "exs", None)]
    crossing = place(road, ("sx", "se", 0), 0, 8)
    for along in np.linspace(0, ring.length, 40):
        crossing.position, crossing.heading = ring.position(along, 0), ring.heading_at(along)
        assert math.isnan(state_of(road, ego)["gap"])
    lead = place(road, ("se", "ex", 1), 8, 8)
    end, begin = entry.position(entry.length, 0), joined.position(0, 0)
    seam = np.hypot(*(begin - end))
    assert seam > 5
    assert state_of(road, ego)["gap"] == pytest.approx(6 + seam + 8 - LENGTH, abs=0.3)
    lead.heading = math.atan2(*(begin - end)[::-1])
    for share in (0.2, 0.4, 0.6, 0.8):  # nobody is lost between the two lanes
        lead.position = end + share * (begin - end)
        assert state_of(road, ego)["gap"] == pytest.approx(6 + share * seam - LENGTH, abs=1)


def test_the_documented_table_is_the_table():
    table = (DrivingSceneEnv.__doc__ or "").split("| Num | Name")[1].split("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines()[2:]]
    documented = [[cell.strip(" `") for cell in row[2:4]] for row in rows]
    assert documented == [[variable.name, variable.unit] for variable in STATE_VARIABLES]
