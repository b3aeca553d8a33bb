from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.scene_recording import frame_of_samples, signal_of, times_of
from b2m_drive.recordings.simulated.driver import PRESETS, SimulatedDriver, evoked_course
from b2m_drive.recordings.simulated.driver_attention import (
    ATTENDED,
    ATTENDED_NAMES,
    attention,
    draw_tuning,
)
from b2m_drive.teachers.frame_decoding import decoding_r2
from b2m_drive.teachers.frame_pairing import responses
from b2m_drive.teachers.scene_controls import state_labels

NAMES = ("speed", *ATTENDED_NAMES)
STEP = 0.5  # [s]


@dataclass(frozen=True)
class Drive:
    state: np.ndarray
    time: np.ndarray
    episode: np.ndarray

    def __len__(self) -> int:
        return len(self.time)


@cache
def some_drive(n_episodes: int = 30, n_frames: int = 20, seed: int = 0) -> Drive:
    """Episodes in which every variable wanders and vehicles come and go."""
    generator = np.random.default_rng(seed)
    wander = np.cumsum(generator.normal(size=(n_episodes, n_frames, len(NAMES))), axis=1)
    share = (np.sin(0.7 * wander + generator.uniform(0, 6, (n_episodes, 1, len(NAMES)))) + 1) / 2
    state = np.zeros((n_episodes * n_frames, len(NAMES)), np.float32)
    share = share.reshape(state.shape)
    state[:, 0] = 20 + 10 * share[:, 0]
    for column, variable in enumerate(ATTENDED, start=1):
        low, high = variable.low, variable.high
        state[:, column] = low + (high - low) * share[:, column]
        if variable.name == "lane" or variable.binary:
            state[:, column] = np.round(state[:, column])
        if variable.logarithmic:
            state[share[:, column] > 0.85, column] = np.nan
    episode = np.repeat(np.arange(n_episodes, dtype=np.int64), n_frames)
    return Drive(state, np.arange(len(episode)) * STEP + episode * 1.0, episode)


def record(driver: SimulatedDriver, drive: Drive, seed: int = 0) -> Recording:
    return driver.record(drive.state, NAMES, drive.time, drive.episode, seed)


def read(driver: SimulatedDriver, drive: Drive) -> np.ndarray:
    """R2 of every label of the state, in the order of `state_labels`."""
    frame_id = np.arange(len(drive), dtype=np.int64)
    response = responses(record(driver, drive), frame_id, driver.delay, STEP)
    return decoding_r2(response, state_labels(drive.state, NAMES), drive.episode)


def quiet(**settings: object) -> SimulatedDriver:
    """Twenty tuned units without any nuisance."""
    plain = SimulatedDriver(
        n_units=20,
        tuned_share=1.0,
        mixed_share=0.0,
        baseline_rate=5.0,
        baseline_spread=0.0,
        shared_gain=0.0,
        private_gain=0.0,
        drift=0.0,
        fluctuation=0.0,
    )
    return replace(plain, **settings)


@pytest.mark.slow
def test_a_linear_decoder_reads_every_attended_variable_of_the_ideal_brain() -> None:
    score = dict(zip(NAMES, read(SimulatedDriver.preset("ideal"), some_drive()), strict=False))
    assert min(score[name] for name in ATTENDED_NAMES) > 0.4
    assert np.mean([score[name] for name in ATTENDED_NAMES]) > 0.75
    assert score["speed"] < 0.1  # nobody attends to it


@pytest.mark.slow
def test_each_preset_says_more_about_the_scene_than_the_one_before() -> None:
    names = ("median_session", "best_session", "ideal")
    median, best, ideal = (
        np.nanmean(read(SimulatedDriver.preset(name), some_drive())) for name in names
    )
    assert median < best < ideal


@pytest.mark.slow
def test_more_signal_is_read_better_and_none_not_at_all() -> None:
    score = [
        np.nanmean(read(SimulatedDriver.preset("ideal", signal), some_drive()))
        for signal in (0.0, 0.3, 1.0)
    ]
    assert abs(score[0]) < 0.03
    assert score[0] + 0.1 < score[1] < score[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_without_signal_no_spike_depends_on_the_scene(name: str) -> None:
    drive = some_drive(5)
    other = replace(drive, state=drive.state[::-1].copy())
    for signal, alike in ((0.0, True), (1.0, False)):
        driver = SimulatedDriver.preset(name, signal)
        spikes = [signal_of(record(driver, each)) for each in (drive, other)]
        assert np.array_equal(*spikes) == alike


@pytest.mark.slow
def test_without_signal_the_rates_stay() -> None:
    full, none = (
        signal_of(record(SimulatedDriver.preset("ideal", signal), some_drive()))
        for signal in (1.0, 0.0)
    )
    np.testing.assert_allclose(none.mean(), full.mean(), rtol=0.03)


def test_units_stay_at_their_baseline_while_there_is_nothing_to_see() -> None:
    drive = some_drive()
    gone = drive.state.copy()
    gone[:, [NAMES.index(name) for name in ATTENDED_NAMES]] = np.nan
    gone[:, NAMES.index("hazard")] = 0.0
    recording = record(quiet(tuned_share=1.0), replace(drive, state=gone))
    lane_free = signal_of(recording).mean(0) * 25
    np.testing.assert_allclose(lane_free, 5.0, rtol=0.15)
    blank = record(quiet(peak_rate=50.0, delay=0.0, time_constant=0.0), drive)
    off = frame_of_samples(blank) == -1
    assert signal_of(blank)[off].mean() * 25 == pytest.approx(5.0, rel=0.05)
    assert signal_of(blank)[~off].mean() * 25 > 10


def test_the_screen_shows_each_frame_for_a_step_and_is_blank_between_episodes() -> None:
    drive = some_drive(2, 3)
    recording = record(quiet(), drive)
    time = times_of(recording)
    shown = frame_of_samples(recording)[(time >= -1e-9) & (time < 4.0)]
    # at 25 Hz: 12 or 13 samples of each 0.5 s frame, 1 s blank after the third
    assert [int((shown == k).sum()) for k in range(6)] == [13, 12, 13, 12, 13, 12]
    assert int((shown == -1).sum()) == 25
    assert time[0] == pytest.approx(-1.0)
    assert time[-1] > drive.time[-1] + STEP + 3.5


def test_a_response_comes_after_its_delay_and_leaves_with_the_frame() -> None:
    response = np.array([[2.0], [5.0]])
    row = np.array([-1, 0, 0, 1, 1, -1, -1, -1])
    course = evoked_course(response, row, np.array([2]), time_constant=0.0)
    assert course[:, 0].tolist() == [0, 0, 0, 2, 2, 5, 5, 0]
    slow = evoked_course(response, row, np.array([0]), time_constant=1 / np.log(2))
    assert slow[:, 0].tolist() == pytest.approx([0, 1, 1.5, 3.25, 4.125, 2.0625, 1.03125, 0.515625])


def test_an_ungained_unit_fires_poisson_spikes_at_its_rate() -> None:
    counts = signal_of(record(quiet(signal=0.0, peak_rate=1e-9), some_drive()))
    assert counts.mean() * 25 == pytest.approx(5.0, rel=0.02)
    assert (counts.var(0) / counts.mean(0)).mean() == pytest.approx(1.0, abs=0.02)
    gained = signal_of(record(quiet(signal=0.0, peak_rate=1e-9, private_gain=0.6), some_drive()))
    assert (gained.var(0) / gained.mean(0)).mean() > 1.05


def test_attention_goes_to_what_is_near_or_dangerous_at_the_others_cost() -> None:
    tuning = draw_tuning(len(ATTENDED), np.random.default_rng(0))
    cell = {ATTENDED[index].name: k for k, index in enumerate(tuning.variable)}
    far = {name: np.nan for name in NAMES} | {"hazard": 0.0, "lane": 1.0, "gap": 50.0}

    def gain(**seen: float) -> np.ndarray:
        row = np.array([[(far | seen)[name] for name in NAMES]], np.float32)
        return attention(row, NAMES, tuning, 1.0)[0]

    alone, near, hazard = gain(), gain(left_ahead=5.0), gain(hazard=1.0)
    assert near[cell["left_ahead"]] > alone[cell["left_ahead"]]
    for name in ("gap", "right_behind", "lane"):
        assert near[cell[name]] < alone[cell[name]]
    for name in ("gap", "closing_speed", "time_to_collision", "hazard"):
        assert hazard[cell[name]] > alone[cell[name]]
    assert hazard[cell["left_ahead"]] < alone[cell["left_ahead"]]


def test_the_same_seed_is_the_same_brain() -> None:
    driver, drive = SimulatedDriver.preset("median_session"), some_drive(5)
    first, second, other = (signal_of(record(driver, drive, seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.slow
def test_one_seed_is_one_brain_whatever_it_is_shown() -> None:
    driver, frame_id = quiet(peak_rate=40.0), np.arange(600, dtype=np.int64)

    def slopes(drive_seed: int, seed: int) -> np.ndarray:
        drive = some_drive(seed=drive_seed)
        response = responses(record(driver, drive, seed), frame_id, driver.delay, STEP)
        return np.linalg.lstsq(state_labels(drive.state, NAMES), response, rcond=None)[0].ravel()

    assert np.corrcoef(slopes(0, 7), slopes(1, 7))[0, 1] > 0.8
    assert abs(np.corrcoef(slopes(0, 7), slopes(1, 8))[0, 1]) < 0.4


def test_a_simulated_recording_says_so() -> None:
    recording = record(SimulatedDriver.preset("ideal", 0.5), some_drive(3))
    assert recording.simulated
    assert "preset ideal, signal 0.5" in recording.source
    assert "simulated" in recording.notes
    assert {unit.kind for unit in recording.units} == {"simulated"}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("signal", 1.5),
        ("tuned_share", -0.1),
        ("mixed_share", 0.9),
        ("n_units", 0),
        ("baseline_rate", 0.0),
        ("delay", 1.0),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        replace(SimulatedDriver(), **{option: value})


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"best_session.*ideal.*median_session.*'median'"):
        SimulatedDriver.preset("median")


def test_a_table_that_does_not_fit_is_refused() -> None:
    drive, driver = some_drive(3, 4), SimulatedDriver()
    good = (drive.state, NAMES, drive.time, drive.episode, 0)
    infinite = drive.state.copy()
    infinite[2, 3] = np.inf
    for position, value, message in (
        (0, drive.state[:, :-1], r"state: expected \(12, 10\)"),
        (0, infinite, "state: expected finite"),
        (1, ("speed", "distance", *NAMES[2:]), r"expected \['gap'\] among them"),
        (2, drive.time[::-1].copy(), "frame_time: expected finite seconds, each later"),
    ):
        with pytest.raises(ValueError, match=message):
            driver.record(*good[:position], value, *good[position + 1 :])
    empty = (drive.state[:0], NAMES, drive.time[:0], drive.episode[:0], 0)
    with pytest.raises(ValueError, match="came 0 and 0"):
        driver.record(*empty)
    with pytest.raises(ValueError, match=r"sampling_rate: expected at least 2 Hz.*came 1\.5"):
        driver.record(*good, sampling_rate=1.5)
