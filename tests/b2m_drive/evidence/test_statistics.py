from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from b2m_drive.evidence.statistics import (
    RestrictedTrials,
    binomial_interval,
    crossed_difference,
    holm_corrected,
    mean_interval,
    paired_difference,
    restricted_mean,
    restricted_ratio,
)


def times(*trials: float, reached: tuple[bool, ...] | None = None) -> RestrictedTrials:
    return RestrictedTrials(
        np.array(trials, dtype=float), np.array(reached or [True] * len(trials))
    )


def test_the_interval_of_a_paired_difference_is_that_of_the_paired_t_test() -> None:
    treated, control = np.array([0.9, 0.8, 0.95, 0.7]), np.array([0.8, 0.79, 0.8, 0.72])
    difference = paired_difference(treated, control)
    reference = stats.ttest_rel(treated, control)
    low, high = reference.confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((low, high))
    assert difference.p_value == pytest.approx(reference.pvalue)
    assert difference.mean == pytest.approx(0.06)
    assert difference.n == 4


def test_pairing_removes_what_seeds_share() -> None:
    seeds = np.array([0.1, 0.5, 0.9, 0.3])
    difference = paired_difference(seeds + np.array([0.01, 0.012, 0.009, 0.011]), seeds)
    assert difference.low > 0


def test_one_seed_says_nothing_about_spread() -> None:
    difference = paired_difference(np.array([0.9]), np.array([0.5]))
    assert (difference.low, difference.high) == (-math.inf, math.inf)
    assert difference.p_value == 1


def test_equal_values_have_an_interval_of_no_width() -> None:
    same = paired_difference(np.full(3, 0.5), np.full(3, 0.5))
    assert (same.low, same.mean, same.high, same.p_value) == (0, 0, 0, 1)
    shifted = paired_difference(np.full(3, 0.75), np.full(3, 0.5))
    assert (shifted.low, shifted.high, shifted.p_value) == (0.25, 0.25, 0)


def test_no_values_unequal_lengths_and_nan_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval(np.zeros(0))
    with pytest.raises(ValueError, match="came 3 and 2"):
        paired_difference(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="finite"):
        mean_interval(np.array([0.5, np.nan]))


def test_the_ratio_is_the_geometric_mean_over_seeds() -> None:
    ratio = restricted_ratio(times(100, 400), times(200, 200))
    assert ratio.ratio == pytest.approx(1.0)  # of 1/2 and 2; the ratio of means would be 1.25
    assert ratio.low == pytest.approx(1 / ratio.high)


def test_the_interval_of_a_clear_ratio_excludes_one() -> None:
    ratio = restricted_ratio(times(100, 110, 95, 105), times(210, 205, 200, 215))
    assert ratio.ratio == pytest.approx(0.494, abs=0.001)
    assert ratio.high < 1


def test_censored_seeds_of_each_arm_are_counted() -> None:
    ratio = restricted_ratio(
        times(100, 800, 300), times(800, 800, 800, reached=(False, True, False))
    )
    assert (ratio.n_censored_treated, ratio.n_censored_control) == (0, 2)
    assert ratio.observed


def test_a_criterion_nobody_reached_gives_no_ratio() -> None:
    never = times(800, 800, reached=(False, False))
    ratio = restricted_ratio(never, never)
    assert not ratio.observed
    assert (ratio.low, ratio.high) == (0, math.inf)  # not [1, 1], as equal times would give


def test_restricted_mean_of_one_and_four_is_two() -> None:
    assert restricted_mean(times(1, 4)).mean == pytest.approx(2)


def test_holm_by_hand_and_in_any_order() -> None:
    corrected = holm_corrected(np.array([0.04, 0.01, 0.03]))
    assert corrected == pytest.approx([0.06, 0.03, 0.06])  # .01 x 3; .03 x 2; .04 not below .06
    assert holm_corrected(np.array([0.9, 0.8])) == pytest.approx([1, 1])


def test_the_exact_interval_of_a_share_is_that_of_scipy() -> None:
    for successes, n in ((3, 8), (0, 8), (8, 8), (1, 1)):
        reference = stats.binomtest(successes, n).proportion_ci(0.95, "exact")
        assert binomial_interval(successes, n) == pytest.approx((reference.low, reference.high))
    assert binomial_interval(0, 0) == (0, 1)
    with pytest.raises(ValueError, match="expected 0 to 8, came 9"):
        binomial_interval(9, 8)


def test_intervals_cover_the_truth_about_95_times_in_100() -> None:
    generator = np.random.default_rng(0)
    intervals = [mean_interval(generator.normal(1.0, 2.0, 8)) for _ in range(1000)]
    covered = sum(each.low <= 1.0 <= each.high for each in intervals)
    assert 930 <= covered <= 970


def test_where_seeds_add_nothing_the_crossed_interval_is_that_over_units() -> None:
    by_unit = np.array([0.10, 0.02, 0.05, 0.07])
    own = np.array([[1, -1], [-1, 1], [1, -1], [-1, 1]]) * 0.01  # nothing in common
    crossed, plain = crossed_difference(by_unit[:, None] + own), mean_interval(by_unit)
    assert (crossed.mean, crossed.low, crossed.high) == pytest.approx(
        (plain.mean, plain.low, plain.high)
    )
    assert crossed.n == 4


def test_what_seeds_have_in_common_does_not_average_out_over_units() -> None:
    """By hand: 2 units, 2 seeds, mean squares .0002 (units), .02 (seeds), 0 (both)."""
    difference = np.array([[0.0, 0.1], [0.01, 0.11]])
    crossed = crossed_difference(difference)
    of_units, of_seeds = 2 * 0.00005, 2 * 0.005
    error = math.sqrt((of_units + of_seeds) / 4)
    freedom = (of_units + of_seeds) ** 2 / (of_units**2 + of_seeds**2)
    half = stats.t.ppf(0.975, freedom) * error
    assert (crossed.low, crossed.high) == pytest.approx((0.055 - half, 0.055 + half))


@pytest.mark.slow
def test_the_crossed_interval_covers_the_truth_where_that_over_units_does_not() -> None:
    generator = np.random.default_rng(0)
    covered = np.zeros(2)
    for _ in range(1000):
        values = (
            generator.normal(0, 0.02, (12, 1))
            + generator.normal(0, 0.02, (1, 4))
            + generator.normal(0, 0.02, (12, 4))
        )
        intervals = (crossed_difference(values), mean_interval(values.mean(1)))
        covered += [each.low <= 0 <= each.high for each in intervals]
    assert covered[0] >= 930
    assert covered[1] < 800


def test_one_unit_says_nothing_of_others() -> None:
    crossed = crossed_difference(np.array([[0.1, 0.2]]))
    assert (crossed.low, crossed.high, crossed.p_value) == (-math.inf, math.inf, 1.0)
    with pytest.raises(ValueError, match="finite"):
        crossed_difference(np.array([[0.1, np.nan]]))
