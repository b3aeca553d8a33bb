from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from highway_env import envs as highway_envs
from highway_env.envs import racetrack_env

from b2m_envs.rendering import (
    CameraSettings,
    LaneShape,
    LineKind,
    RoadGeometry,
    Traffic,
    make_camera,
    palette,
)
from b2m_envs.rendering.batched import THING, BatchedCamera, make_batched_camera
from b2m_envs.rendering.batched.raster import WHOLE, add_edge, sum_down
from b2m_envs.rendering.batched.road_index import RoadIndex, uncovered
from b2m_envs.rendering.highway_env_scene import road_geometry, traffic
from tests.b2m_envs.rendering.drawn_roads import straight_lane, vehicles

N_STEPS = 6
SCENARIOS = {
    "highway": highway_envs.HighwayEnv,
    "highway_fast": highway_envs.HighwayEnvFast,
    "merge": highway_envs.MergeEnv,
    "exit": highway_envs.ExitEnv,
    "roundabout": highway_envs.RoundaboutEnv,
    "intersection": highway_envs.IntersectionEnv,
    "two_way": highway_envs.TwoWayEnv,
    "u_turn": highway_envs.UTurnEnv,
    "racetrack": racetrack_env.RacetrackEnv,
    "racetrack_large": racetrack_env.RacetrackEnvLarge,
    "racetrack_oval": racetrack_env.RacetrackEnvOval,
}
NO_ROAD = RoadGeometry(())
VIEWS = ("birds_eye", "drivers_eye")


@cache
def moments(scenario: str) -> tuple[RoadGeometry, list[Traffic]]:
    """Random driving: every second step of two episodes."""
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = SCENARIOS[scenario]()
        for seed in (0, 1):
            env.reset(seed=seed)
            env.action_space.seed(seed)
            for step in range(N_STEPS):
                if step % 2 == 0:
                    seen.append(traffic(env.road, env.vehicle))
                _, _, terminated, truncated, _ = env.step(env.action_space.sample())
                if terminated or truncated:
                    break
    return road_geometry(env.road.network), seen


def rows(cars: list[Traffic], spare: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The moments as worlds; rows that are not in use hold NaN."""
    count = np.array([len(each.position) for each in cars], dtype=np.int32)
    things = np.zeros((len(cars), int(count.max()) + spare), dtype=THING)
    for name in ("x", "y", "heading", "length", "width"):
        things[name] = np.nan
    for world, each in enumerate(cars):
        used = things[world, : count[world]]
        used["x"], used["y"] = each.position.T
        for name in ("heading", "length", "width", "braking", "obstacle"):
            used[name] = getattr(each, name)
    return things, count


def drawn(settings: CameraSettings, road: RoadGeometry, cars: list[Traffic]) -> np.ndarray:
    channels = 3 if settings.colour else 1
    scenes = np.zeros((len(cars), settings.height, settings.width, channels), dtype=np.uint8)
    camera = make_batched_camera(settings, road)
    camera.draw(*rows(cars), scenes, 0, np.arange(len(cars)))
    return scenes


def masked(settings: CameraSettings, road: RoadGeometry, cars: list[Traffic]) -> np.ndarray:
    masks = np.ones((len(cars), settings.height, settings.width), dtype=bool)
    camera = make_batched_camera(settings, road)
    camera.vehicle_mask(*rows(cars), masks, np.arange(len(cars)))
    return masks


def by_opencv(settings: CameraSettings, road: RoadGeometry, cars: list[Traffic]) -> np.ndarray:
    camera = make_camera(settings)
    return np.array([camera.draw(road, each) for each in cars])


# --- Beside OpenCV's pictures ---------------------------------------------------------------------
#
# OpenCV counts 16 samples a pixel (4 above 256 px), so an edge of full contrast that lies along
# the pixels is wrong by up to an eighth of a pixel there, some 20 grey levels for a marking.


@pytest.mark.slow
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pictures_resemble_opencvs(scenario: str, view: Any, colour: bool):
    road, cars = moments(scenario)
    settings = CameraSettings(view=view, colour=colour)
    reference = by_opencv(settings, road, cars)
    difference = np.abs(drawn(settings, road, cars) - reference.astype(int))
    difference = difference.reshape(len(cars), -1)
    assert difference.mean() < 1.3
    assert difference.mean(axis=1).max() < 2.0
    assert (difference <= 16).mean() > 0.98
    assert (difference <= 16).mean(axis=1).min() > 0.93
    assert difference.max() < 120
    assert reference.reshape(len(cars), -1).std(axis=1).min() > 3  # something is to be seen


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_masks_resemble_opencvs(scenario: str, view: Any):
    road, cars = moments(scenario)
    settings = CameraSettings(view=view)
    camera = make_camera(settings)
    reference = np.array([camera.vehicle_mask(road, each) for each in cars])
    same = (masked(settings, road, cars) == reference).mean(axis=(1, 2))
    assert same.mean() > 0.999
    assert same.min() > 0.995


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        CameraSettings(heading_up=False, behind=0.5),
        CameraSettings(height=36, width=100, length=30.0, colour=True),
        CameraSettings(height=300, width=260, colour=True),
        CameraSettings(height=512, width=512, heading_up=False, length=200.0),
        CameraSettings(view="drivers_eye", height=36, width=120, field_of_view=100.0),
        CameraSettings(view="drivers_eye", height=300, width=260, colour=True, horizon=0.0),
        CameraSettings(view="drivers_eye", height=100, width=80, horizon=1.0),
        CameraSettings(view="drivers_eye", height=512, width=512, eye_height=6.0, horizon=0.3),
    ],
)
@pytest.mark.parametrize("scenario", ["merge", "roundabout"])
def test_pictures_of_every_size_and_setting_resemble_opencvs(
    scenario: str, settings: CameraSettings
):
    road, cars = moments(scenario)
    reference = by_opencv(settings, road, cars[-2:])
    difference = np.abs(drawn(settings, road, cars[-2:]) - reference.astype(int))
    assert difference.mean() < 1.6
    assert (difference <= 16).mean() > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["highway", "roundabout", "racetrack"])
def test_birds_eye_pictures_are_nearer_to_finely_sampled_ones_than_opencvs_are(scenario: str):
    road, cars = moments(scenario)
    coarse = CameraSettings(length=15.0)  # markings as wide in the fine picture
    fine = by_opencv(replace(coarse, height=512, width=512), road, cars)
    truth = fine.reshape(len(cars), 64, 8, 64, 8).mean(axis=(2, 4))
    ours = np.abs(drawn(coarse, road, cars)[..., 0] - truth)
    theirs = np.abs(by_opencv(coarse, road, cars)[..., 0] - truth)
    assert ours.mean() < 0.8 * theirs.mean()
    assert ours.mean() < 0.5


# --- A batch --------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.slow
def test_a_picture_depends_on_its_own_world_only(view: Any):
    road, cars = moments("highway_fast")
    settings = CameraSettings(view=view)
    together = drawn(settings, road, cars)
    alone = np.concatenate([drawn(settings, road, [each]) for each in cars])
    np.testing.assert_array_equal(together, alone)
    backwards = drawn(settings, road, cars[::-1])[::-1]
    np.testing.assert_array_equal(together, backwards)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("colour", [False, True])
def test_only_the_named_worlds_and_channels_are_drawn(view: Any, colour: bool):
    road, cars = moments("merge")
    settings = CameraSettings(view=view, colour=colour)
    wanted = drawn(settings, road, cars)
    n = wanted.shape[-1]
    scenes = np.full((len(cars), 64, 64, 3 * n), 7, dtype=np.uint8)
    camera = make_batched_camera(settings, road)
    camera.draw(*rows(cars), scenes, n, np.array([4, 1]))
    for world in range(len(cars)):
        middle = wanted[world] if world in (1, 4) else 7
        np.testing.assert_array_equal(scenes[world, ..., n : 2 * n], middle)
    assert (scenes[..., :n] == 7).all()
    assert (scenes[..., 2 * n :] == 7).all()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.slow
def test_threads_draw_what_one_draws(view: Any):
    road, cars = moments("exit")
    cars = cars * 16
    settings = CameraSettings(view=view)
    camera = make_batched_camera(settings, road)
    things, count = rows(cars)
    scenes = np.zeros((len(cars), 64, 64, 1), dtype=np.uint8)
    masks = np.zeros((len(cars), 64, 64), dtype=bool)
    parts = np.array_split(np.arange(len(cars)), 8)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: camera.draw(things, count, scenes, 0, part), parts))
        list(pool.map(lambda part: camera.vehicle_mask(things, count, masks, part), parts))
    np.testing.assert_array_equal(scenes, drawn(settings, road, cars))
    np.testing.assert_array_equal(masks, masked(settings, road, cars))


@pytest.mark.parametrize("view", VIEWS)
def test_both_cameras_are_batched_cameras(view: Any):
    assert isinstance(make_batched_camera(CameraSettings(view=view), NO_ROAD), BatchedCamera)


# --- What is seen ---------------------------------------------------------------------------------


def test_a_vehicle_ten_metres_ahead_is_drawn_ten_metres_above_the_ego_and_as_large_as_it_is():
    settings = CameraSettings(height=128, width=128)
    row, column = np.nonzero(masked(settings, NO_ROAD, [vehicles([(100, 7), (110, 7)])])[0])
    assert (row.min(), row.max() + 1) == (96 - 25, 96 - 15)  # 2 px/m; ego a quarter from below
    assert (column.min(), column.max() + 1) == (64 - 2, 64 + 2)


def test_the_grey_of_a_lone_vehicle_adds_up_to_its_area():
    settings = CameraSettings()
    alone = vehicles([(0.0, 0.0)])
    both = vehicles([(0.0, 0.0), (13.37, 3.21)], [0.0, 0.4])
    without, with_one = drawn(settings, NO_ROAD, [alone, both]).astype(int)
    area = (with_one - without).sum() / (palette.VEHICLE.grey - palette.GROUND.grey)
    chamfers = 4 * (0.12 * 2.5) * (2 * 0.12 * 1.0) / 2  # [m2], a pixel is a square metre
    assert area == pytest.approx(5 * 2 - chamfers, rel=0.01)


def test_crossing_roads_leave_no_hole_and_no_seam_where_they_overlap():
    none = LineKind.NONE
    road = RoadGeometry(
        (
            straight_lane((-100, 0), 0.0, 200, none, none),
            straight_lane((0, -100), np.pi / 2, 200, none, none),
            straight_lane((-100, 2), 0.0, 200, none, none),
        )
    )
    picture = drawn(CameraSettings(heading_up=False), road, [vehicles([(20.0, 0.0)])])[0, ..., 0]
    assert (picture[30:34, 5:28] == palette.ROAD.grey).all()


def test_pieces_of_a_bend_meet_without_a_seam():
    angle = np.linspace(0, 1.5, 41)
    centre = 40 * np.stack((np.sin(angle), 1 - np.cos(angle)), axis=1)
    none = LineKind.NONE
    bend = LaneShape(centre, np.full(41, 12.0), angle, none, none)
    settings = CameraSettings(heading_up=False, length=32.0)
    picture = drawn(settings, RoadGeometry((bend,)), [vehicles([(-6.0, 6.0)])])[0, ..., 0]
    row, column = np.mgrid[:64, :64]
    x, y = -6 + (column + 0.5 - 32) / 2, 6 + (row + 0.5 - 32) / 2
    across = np.abs(np.hypot(x, y - 40) - 40)
    inside = (across < 5) & (x > 1)
    assert inside.sum() > 100
    assert (picture[inside] == palette.ROAD.grey).all()


@pytest.mark.parametrize("view", VIEWS)
def test_the_ego_is_never_in_the_mask_and_others_are(view: Any):
    settings = CameraSettings(view=view)
    cars = [
        vehicles([(0, 0)]),
        vehicles([(0, 0), (9, 1)]),
        vehicles([(0, 0), (9, 1)], None, (), (1,)),
    ]
    none, vehicle, obstacle = masked(settings, NO_ROAD, cars).sum(axis=(1, 2))
    assert none == 0
    assert vehicle > 5
    assert obstacle > 5


def test_the_nearer_vehicle_hides_the_farther_one_whatever_their_order():
    settings = CameraSettings(view="drivers_eye", colour=True)
    near, far = (12.0, 0.0), (40.0, 0.0)
    cars = [
        vehicles([(0.0, 0.0), near, far], braking=(2,)),
        vehicles([(0.0, 0.0), far, near], braking=(1,)),
        vehicles([(0.0, 0.0), near]),
    ]
    first, second, alone = drawn(settings, NO_ROAD, cars)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[32:], alone[32:])


# --- The road's polygons --------------------------------------------------------------------------


def test_dashes_that_lie_upon_each_other_are_drawn_once():
    line = np.array([(0.0, 0.0), (3.0, 0.0)])
    others = np.array([[(5.0, 0.05), (2.0, 0.05)], [(0.5, 0.0), (1.0, 0.0)], [(0.0, 2), (3, 2)]])
    left = uncovered(line, others, 0.5)
    np.testing.assert_allclose(left[..., 0], [(0.0, 0.5), (1.0, 2.0)])
    np.testing.assert_allclose(left[..., 1], 0)


def test_a_straight_continuous_line_needs_few_polygons():
    index = RoadIndex.of(RoadGeometry((straight_lane((0, 0), 0.3, 320),)), 0.25, 0.01)
    assert len(index.marking.radius) == 2
    assert len(index.marking.corner) == 2 * 4
    assert index.asphalt.radius.max() == pytest.approx(80, abs=0.1)


def shares(outline: np.ndarray, height: int, width: int) -> np.ndarray:
    cover = np.zeros((height + 1, width), dtype=np.int32)
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        add_edge(cover, float(start[0]), float(start[1]), float(end[0]), float(end[1]))
    sum_down(cover)
    return cover[:-1] / WHOLE


def test_shares_of_a_rectangle_are_exact():
    outline = np.array([(1.25, 0.5), (3.5, 0.5), (3.5, 2.75), (1.25, 2.75)])
    across, down = np.array([0, 0.75, 1, 0.5, 0]), np.array([0.5, 1, 0.75, 0])
    np.testing.assert_allclose(shares(outline, 4, 5), down[:, None] * across, atol=1e-5)


def test_a_polygon_that_leaves_the_picture_covers_what_it_covers_in_a_larger_one():
    random = np.random.default_rng(3)
    for _ in range(200):
        angle = np.sort(random.uniform(0, 2 * np.pi, 5))
        size = random.choice([0.5, 3.0, 12.0])
        circle = np.stack((np.cos(angle), np.sin(angle)), axis=1)
        outline = random.uniform(13, 24, 2) + size * circle
        whole = shares(outline, 40, 40)
        x, y = outline.T
        area = (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2
        assert whole.sum() == pytest.approx(area, abs=1e-3)
        assert whole.min() > -1e-4
        assert whole.max() < 1 + 1e-4
        np.testing.assert_allclose(shares(outline - 12, 9, 7), whole[12:21, 12:19], atol=1e-4)


def test_sides_on_the_pixels_boundaries_stay_in_the_picture():
    for corners in ([(0, 0), (4, 0), (4, 3), (0, 3)], [(-1, -2), (4, 3), (9, 3), (4, 7), (-1, 3)]):
        whole = shares(np.array(corners, dtype=np.float64), 3, 4)
        assert whole.min() >= 0
        assert whole.max() <= 1
