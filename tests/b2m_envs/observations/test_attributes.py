"""Attributes equals highway-env's own, noise included."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.envs.common.observation import AttributesObservation

from b2m_envs.observations.attributes import KNOWN, Attributes

LANE_KEEPING = "B2M/LaneKeepingScene-v0"


def test_it_equals_highway_envs_given_the_generator() -> None:
    env = gymnasium.make(LANE_KEEPING, observation=Attributes()).unwrapped
    seen, _ = env.reset(seed=0)
    theirs = AttributesObservation(env.highway_env, attributes=list(KNOWN))
    for _ in range(10):
        before = env.np_random.bit_generator.state
        seen, *_ = env.step(np.array([0.1], np.float32))
        assert env.observation_space.contains(seen)
        env.np_random.bit_generator.state = before
        expected = theirs.observe()
        assert set(seen) == set(expected)
        for name, values in expected.items():
            np.testing.assert_array_equal(seen[name], values)
    noise = seen["state"] - env.highway_env.vehicle.state[[1, 2, 4, 5]]
    assert 0 < np.abs(noise).max() <= 0.05


def test_a_seed_repeats_it_and_the_vehicle_does_not_hang_on_who_looks() -> None:
    envs = [
        gymnasium.make(LANE_KEEPING, observation=each)
        for each in (Attributes(("state",)), Attributes(("state",)), "state")
    ]
    first, again, other = (env.reset(seed=4) for env in envs)
    np.testing.assert_array_equal(first[0]["state"], again[0]["state"])
    for _ in range(3):
        first, again, other = (env.step(np.array([0.2], np.float32)) for env in envs)
    np.testing.assert_array_equal(first[0]["state"], again[0]["state"])
    np.testing.assert_array_equal(first[-1]["state"], other[-1]["state"])


@pytest.mark.parametrize("attributes", [("state", "speed"), (), ("state", "state")])
def test_other_attributes_are_refused(attributes: Any) -> None:
    with pytest.raises(ValueError, match="Attributes: attributes: expected some of state, deriv"):
        Attributes(attributes)


def test_other_scenarios_are_refused() -> None:
    with pytest.raises(ValueError, match="expected the scenario 'lane_keeping' for Attributes"):
        gymnasium.make("B2M/ParkingScene-v0", observation=Attributes())
