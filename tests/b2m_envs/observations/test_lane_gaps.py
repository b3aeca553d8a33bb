"""LaneGaps shows the nearest vehicles of every lane, as highway-env's world has them."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import pytest
from highway_env.vehicle.objects import Landmark
from jaxtyping import Float64

import b2m_envs
from b2m_envs.observations.lane_gaps import SCENARIOS, LaneGaps
from tests.b2m_envs.observations.side_by_side import few_vehicles, states

SEVERAL = LaneGaps(left=2, right=6, ahead=2, behind=2, reach=120, normalize=False)


def expected_lanes(source: Any, kind: LaneGaps) -> Float64[np.ndarray, "lane place column"]:
    """By sorting all vehicles and obstacles of a lane."""
    ego, found = source.vehicle, []
    obstacles = [thing for thing in source.road.objects if not isinstance(thing, Landmark)]
    for lane in range(-kind.left, kind.right + 1):
        there = [
            (other.position[0] - ego.position[0], other.velocity[0] - ego.velocity[0])
            for other in (*source.road.vehicles, *obstacles)
            if other is not ego
            and round(other.position[1] / 4) - round(ego.position[1] / 4) == lane
        ]
        ahead = sorted((way, speed) for way, speed in there if 0 <= way < kind.reach)
        behind = sorted((-way, speed) for way, speed in there if -kind.reach < way < 0)
        nobody = [(kind.reach, 0.0)]
        found.append((ahead + nobody * kind.ahead)[: kind.ahead])
        found[-1] += (behind + nobody * kind.behind)[: kind.behind]
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_it_equals_what_sorting_highway_envs_vehicles_gives(scenario: str) -> None:
    seen = 0
    for seed in range(2):
        for source, traffic in states(few_vehicles(scenario), seed, 5):
            ours = SEVERAL.observe(traffic)[0]
            np.testing.assert_allclose(ours, expected_lanes(source, SEVERAL), rtol=1e-6, atol=1e-4)
            assert SEVERAL.space(traffic.settings).contains(ours)
            seen += int((ours[:, :, 0] < SEVERAL.reach).sum())
    assert seen > 10


def test_the_lane_that_ends_is_not_free_where_it_ends() -> None:
    seen = LaneGaps(left=0, right=1, reach=300, normalize=False)
    env = gymnasium.make("B2M/MergeScene-v0", observation=seen)
    (_, beside), info = env.reset(seed=0)  # of the lane that the ramp leads to
    assert beside[0] == pytest.approx([310 - 30, -info["speed"]])
    assert beside[1] == pytest.approx([300, 0])


def test_what_is_scaled_is_the_same_in_other_units() -> None:
    parts = (LaneGaps(right=3), LaneGaps(right=3, normalize=False))
    envs = gymnasium.make_vec("B2M/ExitScene-v0", num_envs=3, observation=parts)
    scaled, plain = envs.reset(seed=1)[0]
    assert scaled.shape == (3, 5, 3, 2)
    np.testing.assert_allclose(scaled * np.array([50, 10]), plain, rtol=1e-6)
    assert plain[:, 0, :, 0] == pytest.approx(200)  # no lane to the left of the first
    assert (plain[:, 1:, 0, 0] < 200).any()


def test_a_batch_gives_every_world_what_it_gets_alone() -> None:
    batch = gymnasium.make_vec("B2M/ExitScene-v0", num_envs=3, observation=LaneGaps())
    alone = gymnasium.make("B2M/ExitScene-v0", observation=LaneGaps())
    seen = batch.reset(seed=4)[0]
    np.testing.assert_array_equal(alone.reset(seed=6)[0], seen[2])


def test_bent_roads_are_refused() -> None:
    with pytest.raises(ValueError, match=r"whose lanes are straight, came 'roundabout'"):
        gymnasium.make("B2M/RoundaboutScene-v0", observation=LaneGaps())


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"left": -1}, "left: expected .* 0 to 100"),
        ({"ahead": 0}, "ahead: expected .* 1 to 100"),
        ({"behind": 1.5}, "behind: expected a whole number"),
        ({"reach": math.nan}, "reach: expected a distance from 1 to 1000 m, came nan"),
        ({"reach": 0}, "reach: expected a distance from 1 to 1000 m, came 0"),
        ({"normalize": "yes"}, "normalize: expected True or False, came 'yes'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"LaneGaps: {message}"):
        b2m_envs.LaneGaps(**options)
