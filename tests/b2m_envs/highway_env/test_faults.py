"""Settings that lead into highway-env's own faults: which are refused, and which are told."""

from __future__ import annotations

import math
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from highway_env.vehicle.controller import ControlledVehicle

from b2m_envs.driving import steady_steering
from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving.faults import HighwayEnvFault, faults_of
from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv
from b2m_envs.engine import driving_model
from b2m_envs.engine.worlds import Worlds
from b2m_envs.highway_env.bridge import build_world, world_class
from b2m_envs.scenes.scenarios import SCENARIOS
from b2m_envs.scenes.settings import SceneSettings
from b2m_envs.scenes.start_spacing import STRAIGHT_ROADS, largest_density

HUGE = 10**9


def test_the_numbers_of_straight_roads_are_highway_envs():
    for name, road in STRAIGHT_ROADS.items():
        config = world_class(SCENARIOS[name].highway_env).default_config()
        assert road.lanes == config["lanes_count"]
        assert road.vehicles == config["vehicles_count"]
        assert road.density == config["vehicles_density"]
        assert config["ego_spacing"] == road.ego_spacing
        world = build_world(SceneSettings(name))
        world.begin(np.random.default_rng(0))
        lanes = world.road.network.lanes_dict().values()
        ends = [lane.position(lane.length, 0)[0] for lane in lanes if not lane.forbidden]
        assert max(ends) == road.length
        limits = [lane.speed_limit for lane in list(lanes)[: road.lanes]]
        first, less = road.limit
        assert limits == pytest.approx([first - less * lane for lane in range(road.lanes)])


def test_the_constants_of_the_steering_are_highway_envs():
    assert ControlledVehicle.KP_HEADING == steady_steering.HEADING_GAIN
    assert ControlledVehicle.KP_LATERAL == steady_steering.SIDE_GAIN
    assert driving_model.LENGTH == ControlledVehicle.LENGTH == steady_steering.LENGTH
    assert driving_model.HEADING_GAIN == steady_steering.HEADING_GAIN
    assert driving_model.SIDE_GAIN == steady_steering.SIDE_GAIN


def overlaps(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two vehicles that point along x overlap."""
    near = (np.abs(x - x[:, None]) < 5.0) & (np.abs(y - y[:, None]) < 2.0)
    return bool(near.sum() > len(x))


@pytest.mark.parametrize("lanes", [2, 4, 7])
@pytest.mark.parametrize("scenario", STRAIGHT_ROADS)
def test_no_vehicles_overlap_at_the_start_of_the_densest_road_that_is_taken(scenario, lanes):
    density = math.floor(1e3 * largest_density(STRAIGHT_ROADS[scenario], lanes)) / 1e3
    worlds = Worlds(SceneSettings(scenario, lanes_count=lanes, vehicles_density=density), 150)
    worlds.begin(np.arange(150), [np.random.default_rng(seed) for seed in range(150)])
    for vehicles, count in zip(worlds.vehicles, worlds.count, strict=True):
        assert not overlaps(vehicles["x"][:count], vehicles["y"][:count])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("highway-v0", {"vehicles_density": 4}),
        ("highway-v0", {"lanes_count": 16}),
        ("exit-v1", {"lanes_count": 7}),
    ],
)
def test_highway_env_begins_with_overlapping_vehicles_where_ours_refuses(name, config):
    world: Any = gym.make(name, config=config).unwrapped
    overlapping = 0
    for seed in range(5):
        world.reset(seed=seed)
        x, y = np.array([vehicle.position for vehicle in world.road.vehicles]).T
        overlapping += overlaps(x, y)
    assert overlapping > 0
    scenario = "highway" if name == "highway-v0" else "exit"
    with pytest.raises(ValueError, match=r"vehicles_density: expected .* lanes, or vehicles over"):
        SceneSettings(scenario, **config)


def test_highway_envs_exit_has_negative_speed_limits_where_ours_refuses_lanes():
    world: Any = gym.make("exit-v1", config={"lanes_count": 9}).unwrapped
    world.reset(seed=0)
    assert min(lane.speed_limit for lane in world.road.network.lanes_dict().values()) < 0
    with pytest.raises(ValueError, match="lanes_count: expected 2 to 8, came 9"):
        SceneSettings("exit", lanes_count=9, vehicles_density=0.5)
    limits = build_world(SceneSettings("exit", lanes_count=8, vehicles_density=0.5))
    limits.begin(np.random.default_rng(0))
    shortest = [lanes["1"] for lanes in limits.road.network.graph.values() if "1" in lanes]
    assert all(lane.speed_limit > 0 for lane in shortest[0])


@pytest.mark.parametrize(
    ("scenario", "settings", "message"),
    [
        ("highway", {"vehicles_density": 4}, r"vehicles_density: expected 3.6 or less .* came 4"),
        ("highway", {"lanes_count": 15}, r"vehicles_density: expected 0.91 or less with 15"),
        ("highway", {"lanes_count": 100}, r"vehicles_density: .*with 100 lanes"),
        ("highway", {"vehicles_density": 0.001}, "vehicles_density: expected more: the first"),
        ("highway", {"vehicles_density": 1e-300}, "vehicles_density: expected more"),
        ("highway", {"vehicles_density": 1e300}, "vehicles_density"),
        ("highway", {"vehicles_density": math.nan}, "vehicles_density"),
        ("highway", {"vehicles_density": -1}, "vehicles_density"),
        ("highway_fast", {"vehicles_density": 5}, "vehicles_density"),
        ("exit", {"vehicles_density": 3}, "vehicles_density"),
        ("highway", {"vehicles_count": HUGE}, "vehicles_count: .*0 to 1000"),
        ("intersection", {"vehicles_count": HUGE}, "vehicles_count: .*0 to 1000"),
        ("racetrack", {"vehicles_count": HUGE}, "vehicles_count: .*0 to 1000"),
        ("parking", {"vehicles_count": HUGE}, "vehicles_count: .*0 to 1000"),
        ("racetrack", {"duration": 0}, "duration: expected from one policy step"),
        ("racetrack", {"duration": math.nan}, "duration"),
        ("racetrack", {"duration": 1e308}, "duration: .*1,000,000 s"),
        ("intersection", {"duration": 1e9}, "duration: .*1,000,000 s"),
        ("highway", {"policy_frequency": 30}, r"policy_frequency: .*\(15 Hz\) is a multiple"),
        ("highway", {"policy_frequency": 4}, r"policy_frequency: .*\(15 Hz\) is a multiple"),
        ("highway", {"policy_frequency": math.inf}, "policy_frequency"),
        ("highway", {"lanes_count": 0}, "lanes_count"),
    ],
)
def test_a_world_that_makes_no_sense_is_refused(scenario, settings, message):
    with pytest.raises(ValueError, match=message):
        SceneSettings(scenario, **settings)


def test_a_density_makes_no_difference_to_a_road_without_other_vehicles():
    SceneSettings("highway", vehicles_count=0, vehicles_density=50, lanes_count=30)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "settings", "message"),
    [
        ("racetrack", {"simulation_frequency": 5}, r"steering swings below 3.6 m/s \(at 15 Hz"),
        ("roundabout", {"simulation_frequency": 10}, "steering swings below 1.4 m/s"),
        ("highway_fast", {"vehicles_density": 3}, "vehicles_density=3: .*through each other"),
        ("intersection", {"vehicles_count": 20}, "vehicles_count=20: .*drive backwards"),
        ("highway", {"vehicles_density": 0.05}, "beyond the end of the road, which is 10000 m"),
        ("exit", {"vehicles_count": 200}, "beyond the end of the road, which is 1000 m"),
        ("highway", {"ego_spacing": 105}, "beyond the end of the road, which is 10000 m"),
        (
            "racetrack_oval",
            {"block_lane": True},
            "block_lane=True .* in an obstacle, .* 51 to 60 m",
        ),
        (
            "racetrack_oval",
            {"force_decision": True, "oval_length": 125},
            "force_decision=True on an oval of 125 m: some episodes begin in an obstacle",
        ),
    ],
)
@pytest.mark.parametrize("kind", [DrivingSceneEnv, DrivingSceneVectorEnv])
def test_a_setting_that_leads_into_a_fault_is_told_once_as_an_environment_is_made(
    kind, scenario, settings, message
):
    with pytest.warns(HighwayEnvFault, match=message) as told:
        kind(scenario, observation="state", **settings)
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SceneSettings(scenario, **settings)  # settings alone say nothing, so that copies do not


@pytest.mark.parametrize("action", [None, "continuous"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_defaults_and_finer_clocks_are_told_nothing(scenario: str, action: Any):
    assert not list(faults_of(SceneSettings(scenario, action=action)))
    assert not list(faults_of(SceneSettings(scenario, action=action, simulation_frequency=60)))


@pytest.mark.slow
def test_a_policy_step_lasts_as_long_as_it_says_at_every_pair_of_frequencies():
    floored = 0
    for simulated in range(5, 61):
        for substeps in range(1, 21):
            policy = simulated / substeps
            settings = SceneSettings(
                "merge", simulation_frequency=simulated, policy_frequency=policy
            )
            assert settings.substeps == substeps
            theirs = int(simulated // policy)  # highway-env's, in its _simulate
            assert theirs in (substeps, substeps - 1)
            floored += theirs < substeps
    assert floored > 0


@pytest.mark.parametrize(("simulated", "substeps"), [(10, 3), (5, 3)])
def test_highway_env_loses_a_simulation_step_where_the_engine_keeps_it(simulated, substeps):
    policy = simulated / substeps
    config = {"simulation_frequency": simulated, "policy_frequency": policy}
    theirs: Any = gym.make("two-way-v0", config=config).unwrapped
    theirs.reset(seed=0)
    theirs.step(1)
    assert theirs.steps == substeps - 1
    assert theirs.time == pytest.approx(substeps / simulated)
    worlds = Worlds(SceneSettings("two_way", **config), 1)  # type: ignore[arg-type]
    worlds.begin(np.arange(1), [np.random.default_rng(0)])
    x, speed = worlds.vehicles["x"][0, 1], worlds.vehicles["speed"][0, 1]
    worlds.step(np.array([1]), np.arange(1))
    travelled = worlds.vehicles["x"][0, 1] - x
    assert travelled == pytest.approx(speed * substeps / simulated, rel=0.05)
