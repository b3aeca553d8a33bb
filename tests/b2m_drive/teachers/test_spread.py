from __future__ import annotations

import numpy as np
import pytest

from b2m_drive.teachers.frame_decoding import cross_fitted, decoding_r2
from b2m_drive.teachers.spread import at_ease, moves, varies, without_rounding

STATUS = 8388608.0


def channels(dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two channels in volts that tell a variable, the variable, and the episode of each frame."""
    generator = np.random.default_rng(0)
    target = generator.normal(size=(400, 1))
    noise = 0.2 * generator.normal(size=(400, 2))
    return (1e-6 * (target + noise)).astype(dtype), target, np.repeat(np.arange(20), 20)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_status_channel_of_8388608_silences_no_channel_in_volts(dtype: type) -> None:
    volts, target, episode = channels(dtype)
    alone = decoding_r2(volts, target, episode)
    assert alone[0] > 0.9
    status = np.full((400, 1), STATUS, dtype)
    beside = np.concatenate([volts, status], axis=1)
    assert decoding_r2(beside, target, episode) == pytest.approx(alone, abs=1e-6)
    teaching = episode < 15
    np.testing.assert_allclose(
        cross_fitted(beside, target, episode, teaching),
        cross_fitted(volts, target, episode, teaching),
        atol=1e-6,
    )


def test_a_channel_far_from_zero_is_read_as_well_as_one_near_it() -> None:
    _, target, episode = channels(np.float64)
    code = np.round(1000 * target).astype(np.float32)
    near, far = (decoding_r2(each, target, episode) for each in (code, code + np.float32(STATUS)))
    assert far == pytest.approx(near, abs=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 1e-20, 0.1, -7.3, STATUS, 1e30])
def test_a_constant_column_is_flat_at_any_size_and_length(dtype: type, value: float) -> None:
    for n_rows in (1, 2, 3, 100_000):
        assert not varies(np.full((n_rows, 2), value, dtype)).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_of_a_constant_is_flat_and_a_small_signal_is_not(dtype: type) -> None:
    generator = np.random.default_rng(0)
    rounded = (0.1 * (1 + np.finfo(dtype).eps * generator.integers(-2, 3, 1000))).astype(dtype)
    signal = (0.1 + 1e-5 * generator.normal(size=1000)).astype(dtype)
    assert varies(np.stack([rounded, signal, 1e-12 * signal], axis=1)).tolist() == [
        False,
        True,
        True,
    ]


def test_a_column_with_nan_is_not_left_out_in_silence() -> None:
    assert varies(np.array([[1.0, np.nan], [1.0, 1.0]])).tolist() == [False, True]


def test_whole_numbers_and_truth_values_are_judged_too() -> None:
    assert varies(np.array([[1, 5], [1, 6]])).tolist() == [False, True]
    assert varies(np.array([True, False]))


def test_a_simulators_rounding_about_zero_is_no_movement() -> None:
    generator = np.random.default_rng(0)
    state = generator.normal(size=(100, 2)) * [1e-15, 1e-4]
    assert moves(state).tolist() == [False, True]


def test_columns_at_ease_are_standardised_to_the_same_bits() -> None:
    values = np.random.default_rng(0).normal(3, 1, size=(50, 3)).astype(np.float32)
    eased = at_ease(values)
    scaled = at_ease(values * np.float32(2.0**-90))
    np.testing.assert_array_equal(eased, scaled)
    np.testing.assert_array_equal(
        (eased - eased.mean(0)) / eased.std(0), (values - values.mean(0)) / values.std(0)
    )


def test_rounding_beside_the_strongest_component_is_set_to_nothing() -> None:
    components = np.random.default_rng(0).normal(size=(50, 3)) * [5, 1e-3, 1e-7]
    kept = without_rounding(components, np.ones(50, dtype=bool))
    np.testing.assert_array_equal(kept[:, :2], components[:, :2])
    assert not kept[:, 2].any()
