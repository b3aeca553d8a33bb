from __future__ import annotations

import math

import pytest

from b2m_drive.transfer import WeightSchedule


def test_a_constant_weight_stays_at_its_peak() -> None:
    schedule = WeightSchedule(0.3)
    assert [schedule(step, 100) for step in (0, 50, 99, 100)] == [0.3] * 4


def test_a_falling_weight_is_half_way_at_half_of_its_fall_and_zero_from_then_on() -> None:
    schedule = WeightSchedule(2.0, falls_to_zero_at=0.5)
    assert schedule(0, 100) == 2.0
    assert schedule(25, 100) == pytest.approx(1.0)
    assert [schedule(step, 100) for step in (50, 51, 100)] == [0.0] * 3


def test_the_fall_depends_on_the_fraction_of_training_not_on_its_length() -> None:
    schedule = WeightSchedule(1.0, falls_to_zero_at=0.7)
    assert schedule(30, 100) == pytest.approx(schedule(300, 1000))


@pytest.mark.parametrize("peak", [-0.1, math.nan, math.inf])
def test_a_peak_that_is_no_weight_is_refused(peak: float) -> None:
    with pytest.raises(ValueError, match="peak"):
        WeightSchedule(peak)


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5, math.nan])
def test_a_fall_outside_training_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="falls_to_zero_at"):
        WeightSchedule(1.0, falls_to_zero_at=fraction)


def test_impossible_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="n_steps"):
        WeightSchedule()(0, 0)
    with pytest.raises(ValueError, match="step"):
        WeightSchedule()(-1, 10)
