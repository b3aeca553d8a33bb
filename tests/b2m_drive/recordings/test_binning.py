from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from b2m_drive.recordings.binning import bin_spikes, in_trials, trial_bins
from b2m_drive.recordings.decision_trials import NO_STIMULUS, DecisionTrials
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.trial_responses import TrialResponses


def session_of(
    *spike_times: list[float] | np.ndarray, first_onset: tuple[float, ...] = (10.0,)
) -> Recording:
    """Trials of two items 0.7 s apart; maintenance 1.6 s and probes 4.1 s after the first."""
    onset = np.array(first_onset)
    n_trials = len(onset)
    trials = DecisionTrials(
        trial_id=np.arange(n_trials),
        stimulus=np.tile([0, 1], (n_trials, 1)),
        item_onset=onset[:, None] + np.array([0.0, 0.7]),
        maintenance_onset=onset + 1.6,
        probe_onset=onset + 4.1,
        inter_stimulus_interval=np.full(n_trials, 0.5),
        probe_left=np.zeros(n_trials, np.int64),
        probe_right=np.full(n_trials, 2),
        target_side=np.zeros(n_trials, np.int64),
        answered_correctly=np.ones(n_trials, bool),
        n_stimuli=3,
    )
    return Recording.from_arrays(
        spike_times=spike_times,
        unit_names=[f"ch{k + 1}_1" for k in range(len(spike_times))],
        trials=trials,
        session="123x",
        simulated=True,
    )


def trials_of(session: Recording) -> DecisionTrials:
    assert session.trials is not None
    return session.trials


def counts(recording: TrialResponses, period: str, trial: int = 0, unit: int = 0) -> list[float]:
    of_period = recording.period == period
    values: list[float] = recording.values[trial, of_period, unit].tolist()
    return values


def test_every_period_has_its_bins() -> None:
    bins = trial_bins(2)
    names = ("fixation", "item1", "item2", "maintenance", "probe")
    assert [[each.period for each in bins].count(name) for name in names] == [8, 9, 9, 24, 10]
    assert len(trial_bins(3, bin_width=0.05)) == 2 * (8 + 3 * 9 + 24 + 10)
    last = {each.period: each.start for each in bins}
    assert [last[name] for name in names] == pytest.approx([-0.1, 0.8, 0.8, 2.3, 0.9])


def test_what_cannot_be_counted_in_trials_is_refused() -> None:
    session = session_of([9.5, 10.0])
    with pytest.raises(ValueError, match=r"123x: expected the trials of a memory .* came none"):
        in_trials(replace(session, trials=None))
    signal = replace(session, spike_times=None, signal=np.zeros((9, 1), np.float32),
                     time=np.arange(9.0), measure="potential [V]")  # fmt: skip
    with pytest.raises(ValueError, match=r"123x: expected spike times, came a signal \(potential"):
        bin_spikes(signal, trial_bins(2))
    with pytest.raises(ValueError, match="expected samples in every bin"):
        in_trials(signal)


def test_counts_in_the_usual_bins_stay_as_they_are() -> None:
    recording = in_trials(session_of([9.5, 10.0]))
    assert recording.windows == trial_bins(2)
    assert in_trials(recording) is recording


@pytest.mark.parametrize("name", ["maintenance_onset", "probe_onset"])
def test_a_period_without_an_onset_is_not_a_silent_one(name: str) -> None:
    session = session_of([9.5, 10.0, 12.0, 15.0])
    trials = replace(trials_of(session), **{name: np.array([np.nan])})
    with pytest.raises(ValueError, match=f"{name} of 123x: .* in trial 0"):
        bin_spikes(replace(session, trials=trials), trial_bins(2))


def test_a_bin_holds_its_start_and_not_its_stop() -> None:
    recording = bin_spikes(session_of([9.1999, 9.2, 10.0, 10.0999, 10.1, 10.9]), trial_bins(2))
    assert counts(recording, "fixation") == [1, 0, 0, 0, 0, 0, 0, 0]  # 9.1999 is before it
    assert counts(recording, "item1") == [2, 1, 0, 0, 0, 0, 0, 0, 0]  # 10.9 is after it
    assert counts(recording, "item2") == [0, 0, 1, 0, 0, 0, 0, 0, 0]  # 10.9 - 10.7


@pytest.mark.parametrize("onset", [0.0, 10.0, 2019.7, 86400.3])
def test_spikes_on_the_edges_are_not_lost_to_rounding(onset: float) -> None:
    on_edges = [round(onset + k / 10, 1) for k in range(9)]
    recording = bin_spikes(session_of(on_edges, first_onset=(onset,)), trial_bins(2))
    assert counts(recording, "item1") == [1.0] * 9


def test_each_trial_is_read_at_its_own_events() -> None:
    spikes = [10.05, 20.75, 24.65]  # item 1 of the first; item 2 and probe of the second
    recording = bin_spikes(session_of(spikes, first_onset=(10.0, 20.0)), trial_bins(2))
    assert counts(recording, "item1", trial=0)[0] == 1
    assert counts(recording, "item2", trial=1)[0] == 1
    assert counts(recording, "probe", trial=1)[5] == 1
    assert recording.values.sum() == 4  # 20.75 s is also in item 1 of the second trial


def test_counts_equal_those_of_comparing_every_spike_with_every_bin() -> None:
    generator = np.random.default_rng(0)
    spikes = [generator.uniform(0.0, 60.0, size) for size in (0, 1, 700)]
    session = session_of(*spikes, first_onset=(3.3, 21.7, 50.2))
    bins = trial_bins(2, bin_width=0.05)
    onset = {
        "fixation": trials_of(session).item_onset[:, 0],
        "item1": trials_of(session).item_onset[:, 0],
        "item2": trials_of(session).item_onset[:, 1],
        "maintenance": trials_of(session).maintenance_onset,
        "probe": trials_of(session).probe_onset,
    }
    slow = np.zeros((3, len(bins), 3))
    for trial, time_bin, unit in np.ndindex(*slow.shape):
        start = onset[bins[time_bin].period][trial] + bins[time_bin].start
        times = session.spike_times[unit]
        slow[trial, time_bin, unit] = ((times >= start) & (times < start + 0.05)).sum()
    np.testing.assert_array_equal(bin_spikes(session, bins).values, slow)


def test_two_half_bins_hold_what_one_bin_holds() -> None:
    session = session_of(np.random.default_rng(1).uniform(5.0, 20.0, 400))
    whole, half = (bin_spikes(session, trial_bins(2, width)).values for width in (0.1, 0.05))
    np.testing.assert_array_equal(half.reshape(1, -1, 2, 1).sum(2), whole)


def test_smoothing_by_one_bin_spreads_a_spike_as_a_gaussian() -> None:
    recording = bin_spikes(session_of([12.85]), trial_bins(2), smoothing=0.1)
    kernel = np.exp(-(np.arange(-4, 5) ** 2) / 2)  # cut at four standard deviations
    expected = np.zeros(24)
    expected[12 - 4 : 12 + 5] = kernel / kernel.sum()  # 12.85 s is 1.25 s into maintenance
    assert counts(recording, "maintenance") == pytest.approx(expected.tolist(), abs=1e-6)
    assert recording.smoothing == 0.1


def test_smoothing_never_leaks_into_another_period() -> None:
    last_of_maintenance = session_of([13.95])  # 2.35 s into it, 0.15 s before the probes
    recording = bin_spikes(last_of_maintenance, trial_bins(2), smoothing=0.2)
    assert 0 < counts(recording, "maintenance")[-1] < 1
    assert counts(recording, "probe") == [0.0] * 10
    assert counts(recording, "item2") == [0.0] * 9


def with_one_item(session: Recording) -> Recording:
    """The session whose trials lack the second item."""
    trials = trials_of(session)
    stimulus, onset = trials.stimulus.copy(), trials.item_onset.copy()
    stimulus[:, 1], onset[:, 1] = NO_STIMULUS, np.nan
    return replace(session, trials=replace(trials, stimulus=stimulus, item_onset=onset))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_bins_of_an_item_that_a_trial_lacks_are_empty(smoothing: float) -> None:
    session = session_of(np.random.default_rng(1).uniform(5.0, 20.0, 400))
    both = bin_spikes(session, trial_bins(2), smoothing)
    one = bin_spikes(with_one_item(session), trial_bins(2), smoothing)
    assert counts(one, "item2") == [0.0] * 9
    for period in ("fixation", "item1", "maintenance", "probe"):
        assert counts(one, period) == counts(both, period)


def test_an_item_without_an_onset_is_refused() -> None:
    session = session_of([10.0])
    onset = np.array([[10.0, np.nan]])
    broken = replace(session, trials=replace(trials_of(session), item_onset=onset))
    with pytest.raises(ValueError, match=r"item_onset of 123x.*\[10\. nan\].*\[0 1\] in trial 0"):
        bin_spikes(broken, trial_bins(2))


@pytest.mark.parametrize("width", [0.07, 0.2, 0.0, -0.1, float("nan"), float("inf")])
def test_a_width_that_does_not_divide_the_periods_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match=rf"bin_width: expected .*came {width} s"):
        trial_bins(2, width)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="n_items: expected 1 or more, came 0"):
        trial_bins(0)
    for smoothing in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"smoothing: .* came {smoothing}"):
            bin_spikes(session_of([1.0]), trial_bins(2), smoothing)


def test_a_large_session_is_counted_as_numpy_counts_it() -> None:
    generator = np.random.default_rng(2)
    spikes = [generator.uniform(0.0, 2000.0, 4000) for _ in range(80)]
    session = session_of(*spikes, first_onset=tuple(np.arange(10.0, 1990.0, 9.0)))
    recording = bin_spikes(session, trial_bins(2))
    assert recording.values.shape == (220, 60, 80)
    of_maintenance = recording.period == "maintenance"
    onset = trials_of(session).maintenance_onset
    for unit in (0, 40, 79):
        edges = onset[:, None] + 0.1 * np.arange(25)
        expected = [np.histogram(spikes[unit], trial)[0] for trial in edges]
        np.testing.assert_array_equal(recording.values[:, of_maintenance, unit], expected)
