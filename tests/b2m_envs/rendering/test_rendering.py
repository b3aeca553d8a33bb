from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from highway_env import envs as highway_envs

from b2m_envs.rendering import (
    Camera,
    CameraSettings,
    LaneShape,
    LineKind,
    RoadGeometry,
    Traffic,
    make_camera,
    palette,
)
from b2m_envs.rendering.drivers_eye import NEAR, clipped_to_front
from b2m_envs.rendering.highway_env_scene import road_geometry, traffic
from b2m_envs.rendering.road_pieces import DASH_PERIOD, SHOULDER, cut
from tests.b2m_envs.rendering.drawn_roads import straight_lane, vehicles

NO_ROAD = RoadGeometry(())
SCENARIOS = {
    "highway": highway_envs.HighwayEnvFast,
    "merge": highway_envs.MergeEnv,
    "roundabout": highway_envs.RoundaboutEnv,
    "intersection": highway_envs.IntersectionEnv,
    "two_way": highway_envs.TwoWayEnv,
    "u_turn": highway_envs.UTurnEnv,
    "exit": highway_envs.ExitEnv,
    "racetrack": highway_envs.RacetrackEnv,
}


def turned(road: RoadGeometry, cars: Traffic, angle: float, shift: tuple[float, float]) -> Any:
    """The same scene elsewhere, turned around the origin and then shifted."""
    cos, sin = np.cos(angle), np.sin(angle)
    matrix, offset = np.array([(cos, sin), (-sin, cos)]), np.array(shift)
    lanes = tuple(
        replace(lane, centre=lane.centre @ matrix + offset, heading=lane.heading + angle)
        for lane in road.lanes
    )
    moved = replace(cars, position=cars.position @ matrix + offset, heading=cars.heading + angle)
    return RoadGeometry(lanes), moved


def scene(name: str, n_steps: int = 0) -> tuple[RoadGeometry, Traffic]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = SCENARIOS[name]()
        env.reset(seed=1)
        for _ in range(n_steps):
            env.step(env.action_space.sample() if name == "racetrack" else 1)
    return road_geometry(env.road.network), traffic(env.road, env.vehicle)


def grey(camera: Camera, road: RoadGeometry, cars: Traffic) -> np.ndarray:
    return camera.draw(road, cars)[:, :, 0].astype(int)


# --- Bird's-eye ---------------------------------------------------------------------------------


def test_a_vehicle_ten_metres_ahead_is_drawn_ten_metres_above_the_ego_and_as_large_as_it_is():
    camera = make_camera(CameraSettings(height=128, width=128, length=64.0, colour=False))
    cars = vehicles([(100.0, 7.0), (110.0, 7.0)])
    row, column = np.nonzero(camera.vehicle_mask(NO_ROAD, cars))
    assert (row.min(), row.max() + 1) == (96 - 25, 96 - 15)  # 2 px/m; ego a quarter from below
    assert (column.min(), column.max() + 1) == (64 - 2, 64 + 2)


def test_what_is_right_of_the_ego_is_right_of_it_in_the_picture_whatever_its_heading():
    camera = make_camera(CameraSettings())
    for heading in (0.0, 0.7, np.pi / 2, np.pi, -2.5):
        right = (5 * -np.sin(heading), 5 * np.cos(heading))
        cars = vehicles([(0.0, 0.0), right], [heading, heading])
        row, column = np.nonzero(camera.vehicle_mask(NO_ROAD, cars))
        assert abs(column.mean() + 0.5 - (32 + 5)) < 0.6
        assert abs(row.mean() + 0.5 - 48) < 0.6


def test_world_up_centres_the_ego_and_keeps_the_world_still_while_the_ego_turns():
    camera = make_camera(CameraSettings(heading_up=False))
    for heading in (0.0, 1.0):
        cars = vehicles([(50.0, 50.0), (60.0, 55.0)], [heading, 0.0])
        row, column = np.nonzero(camera.vehicle_mask(NO_ROAD, cars))
        assert abs(column.mean() + 0.5 - (32 + 10)) < 0.3
        assert abs(row.mean() + 0.5 - (32 + 5)) < 0.3


def test_the_grey_of_a_lone_vehicle_adds_up_to_its_area():
    camera = make_camera(CameraSettings(height=64, width=64, length=64.0))
    alone = grey(camera, NO_ROAD, vehicles([(0.0, 0.0)]))
    both = grey(camera, NO_ROAD, vehicles([(0.0, 0.0), (13.37, 3.21)], [0.0, 0.4]))
    contrast = palette.VEHICLE.grey - palette.GROUND.grey
    area = (both - alone).sum() / contrast  # [m2], since a pixel is a square metre
    assert area == pytest.approx(5 * 2, rel=0.06)


def test_moving_and_turning_the_whole_world_changes_no_heading_up_picture():
    road, cars = scene("roundabout")
    for view in ("birds_eye", "drivers_eye"):
        camera = make_camera(CameraSettings(view=view))
        here = grey(camera, road, cars)
        there = grey(camera, *turned(road, cars, 1.2, (310.0, -77.0)))
        assert np.abs(here - there).mean() < 0.3  # corners round to the other eighth of a sample
        assert np.abs(here - there).max() < 60


def test_crossing_roads_leave_no_hole_where_they_overlap():
    none = LineKind.NONE
    road = RoadGeometry(
        (
            straight_lane((-100, 0), 0.0, 200, none, none),
            straight_lane((0, -100), np.pi / 2, 200, none, none),
            straight_lane((-100, 2), 0.0, 200, none, none),
        )
    )
    camera = make_camera(CameraSettings(heading_up=False))
    picture = grey(camera, road, vehicles([(20.0, 0.0)]))
    assert (picture[30:34, 5:28] == palette.ROAD.grey).all()


def test_a_line_that_two_lanes_share_is_drawn_once_and_stays_visible():
    striped, continuous = LineKind.STRIPED, LineKind.CONTINUOUS
    left = straight_lane((0, 0), 0.0, 60, continuous, striped)
    right = straight_lane((0, 4), 0.0, 60, striped, continuous)
    dashes = cut(RoadGeometry((replace(left, left=LineKind.NONE),))).marking
    assert len(dashes.middle) == 60 / DASH_PERIOD
    both = cut(RoadGeometry((left, right))).marking
    assert len(both.middle) == 60 / DASH_PERIOD + 2 * 3  # continuous lines in pieces of 20 m


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.9])
@pytest.mark.parametrize("view", ["birds_eye", "drivers_eye"])
def test_dashes_of_two_directions_that_fall_together_are_not_hollow(view: str, shift: float):
    striped, none = LineKind.STRIPED, LineKind.NONE
    there = straight_lane((0, 2), 0.0, 60, striped, none)
    back = straight_lane((60 + shift, -2), np.pi, 60, striped, none)
    camera = make_camera(CameraSettings(view=view, height=256, width=256, length=32.0))
    cars = vehicles([(10.0, 0.4)])
    one, other, both = (
        grey(camera, RoadGeometry(lanes), cars) for lanes in ((there,), (back,), (there, back))
    )
    painted = np.maximum(one, other) == palette.MARKING.grey
    painted[:115] &= view == "birds_eye"  # the sky has greys of all kinds
    assert painted.sum() > 100
    assert (both[painted] > palette.MARKING.grey - 20).all()  # but for a sample at an edge


def test_lines_that_touch_at_their_ends_are_filled_at_once():
    road = RoadGeometry((straight_lane((0, 0), 0.3, 100), straight_lane((0, 2), 1.2, 100)))
    pieces = cut(road)
    assert len(pieces.marking.middle) + len(pieces.crossing.middle) == 4 * 5
    assert 0 < len(pieces.crossing.middle) < 4  # where the two roads cross


def test_neighbouring_straight_lanes_make_one_surface_as_wide_as_all_of_them():
    lanes = tuple(straight_lane((0, 4.0 * k), 0.4, 160) for k in range(3))  # not side by side
    tilt = np.array([-np.sin(0.4), np.cos(0.4)])
    beside = tuple(replace(lanes[0], centre=lanes[0].centre + 4 * k * tilt) for k in range(3))
    whole = cut(RoadGeometry(beside)).straight
    assert len(whole.middle) == 1
    across = (whole.corner[0] @ tilt).max() - (whole.corner[0] @ tilt).min()
    assert across == pytest.approx(3 * 4 + 2 * SHOULDER)
    assert len(cut(RoadGeometry(lanes)).straight.middle) == 3


# --- Driver's-eye -------------------------------------------------------------------------------


def test_the_sky_is_above_the_horizon_and_the_ground_below_it():
    settings = CameraSettings(view="drivers_eye", height=100, width=100, horizon=0.4)
    picture = grey(make_camera(settings), NO_ROAD, vehicles([(0.0, 0.0)]))
    assert (picture[:40] >= palette.SKY.grey).all()
    assert (picture[40:90] == palette.GROUND.grey).all()


def test_a_vehicle_stands_where_the_pinhole_says_and_shrinks_with_distance():
    settings = CameraSettings(
        view="drivers_eye", height=400, width=400, field_of_view=90.0, horizon=0.5
    )
    camera = make_camera(settings)
    for distance in (12.0, 24.0, 48.0):
        cars = vehicles([(0.0, 0.0), (distance, 3.0)])
        row, column = np.nonzero(camera.vehicle_mask(NO_ROAD, cars))
        rear = distance - 2.5
        left, right = 200 + 200 * 2.0 / rear, 200 + 200 * 4.0 / rear
        below = 200 + 200 * settings.eye_height / rear
        assert column.max() + 1 == pytest.approx(right, abs=1.5)
        assert column.min() == pytest.approx(200 + 200 * 2.0 / (rear + 5), abs=4)
        assert column.min() <= left
        assert row.max() + 1 == pytest.approx(below, abs=2)


def test_the_nearer_vehicle_hides_the_farther_one_whatever_their_order():
    camera = make_camera(CameraSettings(view="drivers_eye", colour=True))
    near, far = (12.0, 0.0), (40.0, 0.0)
    first = camera.draw(NO_ROAD, vehicles([(0.0, 0.0), near, far], braking=(2,)))
    second = camera.draw(NO_ROAD, vehicles([(0.0, 0.0), far, near], braking=(1,)))
    np.testing.assert_array_equal(first, second)
    alone = camera.draw(NO_ROAD, vehicles([(0.0, 0.0), near]))
    assert np.abs(first[32:].astype(int) - alone[32:]).max() == 0


def test_a_vehicle_beside_or_behind_the_eye_is_cut_off_there():
    camera = make_camera(CameraSettings(view="drivers_eye", field_of_view=100.0))
    beside = camera.vehicle_mask(NO_ROAD, vehicles([(0.0, 0.0), (1.0, 4.0)]))
    assert beside[:, 48:].any()
    assert not beside[:, :40].any()
    assert not camera.vehicle_mask(NO_ROAD, vehicles([(0.0, 0.0), (-8.0, 0.0)])).any()


def test_cutting_polygons_off_keeps_exactly_the_part_ahead():
    square = np.array([[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]])
    (cut_square,) = clipped_to_front(square)
    ahead, aside = cut_square.T
    area = 0.5 * abs(ahead @ np.roll(aside, -1) - aside @ np.roll(ahead, -1))
    assert area == pytest.approx((1 - NEAR) * 2)
    assert ahead.min() == NEAR
    whole = square + np.array([5.0, 0.0])
    np.testing.assert_array_equal(clipped_to_front(whole)[0][::2], whole[0])


# --- Both views ---------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["birds_eye", "drivers_eye"])
@pytest.mark.parametrize("colour", [False, True])
def test_brake_lights_and_obstacles_show_also_in_grey(view, colour):
    camera = make_camera(CameraSettings(view=view, colour=colour))
    places = [(0.0, 0.0), (14.0, 1.0)]
    calm = camera.draw(NO_ROAD, vehicles(places)).astype(int)
    braking = camera.draw(NO_ROAD, vehicles(places, braking=(1,))).astype(int)
    obstacle = camera.draw(NO_ROAD, vehicles(places, obstacle=(1,))).astype(int)
    assert np.abs(calm - braking).max() > 40
    assert np.abs(calm - obstacle).max() > 60
    lit = np.abs(calm - braking).max(axis=2) > 0
    assert (braking[lit][:, 0] >= calm[lit][:, 0]).all()  # brighter: in red, or in grey


@pytest.mark.parametrize("view", ["birds_eye", "drivers_eye"])
def test_the_mask_covers_what_other_vehicles_change_and_nothing_of_the_ego(view):
    road = RoadGeometry((straight_lane((-50, 0), 0.0, 300),))
    camera = make_camera(CameraSettings(view=view, height=128, width=96))
    assert not camera.vehicle_mask(road, vehicles([(0.0, 0.0)])).any()
    with_others = vehicles([(0.0, 0.0), (15.0, 0.0), (25.0, 3.0)], [0.0, 0.0, 0.3])
    mask = camera.vehicle_mask(road, with_others)
    difference = np.abs(
        grey(camera, road, with_others) - grey(camera, road, vehicles([(0.0, 0.0)]))
    )
    assert mask.shape == (128, 96)
    assert (difference[mask] > 20).mean() > 0.8
    assert mask[difference > 100].mean() > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("view", ["birds_eye", "drivers_eye"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_shows_road_and_traffic_and_is_never_blank(name, view):
    road, cars = scene(name)
    for colour, size in ((False, 36), (True, 64)):
        settings = CameraSettings(view=view, height=size, width=size + 11, colour=colour)
        picture = make_camera(settings).draw(road, cars)
        assert picture.dtype == np.uint8
        assert picture.shape == (size, size + 11, 3 if colour else 1)
        assert picture.std() > 10
        paint = palette.ROAD.value(colour)
        assert (np.abs(picture - np.array(paint)).max(axis=2) < 3).mean() > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("view", ["birds_eye", "drivers_eye"])
def test_pixels_do_not_depend_on_what_a_camera_drew_before(view):
    settings = CameraSettings(view=view, colour=True)
    road = RoadGeometry((straight_lane((0, 0), 0.0, 2000, LineKind.STRIPED),))
    driven = make_camera(settings)
    for x in (100.0, 130.0, 171.0, 900.0, 60.0, 133.3):
        cars = vehicles([(x, 0.5), (x + 20, 0.0)])
        drawn = driven.draw(road, cars)
        driven.vehicle_mask(road, cars)
        np.testing.assert_array_equal(drawn, make_camera(settings).draw(road, cars))
    other = RoadGeometry((straight_lane((0, 0), 0.3, 2000),))
    np.testing.assert_array_equal(driven.draw(other, cars), make_camera(settings).draw(other, cars))


def test_a_picture_is_a_new_array_that_later_drawing_leaves_alone():
    camera = make_camera(CameraSettings())
    first = camera.draw(NO_ROAD, vehicles([(0.0, 0.0)]))
    kept = first.copy()
    camera.draw(NO_ROAD, vehicles([(0.0, 0.0), (5.0, 5.0)]))
    np.testing.assert_array_equal(first, kept)


DRAW_MANY = """
import sys, hashlib, numpy as np
from b2m_envs.rendering import *
n_frames = int(sys.argv[1])
lane = LaneShape(np.array([(0., 0.), (999., 0.)]), np.full(2, 4.), np.zeros(2),
                 LineKind.STRIPED, LineKind.CONTINUOUS)
road, row, off = RoadGeometry((lane,)), np.array([5., 5.]), np.array([False, False])
for view in ("birds_eye", "drivers_eye"):
    camera, digest = make_camera(CameraSettings(view=view)), hashlib.sha256()
    for x in np.linspace(0, 950, n_frames // 2):
        cars = Traffic(np.array([(x, 0.), (x + 20, 3.)]), np.zeros(2), row, row / 2, off, off)
        picture = camera.draw(road, cars)
        assert np.ptp(picture) > 100, "a blank frame"
        digest.update(picture)
    print(digest.hexdigest())
assert "pygame" not in sys.modules and "highway_env" not in sys.modules
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "n_frames", [200, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.thorough])]
)
def test_the_same_pixels_come_under_every_video_driver_never_blank_and_without_sdl(n_frames):
    shown = set()
    for driver in ("dummy", "offscreen", None):
        environment = {k: v for k, v in os.environ.items() if k != "SDL_VIDEODRIVER"}
        if driver:
            environment["SDL_VIDEODRIVER"] = driver
        environment["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
        result = subprocess.run(
            [sys.executable, "-c", DRAW_MANY, str(n_frames)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        shown.add(result.stdout)
    assert len(shown) == 1


# --- Reading highway-env ------------------------------------------------------------------------


def test_the_road_is_sampled_on_highway_envs_own_lanes():
    env = highway_envs.RoundaboutEnv()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env.reset(seed=0)
    lanes = env.road.network.lanes_list()
    shapes = road_geometry(env.road.network).lanes
    assert len(shapes) == len(lanes)
    for lane, shape in zip(lanes, shapes, strict=True):
        np.testing.assert_allclose(shape.centre[0], lane.position(0, 0), atol=1e-9)
        np.testing.assert_allclose(shape.centre[-1], lane.position(lane.length, 0), atol=1e-9)
        chord = np.linalg.norm(np.diff(shape.centre, axis=0), axis=1)
        middle = (shape.centre[1:] + shape.centre[:-1]) / 2
        off = [abs(lane.local_coordinates(place)[1]) for place in middle]
        assert max(off) < 0.05  # [m] the sampled lane leaves the true one by less
        assert chord.max() <= 20.0 + 1e-9


def test_the_ego_comes_first_and_obstacles_and_braking_are_told():
    env = highway_envs.MergeEnv()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env.reset(seed=0)
    env.road.vehicles[2].action = {"acceleration": -1.0, "steering": 0.0}
    env.road.vehicles.reverse()
    seen = traffic(env.road, env.vehicle)
    np.testing.assert_array_equal(seen.position[0], env.vehicle.position)
    assert len(seen.position) == len(env.road.vehicles) + len(env.road.objects)
    assert seen.obstacle.tolist() == [False] * len(env.road.vehicles) + [True]
    brakes = [bool(vehicle.action["acceleration"] < -0.5) for vehicle in env.road.vehicles]
    assert seen.braking.sum() == sum(brakes) == 1


# --- Settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("height", 35),
        ("width", 513),
        ("length", 0.0),
        ("behind", 1.5),
        ("field_of_view", 180.0),
        ("sight", float("nan")),
    ],
)
def test_an_impossible_setting_is_named(name, value):
    with pytest.raises(ValueError, match=rf"{name}: expected .* came .*{value}"):
        CameraSettings(**{name: value})


def test_broken_scenes_are_refused_by_name():
    with pytest.raises(ValueError, match="position: expected one row or more"):
        vehicles([])
    with pytest.raises(ValueError, match="position: expected finite numbers, came 1 NaN"):
        vehicles([(0.0, float("nan"))])
    with pytest.raises(ValueError, match="centre: expected two points or more, came 1"):
        LaneShape(np.zeros((1, 2)), np.ones(1), np.zeros(1), LineKind.NONE, LineKind.NONE)
