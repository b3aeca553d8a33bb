from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from b2m_drive.evidence.bootstrap import bootstrap_interval, interquartile_mean


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    values = np.array([100.0, 0.0, 5.0, 4.0, 3.0, 2.0, 1.0, -7.0])
    assert interquartile_mean(values) == (1 + 2 + 3 + 4) / 4
    drawn = np.random.default_rng(0).normal(size=(3, 10))
    expected = [stats.trim_mean(row, 0.25) for row in drawn]
    np.testing.assert_allclose(interquartile_mean(drawn), expected)
    assert interquartile_mean(np.array([2.0])) == 2.0


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (2, 3)])
def test_the_bootstraps_interval_is_that_of_all_equally_likely_draws(shape) -> None:
    values = np.array([0.0, 1.0, 3.0, 10.0, 4.0, 2.0])[: shape[0] * shape[1]].reshape(shape)
    draws = [
        values[np.ix_(trainings, episodes)].mean()
        for trainings in product(range(shape[0]), repeat=shape[0])
        for episodes in product(range(shape[1]), repeat=shape[1])
    ]
    interval = bootstrap_interval(values, np.random.default_rng(0))
    assert interval.mean == values.mean()
    assert (interval.low, interval.high) == pytest.approx(
        np.quantile(draws, (0.025, 0.975)), abs=0.3
    )


def test_many_episodes_do_not_hide_that_trainings_differ() -> None:
    generator = np.random.default_rng(0)
    trainings = np.repeat([[0.0], [1.0], [2.0]], 100, axis=1)
    interval = bootstrap_interval(trainings, generator)
    assert (interval.low, interval.high) == (0.0, 2.0)
    pooled = bootstrap_interval(trainings.reshape(1, -1), generator)
    assert pooled.high - pooled.low < 0.3


def test_what_all_trainings_meet_in_an_episode_stays_uncertain() -> None:
    """Ten trainings that do the same in each of 20 episodes are no more than one."""
    episodes = np.random.default_rng(1).normal(size=(1, 20))
    alone = bootstrap_interval(episodes, np.random.default_rng(0))
    ten = bootstrap_interval(np.repeat(episodes, 10, axis=0), np.random.default_rng(0))
    assert (ten.low, ten.high) == pytest.approx((alone.low, alone.high), abs=0.05)


@pytest.mark.slow
def test_the_interval_covers_the_mean_of_a_known_distribution() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        interval = bootstrap_interval(generator.normal(3.0, 2.0, size=(1, 40)), generator)
        covered += interval.low <= 3.0 <= interval.high
    assert 88 <= covered <= 100


@pytest.mark.parametrize("values", [np.empty((1, 0)), np.array([[1.0, np.nan]])])
def test_no_values_and_no_numbers_are_refused(values) -> None:
    with pytest.raises(ValueError, match="expected finite values"):
        bootstrap_interval(values, np.random.default_rng(0))
