from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from b2m_drive.recordings.decision_trials import NO_STIMULUS, DecisionTrials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import (
    DELAY,
    ENCODING,
    phase_of,
    present_windows,
    windows_of_items,
)
from b2m_drive.teachers.controls import shuffle_trials
from b2m_drive.teachers.shown_items import memory_set
from b2m_drive.teachers.surrogates import (
    matched_covariance,
    permute_items,
    randomise_phase,
    shift_in_time,
    shuffle_within_condition,
)
from b2m_drive.teachers.windows import teaching_windows

N_STIMULI, N_UNITS = 5, 6
SURROGATES = (
    shuffle_trials,
    shuffle_within_condition,
    shift_in_time,
    randomise_phase,
    matched_covariance,
)


def some_activity(n: int, generator: np.random.Generator, *, fewer: bool = False) -> TrialResponses:
    order = np.array([generator.permutation(N_STIMULI) for _ in range(n)])
    stimulus = order[:, :3].copy()
    if fewer:
        stimulus[np.arange(3) >= generator.integers(1, 4, size=n)[:, None]] = NO_STIMULUS
    onset = np.where(stimulus == NO_STIMULUS, np.nan, np.arange(3) * 0.7)
    nothing = np.zeros(n)
    trials = DecisionTrials(
        np.arange(n, dtype=np.int64),
        stimulus,
        onset,
        nothing + 2.3,
        nothing + 4.8,
        nothing + 0.5,
        order[:, 0],
        order[:, 3],
        np.zeros(n, dtype=np.int64),
        np.ones(n, dtype=bool),
        N_STIMULI,
    )
    windows = teaching_windows(3)
    mixing = generator.normal(size=(N_UNITS, N_UNITS))
    smooth = generator.normal(size=(n, 1, N_UNITS))
    values = (smooth + generator.normal(size=(n, len(windows), N_UNITS))) @ mixing
    values += np.arange(len(windows))[:, None]
    values[~present_windows(windows, trials)] = 0
    return TrialResponses(
        values=values.astype(np.float32), windows=windows, trials=trials, session="made up"
    )


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_absent_windows_stay_empty_and_the_others_change(generator, surrogate) -> None:
    activity = some_activity(60, generator, fewer=True)
    absent = ~present_windows(activity.windows, activity.trials)
    made = surrogate(activity, generator)
    assert made.trials is activity.trials
    assert absent.any()
    assert not made.values[absent].any()
    assert (made.values != activity.values).any(-1)[~absent].mean() > 0.6


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_a_seed_gives_the_same_surrogate_again(generator, surrogate) -> None:
    activity = some_activity(20, generator)
    first, second = (surrogate(activity, np.random.default_rng(5)).values for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_shuffling_within_conditions_keeps_every_condition_mean(generator) -> None:
    activity = some_activity(80, generator, fewer=True)
    made = shuffle_within_condition(activity, generator)
    columns = np.array(windows_of_items(activity.windows))
    for stimulus in range(N_STIMULI):
        trial, position = np.nonzero(activity.trials.stimulus == stimulus)
        before, after = (
            each.values[trial[:, None], columns[position]] for each in (activity, made)
        )
        np.testing.assert_allclose(before.mean(0), after.mean(0), atol=1e-4)
        assert not (before == after).all((1, 2)).any()
        # early and late windows of a presentation stay together
        sources = [np.flatnonzero((before == each).all((1, 2))) for each in after]
        assert all(len(each) == 1 for each in sources)
    delay = phase_of(activity.windows) == DELAY
    held = memory_set(activity.trials)
    for each in np.unique(held, axis=0):
        same = (held == each).all(1)
        np.testing.assert_allclose(
            activity.values[same][:, delay].mean(0), made.values[same][:, delay].mean(0), atol=1e-4
        )


def test_a_trial_whose_memory_set_is_its_own_stays_in_the_delay(generator) -> None:
    activity = some_activity(4, generator)
    stimulus = np.array([[0, 1, 2], [2, 1, 0], [0, 1, 3], [0, 1, 4]])
    activity = replace(activity, trials=replace(activity.trials, stimulus=stimulus))
    made = shuffle_within_condition(activity, generator)
    delay = phase_of(activity.windows) == DELAY
    same = (made.values == activity.values).all(-1)[:, delay].all(1)
    assert same.tolist() == [False, False, True, True]
    np.testing.assert_array_equal(made.values[0, delay], activity.values[1, delay])
    # items 3 and 4 were shown once: 10 of 12 presentations and 2 of 4 delays have a partner


def test_a_shift_rotates_each_phase_by_one_lag_for_all_units(generator) -> None:
    activity = some_activity(30, generator)
    made = shift_in_time(activity, generator)
    phase, lags = phase_of(activity.windows), set()
    for each in (ENCODING, DELAY):
        before, after = activity.values[:, phase == each], made.values[:, phase == each]
        for trial in range(30):
            lag = [
                k
                for k in range(before.shape[1])
                if np.array_equal(np.roll(before[trial], k, axis=0), after[trial])
            ]
            assert len(lag) == 1
            assert lag[0] != 0
            lags.add((each, lag[0]))
    assert len(lags) == (6 - 1) + (5 - 1)


def test_random_phases_keep_spectra_means_and_covariance_of_units(generator) -> None:
    activity = some_activity(30, generator)
    made = randomise_phase(activity, generator)
    phase = phase_of(activity.windows)
    for each in (ENCODING, DELAY):  # six and five windows
        before, after = activity.values[:, phase == each], made.values[:, phase == each]
        np.testing.assert_allclose(
            np.abs(np.fft.rfft(before, axis=1)), np.abs(np.fft.rfft(after, axis=1)), atol=1e-3
        )
        np.testing.assert_allclose(before.mean(1), after.mean(1), atol=1e-4)
        np.testing.assert_allclose(
            np.einsum("twu,twv->tuv", before, before),
            np.einsum("twu,twv->tuv", after, after),
            rtol=1e-3,
            atol=1e-2,
        )


def test_matched_covariance_matches_means_units_and_windows_but_no_trial(generator) -> None:
    activity = some_activity(4000, generator)
    made = matched_covariance(activity, generator)
    phase = phase_of(activity.windows)
    for each in (ENCODING, DELAY):
        before, after = (
            values[:, phase == each] - activity.values[:, phase == each].mean(0)
            for values in (activity.values, made.values)
        )
        spread = before.std()
        assert np.abs(after.mean(0)).max() < 0.1 * spread
        for axes in ("twu,twv->uv", "twu,txu->wx"):
            wanted, came = (np.einsum(axes, part, part) / 4000 for part in (before, after))
            assert np.abs(wanted - came).max() < 0.08 * np.abs(wanted).max()
        assert abs(np.corrcoef(before.ravel(), after.ravel())[0, 1]) < 0.02


def test_units_without_variance_are_no_obstacle(generator) -> None:
    activity = some_activity(20, generator)
    still = replace(activity, values=np.ones_like(activity.values))
    for surrogate in SURROGATES:
        np.testing.assert_allclose(surrogate(still, generator).values, 1, atol=1e-6)


def test_permuted_items_are_all_others(generator) -> None:
    for n in (2, 9):
        order = permute_items(n, generator)
        assert sorted(order) == list(range(n))
        assert (order != np.arange(n)).all()
    with pytest.raises(ValueError, match="at least 2 to permute, came 1"):
        permute_items(1, generator)
