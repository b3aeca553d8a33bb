"""TimeToCollision equals highway-env's own."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.envs.common.observation import TimeToCollisionObservation

from b2m_envs.observations.time_to_collision import TimeToCollision
from tests.b2m_envs.observations.side_by_side import SCENARIOS, settings_of, states


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_equals_highway_envs(scenario: str) -> None:
    draws = np.random.default_rng(SCENARIOS.index(scenario))
    marks: set[float] = set()
    for seed in range(4):
        horizon = int(draws.integers(1, 15))
        settings = settings_of(scenario, action="discrete")
        for source, traffic in states(settings, seed, 12):
            ours = TimeToCollision(horizon).observe(traffic)[0]
            theirs = TimeToCollisionObservation(source, horizon=horizon).observe()
            np.testing.assert_array_equal(ours, theirs)
            marks |= set(np.unique(ours).tolist())
    assert {0.0, 0.5, 1.0} <= marks


def test_a_batch_shows_what_a_single_environment_shows() -> None:
    batch = gymnasium.make_vec(
        "B2M/HighwayFastScene-v0", num_envs=2, observation=TimeToCollision(6)
    )
    first, _ = batch.reset(seed=5)
    assert batch.observation_space.contains(first)
    assert first.shape == (2, 3, 3, 6)
    env = gymnasium.make("B2M/HighwayFastScene-v0", observation=TimeToCollision(6))
    np.testing.assert_array_equal(first[1], env.reset(seed=6)[0])


@pytest.mark.parametrize("horizon", [0, -1, True, 1001, float("nan")])
def test_a_wrong_horizon_is_refused(horizon: Any) -> None:
    with pytest.raises(ValueError, match="TimeToCollision: horizon: expected a time up to 1000 s"):
        TimeToCollision(horizon)


def test_a_horizon_below_a_policy_step_is_refused() -> None:
    with pytest.raises(ValueError, match=r"horizon: expected a policy step or more, 1 s, came"):
        gymnasium.make("B2M/HighwayFastScene-v0", observation=TimeToCollision(0.5))


@pytest.mark.parametrize("options", [{"action": "continuous"}, {"driver": "highway_env"}])
def test_it_needs_meta_actions(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="TimeToCollision: expected meta-actions"):
        gymnasium.make("B2M/HighwayFastScene-v0", observation=TimeToCollision(), **options)
