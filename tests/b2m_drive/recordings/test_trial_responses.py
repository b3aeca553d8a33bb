"""Responses whose rows are trials: what follows from the trials, and what stays with a choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import b2m_drive as b2m
from b2m_drive.recordings.binning import in_trials, trial_bins
from b2m_drive.recordings.decision_trials import NO_STIMULUS
from b2m_drive.recordings.trial_windows import Window


def recorded(n_trials: int = 20) -> b2m.TrialResponses:
    """Sternberg trials of one to three items, whose ids are not their rows."""
    trials = b2m.simulate_sternberg(n_trials, 8, np.random.default_rng(0))
    trials = replace(trials, trial_id=trials.trial_id * 10 + 3)
    brain = replace(b2m.SimulatedBrain.preset("ideal"), n_units=5)
    return in_trials(brain.record(trials, 0))


def test_trials_are_rows_of_responses_with_the_trials_ids() -> None:
    recording = recorded()
    assert isinstance(recording, b2m.Responses)
    assert recording.ids.tolist() == list(range(3, 203, 10))
    assert recording.values.shape == (*recording.present.shape, 5)
    few = recording.select(np.array([4, 2]))
    assert few.ids.tolist() == few.trials.trial_id.tolist() == [43, 23]
    np.testing.assert_array_equal(few.values, recording.values[[4, 2]])


def test_windows_of_an_item_that_a_trial_lacks_are_absent_and_zero_whatever_stood_there() -> None:
    recording = recorded()
    other = recording.with_values(np.ones_like(recording.values))
    lacks = recording.trials.stimulus[:, 2] == NO_STIMULUS
    of_third = recording.period == "item3"
    assert lacks.any()
    assert not other.values[np.ix_(lacks, of_third)].any()
    assert (other.values[~lacks] == 1).all()
    assert recording.present[:, recording.period != "item3"][~lacks].all()


def test_a_window_starts_after_its_own_period_so_starts_need_not_increase() -> None:
    windows = (
        Window("item1", 0.1, 0.5),
        Window("item2", 0.1, 0.5),
        Window("maintenance", 0.0, 0.3),
    )
    recording = recorded()
    made = replace(recording, values=np.ones((20, 3, 5), np.float32), windows=windows)
    assert made.start.tolist() == [0.1, 0.1, 0.0]
    assert [each.width for each in trial_bins(3)] == [0.1] * 69  # without the sum's rounding
    with pytest.raises(ValueError, match=r"start: expected \(3,\), came \(2,\)"):
        replace(made, windows=windows[:2])


def test_units_are_chosen_together_with_their_activity_and_others_have_none() -> None:
    recording = recorded()
    chosen = recording.select_units(np.array([True, False, True, False, False]))
    assert chosen.units == (recording.units[0], recording.units[2])
    np.testing.assert_array_equal(chosen.values, recording.values[..., [0, 2]])
    hidden = recording.with_values(np.ones((*recording.present.shape, 64), np.float32))
    assert hidden.units == ()
    with pytest.raises(ValueError, match="units: expected 5, came 4"):
        replace(recording, units=recording.units[:4])
    with pytest.raises(ValueError, match="expected rows, times, units, came"):
        recording.select_units(np.zeros(5, bool))


def test_ids_and_what_is_present_cannot_be_given_apart_from_the_trials() -> None:
    with pytest.raises((TypeError, ValueError), match="ids"):
        replace(recorded(), ids=np.arange(20))
