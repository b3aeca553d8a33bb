"""How a signal was sampled: at which rate, how steadily, what was lost, and where it paused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

LONGEST_BRIDGED = 0.1  # [s] between two samples; longer is a pause, which nothing may cross
MOST_LOST = 0.5  # share of the samples between pauses that may be made up
_STEADY = 1e-6  # of an interval, by which a perfect clock's may differ
_MOST_JITTER = 0.2  # of an interval (root mean square), where it is still one rate
_CANDIDATES = (0.5, 0.25, 0.1)  # quantiles of the intervals: when half is lost, not the median
_ROUNDS = 10  # of the regression, far more than it needs


@dataclass(frozen=True)
class Sampling:
    """What the times of a signal's samples say."""

    rate: float  # [Hz] of the clock, lost samples included; NaN for a single sample
    position: Float64[np.ndarray, " sample"]  # samples of that clock since the segment's first
    segment: Int64[np.ndarray, " sample"]  # number of the stretch without a pause, from 0
    lost: float  # share of the clock's samples that did not come, pauses aside
    jitter: float  # root mean square of what intervals differ from whole numbers of samples
    longest: float  # [s] between two samples

    @property
    def n_segments(self) -> int:
        """Stretches without a pause."""
        return int(self.segment[-1]) + 1

    @property
    def complete(self) -> bool:
        """Whether every segment has all its samples, one after the other."""
        return bool((np.diff(self.position)[np.diff(self.segment) == 0] == 1).all())

    @property
    def text(self) -> str:
        """The figures, in words."""
        return (
            f"{self.rate:g} samples/s with {self.lost:.0%} lost, {self.n_segments - 1} pauses "
            f"over {LONGEST_BRIDGED:g} s (longest interval {self.longest:g} s), intervals off by "
            f"{self.jitter:.2f} of a sample"
        )


def sampling_of(
    time: Float64[np.ndarray, " sample"], longest_bridged: float = LONGEST_BRIDGED
) -> Sampling:
    """Rate, losses and pauses of samples that came at these times.

    The rate is a slope over all samples between pauses, so that times rounded to a millisecond do
    not bend it. If samples stay within one interval of that line, none is lost. Otherwise an
    interval is taken for a whole number of the clock's; where intervals are no whole numbers of
    anything (jitter over a fifth), there is no clock: the rate is then the mean one, and positions
    are fractions.

    Args:
        time: Of the samples, increasing [s].
        longest_bridged: Longer intervals are pauses [s], if they are 2.5 usual ones or more.
    """
    interval = np.diff(time)
    if not len(interval):
        nan, one = float("nan"), np.zeros(1)
        return Sampling(nan, one, one.astype(np.int64), 0.0, 0.0, nan)
    usual = float(np.median(interval))
    pause = interval > max(longest_bridged, 2.5 * usual)
    segment = np.concatenate([[0], np.cumsum(pause)]).astype(np.int64)
    within = interval[~pause]
    usual, steps = _clock_of(time, segment, within, usual)
    off = within / usual - np.maximum(np.round(within / usual), 1.0)
    jitter = float(np.sqrt(np.mean(off**2))) if len(within) else 0.0
    lost = max(1 - len(within) / float(steps.sum()), 0.0) if len(within) else 0.0
    position = _positions(pause, steps)
    return Sampling(1 / usual, position, segment, lost, jitter, float(interval.max()))


def pauses_of(
    time: Float64[np.ndarray, " sample"],
) -> tuple[Float64[np.ndarray, " pause"], Float64[np.ndarray, " pause"]]:
    """When each pause began, a usual interval after its last sample, and when it was over [s]."""
    interval = np.diff(time)
    if not len(interval):
        return np.zeros(0), np.zeros(0)
    usual = float(np.median(interval))
    pause = interval > max(LONGEST_BRIDGED, 2.5 * usual)
    return time[:-1][pause] + usual, time[1:][pause]


def resampled(
    values: Float[np.ndarray, "sample unit"], sampling: Sampling, segment: int
) -> Float[np.ndarray, "grid unit"]:
    """One segment at every sample of its clock; what was lost lies on a smooth curve (PCHIP)."""
    from scipy.interpolate import PchipInterpolator

    inside = sampling.segment == segment
    position = sampling.position[inside]
    grid = np.arange(int(position[-1]) + 1)
    if len(grid) == len(position) and (position == grid).all():
        return np.asarray(values[inside])
    made: Float[np.ndarray, "grid unit"] = PchipInterpolator(position, values[inside])(grid)
    return made


def check_sampling(sampling: Sampling, what: str, least_rate: float) -> None:
    """Refuse what cannot be filtered.

    Raises:
        ValueError: If fewer samples come than the least rate [Hz] or than half of the clock's.
    """
    arriving = sampling.rate * (1 - sampling.lost)
    if not arriving > least_rate:
        raise ValueError(
            f"{what}: expected over {least_rate:g} samples/s, came {arriving:g} ({sampling.text})"
        )
    if sampling.lost > MOST_LOST:
        raise ValueError(
            f"{what}: expected at least {1 - MOST_LOST:.0%} of the samples, came "
            f"{1 - sampling.lost:.0%} ({sampling.text})"
        )


def _clock_of(
    time: Float64[np.ndarray, " sample"],
    segment: Int64[np.ndarray, " sample"],
    interval: Float64[np.ndarray, " interval"],
    usual: float,
) -> tuple[float, Float64[np.ndarray, " interval"]]:
    """The clock's interval [s], and how many of it each interval between pauses is."""
    one_each = np.ones(len(interval))
    if not len(interval) or np.abs(interval - usual).max() <= _STEADY * usual:
        return usual, one_each
    along_line = _slope_without_losses(time, segment)
    if along_line is not None:
        return along_line, one_each
    for quantile in _CANDIDATES:
        candidate, steps = _slope_with_losses(interval, float(np.quantile(interval, quantile)))
        if np.sqrt(np.mean((interval / candidate - steps) ** 2)) <= _MOST_JITTER:
            return candidate, steps
    mean = float(interval.mean())
    return mean, interval / mean


def _slope_without_losses(
    time: Float64[np.ndarray, " sample"], segment: Int64[np.ndarray, " sample"]
) -> float | None:
    """Interval [s] of the line through all segments; None if a sample is farther off than that."""
    size = np.bincount(segment)
    begin = np.repeat(np.cumsum(size) - size, size)
    number = np.arange(len(time)) - begin
    number = number - (np.bincount(segment, number) / size)[segment]
    since = time - time[begin]  # exact where times count from 1970
    since = since - (np.bincount(segment, since) / size)[segment]
    slope = float((number * since).sum() / (number**2).sum())
    return slope if np.abs(since - slope * number).max() <= slope else None


def _slope_with_losses(
    interval: Float64[np.ndarray, " interval"], usual: float
) -> tuple[float, Float64[np.ndarray, " interval"]]:
    """Interval [s] of the clock near the usual one, and how many of it each interval is."""
    steps = np.maximum(np.round(interval / usual), 1.0)
    for _ in range(_ROUNDS):
        usual, before = float(interval.sum() / steps.sum()), steps
        steps = np.maximum(np.round(interval / usual), 1.0)
        if (steps == before).all():
            break
    return usual, steps


def _positions(
    pause: np.ndarray, steps: Float64[np.ndarray, " interval"]
) -> Float64[np.ndarray, " sample"]:
    """Running number of the clock's samples, from 0 again after each pause."""
    moved = np.zeros(len(pause))
    moved[~pause] = steps
    position = np.concatenate([[0.0], np.cumsum(moved)])
    begins = np.concatenate([[0], np.flatnonzero(pause) + 1])
    lengths = np.diff(np.append(begins, len(position)))
    positions: Float64[np.ndarray, " sample"] = position - np.repeat(position[begins], lengths)
    return positions
