from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.decision_trials import LEFT, NO_STIMULUS, RIGHT, DecisionTrials
from b2m_drive.recordings.simulated.neurons import (
    INTERVALS,
    PRESETS,
    SimulatedBrain,
    simulate_sternberg,
    simulate_trials,
)
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers import decoding, noise_ceiling, response_counts


def some_trials(n_trials: int = 120, seed: int = 0) -> DecisionTrials:
    return simulate_trials(n_trials, 3, 9, np.random.default_rng(seed))


@cache
def recorded(name: str, signal: float = 1.0) -> TrialResponses:
    return in_trials(SimulatedBrain.preset(name, signal).record(some_trials(), seed=0))


@pytest.mark.thorough
@pytest.mark.slow
def test_each_preset_says_more_about_the_items_than_the_one_before() -> None:
    median, best, ideal = map(recorded, ("median_session", "best_session", "ideal"))
    for statistic in (
        decoding.item_decoding_accuracy,
        decoding.memory_decoding_auc,
        noise_ceiling.split_half_reliability,
    ):
        assert statistic(median) < statistic(best) < statistic(ideal)


@pytest.mark.thorough
@pytest.mark.slow
def test_the_ideal_brain_tells_items_and_sides_in_nearly_every_trial() -> None:
    recording = recorded("ideal")
    resolved = decoding.RESOLVED_WINDOWS
    assert decoding.item_decoding_accuracy(recording, resolved) > 0.97
    assert decoding.probe_side_auc(recording) > 0.95


@pytest.mark.thorough
@pytest.mark.slow
def test_the_ideal_brain_holds_its_items_from_start_to_end_of_maintenance() -> None:
    recording = recorded("ideal")
    for start in (0.0, 1.0, 2.0):
        assert decoding.memory_decoding_auc(recording, start, start + 0.4) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_without_signal_no_spike_depends_on_what_is_shown_or_where(name: str) -> None:
    trials = some_trials(15)
    other = replace(
        trials,
        stimulus=(trials.stimulus + 4) % 9,
        probe_left=(trials.probe_right + 4) % 9,
        probe_right=(trials.probe_left + 4) % 9,
        target_side=1 - trials.target_side,
    )
    for signal, alike in ((0.0, True), (1.0, False)):
        brain = SimulatedBrain.preset(name, signal)
        spikes = [brain.record(each, seed=0).spike_times for each in (trials, other)]
        assert all(map(np.array_equal, *spikes)) == alike


# Over 24 to 40 seeds of each preset without signal the standard deviations were .02 for items,
# .03 for memory and .09 for side, about means within 1.5 standard errors of chance; the limits
# are three of them.
@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_without_signal_the_task_is_decoded_at_chance(name: str) -> None:
    recording = recorded(name, signal=0.0)
    assert abs(decoding.item_decoding_accuracy(recording) - 1 / 9) < 0.06
    assert abs(decoding.memory_decoding_auc(recording) - 0.5) < 0.09
    assert abs(decoding.probe_side_auc(recording) - 0.5) < 0.27


# First and third quartile of 23 human sessions with 15 units or more (Kornblith et al. 2017).
HUMAN_QUARTILES = {
    "n_units": (34, 62),
    "median_rate": (0.40, 0.87),
    "fano_factor": (1.17, 1.42),
    "selective_share": (0.037, 0.187),
    "item_decoding": (0.172, 0.263),
    "item_decoding_resolved": (0.186, 0.371),
    "memory_auc": (0.482, 0.523),
    "probe_side_auc": (0.465, 0.539),
    "reliability": (0.232, 0.709),
}
BEST_HUMAN_SESSION = {  # with a tolerance of twice the spread over simulated brains
    "n_units": (68, 0),
    "median_rate": (0.82, 0.15),
    "fano_factor": (1.35, 0.06),
    "selective_share": (0.31, 0.05),
    "item_decoding": (0.63, 0.08),
    "item_decoding_resolved": (0.75, 0.12),
    "memory_auc": (0.68, 0.07),
    "probe_side_auc": (0.50, 0.14),
    "reliability": (0.84, 0.14),
}


def mean_summary(name: str, n_trials: int, n_items: int, n_stimuli: int) -> dict[str, float]:
    summaries = []
    for seed in range(300, 308):
        generator = np.random.default_rng([seed, 1])
        trials = simulate_trials(n_trials, n_items, n_stimuli, generator)
        summaries.append(
            decoding.summarise(in_trials(SimulatedBrain.preset(name).record(trials, seed)))
        )
    return {
        field: float(np.mean([getattr(each, field) for each in summaries]))
        for field in HUMAN_QUARTILES
    }


@pytest.mark.slow
@pytest.mark.thorough
def test_the_median_session_lies_within_the_quartiles_of_human_sessions() -> None:
    for field, mean in mean_summary("median_session", 170, 4, 8).items():
        low, high = HUMAN_QUARTILES[field]
        assert low <= mean <= high, field


@pytest.mark.slow
@pytest.mark.thorough
def test_the_best_session_is_as_good_as_the_best_human_session() -> None:
    for field, mean in mean_summary("best_session", 183, 3, 9).items():
        expected, tolerance = BEST_HUMAN_SESSION[field]
        assert mean == pytest.approx(expected, abs=tolerance), field


@pytest.mark.slow
def test_without_signal_the_rates_stay() -> None:
    full, none = recorded("ideal").values, recorded("ideal", signal=0.0).values
    assert none.mean() == pytest.approx(full.mean(), rel=0.1)


@pytest.mark.slow
def test_a_summary_counts_what_was_recorded() -> None:
    summary = decoding.summarise(recorded("median_session"))
    assert (summary.n_units, summary.n_trials, summary.n_items, summary.n_stimuli) == (
        45,
        120,
        3,
        9,
    )
    assert summary.units_per_region == {"simulated": 45}
    assert summary.chance == pytest.approx(1 / 9)
    assert summary.median_rate == pytest.approx(0.59, abs=0.1)


@pytest.mark.slow
@pytest.mark.thorough
def test_more_signal_decodes_better() -> None:
    accuracy = [
        decoding.item_decoding_accuracy(recorded("best_session", signal))
        for signal in (0.0, 0.4, 1.0)
    ]
    assert accuracy[0] < accuracy[1] < accuracy[2]


def test_the_same_seed_fires_the_same_spikes() -> None:
    brain, trials = SimulatedBrain.preset("median_session"), some_trials(20)
    first, second, other = (brain.record(trials, seed) for seed in (3, 3, 4))
    assert all(map(np.array_equal, first.spike_times, second.spike_times))
    assert not any(
        np.array_equal(one, two) and len(one)
        for one, two in zip(first.spike_times, other.spike_times, strict=True)
    )


@pytest.mark.slow
def test_one_seed_is_one_brain_whatever_it_is_shown() -> None:
    # Twin halves: patterns of the same units in two lists of trials agree, of other units not.
    brain = replace(SimulatedBrain.preset("ideal"), n_units=40)

    def pattern(trial_seed: int, seed: int) -> np.ndarray:
        recording = in_trials(brain.record(some_trials(100, trial_seed), seed))
        counts, stimulus, _ = response_counts.item_counts(recording)
        means = np.stack([counts[stimulus == value].mean(0) for value in range(9)])
        return (means - means.mean(0)).ravel()

    same = np.corrcoef(pattern(0, 7), pattern(1, 7))[0, 1]
    other = np.corrcoef(pattern(0, 7), pattern(1, 8))[0, 1]
    assert same > 0.9
    assert abs(other) < 0.3


def test_spikes_are_sorted_and_fall_within_trials() -> None:
    trials = some_trials(20)
    session = SimulatedBrain.preset("ideal").record(trials, 0)
    for times in session.spike_times:
        assert (np.diff(times) >= 0).all()
    times = np.concatenate(session.spike_times)
    trial = np.searchsorted(trials.item_onset[:, 0] - 1.31, times) - 1
    assert (times < trials.probe_onset[trial] + 1.51).all()


@pytest.mark.slow
def test_trials_that_follow_closely_are_not_simulated_twice() -> None:
    # Bins of a trial whose fixation runs into the trial before: the rate there must not double.
    brain = SimulatedBrain(
        n_units=50, baseline_rate=10.0, baseline_spread=0.0, concept_share=0.0, mixed_share=0.0
    )
    trials = some_trials(60)
    gap = trials.item_onset[1:, 0] - trials.probe_onset[:-1] - 1.6  # leaves 1.6 s of the 2.8
    shift = np.concatenate([[0.0], -np.cumsum(gap)])
    packed = replace(
        trials,
        item_onset=trials.item_onset + shift[:, None],
        maintenance_onset=trials.maintenance_onset + shift,
        probe_onset=trials.probe_onset + shift,
    )
    loose, close = (
        in_trials(brain.record(each, 0)).values[1:, :8].mean() for each in (trials, packed)
    )
    assert close == pytest.approx(loose, rel=0.05)


@pytest.mark.slow
def test_an_ungained_unit_fires_poisson_spikes_at_its_rate() -> None:
    brain = SimulatedBrain(
        n_units=40,
        concept_share=0.0,
        mixed_share=0.0,
        baseline_rate=5.0,
        baseline_spread=0.0,
        event_strength=0.0,
        shared_gain=0.0,
        private_gain=0.0,
        drift=0.0,
        fluctuation=0.0,
    )
    recording = in_trials(brain.record(some_trials(100), 0))
    assert decoding.median_rate(recording) == pytest.approx(5.0, rel=0.03)
    counts, stimulus, _ = response_counts.item_counts(recording)
    assert decoding.fano_factor(counts, stimulus) == pytest.approx(1.0, abs=0.07)
    gained = in_trials(replace(brain, private_gain=0.5).record(some_trials(100), 0))
    counts, stimulus, _ = response_counts.item_counts(gained)
    # variance / mean of a Poisson count whose gain is lognormal: 1 + mean (exp(s^2) - 1)
    assert decoding.fano_factor(counts, stimulus) == pytest.approx(1 + 4 * 0.284, rel=0.15)


def test_a_simulated_recording_says_so() -> None:
    recording = SimulatedBrain.preset("ideal", signal=0.5).record(some_trials(5), seed=0)
    assert recording.simulated
    assert recording.session == "simulated-ideal"
    assert recording.subject == "simulated"
    assert recording.licence == "MIT (simulated)"
    assert "preset ideal" in recording.source
    assert "signal 0.5, seed 0" in recording.source
    shaped = replace(SimulatedBrain.preset("ideal"), category_share=0.5)
    source = shaped.record(some_trials(5), seed=0).source
    assert "share of 4 categories in the tuning 0.5" in source


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"best_session.*ideal.*median_session.*'median'"):
        SimulatedBrain.preset("median")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("signal", 1.5),
        ("concept_share", -0.1),
        ("mixed_share", 0.95),
        ("n_units", 0),
        ("baseline_rate", 0.0),
        ("latency", 0.9),
        ("category_share", -0.5),
        ("n_categories", 1),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        replace(SimulatedBrain(), **{option: value})


def test_simulated_trials_are_those_of_the_experiment() -> None:
    trials = simulate_trials(300, 4, 8, np.random.default_rng(2))
    assert all(len(set(items)) == 4 for items in trials.stimulus)
    shown = np.stack(
        [
            (trials.stimulus == probe[:, None]).any(1)
            for probe in (trials.probe_left, trials.probe_right)
        ]
    )
    assert (shown.sum(0) == 1).all()
    assert np.array_equal(np.where(shown[LEFT], LEFT, RIGHT), trials.target_side)
    interval = trials.inter_stimulus_interval
    assert set(interval) == set(INTERVALS)
    np.testing.assert_allclose(
        np.diff(trials.item_onset, axis=1) - 0.2, interval[:, None] * [[1] * 3], atol=1e-9
    )
    last_offset = trials.item_onset[:, -1] + 0.2
    np.testing.assert_allclose(trials.maintenance_onset - last_offset, interval + 0.2, atol=1e-9)
    maintenance = trials.probe_onset - trials.maintenance_onset
    assert maintenance.min() >= 2.4 - 1e-9
    assert maintenance.max() <= 2.6 + 1e-9
    assert np.diff(trials.item_onset[:, 0]).min() >= 7.0
    assert trials.answered_correctly.all()


def test_the_probe_may_be_any_item_and_either_side() -> None:
    trials = simulate_trials(300, 3, 9, np.random.default_rng(0))
    old = np.where(trials.target_side == LEFT, trials.probe_left, trials.probe_right)
    position = (trials.stimulus == old[:, None]).argmax(1)
    assert np.bincount(position).min() > 75
    assert np.bincount(trials.target_side).min() > 120


def test_accuracy_is_the_share_answered_correctly() -> None:
    trials = simulate_trials(2000, 3, 9, np.random.default_rng(0), accuracy=0.9)
    assert trials.answered_correctly.mean() == pytest.approx(0.9, abs=0.02)


def test_more_items_than_stimuli_leave_no_new_probe() -> None:
    with pytest.raises(ValueError, match="4 and 4"):
        simulate_trials(10, 4, 4, np.random.default_rng(0))


def same_category(n_stimuli: int = 12, n_categories: int = 4) -> np.ndarray:
    category = np.arange(n_stimuli) % n_categories
    return np.equal.outer(category, category)


def similarity(recording: TrialResponses, kind: str) -> tuple[float, float]:
    """Mean correlation of the items' patterns over units of a kind: within, between categories."""
    chosen = np.array([unit.name.startswith(kind) for unit in recording.units])
    counts, stimulus, _ = response_counts.item_counts(recording.select_units(chosen))
    pattern = np.stack([counts[stimulus == value].mean(0) for value in range(12)])
    correlation = np.corrcoef(pattern - pattern.mean(0))
    pairs = ~np.eye(12, dtype=bool)
    within = correlation[pairs & same_category()].mean()
    return float(within), float(correlation[pairs & ~same_category()].mean())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["concept", "mixed"])
def test_items_of_one_category_have_similar_patterns_where_the_category_has_a_share(
    kind: str,
) -> None:
    trials = simulate_trials(100, 3, 12, np.random.default_rng(0))
    plain = replace(SimulatedBrain.preset("ideal"), n_units=100, mixed_strength=1.0)
    none, half, most = (
        similarity(in_trials(replace(plain, category_share=share).record(trials, 0)), kind)
        for share in (0.0, 0.5, 0.9)
    )
    assert abs(none[0] - none[1]) < 0.15
    assert half[0] - half[1] > 0.4
    assert most[0] - most[1] > half[0] - half[1] + 0.1


def test_a_category_takes_its_share_of_the_variance_and_leaves_the_whole() -> None:
    from b2m_drive.recordings.simulated.neurons import _draw_tuning

    n_stimuli, share = 400, 0.7
    brain = replace(SimulatedBrain.preset("ideal"), n_units=150, n_categories=20)
    plain, shaped = (
        _draw_tuning(replace(brain, category_share=each), n_stimuli, 2, np.random.default_rng(3))
        for each in (0.0, share)
    )
    mixed = shaped.item[0, :, 90:]  # 400 stimuli, 20 of a category
    by_category = mixed.reshape(20, 20, -1)
    between = by_category.mean(0).var(0).mean() - by_category.var(0).mean() / 20
    assert between / mixed.var(0).mean() == pytest.approx(share, abs=0.06)
    assert mixed.var(0).mean() == pytest.approx(plain.item[0, :, 90:].var(0).mean(), rel=0.15)
    concept = shaped.concept[:, :90]
    np.testing.assert_allclose(concept.std(0), plain.concept[:, :90].std(0), rtol=1e-6)
    assert (concept >= 0).all()
    np.testing.assert_array_equal(shaped.event, plain.event)
    np.testing.assert_array_equal(shaped.response, plain.response)


def test_a_sternberg_probe_is_one_of_the_items_or_none_of_them() -> None:
    trials = simulate_sternberg(600, 8, np.random.default_rng(0), accuracy=0.9)
    assert trials.task == "sternberg"
    assert np.bincount(trials.item_count, minlength=4)[1:].min() > 150
    shown = (trials.stimulus == trials.probe_left[:, None]).any(1)
    assert np.array_equal(np.where(shown, LEFT, RIGHT), trials.target_side)
    assert 0.4 < shown.mean() < 0.6
    assert (trials.probe_right == NO_STIMULUS).all()
    assert (trials.probe_left >= 0).all()
    # each position and, among the others, each stimulus is as likely to be probed
    full = shown & (trials.item_count == 3)
    position = (trials.stimulus[full] == trials.probe_left[full, None]).argmax(1)
    assert np.bincount(position, minlength=3).min() > 0.2 * full.sum()
    assert np.bincount(trials.probe_left[~shown], minlength=8).min() > 15


def test_a_sternberg_trial_ends_its_row_where_its_items_end() -> None:
    trials = simulate_sternberg(200, 6, np.random.default_rng(1))
    absent = np.arange(3) >= trials.item_count[:, None]
    np.testing.assert_array_equal(trials.stimulus == NO_STIMULUS, absent)
    np.testing.assert_array_equal(np.isnan(trials.item_onset), absent)
    for items, count in zip(trials.stimulus, trials.item_count, strict=True):
        assert len(set(items[:count])) == count
    last_onset = trials.item_onset[np.arange(200), trials.item_count - 1]
    lag = trials.maintenance_onset - last_onset
    np.testing.assert_allclose(lag, 0.2 + trials.inter_stimulus_interval + 0.2, atol=1e-9)
    np.testing.assert_allclose(trials.probe_onset - trials.maintenance_onset, 2.5, atol=1e-9)


@cache
def sternberg(signal: float) -> TrialResponses:
    trials = simulate_sternberg(150, 6, np.random.default_rng(0))
    brain = replace(SimulatedBrain.preset("ideal", signal), n_units=100)
    return in_trials(brain.record(trials, 0))


@pytest.mark.slow
def test_a_sternberg_brain_tells_items_memory_and_whether_the_probe_was_shown() -> None:
    recording = sternberg(1.0)
    assert decoding.item_decoding_accuracy(recording) > 0.9
    assert decoding.memory_decoding_auc(recording) > 0.85
    assert decoding.probe_side_auc(recording) > 0.9


@pytest.mark.thorough
@pytest.mark.slow
def test_without_signal_a_sternberg_brain_tells_none_of_it() -> None:
    # Only how many items there were can be read, which must not pass for what they were.
    recording = sternberg(0.0)
    assert abs(decoding.item_decoding_accuracy(recording) - 1 / 6) < 0.09
    assert abs(decoding.memory_decoding_auc(recording) - 0.5) < 0.07
    assert abs(decoding.probe_side_auc(recording) - 0.5) < 0.2


@pytest.mark.slow
def test_a_probe_held_in_mind_excites_the_units_of_its_concept_more() -> None:
    brain = SimulatedBrain(
        n_units=60,
        concept_share=1.0,
        mixed_share=0.0,
        concept_rate=40.0,
        match_strength=1.0,
        delay_persistence=0.0,
    )
    trials = simulate_sternberg(200, 4, np.random.default_rng(0), loads=(1, 2))
    recording = in_trials(brain.record(trials, 0))
    counts = decoding.window_counts(recording, "probe", 0.2, 0.9).sum(1)
    shown = trials.target_side == LEFT
    assert counts[shown].mean() > 1.3 * counts[~shown].mean()


def test_sternberg_loads_that_cannot_be_are_refused() -> None:
    for loads, n_stimuli in (((), 8), ((0, 1), 8), ((1, 4), 4)):
        with pytest.raises(ValueError, match=rf"loads.*came 10, .* and {n_stimuli}"):
            simulate_sternberg(10, n_stimuli, np.random.default_rng(0), loads)
