"""Actions with settings of one's own, and action masks, against highway-env's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from b2m_envs.engine.worlds import Worlds
from b2m_envs.scenes.actions import control_table
from b2m_envs.scenes.settings import SceneSettings
from tests.b2m_envs.engine.oracle import (
    TOLERANCE,
    compare,
    drive,
    read_engine,
    read_oracle,
    result_differences,
)
from tests.b2m_envs.engine.test_exact import any_meta, begin_both, drive_both, settings_of
from tests.shared.engine_scenarios import ENGINE_SCENARIOS

ACTIONS: dict[str, dict[str, Any]] = {
    "longitudinal": {"lateral": False},
    "lateral": {"lateral": True, "longitudinal": False},
    "other speeds": {"target_speeds": (3, 8.5, 15, 28)},
    "throttle": {"action": "continuous", "lateral": False, "acceleration_range": (-7, 3.5)},
    "wheel": {"action": "continuous", "longitudinal": False, "steering_range": (-0.3, 0.4)},
    "discrete controls": {"action": "discrete_controls"},
    "five angles": {"action": "discrete_controls", "longitudinal": False, "actions_per_axis": 5},
    "driven, throttle": {"driver": "highway_env", "action": "continuous", "lateral": False},
    "driven, lateral": {"driver": "highway_env", "longitudinal": False, "lateral": True},
}
SHORT = ("two_way", "racetrack")  # all kinds; the others take turns
TURNS = 4
ELSEWHERE = [pytest.mark.slow, pytest.mark.thorough]
CASES = [
    pytest.param(scenario, kind, marks=[] if scenario in SHORT else ELSEWHERE)
    for place, scenario in enumerate(ENGINE_SCENARIOS)
    for number, kind in enumerate(ACTIONS)
    if scenario in SHORT or number % TURNS == place % TURNS
]


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "kind"), CASES)
def test_actions_do_what_highway_envs_do(scenario: str, kind: str):
    settings = settings_of(scenario, **ACTIONS[kind])
    did = drive_at_random(settings, n_steps=5)
    assert len(did) > 1 or settings.driver == "highway_env"


def drive_at_random(settings: SceneSettings, n_steps: int, n_worlds: int = 2) -> set[str]:
    """Drive both alike, and fail at the first difference; returns what was done."""
    worlds, oracles = begin_both(settings, list(range(n_worlds)))
    draws, did = np.random.default_rng(3), set()
    driven = settings.driver == "highway_env"
    for step in range(n_steps):
        actions = random_actions(settings, draws, n_worlds)
        worlds.step(None if driven else actions, np.arange(n_worlds))
        for world, oracle in enumerate(oracles):
            action = actions[world] if actions.ndim > 1 else int(actions[world])
            outcome = drive(oracle, None if driven else action)
            found = compare(read_oracle(oracle), read_engine(worlds, world))
            found += result_differences(worlds, world, outcome)
            assert found == [], f"world {world}, step {step}"
            assert abs(worlds.progress[world] - oracle.progress) < TOLERANCE
            did.add(str(np.round(worlds.did[world], 3)))
            if settings.action == "discrete":
                available = oracle.action_type.get_available_actions()
                mask = worlds.action_masks()[world]
                assert sorted(available) == np.flatnonzero(mask).tolist(), f"step {step}"
    return did


def random_actions(settings: SceneSettings, draws: np.random.Generator, n: int) -> np.ndarray:
    if settings.action == "continuous":
        return draws.uniform(-1, 1, (n, len(settings.controls))).astype(np.float32)
    n_actions = len(settings.meta_actions) or settings.n_per_axis ** len(settings.controls)
    return draws.integers(n_actions, size=n)


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(name, marks=[] if name in (*SHORT, "merge") else ELSEWHERE)
        for name in ENGINE_SCENARIOS
        if name not in ("highway", "highway_fast")  # one road, whose lanes join no others
    ],
)
def test_lanes_that_are_not_connected_are_those_of_highway_envs_first_versions(scenario: str):
    usual = settings_of(scenario)
    settings = settings_of(scenario, connected_lanes=not usual.connects_lanes)
    worlds, oracles = begin_both(settings, [0, 1])
    assert oracles[0].road.neighbour_vehicles_connected_lanes is settings.connects_lanes
    drive_both(worlds, oracles, [any_meta, any_meta], 8)


def test_masks_forbid_the_edge_of_the_road_and_speeds_beyond_the_last():
    worlds = Worlds(SceneSettings("highway_fast", vehicles_count=0, lanes_count=2), 1)
    worlds.begin(np.zeros(1, np.int64), [np.random.default_rng(0)])
    left, _, right, faster, slower = range(5)
    for _ in range(3):
        worlds.step(np.array([left]), np.zeros(1, np.int64))
    for _ in range(3):
        worlds.step(np.array([faster]), np.zeros(1, np.int64))
    assert worlds.action_masks()[0].tolist() == [False, True, True, False, True]
    for _ in range(4):
        worlds.step(np.array([right]), np.zeros(1, np.int64))
    for _ in range(3):
        worlds.step(np.array([slower]), np.zeros(1, np.int64))
    assert worlds.action_masks()[0].tolist() == [True, True, False, True, False]


def test_numbers_of_discrete_controls_count_through_the_last_control_first():
    expected = [[a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)]
    assert control_table(2, 3).tolist() == expected
    assert control_table(1, 2).tolist() == [[-1], [1]]
