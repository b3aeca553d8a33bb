"""The driving scenes as Gymnasium environments."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from highway_env.vehicle.behavior import IDMVehicle

from b2m_envs.driving import SCENARIOS, SceneSettings
from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving.window import SceneWindow
from b2m_envs.highway_env import bridge
from b2m_envs.registration import SCENES
from b2m_envs.scenes.state import STATE_INDEX
from tests.conftest import CONSTANTS

IDS = [f"B2M/{title}Scene-v0" for title in SCENES]
QUICK: dict[str, dict[str, Any]] = {  # settings under which whole episodes take a moment
    "highway": {"vehicles_count": 4, "lanes_count": 2, "duration": 6},
    "highway_fast": {"vehicles_count": 8, "duration": 15},
    "merge": {"duration": 12},
    "merge_generic": {"duration": 12},
    "exit": {"vehicles_count": 5, "lanes_count": 3, "duration": 12},
    "roundabout": {"duration": 8},
    "roundabout_generic": {"duration": 8},
    "intersection": {"vehicles_count": 3, "duration": 5},
    "u_turn": {"duration": 8},
    "racetrack": {"vehicles_count": 3, "duration": 8},
    "racetrack_large": {"vehicles_count": 3, "duration": 8},
    "racetrack_oval": {"vehicles_count": 3, "duration": 8},
    "parking": {"vehicles_count": 3, "duration": 8},
    "lane_keeping": {"duration": 5},
}
WITH_MODEL = [name for name, scenario in SCENARIOS.items() if not scenario.steered_only]


class Window:
    """A window that nobody sees."""

    def __init__(self, title: str, frames_per_second: float) -> None:
        self.shown: list[np.ndarray] = []

    def show(self, picture: np.ndarray) -> None:
        self.shown.append(picture)

    def close(self) -> None:
        self.shown.clear()


def make(scenario: str, **settings: Any) -> DrivingSceneEnv:
    return DrivingSceneEnv(scenario, **(QUICK.get(scenario, {}) | settings))


def rollout(env: DrivingSceneEnv, seed: int, episodes: int = 1) -> list[Any]:
    """Everything that whole episodes under random actions return."""
    env.action_space.seed(seed)
    record: list[Any] = []
    for episode in range(episodes):
        record.append(env.reset(seed=seed if episode == 0 else None))
        ended = False
        while not ended:
            record.append(env.step(env.action_space.sample()))
            ended = record[-1][2] or record[-1][3]
    return record


def check_with_gymnasium(env_id: str, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    monkeypatch.setattr("b2m_envs.driving.shown_scene.SceneWindow", Window)
    check_env(gymnasium.make(env_id, **settings).unwrapped)


def check_with_sb3(env_id: str, **settings: Any) -> None:
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_for_sb3(gymnasium.make(env_id, **settings).unwrapped, warn=True)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", IDS)
def test_gymnasium_and_stable_baselines3_find_no_fault(env_id: str, monkeypatch):
    counts = {"B2M/HighwayScene-v0": 3, "B2M/ExitScene-v0": 5, "B2M/IntersectionScene-v0": 3}
    few = {"vehicles_count": counts[env_id]} if env_id in counts else {}
    check_with_gymnasium(env_id, monkeypatch, **few)
    check_with_sb3(env_id, **few)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{"action": "continuous"}, {"driver": "highway_env", "vehicle_mask": True}],
    ids=["continuous", "driver"],
)
@pytest.mark.parametrize("env_id", ["B2M/MergeScene-v0", "B2M/RacetrackScene-v0"])
def test_no_fault_is_found_under_other_settings(env_id: str, settings, monkeypatch):
    check_with_gymnasium(env_id, monkeypatch, **settings)
    check_with_sb3(env_id, **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "action"),
    [(name, "discrete") for name in WITH_MODEL]
    + [
        (name, "continuous")
        for name in ("merge", "intersection", "racetrack_large", "parking", "lane_keeping")
    ],
)
def test_the_same_seed_gives_the_same_episodes_whatever_else_draws(scenario: str, action: str):
    first = rollout(make(scenario, action=action), seed=3)
    env = make(scenario, action=action)
    env.reset(seed=4)  # an earlier life of the environment
    env.step(env.action_space.sample())
    np.random.seed(0)  # noqa: NPY002 (the generator that nobody may depend on)
    second = rollout(env, seed=3)
    np.testing.assert_equal(first, second)


@pytest.mark.slow
def test_no_environment_draws_from_the_shared_generator():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for scenario in ("merge", "intersection", "racetrack_oval"):
        rollout(make(scenario, duration=3), seed=0)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_states_of_two_episodes_are_equal_where_both_have_no_value():
    first, second = (make("merge").reset(seed=0)[1]["state"] for _ in range(2))
    assert np.isnan(first).any()
    assert (first == second).all()
    assert not (first != second).any()
    second[STATE_INDEX["speed"]] = np.nan
    assert (first != second).sum() == 1
    assert not np.allclose(first, second)


def test_another_seed_gives_another_episode():
    one, other = make("merge").reset(seed=0), make("merge").reset(seed=1)
    assert (one[0] != other[0]).any()


@pytest.mark.slow
def test_an_intersection_changes_no_other_environment():
    before = {name: getattr(IDMVehicle, name) for name in CONSTANTS}
    first = rollout(make("highway_fast"), seed=1)
    rollout(make("intersection"), seed=0)
    assert {name: getattr(IDMVehicle, name) for name in CONSTANTS} == before
    np.testing.assert_equal(first, rollout(make("highway_fast"), seed=1))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["highway_fast", "racetrack"])
def test_a_foreign_intersection_changes_no_scene(scenario: str, monkeypatch):
    first = rollout(make(scenario, driver="highway_env"), seed=1)
    for name, value in zip(CONSTANTS, (6, -3, 7), strict=True):  # as highway-env's writes them
        monkeypatch.setattr(IDMVehicle, name, value)
    np.testing.assert_equal(first, rollout(make(scenario, driver="highway_env"), seed=1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "foreign"),
    [
        ("highway_fast", "highway-fast-v0"),
        ("merge", "merge-v1"),
        ("merge_generic", "merge-generic-v1"),
        ("exit", "exit-v1"),
        ("roundabout", "roundabout-v1"),
        ("roundabout_generic", "roundabout-generic-v1"),
        ("two_way", "two-way-v0"),
        ("u_turn", "u-turn-v1"),
        ("intersection", "intersection-v2"),
    ],
)
def test_motion_and_rewards_are_highway_envs_own(scenario: str, foreign: str):
    config = {"vehicles_count": 8} if scenario in ("highway_fast", "exit") else {}
    ours = DrivingSceneEnv(scenario, engine="highway-env", **config)
    theirs = gymnasium.make(f"highway_env:{foreign}", config=config).unwrapped
    ours.reset(seed=7)
    theirs.reset(seed=7)
    for action in (1, 1, 2, 0, 1, 1, 2, 1):
        _, reward, terminated, truncated, info = ours.step(action)
        _, expected, their_end, their_truncation, their_info = theirs.step(action)
        positions = [v.position for v in ours.highway_env.road.vehicles]
        their_positions = [v.position for v in theirs.road.vehicles]
        np.testing.assert_array_equal(positions, their_positions)
        assert reward == float(expected)
        assert info["rewards"] == {k: float(v) for k, v in their_info["rewards"].items()}
        assert terminated == bool(their_end)
        if terminated or truncated:
            break
    assert truncated == bool(their_truncation)


def test_target_speeds_and_clocks_of_the_table_are_highway_envs_own():
    for name, scenario in SCENARIOS.items():
        default = bridge.world_class(scenario.highway_env).default_config()
        assert scenario.policy_frequency == default["policy_frequency"], name
        assert scenario.simulation_frequency == default["simulation_frequency"], name
        assert scenario.duration == default.get("duration", scenario.duration), name
        speeds = default["action"].get("target_speeds", [20, 25, 30])
        assert list(scenario.target_speeds) == ([] if scenario.steered_only else speeds), name
        for theirs in scenario.options.values():
            keys = {theirs} if isinstance(theirs, str) else set(theirs)
            assert keys <= set(default), name


def test_ids_and_scenarios_are_one_table():
    assert {name: scene.title for name, scene in SCENARIOS.items()} == {
        name: title for title, name in SCENES.items()
    }


def test_a_misspelt_key_of_highway_env_is_an_error(monkeypatch):
    monkeypatch.setattr(bridge, "world_config", lambda settings: {"lane_count": 3})
    with pytest.raises(KeyError, match="lane_count"):
        DrivingSceneEnv("highway", engine="highway-env")


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("camera", ["birds_eye", "drivers_eye"])
def test_frames_show_the_scene_even_where_pygame_shows_nothing(camera, colour, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = make("merge", camera=camera, colour=colour, height=40, width=100, n_frames=3)
    observation, _ = env.reset(seed=0)
    assert observation.shape == (40, 100, 9 if colour else 3)
    assert observation.dtype == np.uint8
    assert len(np.unique(observation)) > 10


def test_frames_are_stacked_oldest_first_at_the_interval():
    env = make("racetrack", n_frames=3, frame_interval=0.4)
    newest = [env.reset(seed=0)[0]]
    for channel in range(3):
        np.testing.assert_array_equal(newest[0][..., channel], newest[0][..., 2])
    for step in range(1, 8):
        newest.append(env.step(1)[0])
        for channel, age in enumerate((4, 2, 0)):
            expected = newest[max(step - age, 0)][..., 2]
            np.testing.assert_array_equal(newest[step][..., channel], expected)


def test_a_returned_observation_never_changes_afterwards():
    env = make("racetrack", n_frames=1)
    observation, _ = env.reset(seed=0)
    copy = observation.copy()
    observation_after = env.step(3)[0]
    observation_after[:] = 0
    env.step(3)
    np.testing.assert_array_equal(observation, copy)


def test_an_episode_is_truncated_when_its_duration_is_over():
    env = make("racetrack_large", duration=1.3)  # 6.5 steps of 0.2 s
    env.reset(seed=0)
    ends = [env.step(1)[3] for _ in range(7)]
    assert ends == [False] * 6 + [True]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(1)


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "own"), [("highway_fast", 30), ("u_turn", 10)])
def test_an_episode_may_last_longer_than_the_scenarios_own(scenario: str, own: int):
    few = {"vehicles_count": 0} if scenario == "highway_fast" else {}
    env = DrivingSceneEnv(
        scenario, duration=own + 2, action="continuous", engine="highway-env", **few
    )
    env.reset(seed=0)
    env.highway_env._is_terminated = lambda: False
    ends = []
    for _ in range(own + 2):
        env.highway_env.vehicle.speed = 0.0
        ends.append(env.step(np.zeros(2))[3])
    assert ends == [False] * (own + 1) + [True]


def test_a_closed_environment_needs_a_reset():
    env = make("merge")
    env.reset(seed=0)
    env.close()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(1)
    env.reset(seed=0)
    env.step(1)


def test_an_id_makes_no_other_scenario():
    env = gymnasium.make("b2m_envs:B2M/HighwayFastScene-v0", scenario="merge")
    with pytest.raises(ValueError, match=r"HighwayFastScene-v0: scenario: expected none.*'merge'"):
        env.reset()


def test_metadata_belongs_to_the_environment():
    slow, fast = make("merge"), make("merge", policy_frequency=5)
    assert (slow.metadata["render_fps"], fast.metadata["render_fps"]) == (1, 5)
    assert DrivingSceneEnv.metadata["render_fps"] == 1


def test_render_gives_a_larger_picture_in_colour():
    env = make("merge", render_mode="rgb_array", height=36, width=72)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.render()
    env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    assert picture.shape == (240, 480, 3)
    assert make("merge").render() is None


def test_the_window_shows_every_step(monkeypatch):
    monkeypatch.setattr("b2m_envs.driving.shown_scene.SceneWindow", Window)
    env = make("merge", render_mode="human")
    env.reset(seed=0)
    env.step(1)
    assert isinstance(env._window, Window)
    assert len(env._window.shown) == 2
    env.close()
    assert env._window is None


@pytest.mark.parametrize("display", [None, ":4711"])
def test_a_missing_display_is_a_clear_error(display: str | None, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)  # nobody listens: OpenCV would end the process
    with pytest.raises(RuntimeError, match=r"expected a display.*rgb_array"):
        SceneWindow("B2M/MergeScene-v0", 1.0)


@pytest.mark.parametrize(
    ("scenario", "settings", "message"),
    [
        ([], {}, r"scenario: expected one of highway.*came \[\]"),
        ([], {"colur": True}, "unknown setting"),
        ("motorway", {}, "scenario: expected one of highway.*came 'motorway'"),
        ("merge", {"colur": True}, "unknown setting: expected one of.*colour.*came 'colur'"),
        ("merge", {"height": 35}, "MergeScene-v0: height: expected 36 to 512 pixels, came 35"),
        ("merge", {"width": 64.0}, "width"),
        ("merge", {"colour": 1}, "colour: expected True or False"),
        ("merge", {"camera": "front"}, "camera: expected 'birds_eye' or 'drivers_eye'"),
        ("merge", {"n_frames": 0}, "n_frames"),
        ("merge", {"n_frames": 65}, "n_frames: expected 1 to 64, came 65"),
        ("merge", {"perception": 1001}, "perception: expected .* up to 1000 m, came 1001"),
        ("merge", {"view_length": 0}, "view_length"),
        ("merge", {"perception": float("nan")}, "perception"),
        ("merge", {"action": "steering"}, "action"),
        ("merge", {"driver": "me"}, "driver"),
        ("merge", {"lanes_count": 3}, "lanes_count: expected none: only Highway"),
        ("merge", {"merge_lengths": (99, 9, 9, 99)}, "expected none: only MergeGeneric has this"),
        ("merge_generic", {"merge_lengths": (99, 50, 50)}, "merge_lengths: expected four lengths"),
        ("merge_generic", {"merge_lengths": (99, 9, 50, 99)}, r"parallel \(10 to .*came \(99, 9,"),
        ("merge_generic", {"merge_lengths": (99, 50, 50, 89)}, r"after it \(90 to 10,000\)"),
        ("merge_generic", {"merge_lengths": "long"}, "came 'long'"),
        ("merge_generic", {"lanes_count": 0}, "lanes_count: expected 1 to 100, came 0"),
        ("merge_generic", {"before_merge_length": 99}, "use merge_lengths="),
        (
            "merge_generic",
            {"lanes_count": 3, "target_speeds": (0, 9)},
            r"target_speeds: expected none of 0 m/s with 3 or more lanes.*came \(0, 9\)",
        ),
        ("roundabout", {"roundabout_radius": 20}, "none: only RoundaboutGeneric has this option"),
        ("roundabout_generic", {"roundabout_radius": 4}, "roundabout_radius: expected 5 to 1000 m"),
        ("roundabout_generic", {"roundabout_radius": "wide"}, "came 'wide'"),
        ("roundabout_generic", {"roundabout_lanes": 3}, "use lanes_count"),
        ("highway", {"ego_spacing": -1}, "ego_spacing: expected a number above 0, came -1"),
        ("exit", {"ego_spacing": 8}, "ego_spacing: .* beyond 400 m of the road, came 8"),
        ("highway", {"ego_spacing": 150}, "ego_spacing: .* beyond 10000 m of the road, came 150"),
        ("highway_fast", {"initial_lane": 3}, "initial_lane: expected 0 to 2, of 3 lanes, came 3"),
        ("highway", {"initial_lane": 1.0}, "initial_lane: expected a lane from 0 to 100, came 1.0"),
        ("exit", {"initial_lane": 0}, "only Highway, HighwayFast have this option, came 0"),
        ("highway", {"initial_lane_id": 0}, "use initial_lane"),
        ("intersection", {"destination": "left"}, "destination: expected o1, o2, o3 or any"),
        ("intersection", {"destination": 1}, "destination: expected o1, o2, o3 or any, came 1"),
        ("intersection", {"spawn_probability": 1.5}, "expected a probability, 0 to 1, came 1.5"),
        ("racetrack_oval", {"oval_length": 0}, "oval_length: expected 50 to 1000 m, came 0"),
        ("racetrack_large", {"speed_limit": 0}, "speed_limit: expected 1 to 40 m/s, came 0"),
        ("racetrack_oval", {"block_lane": 0}, "block_lane: expected True or False, came 0"),
        ("parking", {"walls": 1}, "walls: expected True or False, came 1"),
        ("parking", {"add_walls": False}, "use walls"),
        ("merge", {"frame_interval": 0.5}, r"frame_interval: expected a multiple.*\(1 s\)"),
        ("merge", {"frame_interval": 31}, r"frame_interval: .* up to the duration \(30 s\).*31"),
        ("merge", {"frame_interval": 1e308}, "frame_interval"),
        ("merge", {"n_threads": 2}, r"came 'n_threads' \(of the native batch only: gymnasium"),
        ("merge", {"policy_frequency": 4}, r"policy_frequency.*\(15 Hz\) is a multiple"),
        ("merge", {"policy_frequency": "fast"}, "policy_frequency: expected a frequency"),
        ("racetrack", {"simulation_frequency": 12}, "policy_frequency.*came 5.0"),
        ("merge", {"simulation_frequency": 2}, "simulation_frequency"),
        ("merge", {"simulation_frequency": 7.5}, "simulation_frequency.*came 7.5"),
        ("merge", {"duration": 0.5}, "duration"),
        ("highway", {"vehicles_count": -1}, "vehicles_count"),
        ("highway", {"vehicles_density": 0}, "vehicles_density"),
        ("exit", {"lanes_count": 1}, "lanes_count: expected 2 to 8"),
        ("racetrack_oval", {"lanes_count": 0}, "lanes_count: expected 2 to 7, came 0"),
        ("merge", {"render_mode": "ansi"}, "render_mode: expected one of"),
    ],
)
@pytest.mark.usefixtures("as_users_run_it")
def test_a_wrong_setting_is_named(scenario: str, settings: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        DrivingSceneEnv(scenario, **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("discrete", 5),
        ("discrete", 0.5),
        ("discrete", None),
        ("discrete", True),
        ("continuous", [True, False]),
        ("continuous", [0.1]),
        ("continuous", [np.nan, 0]),
        ("continuous", 3),
        ("continuous", [[0.1], [0.1, 0.2]]),
    ],
)
def test_a_wrong_action_is_an_error(kind: str, action: object):
    env = make("merge", action=kind)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="MergeScene-v0: action: expected"):
        env.step(action)


def test_a_display_that_never_answers_is_a_clear_error(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("b2m_envs.driving.window.LONGEST_WAIT", 0.001)
    with pytest.raises(RuntimeError, match=r"expected a display.*no answer in 0.001 s"):
        SceneWindow("B2M/MergeScene-v0", 1.0)


@pytest.mark.parametrize("seed", [-1, 1.5, "abc", True, [1]])
@pytest.mark.usefixtures("as_users_run_it")
def test_a_wrong_seed_is_named(seed: Any):
    message = "reset: seed: expected None or a whole number of 0 or more, came"
    with pytest.raises(ValueError, match=message):
        make("merge").reset(seed=seed)


def test_a_refused_reset_changes_nothing():
    env, untouched = make("merge"), make("merge")
    env.reset(seed=3), untouched.reset(seed=3)
    with pytest.raises(ValueError, match="expected no options"):
        env.reset(seed=7, options={"config": {}})
    assert env.np_random_seed == 3
    np.testing.assert_array_equal(env.step(1)[0], untouched.step(1)[0])
    np.testing.assert_array_equal(env.reset()[0], untouched.reset()[0])


def test_a_mistyped_keyword_of_the_environment_is_beside_the_settings():
    with pytest.raises(ValueError, match="reward, observation, render_mode, came 'observations'"):
        make("merge", observations="state")


def test_reset_takes_no_options_and_comes_before_step():
    env = make("merge")
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(1)
    with pytest.raises(ValueError, match="expected no options"):
        env.reset(options={"config": {}})


def test_continuous_actions_steer_to_the_right_and_speed_up():
    env = make("merge", action="continuous")
    _, before = env.reset(seed=0)
    _, _, _, _, info = env.step(np.array([1.0, 0.02]))
    assert info["speed"] == pytest.approx(before["speed"] + 5, abs=1e-6)
    assert info["state"][STATE_INDEX["heading"]] > 0
    np.testing.assert_array_equal(info["action"], np.array([1.0, 0.02], dtype=np.float32))


def test_actions_beyond_the_space_are_clipped():
    env = make("merge", action="continuous")
    env.reset(seed=0)
    np.testing.assert_array_equal(env.step(np.array([-7.0, 9.0]))[4]["action"], [-1, 1])


def test_a_vehicle_that_has_turned_on_the_two_way_road_gets_a_reward():
    env = make("two_way", action="continuous", engine="highway-env")
    env.reset(seed=0)
    env.highway_env.vehicle.heading = np.pi
    env.highway_env.vehicle.position[1] = 0.0
    _, reward, *_ = env.step(np.zeros(2))
    assert env.highway_env.vehicle.lane_index[:2] == ("b", "a")
    assert np.isfinite(reward)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", WITH_MODEL)
def test_the_driver_model_starts_where_the_agent_does_and_acts_within_the_space(scenario: str):
    for action in ("discrete", "continuous"):
        agent = make(scenario, action=action, engine="highway-env")
        driver = make(scenario, action=action, driver="highway_env", engine="highway-env")
        _, expected = agent.reset(seed=2)
        _, info = driver.reset(seed=2)
        np.testing.assert_array_equal(info["state"], expected["state"])
        ego = driver.highway_env.vehicle
        assert isinstance(ego, IDMVehicle)
        assert ego.check_collisions
        if action == "discrete":
            assert ego.target_speed == agent.highway_env.vehicle.target_speed
        for _ in range(3):
            *_, info = driver.step(None)
            assert driver.action_space.contains(info["action"])


@pytest.mark.slow
def test_the_action_of_the_driver_model_names_the_lane_change_it_begins():
    env = make("highway_fast", driver="highway_env", vehicles_density=1.5, engine="highway-env")
    changes = 0
    for seed in range(3):
        env.reset(seed=seed)
        ended = False
        while not ended:
            before = env.highway_env.vehicle.target_lane_index[2]
            _, _, terminated, truncated, info = env.step(None)
            lanes = env.highway_env.vehicle.target_lane_index[2] - before
            if not terminated:
                assert (info["action"] == 2) == (lanes > 0)
                assert (info["action"] == 0) == (lanes < 0)
            changes += lanes != 0
            ended = terminated or truncated
    assert changes > 0


def test_the_driver_model_brakes_behind_a_vehicle_that_stands():
    env = make("merge", driver="highway_env", engine="highway-env")
    env.reset(seed=0)
    world = env.highway_env
    world.road.vehicles[:] = [world.vehicle]
    world.vehicle.enable_lane_change = False
    ahead = type(world.road.vehicles[0]).create_from(world.vehicle)
    ahead.position = world.vehicle.position + np.array([45, 0])
    ahead.speed = ahead.target_speed = 0.0
    world.road.vehicles.append(ahead)
    *_, info = env.step(None)
    assert info["action"] == 4
    assert info["state"][STATE_INDEX["acceleration"]] < -2


def test_the_reward_of_a_racetrack_under_meta_actions_takes_no_number_for_a_size():
    env = make("racetrack")
    env.reset(seed=0)
    *_, info = env.step(4)
    assert 0 <= info["rewards"]["action_reward"] < 0.3


@pytest.mark.slow
def test_the_mask_shows_other_vehicles():
    env = make("highway_fast", vehicle_mask=True, vehicles_count=20, view_length=100)
    _, info = env.reset(seed=0)
    assert info["vehicle_mask"].shape == (64, 64)
    assert 0 < info["vehicle_mask"].mean() < 0.3
    env = make("highway_fast", vehicle_mask=True, vehicles_count=0)
    assert not env.reset(seed=0)[1]["vehicle_mask"].any()


def test_gymnasium_batches_scenes():
    envs = gymnasium.make_vec(
        "b2m_envs:B2M/IntersectionScene-v0", num_envs=2, vectorization_mode="sync"
    )
    observation, _ = envs.reset(seed=0)
    assert observation.shape == (2, 64, 64, 2)
    *_, info = envs.step(np.array([1, 1]))
    assert info["state"].shape == (2, 14)
    envs.close()


@pytest.mark.usefixtures("as_users_run_it")
def test_numpys_numbers_become_pythons_in_the_settings():
    settings = SceneSettings("merge", height=np.int64(40), view_length=np.float32(50))
    assert (type(settings.height), type(settings.view_length)) == (int, float)


def test_settings_say_the_seconds_between_frames_whatever_the_steps():
    def seconds(**settings: Any) -> float | None:
        return SceneSettings("racetrack", **settings).seconds_between_frames

    assert seconds() == seconds(policy_frequency=15, frame_interval=0.2) == 0.2
    assert seconds(policy_frequency=1) == 1
    assert seconds(n_frames=1) is None


def test_settings_count_steps_of_a_second_that_floats_cannot_hold():
    settings = SceneSettings("racetrack", policy_frequency=3, duration=0.7, frame_interval=2 / 3)
    assert (settings.substeps, settings.last_step, settings.frame_interval_steps) == (5, 3, 2)
