"""highway-env's ids and dictionaries: our environment against highway-env's own, and refusals."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import highway_env  # noqa: F401  (registers its environments)
import numpy as np
import pytest
from highway_env.vehicle.behavior import IDMVehicle

import b2m_envs
from b2m_envs.highway_env.bridge import world_class
from b2m_envs.migration.configuration import keywords_of
from b2m_envs.migration.ids import IDS, MISSING
from b2m_envs.migration.observations import OtherPicture
from b2m_envs.scenes.highway_env_names import PICTURES
from b2m_envs.scenes.scenarios import SCENARIOS

pytestmark = pytest.mark.usefixtures("as_users_run_it")
CLOSE = 1e-6
GRID = {"type": "OccupancyGrid", "features": ["presence", "on_road"]}
KINEMATICS = {"type": "Kinematics", "vehicles_count": 4, "features": ["presence", "x", "vx"]}
FEW: dict[str, dict[str, Any]] = {  # what keeps the tests short, or what we have
    "highway": {"vehicles_count": 6},
    "highway_fast": {"vehicles_count": 6},
    "exit": {"vehicles_count": 6},
    "intersection": {"initial_vehicle_count": 2},
}
QUICK = ("two-way-v0", "racetrack-v0")  # the others are marked slow
TWICE = [each for each in IDS if each.endswith("-v0") and f"{each[:-1]}1" in IDS]


def marks_of(env_id: str) -> list[pytest.MarkDecorator]:
    """A first version is looked at if time does not matter: the next one is nearly the same."""
    if env_id in QUICK:
        return []
    return [pytest.mark.slow, *([pytest.mark.thorough] if env_id in TWICE else [])]


@pytest.fixture(autouse=True)
def drivers_as_before() -> Iterator[None]:
    """highway-env's intersection rewrites constants of the class of all its drivers."""
    names = ("COMFORT_ACC_MAX", "COMFORT_ACC_MIN", "DISTANCE_WANTED")
    before = {name: getattr(IDMVehicle, name) for name in names}
    yield
    for name, value in before.items():
        setattr(IDMVehicle, name, value)


def theirs_and_ours(env_id: str, config: dict[str, Any], **ours: Any) -> tuple[Any, Any]:
    """Both environments; highway-env's two variants of parking take no configuration."""
    fixed = env_id in ("parking-parked-v0", "parking-ActionRepeat-v0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of gymnasium's about versions and spaces
        theirs = gymnasium.make(
            env_id, disable_env_checker=True, **({} if fixed else {"config": config})
        )
    return theirs, b2m_envs.from_highway_env(env_id, {} if fixed else config, **ours)


def assert_alike(theirs: Any, ours: Any, *, sees: bool = True, n_steps: int = 5) -> None:
    """The same seed and actions give the same observations, rewards and ends."""
    first, second = theirs.reset(seed=4)[0], ours.reset(seed=4)[0]
    comes_and_goes = ours.unwrapped.settings.scenario == "intersection"
    assert type(theirs.action_space) is type(ours.action_space)
    draws = np.random.default_rng(8)
    for step in range(n_steps):
        if sees and not (step and comes_and_goes):  # highway-env looks before vehicles arrive
            assert_close(first, second)
        action = (
            int(draws.integers(theirs.action_space.n))
            if isinstance(theirs.action_space, gymnasium.spaces.Discrete)
            else draws.uniform(-1, 1, theirs.action_space.shape).astype(np.float32) * 0.3
        )
        first, reward, *ended, _ = theirs.step(action)
        second, our_reward, *our_ended, _ = ours.step(action)
        assert our_reward == pytest.approx(reward, abs=CLOSE), f"step {step}"
        assert our_ended == [bool(each) for each in ended], f"step {step}"
        if any(ended):
            return


def assert_close(first: Any, second: Any) -> None:
    if isinstance(first, dict):
        for name, value in first.items():
            assert_close(value, second[name])
        return
    if isinstance(first, tuple):
        for one, other in zip(first, second, strict=True):
            assert_close(one, other)
        return
    np.testing.assert_allclose(first, second, atol=CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", [pytest.param(each, marks=marks_of(each)) for each in IDS])
def test_an_id_with_its_usual_configuration_is_highway_envs(env_id: str):
    scenario = IDS[env_id].scenario
    config = dict(FEW.get(scenario, {}))
    ours: dict[str, Any] = {}
    if scenario == "lane_keeping":
        ours = {"observation": "state"}
    if env_id == "intersection-v1":  # its tyres slip
        config["action"] = {"type": "ContinuousAction"}
    assert_alike(*theirs_and_ours(env_id, config, **ours), sees=not ours)


CHANGED: dict[str, tuple[str, dict[str, Any]]] = {
    "rewards and clock": (
        "highway-fast-v0",
        {
            "vehicles_count": 8,
            "lanes_count": 4,
            "vehicles_density": 1.3,
            "collision_reward": -5,
            "reward_speed_range": [22, 28],
            "normalize_reward": False,
            "simulation_frequency": 10,
            "policy_frequency": 2,
            "duration": 2,
        },
    ),
    "meta-actions without speeds": ("u-turn-v1", {"action": {"type": "DiscreteMetaAction"}}),
    "lateral, other speeds": (
        "merge-v1",
        {
            "action": {
                "type": "DiscreteMetaAction",
                "longitudinal": False,
                "target_speeds": [15, 25, 35],
            },
            "observation": {"type": "TimeToCollision", "horizon": 6},
        },
    ),
    "a road of other lengths": (
        "merge-generic-v1",
        {
            "lanes_count": 3,
            "vehicles_count": 6,
            "before_merge_length": 90,
            "after_merge_length": 100.5,
            "merging_speed_reward": -1,
        },
    ),
    "another roundabout": (
        "roundabout-generic-v0",
        {"roundabout_lanes": 3, "roundabout_radius": 27.5, "vehicles_count": 8, "duration": 3},
    ),
    "controls to choose from": (
        "highway-v0",
        {
            "vehicles_count": 5,
            "action": {"type": "DiscreteAction", "longitudinal": False, "actions_per_axis": 5},
            "offroad_terminal": True,
        },
    ),
    "throttle and wheel": (
        "racetrack-oval-v1",
        {
            "action": {
                "type": "ContinuousAction",
                "acceleration_range": [-3, 4],
                "steering_range": [-0.4, 0.4],
            },
            "no_lanes": 4,
            "other_vehicles": 2,
            "lane_centering_cost": 2,
            "terminate_off_road": False,
            "screen_width": 300,
        },
    ),
    "arrival": (
        "intersection-v2",
        {
            "initial_vehicle_count": 1,
            "arrived_reward": 7,
            "normalize_reward": True,
            "observation": {"type": "LidarObservation", "cells": 8},
        },
    ),
    "where the ego vehicle begins": (
        "highway-fast-v0",
        {"vehicles_count": 5, "ego_spacing": 0.8, "initial_lane_id": 2},
    ),
    "another way out": (
        "intersection-v2",
        {"initial_vehicle_count": 2, "destination": "o3", "spawn_probability": 0.9},
    ),
    "any way out": ("intersection-v0", {"initial_vehicle_count": 1, "destination": None}),
    "another oval": ("racetrack-oval-v0", {"length": 150, "other_vehicles": 2, "block_lane": True}),
    "a faster track": ("racetrack-large-v0", {"speed_limit": 15, "other_vehicles": 2}),
    "no walls": ("parking-v0", {"vehicles_count": 1, "add_walls": False}),
    "several observations": (
        "u-turn-v1",
        {"observation": {"type": "TupleObservation", "observation_configs": [KINEMATICS, GRID]}},
    ),
    "parking": ("parking-v0", {"vehicles_count": 3, "reward_weights": [1, 1, 0, 0, 0.1, 0.1]}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_configuration_is_highway_envs(name: str):
    env_id, config = CHANGED[name]
    theirs, ours = theirs_and_ours(env_id, config)
    assert_alike(theirs, ours, n_steps=4)


def test_meta_actions_without_speeds_have_highway_envs_usual_ones():
    config = {"action": {"type": "DiscreteMetaAction"}, "observation": KINEMATICS}
    found = b2m_envs.settings_from_highway_env("racetrack-v1", config)
    assert found.keywords["target_speeds"] == (20, 25, 30)
    assert "action" not in found.keywords  # our racetracks' own
    assert "target_speeds" not in b2m_envs.settings_from_highway_env("merge-v1", config).keywords


def test_a_batch_is_its_single_environments():
    config = {"vehicles_count": 5, "observation": {**KINEMATICS, "order": "sorted"}}
    envs = b2m_envs.from_highway_env("highway-fast-v0", config, num_envs=3)
    alone = b2m_envs.from_highway_env("highway-fast-v0", config)
    seen, _ = envs.reset(seed=5)
    assert np.array_equal(seen[2], alone.reset(seed=7)[0])
    assert np.array_equal(envs.step(np.array([3, 3, 0]))[0][2], alone.step(0)[0])


def test_a_scenario_that_only_highway_env_has_is_batched_in_turn():
    envs = b2m_envs.from_highway_env("parking-v0", num_envs=2, observation="state")
    assert envs.reset(seed=0)[0].shape == (2, 14)
    envs.close()


def test_environments_in_turn_take_the_batchs_keywords_or_say_why_not():
    mode = gymnasium.vector.AutoresetMode.SAME_STEP
    for given in (mode, "SameStep", "SAME_STEP"):
        envs = b2m_envs.from_highway_env("parking-v0", num_envs=2, autoreset_mode=given, copy=False)
        assert envs.metadata["autoreset_mode"] is mode
        envs.close()
    with pytest.raises(ValueError, match="autoreset_mode: expected one of"):
        b2m_envs.from_highway_env("parking-v0", num_envs=2, autoreset_mode="never")
    with pytest.raises(ValueError, match="n_threads: expected none, as its environments are step"):
        b2m_envs.from_highway_env("parking-v0", num_envs=2, n_threads=2)


def test_weights_of_ours_are_added_to_the_configurations_and_ends_beside_others_are_refused():
    config = {"collision_reward": -3, "offroad_terminal": True}
    for own in ({"high_speed_reward": 1}, b2m_envs.Reward(high_speed_reward=1)):
        found = b2m_envs.settings_from_highway_env("highway-v0", config, reward=own)
        expected = {"collision_reward": -3, "offroad_terminal": True, "high_speed_reward": 1}
        assert found.keywords["reward"] == expected
    assert keywords_with("highway-v0", {"collision_reward": -3}, "safe")["reward"] == "safe"
    for env_id, ends in (
        ("highway-v0", {"offroad_terminal": True}),
        ("racetrack-v0", {"terminate_off_road": False}),
        ("parking-v0", {"success_goal_reward": 3}),
    ):
        (key,) = ends
        with pytest.raises(ValueError, match=f"{key}: .* episodes end as by default"):
            keywords_with(env_id, ends, "goal" if env_id == "parking-v0" else "progress")


def keywords_with(env_id: str, config: dict[str, Any], reward: str) -> dict[str, Any]:
    return b2m_envs.settings_from_highway_env(env_id, config, reward=reward).keywords


def test_lane_keeping_is_a_batch_of_the_state_and_its_noisy_attributes_come_in_turn():
    states = b2m_envs.from_highway_env("lane-keeping-v0", num_envs=2, observation="state")
    assert states.reset(seed=0)[1]["engine"].tolist() == ["b2m"] * 2
    noisy = b2m_envs.from_highway_env("lane-keeping-v0", num_envs=2)
    assert noisy.reset(seed=0)[1]["engine"].tolist() == ["highway-env"] * 2
    noisy.close()


def test_usual_values_are_left_out():
    for env_id in ("highway-v0", "highway-fast-v0", "merge-v1", "exit-v1", "u-turn-v1"):
        found = b2m_envs.settings_from_highway_env(env_id, observation="state")
        assert found.keywords == {"observation": "state"}, env_id
    assert b2m_envs.settings_from_highway_env("racetrack-v1", observation="state").keywords == {
        "action": "continuous",
        "longitudinal": False,
        "observation": "state",
    }


def test_lengths_of_a_road_are_one_setting():
    config = {"parallel_merge_length": 55, "lanes_count": 3}
    found = b2m_envs.settings_from_highway_env("merge-generic-v0", config, observation="state")
    assert found.keywords["merge_lengths"] == (150, 80, 55, 150)
    assert (found.keywords["lanes_count"], found.keywords["connected_lanes"]) == (3, False)
    with pytest.raises(ValueError, match="merge_lengths: expected four lengths"):
        b2m_envs.settings_from_highway_env("merge-generic-v0", {"after_merge_length": 80})


def test_a_picture_is_ours_and_says_so():
    config = {
        "observation": {
            "type": "GrayscaleObservation",
            "observation_shape": (128, 64),
            "stack_size": 4,
            "weights": [0.2989, 0.5870, 0.1140],
            "scaling": 1.75,
        }
    }
    with pytest.warns(OtherPicture, match="drawn by us"):
        found = b2m_envs.settings_from_highway_env("highway-fast-v0", config)
    assert found.keywords["view_length"] == pytest.approx(64 / 1.75)
    with pytest.warns(OtherPicture):
        env = b2m_envs.from_highway_env("highway-fast-v0", config)
    assert env.observation_space.shape == (64, 128, 4)


def test_every_id_of_highway_env_is_mapped_or_refused_with_what_to_use():
    registered = {
        name
        for name, spec in gymnasium.registry.items()
        if str(spec.entry_point).startswith("highway_env.envs")
    }
    assert registered == {*IDS, *MISSING}
    for env_id in MISSING:
        with pytest.raises(ValueError, match=f"{env_id}: not among our environments; use "):
            b2m_envs.from_highway_env(env_id)


@pytest.mark.parametrize("env_id", IDS)
def test_every_usual_key_is_mapped_or_refused_if_it_changes(env_id: str):
    """No key of a default configuration is passed over in silence."""
    row = IDS[env_id]
    usual = world_class(SCENARIOS[row.scenario].highway_env).default_config() | {**row.preset}
    plain = {} if env_id != "intersection-v1" else {"action": {"type": "ContinuousAction"}}
    before = keywords_of(env_id, row, plain, observes=False)
    for key in set(usual) - {*PICTURES, "observation"}:
        other = another(usual[key])
        try:
            after = keywords_of(env_id, row, plain | {key: other}, observes=False)
        except ValueError as error:
            told = str(error)
        else:
            told = "" if after == before else f"{env_id}: {key}"
        assert f"{env_id}: {key}" in told, key


def another(value: Any) -> Any:
    if isinstance(value, dict):
        return {"type": "DiscreteAction"}
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, list):
        return [each + 1 for each in value]
    return f"{value}?" if isinstance(value, str) else value + 2


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"controlled_vehicles": 2}, "controlled_vehicles: .* one vehicle is driven in each world"),
        ({"colission_reward": -1}, "colission_reward: .* highway-env has no such key here"),
        ({"lane_change_reward": -1}, "lane_change_reward: .* highway-env never reads it"),
        ({"other_vehicles_type": "highway_env.vehicle.behavior.AggressiveVehicle"}, "IDMVehicle"),
        ({"ego_spacing": 0}, "ego_spacing: expected a number above 0"),
        ({"ego_spacing": None}, "ego_spacing"),
        ({"initial_lane_id": 4}, "initial_lane: expected 0 to 3, of 4 lanes, came 4"),
        ({"observation": {"type": "Kinematic"}}, "whose type is one of Kinematics, TimeToCol"),
        ({"observation": {"type": "Kinematics", "vehicle_count": 3}}, "observation: vehicle_count"),
        ({"observation": {"type": "Kinematics", "order": "shuffled"}}, "order"),
        ({"action": {"type": "MultiAgentAction"}}, "one vehicle is driven"),
        ({"action": {"type": "ContinuousAction", "dynamical": True}}, "action: dynamical"),
        ({"action": {"type": "ContinuousAction", "speed_range": [0, 9]}}, "action: speed_range"),
        ({"action": {"type": "ContinuousAction", "clip": False}}, "action: clip"),
        ({"action": {"type": "ContinuousAction", "actions_per_axis": 5}}, "action: actions_per_ax"),
        (
            {"action": {"type": "ContinuousAction", "target_speeds": [1, 2]}},
            "action: target_speeds",
        ),
        ({"action": {"type": "DiscreteMetaAction", "speeds": [1]}}, "action: speeds"),
        ({"action": "discrete"}, "action: .* whose type is DiscreteMetaAction"),
        ({"policy_frequency": 4, "simulation_frequency": 15}, "policy_frequency"),
        ({"lanes_count": 0}, "lanes_count"),
        ({"reward_speed_range": [30, 20]}, "reward_speed_range: expected two rising speeds"),
        (["lanes_count"], "config: expected a dictionary"),
    ],
)
def test_what_cannot_be_mapped_is_refused_by_name(config: Any, message: str):
    with pytest.raises(ValueError, match=message):
        b2m_envs.settings_from_highway_env("highway-v0", config)
    with pytest.raises(ValueError, match="expected one of highway-env's, highway-v0, "):
        b2m_envs.from_highway_env("highway-v9", config)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"collision_reward": -5}, r"came 'collision_reward' \(highway-env's: use reward="),
        ({"initial_vehicle_count": 3}, "use vehicles_count"),
        ({"controlled_vehicles": 2}, "one vehicle is driven in each world"),
        ({"config": {"lanes_count": 3}}, "from_highway_env takes"),
        ({"observation": {"type": "Kinematics"}}, r"use b2m_envs.Kinematics\(...\)"),
        ({"observation": "Kinematics"}, r"use b2m_envs.Kinematics\(...\)"),
        ({"action": {"type": "ContinuousAction"}}, 'use action="continuous"'),
        ({"action": "DiscreteMetaAction"}, 'use action="discrete"'),
    ],
)
def test_highway_envs_words_in_our_environments_are_answered_with_ours(given: Any, message: str):
    with pytest.raises(ValueError, match=message):
        gymnasium.make("b2m_envs:B2M/HighwayFastScene-v0", **given)
