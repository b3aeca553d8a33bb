"""A recording that cannot teach is refused before anything is trained, and says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from b2m_agents.studies.memory.comparison import MemoryComparison
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.readers.kornblith import read_kornblith
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.recording_quality import findings, fit_to_teach
from b2m_drive.recordings.simulated.neurons import simulate_trials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import DELAY, phase_of
from b2m_drive.teachers.latents import latents_of
from b2m_drive.teachers.windows import teaching_windows
from tests.shared.made_sessions import simulated_spikes
from tests.shared.places import DATA

SESSION = DATA / "kornblith2017" / "404e12sb-2008-1-14_13-2-3.h5"

TIMES = ("item_onset", "maintenance_onset", "probe_onset")


def recorded(session: Recording) -> TrialResponses:
    return in_trials(session)


def with_spikes(session: Recording, change: Callable[[np.ndarray], np.ndarray]) -> Recording:
    times = tuple(np.sort(change(each)) for each in session.spike_times or ())
    return replace(session, spike_times=times)


def moved(trials: DecisionTrials, change: Callable[[np.ndarray], np.ndarray]) -> DecisionTrials:
    return replace(trials, **{name: change(getattr(trials, name)) for name in TIMES})


def refusal(recording: TrialResponses) -> str:
    with pytest.raises(ValueError, match="cannot teach") as caught:
        MemoryComparison(recording)
    return str(caught.value)


def test_a_good_session_comes_back_as_it_is() -> None:
    recording = recorded(simulated_spikes(n_units=12))
    assert findings(recording) == ()
    assert fit_to_teach(recording) is recording


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda times: times[:0], "no spike of 12 units in any of 40 trials"),
        (lambda times: times * 1e3, "times 1000 the trials would fit"),
        (lambda times: times * 1e-3, "times 0.001 the trials would fit"),
        (lambda times: times * 1e6, r"times 1e\+06 the trials would fit"),
        (lambda times: times * 30_000, "30000.* the trials would fit .spikes counted in samples"),
        (lambda times: times + 1e5, r"another clock: .* if \+(99\d\d\d|100\d\d\d|1e\+05).* s were"),
        (lambda times: times - 1e5, r"another clock: .* if -(99\d\d\d|100\d\d\d|1e\+05).* s were"),
    ],
)
def test_spikes_that_do_not_belong_to_the_trials_are_named(change, told: str) -> None:
    text = refusal(recorded(with_spikes(simulated_spikes(n_units=12), change)))
    assert text.startswith("simulated-ideal cannot teach")
    assert re.search(told, text), text


def test_spikes_in_a_smaller_unit_are_seen_where_they_overlap_the_trials() -> None:
    session = with_spikes(simulated_spikes(n_units=12), lambda times: (times - 9.0) * 1e3 + 9.0)
    session = replace(session, trials=moved(session.trials, lambda times: times - 9.0))
    text = refusal(recorded(with_spikes(session, lambda times: times - 9.0)))
    assert "of the recording" in text
    assert "times 1000" in text


def test_a_session_all_in_milliseconds_is_told_by_its_maintenance() -> None:
    session = with_spikes(simulated_spikes(n_units=12), lambda times: times * 1e3)
    trials = moved(session.trials, lambda times: times * 1e3)
    text = refusal(recorded(replace(session, trials=trials)))
    assert "maintenance period lasts 2,5" in text
    assert "milliseconds" in text


def test_units_that_never_vary_cannot_teach() -> None:
    recording = recorded(simulated_spikes(n_units=12))
    flat = replace(recording, values=np.full_like(recording.values, 3.0))
    assert "none of 12 units ever varies" in refusal(flat)


def test_periods_in_the_wrong_order_cannot_teach_and_a_few_are_left_out() -> None:
    recording = recorded(simulated_spikes(n_units=12))
    trials = recording.trials
    swapped = replace(
        trials, maintenance_onset=trials.probe_onset, probe_onset=trials.maintenance_onset
    )
    assert "periods in the wrong order in 40 of 40 trials" in refusal(
        replace(recording, trials=swapped)
    )
    maintenance = trials.maintenance_onset.copy()
    maintenance[[4, 7]] = trials.item_onset[[4, 7], 0] - 1.0
    few = fit_to_teach(replace(recording, trials=replace(trials, maintenance_onset=maintenance)))
    assert sorted(set(range(40)) - set(few.trials.trial_id.tolist())) == [4, 7]
    assert "periods in the wrong order in 2 of 40 trials (4, 7) (left out)" in few.notes


def test_a_delay_that_is_read_into_the_probes_is_refused() -> None:
    recording = recorded(simulated_spikes(n_units=12))
    early = replace(recording.trials, probe_onset=recording.trials.maintenance_onset + 1.0)
    text = refusal(replace(recording, trials=early))
    assert "maintenance period shorter than the 2.4 s" in text
    assert "it lasts 1 s" in text


def test_a_file_pasted_twice_cannot_teach() -> None:
    recording = recorded(simulated_spikes(n_units=12))
    twice = recording.select(np.tile(np.arange(40), 2))
    assert "trial's id once, came 40" in refusal(twice)
    renumbered = replace(twice.trials, trial_id=np.arange(80))
    assert "at the same time as an earlier trial" in refusal(replace(twice, trials=renumbered))
    later = moved(
        renumbered, lambda times: times + np.arange(80).reshape(-1, *[1] * (times.ndim - 1))
    )
    assert "the same activity as in an earlier trial) in 40 of 80" in refusal(
        replace(twice, trials=later, span=None)
    )


def test_one_stimulus_in_all_trials_cannot_teach() -> None:
    recording = recorded(simulated_spikes(n_units=12))
    same = replace(recording.trials, stimulus=np.full_like(recording.trials.stimulus, 2))
    assert "different items, came only item 3" in refusal(replace(recording, trials=same))


def test_trials_after_the_recording_ended_are_left_out_counted_and_named() -> None:
    session = simulated_spikes(n_units=12)
    end = float(session.trials.item_onset[30, 0]) - 1.0
    stopped = with_spikes(session, lambda times: times[times < end])
    kept = MemoryComparison(recorded(stopped)).recording
    assert kept.trials.trial_id.tolist() == list(range(30))
    assert any("in 10 of 40 trials (30, 31, 32, 33, 34, ...)" in note for note in kept.notes)


def test_a_pause_in_the_middle_is_no_silence_of_the_brain() -> None:
    session = simulated_spikes(n_units=12)
    onset = session.trials.item_onset
    pause = (onset[10, 0] - 1.0, onset[12, 0] - 1.5)
    paused = with_spikes(session, lambda t: t[(t < pause[0]) | (t > pause[1])])
    kept = fit_to_teach(recorded(paused))
    assert sorted(set(range(40)) - set(kept.trials.trial_id.tolist())) == [10, 11]


def test_quiet_units_are_said_and_keep_their_trials() -> None:
    session = simulated_spikes(n_units=12)
    quiet = replace(session, spike_times=(np.zeros(0), *session.spike_times[1:]))
    recording = recorded(quiet)
    (finding,) = findings(recording)
    assert "1 of 12 units never vary" in finding.text
    assert fit_to_teach(recording) is recording


def test_too_few_trials_name_the_session() -> None:
    recording = recorded(simulated_spikes(n_units=12))
    with pytest.raises(ValueError, match=r"simulated-ideal cannot teach: .* came 1"):
        MemoryComparison(recording.select(np.arange(1)))
    with pytest.raises(ValueError, match=r"simulated-ideal: teaching trials: .* 10, came 4 \(of 5"):
        MemoryComparison(recording.select(np.arange(5)))


@pytest.mark.parametrize("method", ["decoded", "pca", "factor_analysis", "demixed"])
def test_silence_has_no_latents(method) -> None:
    trials = simulate_trials(40, 3, 8, np.random.default_rng(0))
    windows = teaching_windows(3)
    values = np.zeros((40, len(windows), 5), np.float32)
    silent = TrialResponses(values=values, windows=windows, trials=trials, session="silent")
    with pytest.raises(ValueError, match="came 5 units that never do"):
        latents_of(silent, np.ones(40, bool), method=method, pairing="recorded", seed=0)


def test_a_silent_delay_gives_no_evidence() -> None:
    trials = simulate_trials(40, 3, 8, np.random.default_rng(0))
    windows = teaching_windows(3)
    values = np.random.default_rng(1).normal(size=(40, len(windows), 5)).astype(np.float32)
    delay = phase_of(windows) == DELAY
    values[:, delay] = 0
    latents = latents_of(
        TrialResponses(values=values, windows=windows, trials=trials, session="made up"),
        np.ones(40, bool), method="decoded",
        pairing="recorded", seed=0,
    )  # fmt: skip
    assert not latents.values[:, delay].any()
    assert latents.values[:, ~delay].std() == pytest.approx(1, abs=0.01)


def changed_copy(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    path.write_bytes(SESSION.read_bytes())
    with h5py.File(path, "r+") as file:
        for name, data in file["channels"].items():
            if name.endswith("spike_times"):
                for unit in range(len(data)):
                    data[unit] = change(np.asarray(data[unit], dtype=np.float64))
    return path


@pytest.mark.skipif(not SESSION.is_file(), reason=f"no recordings in {DATA}: set B2M_DATA")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda times: times[:0], "no spike of 3 units in any of 112 trials"),
        (lambda times: times * 1e3, r"times 1000 the trials would fit \(spikes in milliseconds\)"),
        (lambda times: times + 1e5, "another clock"),
    ],
)
def test_a_real_session_made_unfit_is_refused(tmp_path, change, told: str) -> None:
    recording = in_trials(read_kornblith(changed_copy(tmp_path / "404copy.h5", change)))
    with pytest.raises(ValueError, match=told):
        MemoryComparison(recording)


@pytest.mark.skipif(not SESSION.is_file(), reason=f"no recordings in {DATA}: set B2M_DATA")
@pytest.mark.slow
def test_no_real_session_loses_a_trial() -> None:
    for path in sorted(SESSION.parent.glob("*.h5")):
        recording = in_trials(read_kornblith(path))
        assert findings(recording) == (), path.name
        assert fit_to_teach(recording) is recording
