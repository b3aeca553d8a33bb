"""Intervals over seeds: paired differences, ratios of censored times, corrections."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64
from scipy import stats

LEVEL = 0.95  # of every interval
_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of a number, by which equal ones may differ


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % t-interval.

    One value has the interval (-inf, inf); values that are all equal one of no width.
    """

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PairedDifference(Interval):
    """The interval of treated minus control, paired by seed, and its two-sided t-test."""

    p_value: float  # not corrected; 1 for one pair or a difference that is always 0


@dataclass(frozen=True)
class RestrictedTrials:
    """Training trials to a criterion for each seed, counted at the budget where not reached."""

    trials: Float64[np.ndarray, " seed"]
    reached: Bool[np.ndarray, " seed"]

    @property
    def n_censored(self) -> int:
        """Seeds that did not reach the criterion within the budget."""
        return int((~self.reached).sum())


@dataclass(frozen=True)
class RestrictedRatio:
    """Geometric mean over seeds of trials needed, treated over control; below 1 is faster.

    Seeds that did not reach the criterion count at the budget (the *restricted* time), which
    pulls a ratio towards 1 when the control is censored and must be read beside the counts. If
    no seed of either arm reached it, the data say nothing: 1 within (0, inf).
    """

    ratio: float
    low: float
    high: float
    n: int
    n_censored_treated: int
    n_censored_control: int

    @property
    def observed(self) -> bool:
        """Whether any student reached the criterion."""
        return self.n_censored_treated < self.n or self.n_censored_control < self.n


def mean_interval(values: Float64[np.ndarray, " seed"]) -> Interval:
    """Mean over seeds with its t-interval.

    Raises:
        ValueError: If there are no values, or some are not finite.
    """
    _require_finite(values)
    mean, n = float(values.mean()), len(values)
    if n == 1:
        return Interval(mean, -math.inf, math.inf, n)
    half = _half_width(values)
    return Interval(mean, mean - half, mean + half, n)


def paired_difference(
    treated: Float64[np.ndarray, " _"], control: Float64[np.ndarray, " _"]
) -> PairedDifference:
    """Treated minus control, seed by seed: mean, t-interval and t-test.

    A difference that is the rounding of the two numbers is 0, lest ten seeds of 1e-17 be sure.

    Raises:
        ValueError: If the two have different lengths, are empty or not finite.
    """
    _require_pairs(treated, control)
    difference = treated - control
    rounding = _ROUNDING * np.maximum(np.abs(treated), np.abs(control))
    difference = np.where(np.abs(difference) <= rounding, 0.0, difference)
    interval = mean_interval(difference)
    return PairedDifference(
        interval.mean, interval.low, interval.high, interval.n, _p_value(difference)
    )


def crossed_difference(difference: Float64[np.ndarray, "unit seed"]) -> PairedDifference:
    """The mean of units that were all measured with the same seeds, both a random sample.

    What the seeds have in common (the same students alone, the same starts) does not average out
    over units, so its variance is added: the variance of the mean of a two-way random layout
    without replication, with the degrees of freedom of Satterthwaite (1946); see Searle, Casella
    & McCulloch (1992), *Variance Components*. Where seeds add no variance it is the t-interval
    over units. ``n`` counts units; one unit has the interval (-inf, inf).

    Raises:
        ValueError: If there are no values, or some are not finite.
    """
    _require_finite(difference.ravel())
    mean, n_units = float(difference.mean()), len(difference)
    if n_units == 1:
        return PairedDifference(mean, -math.inf, math.inf, 1, 1.0)
    error, freedom = _crossed_error(difference)
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    if error > 0:
        p_value = float(2 * stats.t.sf(abs(mean) / error, freedom))
    else:
        p_value = 1.0 if mean == 0 else 0.0
    return PairedDifference(mean, mean - half, mean + half, n_units, p_value)


def _crossed_error(difference: Float64[np.ndarray, "unit seed"]) -> tuple[float, float]:
    """Standard error of the mean over units and seeds, and its degrees of freedom."""
    n_units, n_seeds = difference.shape
    by_unit, by_seed = difference.mean(1), difference.mean(0)
    of_units = n_seeds * float(by_unit.var(ddof=1))
    if n_seeds == 1:
        return math.sqrt(of_units / n_units), float(n_units - 1)
    of_seeds = n_units * float(by_seed.var(ddof=1))
    residual = difference - by_unit[:, None] - by_seed + difference.mean()
    of_both = float((residual**2).sum()) / ((n_units - 1) * (n_seeds - 1))
    if of_seeds <= of_both:
        return math.sqrt(of_units / (n_units * n_seeds)), float(n_units - 1)
    total = of_units + of_seeds - of_both
    freedom = total**2 / (
        of_units**2 / (n_units - 1)
        + of_seeds**2 / (n_seeds - 1)
        + of_both**2 / ((n_units - 1) * (n_seeds - 1))
    )
    return math.sqrt(total / (n_units * n_seeds)), freedom


def restricted_mean(times: RestrictedTrials) -> Interval:
    """Geometric mean of the restricted trials to a criterion, with its interval."""
    interval = mean_interval(np.log(times.trials))
    return Interval(
        math.exp(interval.mean), math.exp(interval.low), math.exp(interval.high), interval.n
    )


def restricted_ratio(treated: RestrictedTrials, control: RestrictedTrials) -> RestrictedRatio:
    """Ratio of trials to a criterion, paired by seed; the t-interval is that of its logarithm."""
    _require_pairs(treated.trials, control.trials)
    censored = treated.n_censored, control.n_censored
    n = len(treated.trials)
    if censored == (n, n):
        return RestrictedRatio(1.0, 0.0, math.inf, n, *censored)
    interval = mean_interval(np.log(treated.trials / control.trials))
    low, high = math.exp(interval.low), math.exp(interval.high)
    return RestrictedRatio(math.exp(interval.mean), low, high, n, *censored)


def holm_corrected(p_values: Float64[np.ndarray, " test"]) -> Float64[np.ndarray, " test"]:
    """Step-down correction for many tests (Holm 1979); order is kept, values stop at 1."""
    order = np.argsort(p_values, kind="stable")
    factor = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factor), 1.0)
    return corrected


def binomial_interval(n_successes: int, n: int) -> tuple[float, float]:
    """Exact 95 % interval of a share (Clopper & Pearson 1934); (0, 1) for no trials.

    Raises:
        ValueError: If the successes are negative or more than the trials.
    """
    if not 0 <= n_successes <= n:
        raise ValueError(f"n_successes: expected 0 to {n}, came {n_successes}")
    tail = (1 - LEVEL) / 2
    low = stats.beta.ppf(tail, n_successes, n - n_successes + 1) if n_successes else 0.0
    high = stats.beta.isf(tail, n_successes + 1, n - n_successes) if n_successes < n else 1.0
    return float(low), float(high)


def rank_correlation(first: Float64[np.ndarray, " _"], second: Float64[np.ndarray, " _"]) -> float:
    """Spearman's correlation; NaN for fewer than three pairs or values that are all equal.

    Raises:
        ValueError: If the two have different lengths or are not finite.
    """
    if len(first) != len(second):
        raise ValueError(f"expected as many of both, came {len(first)} and {len(second)}")
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    _require_finite(first)
    _require_finite(second)
    return float(np.corrcoef(stats.rankdata(first), stats.rankdata(second))[0, 1])


def _half_width(values: Float64[np.ndarray, " seed"]) -> float:
    n = len(values)
    return float(_quantile(n - 1) * values.std(ddof=1) / math.sqrt(n))


@lru_cache(maxsize=256)
def _quantile(n_free: int) -> float:
    """Of Student's t, at the upper end of an interval."""
    return float(stats.t.ppf((1 + LEVEL) / 2, n_free))


def _p_value(difference: Float64[np.ndarray, " seed"]) -> float:
    n = len(difference)
    if n == 1:
        return 1.0
    error = float(difference.std(ddof=1)) / math.sqrt(n)
    mean = float(difference.mean())
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / error, n - 1))


def _require_pairs(treated: Float64[np.ndarray, " _"], control: Float64[np.ndarray, " _"]) -> None:
    if len(treated) != len(control):
        raise ValueError(
            f"expected as many treated as control values, came {len(treated)} and {len(control)}"
        )


def _require_finite(values: Float64[np.ndarray, " _"]) -> None:
    if not len(values):
        raise ValueError("expected at least one value, came none")
    if not np.isfinite(values).all():
        raise ValueError(f"expected finite values, came {values}")
