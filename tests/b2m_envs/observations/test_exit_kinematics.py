"""ExitKinematics equals highway-env's ExitObservation."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.envs.common.observation import ExitObservation

import b2m_envs
from b2m_envs.observations.exit_kinematics import ExitKinematics
from b2m_envs.observations.kinematics import Kinematics
from tests.b2m_envs.observations.side_by_side import settings_of, states
from tests.b2m_envs.observations.test_kinematics import drawn_settings

EXIT = "B2M/ExitScene-v0"


@pytest.mark.slow
def test_it_equals_highway_envs_under_random_settings() -> None:
    draws = np.random.default_rng(5)
    rows = 0
    for seed in range(2):
        chosen = [{**drawn_settings(draws), "order": "sorted"} for _ in range(8)]
        theirs: list[Any] = []
        for source, traffic in states(settings_of("exit"), seed, 14):
            theirs = theirs or [ExitObservation(source, **each) for each in chosen]
            for options, their in zip(chosen, theirs, strict=True):
                ours = ExitKinematics(**options).observe(traffic)[0]
                np.testing.assert_allclose(ours, their.observe(), rtol=1e-6, atol=1e-6)
                rows += int((np.abs(ours).sum(axis=1) > 0).sum())
    assert rows > 100


@pytest.mark.slow
def test_only_the_ego_vehicles_x_differs_from_kinematics() -> None:
    options: dict[str, Any] = {"features": ("x", "y", "vx"), "normalize": False}
    parts = (Kinematics(**options), ExitKinematics(**options))
    batch = gymnasium.make_vec(EXIT, num_envs=3, observation=parts)
    usual, along = batch.reset(seed=2)[0]
    np.testing.assert_allclose(along[:, 0, 0], usual[:, 0, 0] - 400, rtol=1e-6)  # it begins there
    np.testing.assert_array_equal(along[:, 0, 1:], usual[:, 0, 1:])
    np.testing.assert_array_equal(along[:, 1:], usual[:, 1:])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the scenario 'exit' for ExitKinematics, came"):
        gymnasium.make("B2M/MergeScene-v0", observation=ExitKinematics())
    with pytest.raises(ValueError, match=r"ExitKinematics: order: expected 'sor.*came 'road'"):
        b2m_envs.ExitKinematics(order="road")
    with pytest.raises(ValueError, match="highway-env shuffles with"):
        b2m_envs.ExitKinematics(order="shuffled")
