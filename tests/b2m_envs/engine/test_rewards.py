"""Rewards with weights of one's own against highway-env's with the same configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from b2m_envs.engine.rewards import SCORING, SteppedWorlds
from b2m_envs.engine.worlds import Worlds
from b2m_envs.highway_env.bridge import world_class
from b2m_envs.scenes.reward import IGNORED, USUAL, Reward
from b2m_envs.scenes.scenarios import SCENARIOS
from tests.b2m_envs.engine.test_exact import MODES, STYLES, begin_both, drive_both, settings_of
from tests.shared.engine_scenarios import ENGINE_SCENARIOS

OTHER: dict[str, Any] = {  # than any scenario's own
    "collision_reward": -1.7,
    "high_speed_reward": 0.63,
    "right_lane_reward": 0.23,
    "left_lane_reward": 0.31,
    "lane_change_reward": -0.17,
    "merging_speed_reward": -0.37,
    "goal_reward": 2.3,
    "arrived_reward": 3.1,
    "on_road_reward": 0.19,
    "lane_centering_reward": 0.71,
    "lane_centering_cost": 2.5,
    "action_reward": -0.9,
    "reward_speed_range": (12.5, 27.0),
}


@pytest.mark.parametrize("scenario", USUAL)
def test_the_usual_settings_are_highway_envs(scenario: str):
    config = world_class(SCENARIOS[scenario].highway_env).default_config()
    for name, value in USUAL[scenario].items():
        theirs = config.get(name, 0 if name == "on_road_reward" else None)
        assert (tuple(theirs) if isinstance(value, tuple) else theirs) == value, name
    parts = ("_reward", "terminal", "terminate", "centering_cost", "speed_range", "left_lane_con")
    of_rewards = {name for name in config if any(part in name for part in parts)}
    ours = {*USUAL[scenario], *IGNORED.get(scenario, ())}
    assert of_rewards - ours - {"offroad_terminal", "reward_weights"} == set()


def others_of(scenario: str, flags: bool) -> dict[str, Any]:
    """Every setting of a scenario, changed; its switches all on or all off."""
    chosen = {name: OTHER.get(name, flags) for name in USUAL[scenario]}
    if scenario == "exit":
        chosen["right_lane_reward"] = 0.01
    return chosen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "flags"),
    [("discrete", True), pytest.param("continuous", False, marks=pytest.mark.thorough)],
)
@pytest.mark.parametrize("scenario", ENGINE_SCENARIOS)
def test_rewards_and_ends_with_other_settings_are_highway_envs(scenario, mode, flags):
    reward = Reward(**others_of(scenario, flags))
    settings = settings_of(scenario, reward=reward, **MODES[mode])
    styles = STYLES[mode][1:3] if mode == "discrete" else [STYLES[mode][0], STYLES[mode][-1]]
    worlds, oracles = begin_both(settings, list(range(40, 40 + len(styles))))
    assert all(oracles[0].config[name] == other for name, other in listed(reward).items())
    drive_both(worlds, oracles, styles, min(settings.last_step, 7))


def listed(reward: Reward) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in reward.given.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ENGINE_SCENARIOS)
def test_every_setting_changes_the_reward_of_some_step(scenario: str):
    scoring, stepped = SCORING[scenario], stepped_worlds(scenario)
    usual = dict(USUAL[scenario])
    others = others_of(scenario, not usual.get("normalize_reward", True))
    switches = ("offroad_terminal", "terminate_off_road")
    before = [rewards(scenario, replace(each, weights=usual)) for each in stepped]
    for name in usual:
        changed = usual | {name: others[name]}
        after = [rewards(scenario, replace(each, weights=changed)) for each in stepped]
        same = np.array_equal(np.concatenate(before), np.concatenate(after))
        assert same == (name in switches), name
    for name in set(switches) & set(usual):
        ends = [scoring.terminates(replace(each, weights=usual | {name: True})) for each in stepped]
        assert all((end[each.on_road == 0]).all() for end, each in zip(ends, stepped, strict=True))


def stepped_worlds(scenario: str) -> list[SteppedWorlds]:
    """Worlds after each of a few random steps, some off the road."""
    settings = settings_of(scenario)
    worlds, every = Worlds(settings, 12), np.arange(12)
    worlds.begin(every, [np.random.default_rng(seed) for seed in every])
    draws, found = np.random.default_rng(0), []
    for _ in range(6):
        worlds.step(draws.integers(len(settings.meta_actions), size=12), every)
        stepped = worlds.stepped(every)
        found.append(replace(stepped, on_road=(draws.random(12) < 0.8).astype(np.float64)))
    return found


def rewards(scenario: str, stepped: SteppedWorlds) -> np.ndarray:
    """Rewards by the computed terms, and by others, as few steps crash, arrive or change lane."""
    scoring, draws = SCORING[scenario], np.random.default_rng(1)
    terms = scoring.terms(stepped)
    drawn = {
        name: np.where(draws.random(12) < 0.5, 0.0, draws.uniform(0.2, 1.4, 12)) for name in terms
    }
    both = [scoring.reward(scenario, each, stepped) for each in (terms, drawn)]
    return np.concatenate(both)
