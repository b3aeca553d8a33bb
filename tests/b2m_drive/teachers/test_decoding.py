from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.decision_trials import (
    LEFT,
    MAINTENANCE,
    NO_STIMULUS,
    PROBE,
    RIGHT,
    DecisionTrials,
    item_period,
)
from b2m_drive.recordings.recording import Unit
from b2m_drive.recordings.simulated.neurons import (
    SimulatedBrain,
    simulate_sternberg,
    simulate_trials,
)
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import Window
from b2m_drive.teachers import decoding, noise_ceiling, response_counts
from b2m_drive.teachers.undefined_figures import EACH_ONCE, why_undefined
from tests.shared.places import DATA

N_TRIALS, N_ITEMS, N_STIMULI = 120, 3, 6


def some_trials(seed: int = 0) -> DecisionTrials:
    return simulate_trials(N_TRIALS, N_ITEMS, N_STIMULI, np.random.default_rng(seed))


def recording_of(
    trials: DecisionTrials, item: np.ndarray, maintenance: np.ndarray, probe: np.ndarray
) -> TrialResponses:
    """One bin for each item's response (trial, item, unit), for maintenance and for the probe."""
    activity = np.concatenate([item, maintenance[:, None], probe[:, None]], axis=1)
    periods = tuple(item_period(position) for position in range(trials.n_items))
    return TrialResponses(
        values=activity.astype(np.float32),
        windows=(
            *(Window(name, 0.1, 0.9) for name in periods),
            *(Window(name, 0.0, 0.8) for name in (MAINTENANCE, PROBE)),
        ),
        trials=trials,
        units=tuple(Unit(f"unit{index}", "LA", "SU") for index in range(activity.shape[2])),
        subject="made",
        session="made by hand",
        source="test",
        licence="MIT",
        simulated=True,
    )


def perfect_brain() -> TrialResponses:
    """One unit a stimulus, which fires some 40 spikes for it; and one for the right side."""
    trials = some_trials()
    item = np.random.default_rng(9).poisson(40.0 * np.eye(N_STIMULI + 1)[trials.stimulus])
    probe = np.zeros((N_TRIALS, N_STIMULI + 1))
    probe[:, -1] = np.random.default_rng(9).poisson(40.0 * (trials.target_side == RIGHT))
    return recording_of(trials, item, item.sum(1), probe)


def noise_brain(n_units: int = 12) -> TrialResponses:
    generator = np.random.default_rng(5)
    item = generator.poisson(2.0, (N_TRIALS, N_ITEMS, n_units))
    maintenance = generator.poisson(4.0, (N_TRIALS, n_units))
    probe = generator.poisson(2.0, (N_TRIALS, n_units))
    return recording_of(some_trials(), item, maintenance, probe)


@pytest.mark.slow
def test_perfect_units_are_decoded_perfectly() -> None:
    recording = perfect_brain()
    assert decoding.item_decoding_accuracy(recording) == 1.0
    assert decoding.memory_decoding_auc(recording) == 1.0
    assert decoding.probe_side_auc(recording) == 1.0
    assert noise_ceiling.split_half_reliability(recording) == pytest.approx(1.0, abs=0.01)
    ceiling = noise_ceiling.noise_ceiling(recording)
    assert ceiling.explainable_variance == pytest.approx(1.0, abs=0.02)
    assert ceiling.predictivity == pytest.approx(1.0, abs=0.01)


@pytest.mark.slow
def test_noise_decodes_at_chance() -> None:
    recording = noise_brain()
    spread = np.sqrt(1 / N_STIMULI * (1 - 1 / N_STIMULI) / (N_TRIALS * N_ITEMS))
    assert abs(decoding.item_decoding_accuracy(recording) - 1 / N_STIMULI) < 3 * spread
    assert abs(decoding.memory_decoding_auc(recording) - 0.5) < 0.07
    assert abs(decoding.probe_side_auc(recording) - 0.5) < 0.15
    assert abs(noise_ceiling.split_half_reliability(recording)) < 0.2
    assert abs(noise_ceiling.noise_ceiling(recording).explainable_variance) < 0.02


@pytest.mark.slow
def test_labels_of_other_trials_take_the_decoding_away() -> None:
    recording = perfect_brain()
    order = np.random.default_rng(1).permutation(N_TRIALS)
    shuffled = replace(recording, trials=recording.trials.select(order))
    assert decoding.item_decoding_accuracy(shuffled) < 0.25
    assert abs(decoding.memory_decoding_auc(shuffled) - 0.5) < 0.1


def test_what_only_one_trial_shows_does_not_help_decoding() -> None:
    # Every trial has its own random signature in all its items: learned, it would say nothing
    # about another trial, and with items of one trial on both sides of a split it would mislead.
    generator = np.random.default_rng(2)
    signature = np.repeat(generator.poisson(5.0, (N_TRIALS, 1, 40)), N_ITEMS, axis=1)
    recording = recording_of(some_trials(), signature, signature[:, 0], signature[:, 0])
    accuracy = decoding.item_decoding_accuracy(recording)
    assert accuracy == pytest.approx(1 / N_STIMULI, abs=0.06)


def test_several_windows_tell_apart_items_that_one_window_confuses() -> None:
    # One unit fires as much for either stimulus, early for the first and late for the second.
    trials = simulate_trials(N_TRIALS, 1, 2, np.random.default_rng(0))
    early = trials.stimulus == 0
    activity = np.random.default_rng(1).poisson(np.stack([20 * early, 20 * ~early], axis=1))
    recording = TrialResponses(
        values=activity.astype(np.float32),
        windows=(Window(item_period(0), 0.1, 0.5), Window(item_period(0), 0.5, 0.9)),
        trials=trials,
        units=(Unit("timer", "LA", "SU"),),
        subject="made",
        session="made by hand",
        source="test",
        licence="MIT",
        simulated=True,
    )
    halves = ((0.1, 0.5), (0.5, 0.9))
    assert decoding.item_decoding_accuracy(recording, halves) == 1.0
    assert decoding.item_decoding_accuracy(recording) < 0.7


def test_window_counts_take_bins_that_start_in_the_half_open_window() -> None:
    begins = (np.arange(5) * 0.1).tolist()  # 0.30000000000000004 among them
    bins = tuple(Window(MAINTENANCE, each, each + 0.1) for each in begins)
    trials = some_trials().select(np.arange(2))
    activity = np.arange(10, dtype=np.float32).reshape(2, 5, 1)
    recording = replace(noise_brain(1), values=activity, windows=bins, trials=trials)
    counts = response_counts.window_counts(recording, MAINTENANCE, 0.1, 0.3)
    assert counts.ravel().tolist() == [1 + 2, 6 + 7]
    with pytest.raises(ValueError, match="item7"):
        response_counts.window_counts(recording, "item7", 0.0, 1.0)


def test_item_counts_name_the_stimulus_and_the_trial_of_each_row() -> None:
    recording = perfect_brain()
    counts, stimulus, trial_row = response_counts.item_counts(recording)
    assert np.array_equal(counts.argmax(1), stimulus)
    assert np.array_equal(recording.trials.stimulus[trial_row[4]], stimulus[3:6])


@pytest.mark.slow
def test_items_that_a_trial_lacks_are_left_out() -> None:
    trials = simulate_sternberg(N_TRIALS, N_STIMULI, np.random.default_rng(0))
    shown = trials.stimulus != NO_STIMULUS
    one_hot = 40.0 * np.eye(N_STIMULI + 1)[trials.stimulus] * shown[..., None]
    item = np.random.default_rng(9).poisson(one_hot)
    probe = np.zeros((N_TRIALS, N_STIMULI + 1))
    recording = recording_of(trials, item, item.sum(1), probe)
    counts, stimulus, trial_row = response_counts.item_counts(recording)
    assert len(counts) == shown.sum() == trials.item_count.sum()
    assert np.array_equal(counts.argmax(1), stimulus)
    assert np.array_equal(np.bincount(trial_row), trials.item_count)
    held = decoding.items_held(recording)
    assert np.array_equal(held.sum(1), trials.item_count)
    assert all(held[row, stimulus[trial_row == row]].all() for row in range(N_TRIALS))
    assert decoding.item_decoding_accuracy(recording) == 1.0
    assert decoding.memory_decoding_auc(recording) == 1.0


@pytest.mark.slow
def test_how_many_items_are_held_does_not_pass_for_which() -> None:
    # Units count the items: compared across loads, any stimulus would seem to be remembered.
    trials = simulate_sternberg(400, N_STIMULI, np.random.default_rng(0))
    generator = np.random.default_rng(1)
    noise = generator.poisson(2.0, (400, 3, 4))
    load = generator.poisson(10.0 * np.tile(trials.item_count[:, None], 4))
    recording = recording_of(trials, noise, load, noise[:, 0])
    assert abs(decoding.memory_decoding_auc(recording) - 0.5) < 0.05
    held = decoding.items_held(recording)
    naive = decoding._cross_validated_auc(np.sqrt(load.astype(float)), held[:, 0], 0)
    assert naive > 0.6


def test_a_sternberg_brain_is_asked_whether_its_probe_was_shown() -> None:
    trials = simulate_sternberg(N_TRIALS, N_STIMULI, np.random.default_rng(0))
    answer = np.random.default_rng(1).poisson(10.0 * (trials.target_side == LEFT))[:, None]
    nothing = np.zeros((N_TRIALS, 1))
    recording = recording_of(trials, np.zeros((N_TRIALS, 3, 1)), nothing, answer)
    assert decoding.probe_side_auc(recording) == 1.0


def test_the_rate_is_over_bins_that_a_trial_has() -> None:
    trials = simulate_sternberg(N_TRIALS, N_STIMULI, np.random.default_rng(0))
    shown = (trials.stimulus != NO_STIMULUS).astype(float)
    one = np.ones((N_TRIALS, 1))
    recording = recording_of(trials, shown[..., None], one, one)  # a spike in each bin of 0.8 s
    assert decoding.median_rate(recording) == pytest.approx(1 / 0.8)


def test_fano_factor_is_one_for_poisson_counts_and_zero_for_constant_ones() -> None:
    stimulus = np.repeat(np.arange(6), 400)
    poisson = np.random.default_rng(0).poisson(3.0, (2400, 5)).astype(float)
    assert decoding.fano_factor(poisson, stimulus) == pytest.approx(1.0, abs=0.05)
    assert decoding.fano_factor(np.ones((2400, 5)), stimulus) == 0.0
    assert np.isnan(decoding.fano_factor(np.zeros((2400, 5)), stimulus))


def test_selectivity_equals_the_test_of_one_unit_at_a_time() -> None:
    from scipy.stats import kruskal

    counts, stimulus, _ = response_counts.item_counts(noise_brain(3))
    counts[:, 0] += 3 * (stimulus == 2)
    counts[:, 2] = 0.0
    p_values = decoding.selectivity_p_values(counts, stimulus)
    for unit in (0, 1):
        groups = [counts[stimulus == value, unit] for value in range(N_STIMULI)]
        assert p_values[unit] == pytest.approx(kruskal(*groups).pvalue)
    assert p_values[0] < decoding.SELECTIVE_BELOW < p_values[1]
    assert p_values[2] == 1.0


def test_explainable_variance_recovers_the_share_that_was_put_in() -> None:
    generator = np.random.default_rng(3)
    stimulus = np.concatenate([generator.integers(8, size=6000), np.zeros(2000, dtype=np.int64)])
    response = generator.normal(size=(8, 40))
    response = 2.0 * (response - response.mean(0)) / response.std(0, ddof=1)
    counts = response[stimulus] + generator.normal(size=(8000, 40))
    share = noise_ceiling.explainable_variance(counts, stimulus)
    assert share.mean() == pytest.approx(4 / (4 + 1), abs=0.01)


def test_explainable_variance_is_not_lifted_by_few_presentations() -> None:
    # With 3 presentations an item, the plain share of variance between items would be about .3.
    generator = np.random.default_rng(4)
    stimulus = np.repeat(np.arange(8), 3)
    share = noise_ceiling.explainable_variance(generator.normal(size=(24, 3000)), stimulus)
    assert share.mean() == pytest.approx(0.0, abs=0.02)


def test_reliability_ignores_rates_that_differ_between_units() -> None:
    recording = noise_brain()
    loud = replace(recording, values=recording.values + np.arange(12, dtype=np.float32) * 50)
    before = noise_ceiling.split_half_reliability(recording)
    assert noise_ceiling.split_half_reliability(loud) == pytest.approx(before, abs=1e-3)


def test_figures_that_a_recording_cannot_give_are_nan() -> None:
    few = perfect_brain().select(np.arange(4))
    assert np.isnan(decoding.item_decoding_accuracy(few))
    assert np.isnan(decoding.memory_decoding_auc(few))
    assert np.isnan(decoding.probe_side_auc(few))
    silent = replace(perfect_brain(), values=np.zeros_like(perfect_brain().values))
    ceiling = noise_ceiling.noise_ceiling(silent)
    assert np.isnan(noise_ceiling.split_half_reliability(silent))
    assert np.isnan(ceiling.explainable_variance)
    assert np.isnan(ceiling.predictivity)


def test_a_silent_brain_has_no_decoding_figures_and_the_reason_is_given() -> None:
    silent = replace(perfect_brain(), values=np.zeros_like(perfect_brain().values))
    assert np.isnan(decoding.item_decoding_accuracy(silent))
    assert np.isnan(decoding.memory_decoding_auc(silent))
    reasons = why_undefined(silent)
    assert reasons["item_decoding"] == reasons["reliability"] == "no unit varies"


def test_noise_with_one_frequent_item_decodes_at_chance() -> None:
    noise, generator = noise_brain(), np.random.default_rng(3)
    often = generator.random((N_TRIALS, N_ITEMS)) < 0.8
    stimulus = np.where(often, 0, generator.integers(1, N_STIMULI, (N_TRIALS, N_ITEMS)))
    uneven = replace(noise, trials=replace(noise.trials, stimulus=stimulus))
    assert (stimulus == 0).mean() > 0.75
    assert decoding.item_decoding_accuracy(uneven) == pytest.approx(1 / N_STIMULI, abs=0.06)


def test_a_rare_item_that_units_tell_is_decoded_though_another_is_frequent() -> None:
    recording, generator = perfect_brain(), np.random.default_rng(3)
    often = generator.random((N_TRIALS, N_ITEMS)) < 0.8
    stimulus = np.where(often, 0, generator.integers(1, N_STIMULI, (N_TRIALS, N_ITEMS)))
    item = generator.poisson(40.0 * np.eye(N_STIMULI + 1)[stimulus])
    uneven = recording_of(
        replace(recording.trials, stimulus=stimulus), item, item[:, 0], item[:, 0]
    )
    assert decoding.item_decoding_accuracy(uneven) > 0.97


def test_always_telling_the_most_frequent_item_is_chance() -> None:
    stimulus = np.repeat(np.arange(4), [80, 10, 5, 5])
    predicted = np.zeros_like(stimulus)
    assert decoding.balanced_accuracy(predicted, stimulus) == 1 / 4
    assert decoding.balanced_accuracy(stimulus, stimulus) == 1


@pytest.mark.slow
def test_an_item_that_no_trial_shows_does_not_lower_chance() -> None:
    recording = in_trials(
        SimulatedBrain().record(simulate_trials(40, 2, 4, np.random.default_rng(0)), 0)
    )
    never = replace(recording, trials=replace(recording.trials, n_stimuli=9))
    assert decoding.summarise(never).chance == 1 / 4


@pytest.mark.slow
def test_a_unit_that_never_varies_changes_no_decoding() -> None:
    recording = noise_brain()
    constant = np.full((*recording.values.shape[:2], 5), 7.0, np.float32)
    more = replace(
        recording,
        values=np.concatenate([recording.values, constant], axis=2),
        units=(*recording.units, *recording.units[:5]),
    )
    for figure in (
        decoding.item_decoding_accuracy,
        decoding.memory_decoding_auc,
        decoding.probe_side_auc,
    ):
        assert figure(more) == figure(recording)


def each_item_once() -> TrialResponses:
    """Forty trials of two images, none of which comes again."""
    trials = simulate_trials(40, 2, 4, np.random.default_rng(0))
    trials = replace(trials, n_stimuli=80, stimulus=np.arange(80).reshape(40, 2))
    return in_trials(SimulatedBrain().record(trials, 0))


def test_items_shown_once_have_no_reliability_and_no_ceiling_but_a_reason() -> None:
    summary = decoding.summarise(each_item_once())
    for figure in ("reliability", "explainable_variance", "predictivity_ceiling", "item_decoding"):
        assert np.isnan(getattr(summary, figure))
        assert summary.undefined[figure] == EACH_ONCE
    assert "median_rate" not in summary.undefined


def test_reliability_is_of_the_items_that_come_again() -> None:
    # Half of the trials show the items that units tell, the others an image each, never again.
    recording = perfect_brain()
    stimulus = recording.trials.stimulus.copy()
    once = np.arange(N_TRIALS) % 2 == 0
    stimulus[once] = N_STIMULI + np.arange(once.sum() * N_ITEMS).reshape(-1, N_ITEMS)
    trials = replace(recording.trials, stimulus=stimulus, n_stimuli=int(stimulus.max()) + 1)
    assert noise_ceiling.split_half_reliability(replace(recording, trials=trials)) > 0.97


def test_explainable_variance_of_constant_counts_is_undefined_and_never_above_one() -> None:
    generator = np.random.default_rng(0)
    stimulus = np.repeat(np.arange(7), 13)
    constant = np.full((len(stimulus), 3), 0.1) * [1, 1e-8, 1e8]
    assert np.isnan(noise_ceiling.explainable_variance(constant, stimulus)).all()
    perfect = generator.random((7, 50))[stimulus]
    assert (noise_ceiling.explainable_variance(perfect, stimulus) <= 1).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures_and_another_seed_other_folds() -> None:
    recording = noise_brain()
    assert decoding.memory_decoding_auc(recording, seed=1) == decoding.memory_decoding_auc(
        recording, seed=1
    )
    assert decoding.memory_decoding_auc(recording, seed=1) != decoding.memory_decoding_auc(
        recording, seed=2
    )


def kornblith_session(prefix: str) -> Path:
    folder = DATA / "kornblith2017"
    found = sorted(folder.glob(f"{prefix}*.h5"))
    if not found:
        pytest.skip(f"no recording {prefix}*.h5 in {folder}: set B2M_DATA to where it lies")
    return found[0]


@pytest.mark.slow
def test_the_best_human_session_decodes_as_it_was_measured_to() -> None:
    from b2m_drive.recordings.readers.kornblith import read_kornblith

    summary = decoding.summarise(in_trials(read_kornblith(kornblith_session("399e11"))))
    assert summary.item_decoding == pytest.approx(0.62, abs=0.05)
    assert summary.memory_auc == pytest.approx(0.67, abs=0.05)
    assert summary.reliability == pytest.approx(0.85, abs=0.05)
    assert summary.item_decoding_resolved > summary.item_decoding
