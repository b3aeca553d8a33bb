"""Vehicles that keep their lane on slipping tyres, in a batch, against highway-env's own."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from b2m_envs.engine.lane_keeping import LAST, LaneKeepingWorlds
from b2m_envs.engine.lanes import LaneTable
from b2m_envs.engine.worlds import Worlds
from b2m_envs.highway_env.bridge import build_world
from b2m_envs.scenes.settings import SceneSettings

TOLERANCE = 1e-9  # [m, rad, m/s, rad/s], and of a reward
N_WORLDS, N_STEPS = 5, 200
SWAY = np.array([0.02, 0.1, 0.3, 1.0, 1.0])  # of the steering, a world
HELD = np.array([1, 1, 5, 1, 40])  # steps that a steering angle is held, a world
AIMS = np.array([1.0, 1.0, 0.0, 0.0, 0.0])  # whether it steers back to its lane's middle


def theirs_at(frequency: int) -> Any:
    """highway-env's own environment after a reset."""
    env = gymnasium.make("highway_env:lane-keeping-v0", disable_env_checker=True).unwrapped
    env.configure({"simulation_frequency": frequency, "policy_frequency": 10})
    env.reset(seed=5)
    return env


def steering(random: np.random.Generator, step: int, held: np.ndarray, theirs: list[Any]) -> Any:
    """Random steering, in some worlds towards the middle of the lane."""
    drawn = random.uniform(-1, 1, N_WORLDS) * SWAY
    held[step % HELD == 0] = drawn[step % HELD == 0]
    aside = [each.lane.local_coordinates(each.vehicle.position)[1] for each in theirs]
    wanted = held - 0.1 * AIMS * np.array(aside)
    return np.clip(wanted, -1, 1).astype(np.float32)[:, None]


def state_of(worlds: LaneKeepingWorlds, world: int) -> np.ndarray:
    """highway-env's `vehicle.state` of a world."""
    own = worlds.vehicles[world, 0]
    return np.array([own["x"], own["y"], own["heading"], own["speed"], *worlds.slip[world]])


def lanes_of(table: LaneTable, own: Any) -> tuple[Any, Any]:
    """Names of the nearest lane and of the one to keep."""
    return table.names[own["lane"]], table.names[own["target_lane"]]


@pytest.mark.slow
@pytest.mark.parametrize("frequency", [10, 20, 50])
def test_whole_episodes_are_highway_envs_under_random_steering(frequency: int) -> None:
    settings = SceneSettings("lane_keeping", simulation_frequency=frequency)
    worlds, every = LaneKeepingWorlds(settings, N_WORLDS), np.arange(N_WORLDS)
    worlds.begin(every, [np.random.default_rng(0)] * N_WORLDS)
    theirs, random, held = (
        [theirs_at(frequency) for _ in every],
        np.random.default_rng(1),
        np.zeros(5),
    )
    seen_lanes, off_road = set(), 0
    for step in range(N_STEPS):
        actions = steering(random, step, held, theirs)
        worlds.step(actions, every)
        for world, env in enumerate(theirs):
            _, reward, terminated, *_ = env.step(actions[world])
            assert state_of(worlds, world) == pytest.approx(env.vehicle.state[:, 0], abs=TOLERANCE)
            near, kept = lanes_of(worlds.table, worlds.vehicles[world, 0])
            assert near == env.vehicle.lane_index
            assert env.road.network.get_lane(kept) is env.lane
            assert worlds.reward[world] == worlds.terms[world, 0]
            assert worlds.reward[world] == pytest.approx(reward, abs=TOLERANCE, rel=TOLERANCE)
            assert not terminated
            seen_lanes |= {near, kept}
            off_road += not env.vehicle.on_road
    assert not worlds.terminated.any()
    assert len(seen_lanes) == 3  # all were seen
    assert off_road > N_STEPS
    assert np.abs(worlds.slip).min() > 0  # the tyres slip


@pytest.mark.slow
def test_a_world_goes_on_from_where_highway_envs_is() -> None:
    settings = SceneSettings("lane_keeping", simulation_frequency=30, policy_frequency=5)
    source, worlds = build_world(settings), LaneKeepingWorlds(settings, 3)
    source.begin(np.random.default_rng(0))
    random, second = np.random.default_rng(2), np.array([1])
    for step in range(80):
        if step % 20 == 0:
            source.vehicle.yaw_rate = (
                9.0 if step == 60 else source.vehicle.yaw_rate
            )  # a limit is 6.3
            worlds.copy(1, source)
        action = random.uniform(-1, 1, 1).astype(np.float32)
        _, reward, *_ = source.step(action)
        worlds.step(np.stack([action] * 3), second)
        assert state_of(worlds, 1) == pytest.approx(source.vehicle.state[:, 0], abs=TOLERANCE)
        assert worlds.reward[1] == pytest.approx(reward, rel=TOLERANCE)
        assert worlds.progress[1] == pytest.approx(source.progress, abs=TOLERANCE)
    assert lanes_of(worlds.table, worlds.vehicles[1, 0])[1] == LAST


def test_episodes_begin_alike_and_only_where_they_are_to() -> None:
    worlds, every = LaneKeepingWorlds(SceneSettings("lane_keeping"), 3), np.arange(3)
    generators = [np.random.default_rng(seed) for seed in every]
    drawn = [each.bit_generator.state for each in generators]
    worlds.begin(every, generators)
    start = worlds.vehicles.copy()
    for _ in range(120):
        worlds.step(np.full((3, 1), 0.3, np.float32), every)
    driven = worlds.vehicles.copy()
    assert (driven["target_lane"] != start["target_lane"]).all()
    worlds.begin(np.array([1]), generators[1:2])
    assert worlds.vehicles[1] == start[1]
    assert worlds.slip[1].tolist() == [0, 0]
    assert (worlds.vehicles[[0, 2]] == driven[[0, 2]]).all()
    assert [each.bit_generator.state for each in generators] == drawn


def test_threads_change_nothing() -> None:
    one, two = (LaneKeepingWorlds(SceneSettings("lane_keeping"), 7, n) for n in (1, 2))
    every, random = np.arange(7), np.random.default_rng(3)
    for worlds in (one, two):
        worlds.begin(every, [random] * 7)
    for _ in range(30):
        actions = random.uniform(-1, 1, (7, 1)).astype(np.float32)
        one.step(actions, every)
        two.step(actions, every)
    assert (one.vehicles == two.vehicles).all()
    np.testing.assert_array_equal(one.reward, two.reward)


def test_worlds_of_traffic_do_not_take_lane_keeping() -> None:
    with pytest.raises(ValueError, match="LaneKeepingScene-v0: engine: expected one of highway"):
        Worlds(SceneSettings("lane_keeping"), 1)
