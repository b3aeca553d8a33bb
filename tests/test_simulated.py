from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from b2m_drive.brain import decoding
from b2m_drive.brain.recording import LEFT, RIGHT, BrainRecording, DecisionTrials
from b2m_drive.brain.simulated import INTERVALS, PRESETS, SimulatedBrain, simulate_trials


def some_trials(n_trials: int = 120, seed: int = 0) -> DecisionTrials:
    return simulate_trials(n_trials, 3, 9, np.random.default_rng(seed))


@cache
def recorded(name: str, signal: float = 1.0) -> BrainRecording:
    return SimulatedBrain.preset(name, signal).record(some_trials(), seed=0)


def test_each_preset_says_more_about_the_items_than_the_one_before() -> None:
    median, best, ideal = map(recorded, ("median_session", "best_session", "ideal"))
    for statistic in (
        decoding.item_decoding_accuracy,
        decoding.memory_decoding_auc,
        decoding.split_half_reliability,
    ):
        assert statistic(median) < statistic(best) < statistic(ideal)


def test_the_ideal_brain_tells_items_and_sides_in_nearly_every_trial() -> None:
    recording = recorded("ideal")
    resolved = decoding.RESOLVED_WINDOWS
    assert decoding.item_decoding_accuracy(recording, resolved) > 0.97
    assert decoding.probe_side_auc(recording) > 0.95


def test_the_ideal_brain_holds_its_items_from_start_to_end_of_maintenance() -> None:
    recording = recorded("ideal")
    for start in (0.0, 1.0, 2.0):
        assert decoding.memory_decoding_auc(recording, start, start + 0.4) > 0.95


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
        spikes = [brain.spikes(each, seed=0).spike_times for each in (trials, other)]
        assert all(map(np.array_equal, *spikes)) == alike


# Over 24 to 40 seeds of each preset without signal the standard deviations were .02 for items,
# .03 for memory and .09 for side, about means within 1.5 standard errors of chance; the limits
# are three of them.
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_without_signal_the_task_is_decoded_at_chance(name: str) -> None:
    recording = recorded(name, signal=0.0)
    assert abs(decoding.item_decoding_accuracy(recording) - 1 / 9) < 0.06
    assert abs(decoding.memory_decoding_auc(recording) - 0.5) < 0.09
    assert abs(decoding.probe_side_auc(recording) - 0.5) < 0.27


def test_without_signal_the_rates_stay() -> None:
    full, none = recorded("ideal").activity, recorded("ideal", signal=0.0).activity
    assert none.mean() == pytest.approx(full.mean(), rel=0.1)


def test_a_summary_counts_what_was_recorded() -> None:
    summary = decoding.summarise(recorded("median_session"))
    assert (summary.n_units, summary.n_trials, summary.n_items, summary.n_stimuli) == (
        40,
        120,
        3,
        9,
    )
    assert summary.units_per_region == {"simulated": 40}
    assert summary.chance == pytest.approx(1 / 9)
    assert summary.median_rate == pytest.approx(0.59, abs=0.1)


@pytest.mark.slow
def test_more_signal_decodes_better() -> None:
    accuracy = [
        decoding.item_decoding_accuracy(recorded("best_session", signal))
        for signal in (0.0, 0.4, 1.0)
    ]
    assert accuracy[0] < accuracy[1] < accuracy[2]


def test_the_same_seed_fires_the_same_spikes() -> None:
    brain, trials = SimulatedBrain.preset("median_session"), some_trials(20)
    first, second, other = (brain.spikes(trials, seed) for seed in (3, 3, 4))
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
        recording = brain.record(some_trials(100, trial_seed), seed)
        counts, stimulus, _ = decoding.item_counts(recording)
        means = np.stack([counts[stimulus == value].mean(0) for value in range(9)])
        return (means - means.mean(0)).ravel()

    same = np.corrcoef(pattern(0, 7), pattern(1, 7))[0, 1]
    other = np.corrcoef(pattern(0, 7), pattern(1, 8))[0, 1]
    assert same > 0.9
    assert abs(other) < 0.3


def test_spikes_are_sorted_and_fall_within_trials() -> None:
    trials = some_trials(20)
    session = SimulatedBrain.preset("ideal").spikes(trials, 0)
    for times in session.spike_times:
        assert (np.diff(times) >= 0).all()
    times = np.concatenate(session.spike_times)
    trial = np.searchsorted(trials.item_onset[:, 0] - 1.31, times) - 1
    assert (times < trials.probe_onset[trial] + 1.51).all()


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
    loose, close = (brain.record(each, 0).activity[1:, :8].mean() for each in (trials, packed))
    assert close == pytest.approx(loose, rel=0.05)


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
    recording = brain.record(some_trials(100), 0)
    assert decoding.median_rate(recording) == pytest.approx(5.0, rel=0.03)
    counts, stimulus, _ = decoding.item_counts(recording)
    assert decoding.fano_factor(counts, stimulus) == pytest.approx(1.0, abs=0.07)
    gained = replace(brain, private_gain=0.5).record(some_trials(100), 0)
    counts, stimulus, _ = decoding.item_counts(gained)
    # variance / mean of a Poisson count whose gain is lognormal: 1 + mean (exp(s^2) - 1)
    assert decoding.fano_factor(counts, stimulus) == pytest.approx(1 + 4 * 0.284, rel=0.15)


def test_a_simulated_recording_says_so() -> None:
    recording = SimulatedBrain.preset("ideal", signal=0.5).record(some_trials(5), seed=0)
    assert recording.simulated
    assert recording.session == "simulated-ideal"
    assert recording.subject == "simulated"
    assert recording.licence == "MIT (simulated)"
    assert "preset ideal" in recording.source
    assert "signal 0.5" in recording.source


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
