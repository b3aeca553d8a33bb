"""Values of highway-env's configurations that are unusual: None, NumPy's, shared, or wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import highway_env  # noqa: F401  (registers its environments)
import numpy as np
import pytest

import b2m_envs
from b2m_envs.highway_env.bridge import world_class
from b2m_envs.migration.ids import IDS
from b2m_envs.scenes.highway_env_names import FIXED, hint_of_setting
from b2m_envs.scenes.reward import USUAL
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings

pytestmark = pytest.mark.usefixtures("as_users_run_it")
GRAY = {"type": "GrayscaleObservation", "observation_shape": (64, 64), "stack_size": 1}
DOCS = Path(__file__).parents[3] / "docs"


def keywords(config: dict[str, Any], env_id: str = "highway-v0") -> dict[str, Any]:
    return b2m_envs.settings_from_highway_env(env_id, config).keywords


def usual_keys() -> set[str]:
    """All keys of highway-env's default configurations."""
    rows = IDS.values()
    paths = {row.configured_by or SCENARIOS[row.scenario].highway_env for row in rows}
    return {key for path in paths for key in world_class(path).default_config()}


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"normalize_reward": None}, "normalize_reward"),  # highway-env: no
        ({"on_road_reward": None}, "on_road_reward"),
        ({"duration": None}, "duration"),
        ({"vehicles_count": None}, "vehicles_count"),
        ({"action": {"type": "DiscreteMetaAction", "lateral": None}}, "action: lateral"),
        ({"action": {"type": "ContinuousAction", "longitudinal": None}}, "action: longitudinal"),
        ({"action": {"type": "DiscreteAction", "actions_per_axis": None}}, "actions_per_axis"),
        ({"observation": {"type": "Kinematics", "normalize": None}}, "observation: normalize"),
        ({"observation": {"type": "OccupancyGrid", "clip": None}}, "observation: clip"),
        ({"observation": {"type": "LidarObservation", "cells": None}}, "observation: cells"),
    ],
)
def test_none_is_refused_where_it_is_no_default_of_highway_envs(config: Any, key: str):
    """There None is False, or an error; ours would be the default."""
    with pytest.raises(ValueError, match=f"{key}: .*does not take None for its default"):
        keywords(config)


def test_none_is_the_default_where_it_is_highway_envs():
    config = {
        "action": {"type": "ContinuousAction", "acceleration_range": None, "speed_range": None},
        "observation": {"type": "OccupancyGrid", "features": None, "grid_size": None},
        "offscreen_rendering": None,
        "initial_lane_id": None,
    }
    assert keywords(config) == {"action": "continuous", "observation": b2m_envs.OccupancyGrid()}


def test_numpys_numbers_and_arrays_are_pythons():
    config = {
        "duration": np.int64(20),
        "reward_speed_range": np.array([22, 28]),
        "action": {"type": "DiscreteMetaAction", "target_speeds": np.linspace(20, 35, 4)},
        "observation": {
            "type": "Kinematics",
            "features": np.array(["x", "vx"]),
            "vehicles_count": np.int64(3),
            "features_range": {"x": np.array([-50, 50]), "vx": [np.float32(-20), np.int64(20)]},
        },
    }
    assert keywords(config) == {
        "duration": 20,
        "reward": {"reward_speed_range": (22, 28)},
        "target_speeds": (20, 25, 30, 35),
        "observation": b2m_envs.Kinematics(
            ("x", "vx"), 3, features_range={"x": (-50, 50), "vx": (-20, 20)}
        ),
    }
    weights = np.array([1, 0.3, 0, 0, 0.02, 0.02])
    assert "reward" not in keywords({"reward_weights": weights}, "parking-v0")


def test_an_environment_stays_as_it_was_made_whatever_becomes_of_its_configuration():
    ranges, features = {"x": [-100, 100]}, ["x", "y"]
    seen = {"type": "Kinematics", "features": features, "features_range": ranges}
    config = {"vehicles_count": 5, "observation": seen}
    env = b2m_envs.from_highway_env("highway-fast-v0", config)
    first, _ = env.reset(seed=0)
    ranges["x"][:] = [-10, 10]
    ranges["y"] = [-1, 1]
    features.append("vx")
    again, _ = env.reset(seed=0)
    np.testing.assert_array_equal(first, again)


def test_a_goal_has_highway_envs_features_where_none_are_said():
    scales = [1, 100, 100, 5, 5]
    found = keywords({"observation": {"type": "KinematicsGoal", "scales": scales}}, "parking-v0")
    assert found["observation"].names == ("presence", "x", "y", "vx", "vy")


@pytest.mark.parametrize(
    ("env_id", "config", "message"),
    [
        ("highway-v0", {"action": {"type": "DiscreteMetaAction", "target_speeds": 30}}, "target_s"),
        ("highway-v0", {"action": {"type": "ContinuousAction", "steering_range": 1}}, "steering_r"),
        ("highway-v0", {"controlled_vehicles": np.array([1, 1])}, "controlled_vehicles: "),
        ("highway-v0", {"duration": [3, 4]}, "duration: "),
        ("highway-v0", {"observation": {**GRAY, "scaling": "x"}}, "observation: scaling: "),
        ("highway-v0", {"observation": GRAY, "scaling": -1}, "observation: scaling: "),
        ("highway-v0", {"observation": {**GRAY, "observation_shape": "ab"}}, "observation_shape"),
        ("highway-v0", {"observation": {"type": "TupleObservation"}}, "observation_configs: "),
        (
            "highway-v0",
            {"observation": {"type": "TupleObservation", "observation_configs": None}},
            "observation_configs: .* give a list",
        ),
        (
            "highway-v0",
            {
                "observation": {
                    "type": "TupleObservation",
                    "observation_configs": [{"type": "Kinematics"}],
                    "flatten": True,
                }
            },
            "observation: flatten: .* passes over others",
        ),
        ("highway-v0", {"observation": {"type": "Kinematics", "features": [["x"]]}}, "features: "),
        (
            "highway-v0",
            {"observation": {"type": "OccupancyGrid", "grid_size": [[-1e308, 1e308], [0, 9]]}},
            "grid_size: expected room for 1 to 512 cells",
        ),
        ("two-way-v0", {"policy_frequency": 0}, "policy_frequency: expected a frequency"),
        ("two-way-v0", {"policy_frequency": "1"}, "policy_frequency: expected a frequency"),
        ("lane-keeping-v0", {"policy_frequency": float("nan")}, "policy_frequency: expected a fr"),
    ],
)
def test_wrong_values_are_refused_by_name(env_id: str, config: Any, message: str):
    with pytest.raises(ValueError, match=message):
        b2m_envs.settings_from_highway_env(env_id, config)


def both(env_id: str, config: dict[str, Any]) -> tuple[Any, Any]:
    """highway-env's environment and ours, at their start."""
    theirs = gymnasium.make(env_id, disable_env_checker=True, config=config)
    ours = b2m_envs.from_highway_env(env_id, config)
    theirs.reset(seed=0)
    ours.reset(seed=0)
    return theirs, ours


@pytest.mark.slow
def test_an_episode_ends_at_its_duration_and_highway_envs_a_step_later():
    config = {"vehicles_count": 1, "policy_frequency": 5, "duration": 2}
    theirs, ours = both("highway-fast-v0", config)
    ends = [(bool(theirs.step(1)[3]), ours.step(1)[3] if step < 10 else None) for step in range(11)]
    assert ends == [(False, False)] * 9 + [(False, True), (True, None)]


@pytest.mark.slow
def test_rewards_that_are_mended_where_highway_envs_make_no_sense():
    controls = {"type": "DiscreteAction", "longitudinal": False}
    theirs, ours = both("racetrack-v1", {"action": controls})
    rewards = [env.step(2)[4]["rewards"] for env in (theirs, ours)]  # the wheel to the right
    assert [float(each["action_reward"]) for each in rewards] == [2, 1]
    theirs, ours = both("roundabout-v1", {"action": controls})
    rewards = [env.step(1)[4]["rewards"] for env in (theirs, ours)]  # straight on, 8 m/s
    assert [float(each["high_speed_reward"]) for each in rewards] == [0, 0.5]


@pytest.mark.parametrize("env_id", ["highway-fast-v0", "parking-v0"])
@pytest.mark.parametrize("number", [0, -1, True, 2.0, "4"])
def test_a_number_of_environments_that_is_none_is_refused(env_id: str, number: Any):
    with pytest.raises(ValueError, match=f"{env_id}: num_envs: expected a whole number"):
        b2m_envs.from_highway_env(env_id, num_envs=number, observation="state")


@pytest.mark.parametrize("number", [None, 2])
def test_a_configuration_at_reset_is_answered_with_what_to_use(number: int | None):
    env = b2m_envs.from_highway_env("highway-fast-v0", {"vehicles_count": 1}, num_envs=number)
    with pytest.raises(ValueError, match=r"expected no options.*from_highway_env takes"):
        env.reset(options={"config": {"lanes_count": 2}})


def test_every_key_of_highway_env_is_answered_and_in_the_docs():
    same = {*SceneSettings.__dataclass_fields__, "observation"}
    for key in usual_keys() - same:
        assert hint_of_setting(key), key
    table = (DOCS / "from-highway-env.md").read_text()
    rewards = {name for weights in USUAL.values() for name in weights}
    for key in (usual_keys() - rewards) | set(FIXED):
        assert f"`{key}`" in table, key
