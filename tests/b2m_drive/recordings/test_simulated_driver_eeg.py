from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from b2m_drive.recordings.reaction_times import (
    PROBABILITIES,
    QUANTILES,
    draw_reaction_times,
    read_reaction_times,
)
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.sampling import sampling_of
from b2m_drive.recordings.scene_recording import EEG, signal_of, times_of
from b2m_drive.recordings.simulated.driver_attention import ATTENDED, ATTENDED_NAMES
from b2m_drive.recordings.simulated.driver_eeg import PRESETS, SENSORS, SimulatedDriverEEG
from b2m_drive.teachers.frame_decoding import decoding_r2
from b2m_drive.teachers.frame_pairing import responses
from b2m_drive.teachers.scene_controls import state_labels
from tests.shared.places import ROOT

pytest.importorskip("mne", reason="the eeg extra is not installed")

STEP = 0.5  # [s]
HAZARD = ATTENDED_NAMES.index("hazard")


@cache
def some_states(n_frames: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """State, frame time and episode; each frame's state is drawn anew."""
    generator = np.random.default_rng(0)
    low, high = (np.array([getattr(v, end) for v in ATTENDED]) for end in ("low", "high"))
    state = (low + (high - low) * generator.random((n_frames, len(ATTENDED)))).astype(np.float32)
    state[:, -2:] = state[:, -2:].round()
    state[generator.random(n_frames) < 0.2, 3] = np.nan
    episode = np.arange(n_frames, dtype=np.int64) // 20
    return state, np.arange(n_frames) * STEP + episode * 1.0, episode


def record(driver: SimulatedDriverEEG, seed: int = 0) -> Recording:
    state, time, episode = some_states()
    return driver.record(state, ATTENDED_NAMES, time, episode, seed)


def read(driver: SimulatedDriverEEG) -> float:
    state, _, episode = some_states()
    response = responses(record(driver), np.arange(len(state)), driver.delay, STEP)
    return float(np.nanmean(decoding_r2(response, state_labels(state, ATTENDED_NAMES), episode)))


def silent(**settings: float) -> SimulatedDriverEEG:
    """Nothing but what is asked for."""
    plain = SimulatedDriverEEG(rhythm=0.0, evoked=0.0, background=0.0, sensor_noise=0.0)
    return replace(plain, **settings)


@pytest.mark.slow
def test_each_preset_says_more_about_the_scene_than_the_one_before() -> None:
    names = ("median_session", "best_session", "ideal")
    median, best, ideal = (read(SimulatedDriverEEG.preset(name)) for name in names)
    assert median < best < ideal
    assert ideal > 0.4


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_without_signal_no_potential_depends_on_the_scene(name: str) -> None:
    state, time, episode = some_states()
    for signal, alike in ((0.0, True), (1.0, False)):
        driver = SimulatedDriverEEG.preset(name, signal)
        first, second = (
            signal_of(driver.record(each, ATTENDED_NAMES, time[:40], episode[:40], 0))
            for each in (state[:40], state[:40][::-1].copy())
        )
        largest = np.abs(first).max()
        assert (np.abs(first - second).max() < 1e-4 * largest) == alike


def test_the_sensors_are_those_of_the_10_20_system_against_their_average() -> None:
    recording = record(SimulatedDriverEEG.preset("median_session"))
    assert tuple(unit.name for unit in recording.units) == SENSORS
    assert {unit.kind for unit in recording.units} == {EEG}
    assert len(SENSORS) == len(set(SENSORS)) == 32
    np.testing.assert_allclose(signal_of(recording).mean(1), 0, atol=1e-10)
    assert recording.simulated
    assert sampling_of(times_of(recording)).rate == pytest.approx(128)
    assert 5e-6 < signal_of(recording).std() < 20e-6  # [V]


def test_the_background_falls_with_one_over_frequency() -> None:
    from scipy.signal import welch

    recording = record(silent(background=10e-6))
    frequency, power = welch(signal_of(recording), 128, nperseg=1024, axis=0)
    band = (frequency > 1) & (frequency < 40)
    slope = np.polyfit(np.log(frequency[band]), np.log(power[band].mean(1)), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.1)
    assert signal_of(recording).std(0).mean() == pytest.approx(10e-6, rel=0.3)


@pytest.mark.slow
def test_a_hazard_evokes_a_parietal_positivity_that_peaks_as_drivers_react() -> None:
    n_hazards = 60
    state = np.full((n_hazards * 12, len(ATTENDED)), np.nan, np.float32)
    state[:, HAZARD] = 0
    state[2::12, HAZARD] = 1
    state[3::12, HAZARD] = 1  # it lasts: one onset, one response
    time = np.arange(len(state)) * 1.0
    driver = silent(evoked=10e-6)
    recording = driver.record(state, ATTENDED_NAMES, time, np.zeros(len(state), np.int64), 0)
    sensor = SENSORS.index("Pz")
    onset = np.searchsorted(times_of(recording), time[2::12])
    course = np.stack([signal_of(recording)[k : k + 7 * 128, sensor] for k in onset])
    peak = course.argmax(1) / 128
    assert np.median(peak) == pytest.approx(1.5, abs=0.12)
    assert 0.5 < peak.std() < 1.2
    mean = signal_of(recording)[onset[0] : onset[-1]].mean(0)
    assert mean.argmax() == sensor
    assert (course[:, : int(0.2 * 128)] < 1e-7).all()
    assert course.max() == pytest.approx(driver.evoked, rel=0.3)  # less the average of all


def test_rhythms_lie_in_their_bands() -> None:
    from scipy.signal import welch

    recording = record(silent(rhythm=1e-6))
    frequency, power = welch(signal_of(recording), 128, nperseg=512, axis=0)
    total, outside = power.sum(), power[(frequency < 3.5) | (frequency > 30)].sum()
    assert outside < 0.06 * total


@pytest.mark.slow
def test_the_same_seed_is_the_same_eeg() -> None:
    driver = SimulatedDriverEEG.preset("best_session")
    first, second, other = (signal_of(record(driver, seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    ("option", "value"), [("signal", -1.0), ("n_rhythms", 0), ("delay", 2.0), ("background", -1.0)]
)
def test_settings_that_cannot_be_are_refused_by_name(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        replace(SimulatedDriverEEG(), **{option: value})


def test_bad_requests_are_refused() -> None:
    state, time, episode = some_states()
    with pytest.raises(ValueError, match=r"best_session.*'worst'"):
        SimulatedDriverEEG.preset("worst")
    with pytest.raises(ValueError, match="sampling_rate: expected over 56 Hz"):
        SimulatedDriverEEG().record(state, ATTENDED_NAMES, time, episode, 0, sampling_rate=50.0)
    with pytest.raises(ValueError, match=r"state_names: expected \['gap'\]"):
        SimulatedDriverEEG().record(state, ("x", *ATTENDED_NAMES[1:]), time, episode, 0)


def test_without_mne_the_extra_is_named(monkeypatch) -> None:
    from b2m_drive.recordings.simulated import driver_eeg as simulated_driver_eeg

    monkeypatch.setitem(sys.modules, "mne", None)
    simulated_driver_eeg._head_model.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r'pip install "b2m-drive\[eeg\]"'):
        record(SimulatedDriverEEG())


def test_drawn_reaction_times_have_the_quantiles_of_real_drivers() -> None:
    drawn = draw_reaction_times(200_000, np.random.default_rng(0))
    for share, expected in zip(PROBABILITIES, QUANTILES, strict=True):
        # the tails beyond 1 % and 99 % are not drawn
        assert np.quantile(drawn, (share - 0.01) / 0.98) == pytest.approx(expected, abs=0.02)


def write_events(path: Path, rows: list[tuple[object, object]]) -> None:
    lines = ["onset\tduration\tsample\tvalue"]
    lines += [f"{onset}\tn/a\t1\t{value}" for onset, value in rows]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_reaction_times_run_from_a_perturbation_to_the_first_correction(tmp_path) -> None:
    first = [(1.0, 1111), (2.5, 4311), (2.9, 4312), (3.0, 4311), (9.0, 1121)]  # one unanswered
    second = [(0.5, 4311), (5.8, 4311), (5.0, 1121), (6.0, 1122), (7.0, 1111), (8.0, 1111)]
    write_events(tmp_path / "sub-1_events.tsv", first)
    write_events(tmp_path / "sub-2_events.tsv", second)
    times = read_reaction_times(tmp_path)
    np.testing.assert_allclose(times.seconds, [1.5, 0.8])
    assert (times.n_perturbations, times.n_runs) == (5, 2)
    done = subprocess.run(
        [sys.executable, "scripts/reaction_times.py", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "2 runs, 5 perturbations, 2 corrected" in done.stdout
    assert "50%  1.15 s" in done.stdout


def test_event_files_that_cannot_be_read_are_named(tmp_path) -> None:
    with pytest.raises(ValueError, match="found none"):
        read_reaction_times(tmp_path)
    path = tmp_path / "sub-1_events.tsv"
    for rows, message in (
        ([(1.0, 1111)], "expected corrections"),
        ([("soon", 1111)], r"sub-1_events\.tsv: expected numbers \[s\] as onset"),
        ([("nan", 1111)], r"sub-1_events\.tsv: onset: expected finite"),
    ):
        write_events(path, rows)
        with pytest.raises(ValueError, match=message):
            read_reaction_times(tmp_path)
    path.write_text("time,code\n1,1111\n")
    with pytest.raises(ValueError, match=r"expected columns onset and value, came \['time,code'\]"):
        read_reaction_times(tmp_path)
