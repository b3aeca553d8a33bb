from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from b2m_drive.recordings.decision_trials import NO_STIMULUS, DecisionTrials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import DELAY, ENCODING, Window, present_windows
from b2m_drive.teachers.controls import (
    information_rate,
    kept_for_accuracy,
    kept_for_auc,
    label_latents,
    shuffle_trials,
)
from b2m_drive.teachers.latent_ceiling import explainable_latent_variance
from b2m_drive.teachers.latents import TRIAL_LATENTS, carry, decode_stimuli, latents_of
from b2m_drive.teachers.shown_items import memory_set, shown_in
from b2m_drive.teachers.window_of_steps import NO_WINDOW, average_in_windows, window_of_steps
from b2m_drive.teachers.windows import WINDOW_CHOICES, teaching_windows

N_STIMULI = 6


def some_trials(n: int, generator: np.random.Generator) -> DecisionTrials:
    order = np.array([generator.permutation(N_STIMULI) for _ in range(n)])
    side = generator.integers(2, size=n)
    left = np.where(side == 0, order[:, 0], order[:, 3])
    right = np.where(side == 1, order[:, 0], order[:, 3])
    onset = np.arange(3)[None] * 0.7 + np.arange(n)[:, None] * 8.0
    return DecisionTrials(
        np.arange(n, dtype=np.int64) + 100,
        order[:, :3].astype(np.int64),
        onset,
        onset[:, -1] + 0.9,
        onset[:, -1] + 3.4,
        np.full(n, 0.5),
        left.astype(np.int64),
        right.astype(np.int64),
        side.astype(np.int64),
        np.ones(n, dtype=bool),
        N_STIMULI,
    )


def shorter(trials: DecisionTrials, generator: np.random.Generator) -> DecisionTrials:
    """The same trials with one, two or three items."""
    absent = np.arange(3) >= generator.integers(1, 4, size=len(trials))[:, None]
    return replace(
        trials,
        stimulus=np.where(absent, NO_STIMULUS, trials.stimulus),
        item_onset=np.where(absent, np.nan, trials.item_onset),
    )


def activity_of(
    trials: DecisionTrials,
    generator: np.random.Generator,
    *,
    noise: float,
    n_units: int = 20,
    windows: tuple[Window, ...] = teaching_windows(3),
) -> TrialResponses:
    """Units that are tuned at random to the items shown and to the items held."""
    tuning = generator.normal(size=(N_STIMULI, n_units))
    clean = shown_in(windows, trials) @ tuning
    values = clean + noise * generator.normal(size=clean.shape)
    return TrialResponses(
        values=values.astype(np.float32), windows=windows, trials=trials, session="made up"
    )


def test_decoded_latents_of_a_clear_brain_name_the_items(generator) -> None:
    trials = some_trials(80, generator)
    activity = activity_of(trials, generator, noise=0.2)
    evidence = decode_stimuli(activity, np.ones(80, dtype=bool), seed=0)
    accuracy, auc = information_rate(evidence, trials, activity.windows)
    assert accuracy > 0.97
    assert auc > 0.97


def test_a_brain_shuffled_before_the_fit_decodes_at_chance(generator) -> None:
    trials = some_trials(150, generator)
    activity = activity_of(trials, generator, noise=0.2)
    evidence = decode_stimuli(
        shuffle_trials(activity, generator), np.ones(150, dtype=bool), 0, beyond_frequency=True
    )
    accuracy, auc = information_rate(evidence, trials, activity.windows)
    assert abs(accuracy - 1 / N_STIMULI) < 0.08
    assert abs(auc - 0.5) < 0.08


@pytest.mark.slow
def test_held_out_trials_do_not_touch_the_fit(generator) -> None:
    trials = some_trials(60, generator)
    activity = activity_of(trials, generator, noise=1.0)
    teaching = np.arange(60) < 45
    spoilt = activity.values.copy()
    spoilt[45:] = 1e3
    for method in TRIAL_LATENTS:
        before = latents_of(activity, teaching, method=method, pairing="recorded", seed=0)
        after = latents_of(
            replace(activity, values=spoilt), teaching, method=method, pairing="recorded", seed=0
        )
        np.testing.assert_allclose(before.values[:45], after.values[:45], atol=1e-4)
        assert not np.allclose(before.values[45:], after.values[45:])


def test_carried_latents_are_the_sum_over_the_same_trials_items() -> None:
    windows = (
        Window("item1", 0.1, 0.5),
        Window("item1", 0.5, 0.9),
        Window("item2", 0.1, 0.5),
        Window("item2", 0.5, 0.9),
        Window("maintenance", 0.1, 0.5),
    )
    values = np.array([[[1.0], [3.0], [10.0], [20.0], [-7.0]]], np.float32)
    assert carry(values, windows)[0, :, 0].tolist() == [1, 3, 10, 20, 2 + 15]


@pytest.mark.slow
@pytest.mark.parametrize("method", TRIAL_LATENTS)
def test_latents_have_zero_mean_and_unit_variance_in_each_phase(generator, method) -> None:
    activity = activity_of(some_trials(60, generator), generator, noise=1.0)
    latents = latents_of(
        activity, np.ones(60, dtype=bool), method=method, pairing="carried", seed=0
    )
    for phase in (ENCODING, DELAY):
        part = latents.values[:, latents.phase == phase].reshape(-1, latents.values.shape[-1])
        np.testing.assert_allclose(part.mean(0), 0, atol=1e-4)
        np.testing.assert_allclose(part.std(0), 1, atol=1e-3)
    np.testing.assert_allclose(latents.share_of_variance.sum(1), 1)


def test_cross_validation_finds_the_number_of_components(generator) -> None:
    trials = some_trials(120, generator)
    windows = teaching_windows(3)
    factors = generator.normal(size=(120, len(windows), 3))
    mixing = generator.normal(size=(3, 25))
    values = factors @ mixing * 2 + generator.normal(size=(120, len(windows), 25))
    latents = latents_of(
        TrialResponses(
            values=values.astype(np.float32), windows=windows, trials=trials, session="made up"
        ),
        np.ones(120, dtype=bool),
        method="pca",
        pairing="recorded",
        seed=0,
    )
    assert latents.values.shape[-1] == 3


def test_the_noise_ceiling_is_one_for_labels_and_nothing_for_a_shuffled_brain(generator) -> None:
    trials = some_trials(120, generator)
    activity = activity_of(trials, generator, noise=0.5)
    everything = np.ones(120, dtype=bool)
    clean = label_latents(trials, activity.windows, pairing="recorded", generator=generator)
    shuffled = latents_of(
        shuffle_trials(activity, generator),
        everything,
        method="decoded",
        pairing="recorded",
        seed=0,
    )
    for phase in ("encoding", "delay"):
        assert explainable_latent_variance(clean, trials, 0)[phase] > 0.98
        assert explainable_latent_variance(shuffled, trials, 0)[phase] < 0.05


def test_corrupted_labels_have_the_rate_that_was_asked_for(generator) -> None:
    trials = some_trials(3000, generator)
    windows = teaching_windows(3)
    latents = label_latents(
        trials,
        windows,
        pairing="recorded",
        kept=(kept_for_accuracy(0.4, N_STIMULI), kept_for_auc(0.7)),
        generator=generator,
    )
    accuracy, auc = information_rate(latents.values, trials, windows)
    assert abs(accuracy - 0.4) < 0.03
    assert abs(auc - 0.7) < 0.05


def test_shuffling_leaves_no_trial_in_its_place(generator) -> None:
    activity = activity_of(some_trials(12, generator), generator, noise=1.0)
    shuffled = shuffle_trials(activity, generator).values
    assert not (shuffled == activity.values).all((1, 2)).any()
    assert sorted(shuffled.sum((1, 2)).tolist()) == sorted(activity.values.sum((1, 2)).tolist())


def test_the_memory_set_holds_what_was_shown(generator) -> None:
    trials = some_trials(5, generator)
    held = memory_set(trials)
    for row, shown in zip(held, trials.stimulus, strict=True):
        assert sorted(np.flatnonzero(row)) == sorted(shown)


def test_steps_find_their_window_by_event_and_time() -> None:
    windows = teaching_windows(2)
    names = ("fixation", "item1", "item2", "maintenance", "probe")
    period = np.array([[0, 1, 1, 1, 2, 3, 3, 4, -1]])
    since = np.array([[0, 0, 0.4, 0.8, 0, 0, 0.6, 0, 0]], np.float32)
    found = window_of_steps(windows, names, period, since, 0.2)[0]
    # 0.2 s after item 1, 0.6 s, 1.0 s (no window), 0.2 s after item 2, delay 0.2 s and 0.8 s
    assert found.tolist() == [NO_WINDOW, 0, 1, NO_WINDOW, 2, 4, 5, NO_WINDOW, NO_WINDOW]


def test_a_window_of_one_item_reaches_into_the_next_period() -> None:
    windows = (Window("item1", 0.1, 0.5), Window("item1", 0.5, 0.9))
    period = np.array([[0, 1, 2, 2, 2, 2]])
    steps = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    average = average_in_windows(steps, windows, ("fixation", "item1", "item2"), period, 0.2)
    assert average[0, :, 0].tolist() == [1.5, 3.5]


@pytest.mark.slow
@pytest.mark.parametrize("method", TRIAL_LATENTS)
def test_what_stands_in_absent_windows_changes_nothing(generator, method) -> None:
    trials = shorter(some_trials(80, generator), generator)
    activity = activity_of(trials, generator, noise=1.0)
    absent = ~present_windows(activity.windows, trials)
    assert 0.1 < absent.mean() < 0.5
    spoilt = activity.values.copy()
    spoilt[absent] = 1e3
    teaching = np.arange(80) < 60
    before, after = (
        latents_of(
            replace(activity, values=values), teaching, method=method, pairing="carried", seed=0
        )
        for values in (activity.values, spoilt)
    )
    np.testing.assert_array_equal(before.values, after.values)
    assert not before.values[absent].any()
    np.testing.assert_array_equal(~absent, before.present)
    assert explainable_latent_variance(before, trials, 0)["encoding"] > 0.2


def test_trials_with_fewer_items_are_decoded_as_well_as_full_ones(generator) -> None:
    trials = shorter(some_trials(100, generator), generator)
    activity = activity_of(trials, generator, noise=0.2)
    evidence = decode_stimuli(activity, np.ones(100, dtype=bool), seed=0)
    accuracy, auc = information_rate(evidence, trials, activity.windows)
    assert accuracy > 0.97
    assert auc > 0.97


def test_a_trial_of_one_item_carries_that_item_alone() -> None:
    windows = (
        Window("item1", 0.1, 0.5),
        Window("item2", 0.1, 0.5),
        Window("maintenance", 0.1, 0.5),
    )
    trials = some_trials(2, np.random.default_rng(0))
    trials = replace(trials, stimulus=np.array([[0, 1, 2], [3, NO_STIMULUS, NO_STIMULUS]]))
    shown = shown_in(windows, trials)
    assert carry(shown, windows)[:, -1].tolist() == [[1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    assert memory_set(trials)[1].tolist() == [0, 0, 0, 1, 0, 0]


def test_corruption_adds_no_item_to_a_trial(generator) -> None:
    trials = shorter(some_trials(50, generator), generator)
    windows = teaching_windows(3)
    latents = label_latents(
        trials, windows, pairing="recorded", kept=(0.0, 0.0), generator=generator
    )
    absent = ~present_windows(windows, trials)
    assert absent.any()
    assert not latents.values[absent].any()
    assert latents.values[~absent].any(1).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", TRIAL_LATENTS)
@pytest.mark.parametrize("which", WINDOW_CHOICES)
def test_every_choice_of_windows_gives_latents(generator, which, method) -> None:
    windows = teaching_windows(3, which=which)
    activity = activity_of(some_trials(60, generator), generator, noise=0.3, windows=windows)
    everything = np.ones(60, dtype=bool)
    latents = latents_of(activity, everything, method=method, pairing="recorded", seed=0)
    assert latents.values.shape[:2] == (60, len(windows))
    np.testing.assert_allclose(latents.share_of_variance.sum(1), 1)
    ceiling = explainable_latent_variance(latents, activity.trials, 0)
    phases = {"encoding": which != "delay", "delay": which != "encoding"}
    for name, there in phases.items():
        assert ceiling[name] > 0.3 if there else np.isnan(ceiling[name])


def test_choices_of_windows_differ_as_their_names_say() -> None:
    early, late = Window("item1", 0.1, 0.5), Window("item1", 0.5, 0.9)
    chosen = {which: teaching_windows(2, which=which) for which in WINDOW_CHOICES}
    delay = chosen["delay"]
    assert {window.phase for window in delay} == {DELAY}
    assert chosen["early"][:2] == (early, Window("item2", 0.1, 0.5))
    assert chosen["early"][2:] == delay
    assert chosen["encoding"][:2] == (early, late)
    assert chosen["all"] == (*chosen["encoding"], *delay)


def test_labels_of_the_delay_alone_are_corrupted_to_its_rate(generator) -> None:
    trials = some_trials(60, generator)
    windows = teaching_windows(3, which="delay")
    evidence = shown_in(windows, trials)
    accuracy, auc = information_rate(evidence, trials, windows)
    assert np.isnan(accuracy)
    assert auc == 1
    kept = (kept_for_accuracy(accuracy, N_STIMULI), kept_for_auc(auc))
    latents = label_latents(trials, windows, pairing="recorded", kept=kept, generator=generator)
    assert information_rate(latents.values, trials, windows)[1] == 1
    accuracy, auc = information_rate(
        shown_in(teaching_windows(3, which="encoding"), trials),
        trials,
        teaching_windows(3, which="encoding"),
    )
    assert accuracy == 1
    assert np.isnan(auc)


def test_a_delay_without_encoding_has_nothing_to_carry(generator) -> None:
    windows = teaching_windows(3, which="delay")
    activity = activity_of(some_trials(30, generator), generator, noise=1.0, windows=windows)
    with pytest.raises(ValueError, match="expected windows of items"):
        latents_of(activity, np.ones(30, dtype=bool), method="pca", pairing="carried", seed=0)


def test_factor_analysis_is_not_led_by_a_loud_and_lonely_unit(generator) -> None:
    trials = some_trials(200, generator)
    windows = teaching_windows(3)
    factor = generator.normal(size=(200, len(windows), 1))
    values = generator.normal(size=(200, len(windows), 10))
    values[..., 5:] += factor  # five units share a factor, five are on their own
    activity = TrialResponses(
        values=values.astype(np.float32), windows=windows, trials=trials, session="made up"
    )
    everything = np.ones(200, dtype=bool)
    latents = latents_of(
        activity, everything, method="factor_analysis", pairing="recorded", seed=0, n_latents=2
    )
    assert abs(np.corrcoef(latents.values[..., 0].ravel(), factor.ravel())[0, 1]) > 0.85
    assert latents.share_of_variance[0, 0] > 0.7


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pca", "factor_analysis", "demixed"])
def test_the_number_of_latents_is_what_was_asked_for(generator, method) -> None:
    activity = activity_of(some_trials(40, generator), generator, noise=1.0)
    everything = np.ones(40, dtype=bool)
    for n_latents in (1, 4):
        latents = latents_of(
            activity, everything, method=method, pairing="recorded", seed=0, n_latents=n_latents
        )
        assert latents.values.shape[-1] == n_latents
        assert np.isfinite(explainable_latent_variance(latents, activity.trials, 0)["delay"])


def test_a_period_that_a_trial_never_enters_is_zero() -> None:
    windows = (Window("item1", 0.1, 0.5), Window("item2", 0.1, 0.5))
    period = np.array([[0, 0, 1, 1], [0, 0, 0, 0]])
    steps = np.ones((2, 4, 1), np.float32)
    average = average_in_windows(steps, windows, ("item1", "item2"), period, 0.2)
    assert average[..., 0].tolist() == [[1, 1], [1, 0]]
    with pytest.raises(ValueError, match="steps short enough"):
        average_in_windows(steps, windows, ("item1", "item2"), period, 2.0)


def test_bad_choices_are_named(generator) -> None:
    activity = activity_of(some_trials(30, generator), generator, noise=1.0)
    everything = np.ones(30, dtype=bool)
    with pytest.raises(ValueError, match="n_latents: expected 1 to 20"):
        latents_of(activity, everything, method="pca", pairing="recorded", seed=0, n_latents=21)
    with pytest.raises(ValueError, match="at least 10, came 3"):
        latents_of(activity, np.arange(30) < 3, method="pca", pairing="recorded", seed=0)
    activity.values[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        latents_of(activity, everything, method="pca", pairing="recorded", seed=0)
    with pytest.raises(ValueError, match="came 'item9'"):
        window_of_steps(
            (Window("item9", 0.1, 0.5),),
            ("item1",),
            np.zeros((1, 2), np.int64),
            np.zeros((1, 2), np.float32),
            0.2,
        )


def mostly_one_item(n: int, generator: np.random.Generator) -> DecisionTrials:
    """Trials of three items, 80 % of all presentations the first stimulus."""
    often = generator.random((n, 3)) < 0.8
    stimulus = np.where(often, 0, generator.integers(1, N_STIMULI, (n, 3)))
    return replace(some_trials(n, generator), stimulus=stimulus)


def rate_kept(activity: TrialResponses) -> tuple[float, float]:
    everything = np.ones(len(activity.trials), dtype=bool)
    evidence = decode_stimuli(activity, everything, 0, beyond_frequency=True)
    accuracy, auc = information_rate(evidence, activity.trials, activity.windows)
    return kept_for_accuracy(accuracy, N_STIMULI), kept_for_auc(auc)


def test_how_often_an_item_is_shown_is_no_information_to_keep(generator) -> None:
    trials = mostly_one_item(200, generator)
    noise = activity_of(trials, generator, noise=1.0)
    noise = replace(noise, values=generator.normal(size=noise.values.shape).astype(np.float32))
    assert max(rate_kept(noise)) < 0.12
    assert min(rate_kept(activity_of(trials, generator, noise=0.2))) > 0.85


def test_labels_of_which_nothing_is_kept_say_nothing_of_the_items(generator) -> None:
    trials = mostly_one_item(2000, generator)
    trials = replace(trials, n_stimuli=N_STIMULI + 2)  # two are never shown
    windows = teaching_windows(3)
    labels = label_latents(
        trials, windows, pairing="recorded", kept=(0.0, 0.0), generator=generator
    )
    accuracy, auc = information_rate(labels.values, trials, windows)
    assert accuracy == pytest.approx(1 / N_STIMULI, abs=0.03)
    assert auc == pytest.approx(0.5, abs=0.03)
    assert not labels.values[..., N_STIMULI:].any()


@pytest.mark.slow
def test_evidence_beyond_frequency_of_noise_has_no_side(generator) -> None:
    areas = []
    for _ in range(5):
        trials = some_trials(60, generator)
        noise = activity_of(trials, generator, noise=1.0)
        noise = replace(noise, values=generator.normal(size=noise.values.shape).astype(np.float32))
        evidence = decode_stimuli(noise, np.ones(60, dtype=bool), 0, beyond_frequency=True)
        areas.append(information_rate(evidence, trials, noise.windows)[1])
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)


def test_the_penalty_of_decoded_latents_is_chosen_by_trials(generator) -> None:
    # Activity of a trial hardly changes in its delay and says nothing of the items.
    trials = some_trials(40, generator)
    windows = teaching_windows(3, which="delay")
    own = np.repeat(generator.normal(size=(40, 1, 30)), len(windows), axis=1)
    values = own + 0.01 * generator.normal(size=own.shape)
    activity = TrialResponses(
        values=values.astype(np.float32), windows=windows, trials=trials, session="made up"
    )
    evidence = decode_stimuli(activity, np.ones(40, dtype=bool), seed=0)
    error = np.mean((evidence - shown_in(windows, trials)) ** 2)
    assert error < 1.2 * shown_in(windows, trials).var()


def test_a_brain_in_which_nothing_varies_is_refused(generator) -> None:
    activity = activity_of(some_trials(40, generator), generator, noise=1.0)
    silent = replace(activity, values=np.full_like(activity.values, 3))
    for method in TRIAL_LATENTS:
        with pytest.raises(ValueError, match="units that never do"):
            latents_of(silent, np.ones(40, dtype=bool), method=method, pairing="recorded", seed=0)


def test_a_method_of_the_table_reads_all_trials_and_is_standardised_in_each_phase(
    generator,
) -> None:
    activity = activity_of(some_trials(40, generator), generator, noise=1.0)
    every = np.ones(40, dtype=bool)
    latents = latents_of(activity, every, method="units", pairing="recorded", seed=0)
    for phase in (ENCODING, DELAY):
        part = latents.values[:, latents.phase == phase].reshape(-1, latents.values.shape[-1])
        expected = activity.values[:, latents.phase == phase].reshape(part.shape)
        np.testing.assert_allclose(
            part, (expected - expected.mean(0)) / expected.std(0), rtol=0, atol=1e-4
        )
    np.testing.assert_allclose(latents.share_of_variance.sum(1), 1)
    with pytest.raises(ValueError, match="'units' is fitted on all that it is given, came 30 of"):
        latents_of(activity, np.arange(40) < 30, method="units", pairing="recorded", seed=0)


@pytest.mark.slow
def test_a_delay_in_which_nothing_varies_gives_latents_of_nothing(generator) -> None:
    activity = activity_of(some_trials(40, generator), generator, noise=1.0)
    delay = np.array([window.phase == DELAY for window in activity.windows])
    values = np.where(delay[:, None], np.float32(2), activity.values)
    for method in TRIAL_LATENTS:
        latents = latents_of(
            replace(activity, values=values),
            np.ones(40, dtype=bool),
            method=method,
            pairing="recorded",
            seed=0,
        )
        assert not latents.values[:, delay].any()
        assert latents.values[:, ~delay].any()


def test_latents_of_items_shown_once_have_no_ceiling(generator) -> None:
    activity = activity_of(some_trials(40, generator), generator, noise=1.0)
    latents = latents_of(
        activity, np.ones(40, dtype=bool), method="pca", pairing="recorded", seed=0, n_latents=2
    )
    once = replace(activity.trials, stimulus=np.arange(120).reshape(40, 3), n_stimuli=120)
    assert all(np.isnan(value) for value in explainable_latent_variance(latents, once, 0).values())
