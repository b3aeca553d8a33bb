"""Lidar equals highway-env's own, cell by cell."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.envs.common.observation import LidarObservation

import b2m_envs
from b2m_envs.observations.lidar import Lidar
from tests.b2m_envs.observations.side_by_side import SCENARIOS, settings_of, states


def drawn_settings(draws: np.random.Generator) -> dict[str, Any]:
    return {
        "cells": int(draws.integers(1, 40)),
        "maximum_range": float(draws.uniform(5, 150)),
        "normalize": bool(draws.random() < 0.5),
    }


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_equals_highway_envs_under_random_settings(scenario: str) -> None:
    draws = np.random.default_rng(SCENARIOS.index(scenario))
    met = 0
    for seed in range(2):
        chosen = [{}, *(drawn_settings(draws) for _ in range(4))]
        theirs: list[Any] = []
        for source, traffic in states(settings_of(scenario), seed, 6):
            theirs = theirs or [LidarObservation(source, **each) for each in chosen]
            for options, their in zip(chosen, theirs, strict=True):
                lidar, expected = Lidar(**options), their.observe()
                ours = lidar.observe(traffic)[0]
                assert ours.dtype == expected.dtype
                np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
                assert lidar.space(traffic.settings).contains(ours)
                met += int((ours[:, 0] < ours[:, 0].max()).sum())
    assert met > 0


def test_who_meets_nothing_sees_as_far_as_it_can() -> None:
    env = gymnasium.make(
        "B2M/HighwayFastScene-v0",
        observation=Lidar(cells=8, maximum_range=0.5, normalize=False),
        vehicles_count=1,
    )
    np.testing.assert_array_equal(env.reset(seed=0)[0], np.full((8, 2), 0.5))


def test_a_batch_shows_what_a_single_environment_shows() -> None:
    batch = gymnasium.make_vec(
        "B2M/HighwayFastScene-v0", num_envs=3, observation=Lidar(), n_threads=2
    )
    first, _ = batch.reset(seed=5)
    assert batch.observation_space.contains(first)
    for world in range(3):
        env = gymnasium.make("B2M/HighwayFastScene-v0", observation=Lidar())
        np.testing.assert_array_equal(first[world], env.reset(seed=5 + world)[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": 0}, "cells: expected a whole number from 1 to 1000, came 0"),
        ({"cells": 8.0}, "cells: expected a whole number"),
        ({"maximum_range": 0}, "maximum_range: expected a distance up to 1000 m, above 0, came 0"),
        ({"maximum_range": float("inf")}, "maximum_range: expected a distance"),
        ({"maximum_range": True}, "maximum_range: expected a distance"),
        ({"normalize": None}, "normalize: expected True or False, came None"),
    ],
)
@pytest.mark.usefixtures("as_users_run_it")
def test_wrong_settings_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"Lidar: {message}"):
        b2m_envs.Lidar(**options)
