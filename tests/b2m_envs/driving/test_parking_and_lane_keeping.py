"""The two scenes without traffic: what is highway-env's, what is drawn, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import pytest

from b2m_agents.drivers.drivers import drive_episode, rollout_spec_of
from b2m_agents.drivers.rollouts import header_of
from b2m_agents.worlds.action_choices import action_names
from b2m_envs.driving import SCENARIOS, SceneSettings
from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv
from b2m_envs.rendering import palette
from b2m_envs.scenes.observation import finite_state
from b2m_envs.scenes.state import STATE_INDEX, STATE_VARIABLES

TASKS = ("parking", "lane_keeping")
FOREIGN = {"parking": "parking-v0", "lane_keeping": "lane-keeping-v0"}


def park(**settings: Any) -> DrivingSceneEnv:
    """A car park after a reset."""
    env = DrivingSceneEnv("parking", **settings)
    env.reset(seed=1)
    return env


def place_at_goal(env: DrivingSceneEnv, back: float, turned: float = 0.0) -> None:
    """Put the ego vehicle [m] behind its spot's middle, turned [rad] from the spot's heading."""
    ego = env.highway_env.vehicle
    goal = ego.goal
    ego.position = goal.position - back * np.array([math.cos(goal.heading), math.sin(goal.heading)])
    ego.heading = goal.heading + turned
    ego.speed = 0.0


def theirs_at(scenario: str, seed: int, **config: Any) -> Any:
    """highway-env's own environment after a reset."""
    theirs = gymnasium.make(f"highway_env:{FOREIGN[scenario]}").unwrapped
    theirs.configure(config)
    theirs.reset(seed=seed)
    return theirs


@pytest.mark.slow
@pytest.mark.parametrize("parked", [0, 10])
@pytest.mark.parametrize("seed", range(4))
def test_parking_moves_rewards_and_ends_as_highway_envs_own(seed: int, parked: int):
    ours = DrivingSceneEnv("parking", vehicles_count=parked)
    ours.reset(seed=seed)
    theirs = theirs_at("parking", seed, vehicles_count=parked)
    generator, ended = np.random.default_rng(seed), False
    while not ended:
        action = generator.uniform((-0.5, -1), (1, 1)).astype(np.float32)
        _, reward, terminated, _, info = ours.step(action)
        _, expected, their_end, ended, their_info = theirs.step(action)
        np.testing.assert_array_equal(
            [vehicle.position for vehicle in ours.highway_env.road.vehicles],
            [vehicle.position for vehicle in theirs.road.vehicles],
        )
        assert reward == float(expected)
        assert terminated == bool(their_end)
        assert info["is_success"] == bool(their_info["is_success"])
        assert info["crashed"] == bool(their_info["crashed"])
        terms = info["rewards"]
        assert reward == terms["goal_reward"] - 5 * terms["collision_reward"]
        ended = ended or terminated
    assert info["crashed"]  # these drives end at a wall or a parked vehicle


@pytest.mark.slow
def test_lane_keeping_moves_and_rewards_as_highway_envs_own():
    ours = DrivingSceneEnv("lane_keeping")
    ours.reset(seed=5)
    theirs = theirs_at("lane_keeping", 5)
    generator = np.random.default_rng(0)
    for step in range(200):
        ego = ours.highway_env.vehicle
        aim = -0.1 * ours.highway_env.lane.local_coordinates(ego.position)[1]
        noise = generator.normal(0, 0.02)
        action = np.clip([aim + noise], -1, 1).astype(np.float32)
        _, reward, terminated, truncated, info = ours.step(action)
        expected = theirs.step(action)[1]
        np.testing.assert_array_equal(ego.state, theirs.vehicle.state)
        assert reward == float(expected) == info["rewards"]["lane_reward"]
        assert (terminated, truncated) == (False, step == 199)
    assert ego.lateral_speed != 0  # the tyres slip
    assert len(ours.highway_env.lanes) == 0  # the second lane was reached


def test_lane_keeping_stores_no_state_of_the_past():
    env = DrivingSceneEnv("lane_keeping")
    env.reset(seed=0)
    env.step(np.zeros(1))
    assert env.highway_env.trajectory == []


def test_nothing_of_lane_keeping_is_drawn_at_random():
    env = DrivingSceneEnv("lane_keeping")
    env.reset(seed=0)
    before = env.np_random.bit_generator.state
    env.step(np.zeros(1))
    env.reset()
    assert env.np_random.bit_generator.state == before


@pytest.mark.parametrize(
    ("back", "turned", "reached"),
    [(0.0, 0.0, True), (1.0, 0.05, True), (6.0, 0.0, False), (0.0, math.pi, False)],
)
def test_success_is_a_pose_near_that_of_the_spot_nose_first(back, turned, reached):
    env = park()
    place_at_goal(env, back, turned)
    _, reward, terminated, _, info = env.step(np.zeros(2))
    assert (info["is_success"], terminated, reward > -0.12) == (reached,) * 3


def test_the_state_of_parking_is_relative_to_the_spot():
    env = park()
    place_at_goal(env, 4.0, 0.3)
    goal = env.highway_env.vehicle.goal
    aside = np.array([-math.sin(goal.heading), math.cos(goal.heading)])  # to the right
    env.highway_env.vehicle.position = env.highway_env.vehicle.position + 1.5 * aside
    state = env.step(np.zeros(2))[-1]["state"]
    assert state[STATE_INDEX["lateral_offset"]] == pytest.approx(1.5, abs=1e-6)
    assert state[STATE_INDEX["heading"]] == pytest.approx(0.3)
    known = {"lateral_offset", "heading", "speed", "acceleration", "hazard"}
    names = np.array([variable.name for variable in STATE_VARIABLES])
    assert set(names[np.isfinite(np.asarray(state))]) == known
    assert np.isfinite(finite_state(env.settings, state)).all()


@pytest.mark.slow
def test_a_crash_is_the_hazard_of_parking():
    env = park()
    states = []
    terminated = False
    while not terminated:
        _, _, terminated, _, info = env.step(np.array([1.0, 0.0]))
        states.append(info["state"][STATE_INDEX["hazard"]])
    assert info["crashed"]
    assert set(states[:-1]) == {0.0}
    assert states[-1] == 1.0


def test_the_state_of_lane_keeping_knows_its_lane_and_nobody_else():
    env = DrivingSceneEnv("lane_keeping")
    state = env.reset(seed=0)[1]["state"]
    assert state[STATE_INDEX["lateral_offset"]] == pytest.approx(-4, abs=1e-6)
    assert state[STATE_INDEX["speed"]] == np.float32(8.3)
    assert state[STATE_INDEX["lane"]] == 0
    unknown = {v.name for v, x in zip(STATE_VARIABLES, np.asarray(state), strict=True) if x != x}
    assert unknown == {
        "gap", "closing_speed", "time_to_collision",
        "left_ahead", "left_behind", "right_ahead", "right_behind",
    }  # fmt: skip


def is_goal(picture: np.ndarray) -> np.ndarray:
    """Pixels of the goal's paint."""
    return (picture == palette.GOAL.value(True)).all(axis=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_every_spot_is_seen_from_where_the_vehicle_starts(seed: int):
    env = DrivingSceneEnv("parking", colour=True, n_frames=1, height=128, width=128)
    picture, _ = env.reset(seed=seed)
    rows, columns = np.nonzero(is_goal(picture))
    assert len(rows) >= 20  # of 8 m x 4 m at 2 px/m, less the arrow and the edges
    ego = env.highway_env.vehicle
    offset = ego.goal.position - ego.position
    ahead = offset @ ego.direction
    aside = offset @ (-ego.direction[1], ego.direction[0])
    assert 64 - rows.mean() == pytest.approx(2 * ahead, abs=3)
    assert columns.mean() - 64 == pytest.approx(2 * aside, abs=3)


def test_the_mark_shows_which_way_to_park():
    pictures = []
    for heading in (0.0, math.pi):
        env = park(colour=True, n_frames=1, height=128, width=128)
        env.highway_env.vehicle.goal.heading += heading
        pictures.append(env.step(np.zeros(2))[0])
    first, second = pictures
    assert (first != second).any(axis=2).sum() > 5
    both = is_goal(first) & is_goal(second)
    assert both.sum() > 10  # the rectangle is the same


@pytest.mark.parametrize(("turned", "seen"), [(0.0, True), (math.pi, False)])
def test_the_driver_sees_the_spot_ahead_only(turned: float, seen: bool):
    env = park(camera="drivers_eye", colour=True, n_frames=1)
    place_at_goal(env, 9.0, turned)
    assert is_goal(env.step(np.zeros(2))[0]).any() == seen


def test_walls_and_parked_vehicles_are_in_the_mask_and_the_goal_is_not():
    empty, full = (
        park(vehicle_mask=True, vehicles_count=count, view_length=90.0, heading_up=False)
        for count in (0, 20)
    )
    masks = [env.step(np.zeros(2))[-1]["vehicle_mask"] for env in (empty, full)]
    middle = slice(12, 52), slice(14, 50)  # within the walls at 0.7 px/m
    assert masks[0].sum() > 100  # walls of 70 m x 42 m
    assert not masks[0][25:39, 16:48].any()
    assert masks[1][middle].sum() > masks[0][middle].sum() + 50


def test_a_wall_is_drawn_as_a_row_of_barriers_of_the_same_extent():
    env = park()
    things = env._world.traffic()
    walls = things.obstacle
    assert things.length[walls].max() <= 5
    assert things.length[walls].sum() == pytest.approx(2 * (70 + 42))
    ends = things.position[walls]
    assert np.abs(ends).max(axis=0) == pytest.approx((35, 21))


@pytest.mark.parametrize("camera", ["birds_eye", "drivers_eye"])
@pytest.mark.parametrize("scenario", TASKS)
def test_both_cameras_see_something(scenario: str, camera: str):
    env = DrivingSceneEnv(scenario, camera=camera, render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    assert observation.shape == (64, 64, 2)
    assert len(np.unique(observation)) > 10
    picture = env.render()
    assert picture is not None
    assert picture.shape == (480, 480, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"action": "discrete"},
            "action: expected 'continuous'.*: .* has no meta-actions",
        ),
        ({"driver": "highway_env"}, "driver: expected 'agent': highway-env has no driver model"),
        ({"lanes_count": 2}, "lanes_count: expected none: only"),
    ],
)
@pytest.mark.parametrize("scenario", TASKS)
def test_what_the_scenes_do_not_have_is_refused(scenario: str, settings, message: str):
    title = SCENARIOS[scenario].title
    with pytest.raises(ValueError, match=f"{title}Scene-v0: {message}"):
        DrivingSceneEnv(scenario, **settings)


def test_parking_is_not_on_our_engine():
    with pytest.raises(ValueError, match=r'engine: expected engine="highway-env" for this .*LaneK'):
        DrivingSceneEnv("parking", engine="b2m")


def test_an_action_of_another_scene_is_refused_by_the_names_of_the_controls():
    env = DrivingSceneEnv("lane_keeping")
    env.reset(seed=0)
    with pytest.raises(ValueError, match="expected an array of finite steering, came"):
        env.step(np.zeros(2))
    with pytest.raises(ValueError, match="expected an array of finite acceleration and steering"):
        park().step(np.zeros(1))


@pytest.mark.parametrize("scenario", TASKS)
def test_the_scenes_run_on_highway_env_and_say_so_in_a_batch_of_pictures(scenario: str):
    settings = SceneSettings(scenario)
    assert (settings.chosen_engine, settings.action) == ("highway-env", "continuous")
    with pytest.raises(ValueError, match=r'use gymnasium.make_vec.*vectorization_mode="sync"'):
        DrivingSceneVectorEnv(scenario, num_envs=2)


@pytest.mark.slow
def test_gymnasium_batches_parking_itself():
    name = "b2m_envs:B2M/ParkingScene-v0"
    sync = gymnasium.make_vec(name, num_envs=2, vectorization_mode="sync")
    asynchronous = gymnasium.make_vec(
        name, num_envs=2, vectorization_mode="async", vector_kwargs={"context": "spawn"}
    )
    try:
        np.testing.assert_array_equal(sync.reset(seed=3)[0], asynchronous.reset(seed=3)[0])
        action = np.full(sync.action_space.shape, 0.2, np.float32)
        for ours, theirs in zip(sync.step(action)[:4], asynchronous.step(action)[:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    finally:
        asynchronous.close()
        sync.close()


@pytest.mark.parametrize(("scenario", "n_controls"), [("parking", 2), ("lane_keeping", 1)])
def test_chance_drives_the_scenes_for_recordings(scenario: str, n_controls: int):
    drive = rollout_spec_of(scenario, "random", {"duration": 1})
    episode = drive_episode(drive, seed=4)
    assert episode.action.shape == (len(episode.reward), n_controls)
    assert episode.action.dtype == np.float32
    assert header_of(drive, 4).action_kind == "continuous"
    with pytest.raises(ValueError, match="driver: expected 'agent'"):
        rollout_spec_of(scenario, "highway_env", {})


def test_a_steering_angle_alone_is_an_action_in_words():
    assert action_names(SceneSettings("lane_keeping")) == ("steering",)
