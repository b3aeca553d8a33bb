"""Signals in the bins of trials: means, baselines, rejection, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest

from b2m_agents.studies.memory.teachers import brain_activity
from b2m_drive.recordings.binning import in_trials, trial_bins
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.response_window import ResponseWindow
from b2m_drive.recordings.sampled_signal import SampledSignal, Segment
from b2m_drive.recordings.simulated.trials import simulate_sternberg
from b2m_drive.teachers.decoding import summarise

RATE = 100.0
N_CHANNELS = 8


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Noise of -5 to 5 µV, and for 0.6 s after each item a pattern of its own."""
    trials = simulate_sternberg(60, 8, np.random.default_rng(1))
    generator = np.random.default_rng(0)
    time = np.arange(round((trials.probe_onset.max() + 3) * RATE)) / RATE
    signal = generator.normal(size=(len(time), N_CHANNELS)) * 2e-6
    pattern = generator.normal(size=(trials.n_stimuli, N_CHANNELS)) * 5e-6
    for onsets, items in zip(trials.item_onset, trials.stimulus, strict=True):
        for onset, item in zip(onsets, items, strict=True):
            if item >= 0:
                first = round((onset + 0.1) * RATE)
                signal[first : first + 60] += pattern[item]
    return Recording.from_arrays(
        signal=signal, time=time, trials=trials, measure="potential [V]", unit_kinds="EEG"
    )


def test_bins_hold_means_of_the_samples(recording: Recording) -> None:
    binned = in_trials(recording)
    trials, bins = binned.trials, trial_bins(binned.trials.n_items)
    assert binned.signed
    assert binned.values.shape == (len(trials), len(bins), N_CHANNELS)
    assert recording.signal is not None
    assert recording.time is not None
    begin = trials.maintenance_onset[7] + 0.3
    column = next(
        k for k, b in enumerate(bins) if b.period == "maintenance" and np.isclose(b.start, 0.3)
    )
    first, stop = np.searchsorted(recording.time, [begin - 1e-9, begin + 0.1 - 1e-9])
    expected = np.asarray(recording.signal)[first:stop].astype(float).mean(0)
    assert np.allclose(binned.values[7, column], expected, rtol=1e-5)


@pytest.mark.slow
def test_a_signal_is_decoded_like_spikes_and_may_teach(recording: Recording) -> None:
    binned = in_trials(recording)
    summary = summarise(binned)
    assert summary.item_decoding > 0.6 > 2 * summary.chance
    assert np.isnan(summary.fano_factor)
    assert summary.undefined["median_rate"] == "of spikes only, and this is a signal"
    activity = brain_activity(recording)
    assert np.isfinite(activity.values).all()
    assert activity.values.min() < 0


def test_a_signal_in_a_file_gives_the_same(recording: Recording) -> None:
    values, time = np.asarray(recording.signal), recording.time
    assert time is not None
    lazy = SampledSignal(
        "eeg",
        tuple(unit.name for unit in recording.units),
        (Segment(len(values), 0.0, RATE, lambda a, b: values[a:b]),),
        "V",
    )
    read = in_trials(replace(recording, signal=lazy))
    assert np.array_equal(read.values, in_trials(recording).values)


def test_baselines_are_subtracted_and_wild_trials_rejected(recording: Recording) -> None:
    signal = np.array(recording.signal)
    wild = round(recording.trials.item_onset[5, 0] * RATE) + 20  # type: ignore[union-attr]
    signal[wild] += 1.0
    window = ResponseWindow(baseline=(-0.5, 0.0), reject=1e-3)
    offset = replace(recording, signal=signal + np.float32(0.5), window=window)
    binned = in_trials(offset)
    assert len(binned) == len(in_trials(recording)) - 1
    assert 5 not in binned.ids
    assert "1 of 60 trials rejected: they span over 0.001" in binned.notes
    assert np.abs(binned.values).max() < 1e-4


def test_what_lies_outside_is_left_out_or_refused(recording: Recording) -> None:
    assert recording.time is not None
    late = recording.time < recording.trials.probe_onset[-3]  # type: ignore[union-attr]
    cut = replace(recording, signal=np.asarray(recording.signal)[late], time=recording.time[late])
    assert len(in_trials(cut)) == 57
    with pytest.raises(ValueError, match="another clock or unit"):
        in_trials(replace(recording, time=recording.time + 1e6))


def test_a_trial_with_a_pause_in_a_bin_is_left_out(recording: Recording) -> None:
    trials = recording.trials
    assert trials is not None
    assert recording.time is not None
    begin = trials.maintenance_onset[4] + 0.53  # within the bin of 0.5 to 0.6 s
    kept = (recording.time < begin) | (recording.time > begin + 0.05)
    kept &= (recording.time < begin + 30) | (recording.time > begin + 30.2)  # a pause elsewhere
    lost = replace(recording, signal=np.asarray(recording.signal)[kept], time=recording.time[kept])
    assert 4 in in_trials(lost).ids  # 0.05 s are bridged
    kept &= (recording.time < begin) | (recording.time > begin + 0.15)
    paused = replace(
        recording, signal=np.asarray(recording.signal)[kept], time=recording.time[kept]
    )
    assert 4 not in in_trials(paused).ids
