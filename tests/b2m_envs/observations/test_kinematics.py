"""Kinematics equals highway-env's own, feature by feature."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.envs.common.observation import KinematicObservation

import b2m_envs
from b2m_envs.observations.kinematics import FEATURES, Kinematics
from tests.b2m_envs.observations.side_by_side import SCENARIOS, settings_of, states


def drawn_settings(draws: np.random.Generator) -> dict[str, Any]:
    flags = ("absolute", "normalize", "clip", "see_behind", "observe_intentions")
    some = draws.permutation(FEATURES)[: draws.integers(1, len(FEATURES) + 1)].tolist()
    ranges = {name: (-float(draws.uniform(1, 50)), float(draws.uniform(1, 50))) for name in some}
    return {
        "features": some,
        "vehicles_count": int(draws.integers(2, 30)),
        "features_range": ranges if draws.random() < 0.3 else None,
        "order": str(draws.choice(["sorted", "road"])),
        "include_obstacles": bool(draws.random() < 0.7),
        **{name: bool(draws.random() < 0.5) for name in flags},
    }


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_equals_highway_envs_under_random_settings(scenario: str) -> None:
    draws = np.random.default_rng(SCENARIOS.index(scenario))
    rows = 0
    for seed in range(2):
        chosen = [drawn_settings(draws) for _ in range(5)]
        theirs: list[Any] = []
        for source, traffic in states(settings_of(scenario), seed, 10):
            theirs = theirs or [KinematicObservation(source, **each) for each in chosen]
            for options, their in zip(chosen, theirs, strict=True):
                ours = Kinematics(**options).observe(traffic)[0]
                # of obstacles, highway-env gives NaN for features they do not have
                expected = np.nan_to_num(their.observe(), nan=0.0)
                np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
                rows += int((np.abs(ours).sum(axis=1) > 0).sum())
    assert rows > 100


def test_a_batch_shows_what_a_single_environment_shows() -> None:
    kinematics = Kinematics(vehicles_count=4, see_behind=True)
    batch = gymnasium.make_vec("B2M/HighwayFastScene-v0", num_envs=2, observation=kinematics)
    first, _ = batch.reset(seed=5)
    second = batch.step(np.array([3, 0]))[0]
    assert batch.observation_space.contains(first)
    for world, action in enumerate((3, 0)):
        env = gymnasium.make("B2M/HighwayFastScene-v0", observation=kinematics)
        np.testing.assert_array_equal(first[world], env.reset(seed=5 + world)[0])
        np.testing.assert_array_equal(second[world], env.step(action)[0])
    assert not np.array_equal(first, second)


def test_an_ended_episode_gives_its_last_table() -> None:
    batch = gymnasium.make_vec(
        "B2M/HighwayFastScene-v0",
        num_envs=2,
        observation=Kinematics(),
        autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP,
        duration=1.0,
    )
    batch.reset(seed=1)
    begun, *_, infos = batch.step(np.array([1, 1]))
    assert all(each.shape == (5, 5) for each in infos["final_obs"])
    assert not np.array_equal(begun[0], infos["final_obs"][0])


def test_the_ego_vehicle_alone_is_one_row() -> None:
    env = gymnasium.make("B2M/HighwayFastScene-v0", observation=Kinematics(vehicles_count=1))
    assert env.reset(seed=0)[0].shape == (1, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ("x", "z")}, "features: expected some of presence, x, .*, came 'z'"),
        ({"features": ("x", "x")}, "features: expected some of .*, each once"),
        ({"vehicles_count": 0}, "vehicles_count: expected a whole number from 1 to 1000, came 0"),
        (
            {"order": "shuffled"},
            "order: expected 'sorted' or 'road' .highway-env shuffles with .*, came",
        ),
        ({"order": "near"}, "order: expected 'sorted' or 'road', came 'near'"),
        ({"features_range": {"x": (1, 1)}}, r"features_range\['x'\]: expected \(lowest, highest\)"),
        ({"features_range": {"q": (0, 1)}}, "features_range: expected ranges of .*, came 'q'"),
    ],
)
def test_wrong_settings_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"Kinematics: {message}"):
        b2m_envs.Kinematics(**options)


def test_worlds_of_highway_env_itself_refuse_it() -> None:
    with pytest.raises(ValueError, match="only scenarios on our engine have"):
        gymnasium.make("B2M/ParkingScene-v0", observation=Kinematics())
