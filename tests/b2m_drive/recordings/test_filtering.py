"""Filters over blocks give what a filter over everything gives."""

from itertools import pairwise

import numpy as np
import pytest

from b2m_drive.recordings.filtering import (
    band_limited,
    referenced,
    resampled_to,
    smoothed_power,
    without_line,
)
from b2m_drive.recordings.sampled_signal import SampledSignal, Segment, signal_from_times

RATE = 250.0


def _signal(values: np.ndarray, rate: float = RATE, start: float = 2.0) -> SampledSignal:
    segment = Segment(len(values), start, rate, lambda a, b: values[a:b])
    return SampledSignal("eeg", tuple(f"c{k}" for k in range(values.shape[1])), (segment,), "V")


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5000, 3))


STEPS = {
    "band": lambda s: band_limited(s, 1.0, 40.0),
    "high": lambda s: band_limited(s, 0.5, None),
    "notch": lambda s: without_line(s, 50.0),
    "down": lambda s: resampled_to(s, 100.0),
    "up": lambda s: resampled_to(s, 300.0),
    "power": lambda s: smoothed_power(s, 0.1),
    "reference": lambda s: referenced(s, None),
    "all": lambda s: resampled_to(
        band_limited(without_line(referenced(s, None), 50.0), 1.0, 40.0), 125.0
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_blocks_give_what_the_whole_gives(noise: np.ndarray, step: str) -> None:
    made = STEPS[step](_signal(noise))
    whole = made[:]
    bounds = [0, 1, 7, 500, 777, len(made) - 1, len(made)]
    parts = np.concatenate([made[a:b] for a, b in pairwise(bounds)])
    assert parts.shape == whole.shape == made.shape
    assert np.allclose(parts, whole, atol=1e-6)


def test_band_pass_is_mnes(noise: np.ndarray) -> None:
    from mne.filter import filter_data

    ours = band_limited(_signal(noise), 1.0, 40.0)[:]
    theirs = filter_data(noise.T, RATE, 1.0, 40.0, pad="edge", verbose="error").T
    assert np.allclose(ours, theirs, atol=1e-5)


def test_a_sine_keeps_its_size_inside_the_band_and_loses_it_outside() -> None:
    t = np.arange(5000) / RATE
    values = np.stack([np.sin(2 * np.pi * 10 * t), np.sin(2 * np.pi * 50 * t)], 1)
    for made in (
        band_limited(_signal(values), 1.0, 30.0)[:],
        without_line(_signal(values), 50.0)[:],
    ):
        middle = made[1500:3500]
        assert np.allclose(middle[:, 0], values[1500:3500, 0], atol=0.01)
        assert np.abs(middle[:, 1]).max() < 0.01


def test_resampling_keeps_times_and_sines() -> None:
    t = 2 + np.arange(5000) / RATE
    made = resampled_to(_signal(np.sin(2 * np.pi * 10 * t)[:, None]), 100.0)
    assert made.rate == 100
    assert made.span == (2.0, pytest.approx(2 + 1999 / 100))
    inside = slice(100, 1900)
    assert np.allclose(made[:][inside, 0], np.sin(2 * np.pi * 10 * made.times)[inside], atol=0.01)


def test_power_of_a_sine_is_half_of_its_square() -> None:
    t = np.arange(5000) / RATE
    made = smoothed_power(_signal(3 * np.sin(2 * np.pi * 10 * t)[:, None]), 0.5)
    assert made.unit == "V²"
    assert np.allclose(made[1000:4000], 4.5, atol=0.2)


def test_no_filter_crosses_a_gap(noise: np.ndarray) -> None:
    times = np.arange(5000) / RATE
    times[2500:] += 10
    values = noise.copy()
    values[2500:] += 1000
    whole = signal_from_times("eeg", ("a", "b", "c"), times, lambda a, b: values[a:b])
    assert whole.gaps == ((pytest.approx(10.0), pytest.approx(20.0)),)
    alone = signal_from_times("eeg", ("a", "b", "c"), times[:2500], lambda a, b: values[a:b])
    assert np.array_equal(
        band_limited(whole, None, 20.0)[:2500], band_limited(alone, None, 20.0)[:]
    )
    assert np.allclose(whole.times, times)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda s: band_limited(s, 1.0, 125.0), "low-pass: expected above 0 and below 125"),
        (lambda s: band_limited(s, 40.0, 1.0), "low edge below the high"),
        (lambda s: band_limited(s, None, None), "an edge or two"),
        (lambda s: without_line(s, 200.0), "notch"),
        (lambda s: resampled_to(s, 0.0), "rate above 0"),
        (lambda s: resampled_to(s, 99.99999), "no simple part"),
        (lambda s: referenced(s, ["Cz"]), "reference: expected some of"),
        (lambda s: smoothed_power(s, 0.0), "power window"),
    ],
)
def test_what_cannot_be_filtered_is_refused(noise: np.ndarray, make: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make(_signal(noise))  # type: ignore[operator]


def test_nan_is_refused_where_it_is_read(noise: np.ndarray) -> None:
    values = noise.copy()
    values[100, 1] = np.nan
    signal = _signal(values)
    assert signal[:50].shape == (50, 3)
    with pytest.raises(ValueError, match="c1"):
        signal[50:150]


def test_times_that_follow_no_clock_are_refused() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 10, 500))
    with pytest.raises(ValueError, match="one rate"):
        signal_from_times("x", ("a",), times, lambda a, b: np.zeros((b - a, 1)))
    with pytest.raises(ValueError, match="not later"):
        signal_from_times("x", ("a",), np.array([0, 0, 1.0]), lambda a, b: np.zeros((b - a, 1)))
