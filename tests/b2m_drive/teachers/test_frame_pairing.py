from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.scene_recording import EEG, frame_of_samples, presentations
from b2m_drive.recordings.simulated.driver import SimulatedDriver
from b2m_drive.teachers.frame_decoding import cross_fitted, decoding_r2
from b2m_drive.teachers.frame_pairing import (
    decoded_latents,
    estimate_delay,
    principal_latents,
    responses,
)
from b2m_drive.teachers.scene_controls import shuffle_frames, state_labels
from b2m_drive.teachers.sensor_responses import EEG_BANDS

RATE = 20.0  # [Hz]


def recording_of(
    activity: np.ndarray, frame_id: np.ndarray, rate: float = RATE, kind: str = "SU"
) -> Recording:
    time = np.arange(len(activity)) / rate
    return Recording(
        tuple(Unit(f"u{k}", "somewhere", kind) for k in range(activity.shape[1])),
        presentations(time, frame_id.astype(np.int64)),
        "drive-1",
        "activity",
        signal=activity.astype(np.float32),
        time=time,
    )


def late_brain(delay: float, noise: float = 0.3) -> tuple[Recording, np.ndarray, np.ndarray]:
    """Units that say linearly what a frame showed, ``delay`` after it came: frames of 0.5 s."""
    generator = np.random.default_rng(0)
    n_episodes, n_frames, hold = 12, 15, 10
    state = generator.normal(size=(n_episodes * n_frames, 3)).astype(np.float32)
    episode = np.repeat(np.arange(n_episodes, dtype=np.int64), n_frames)
    row = np.repeat(np.arange(len(state)), hold).reshape(n_episodes, -1)
    row = np.pad(row, ((0, 0), (20, 20)), constant_values=-1).ravel()
    seen = np.concatenate([state, np.zeros((1, 3), np.float32)])[row]
    late = round(delay * RATE)
    activity = np.concatenate([np.zeros((late, 3)), seen[: len(seen) - late]])
    activity = activity @ generator.normal(size=(3, 8))
    activity += noise * generator.normal(size=activity.shape)
    return recording_of(activity, row), state, episode


def test_responses_are_means_of_the_window_after_the_frames_onset() -> None:
    activity = np.arange(20.0)[:, None] * [[1.0, 10.0]]
    frame_id = np.repeat([-1, 7, 3, -1], 5)
    found = responses(recording_of(activity, frame_id), np.array([3, 7]), 0.1, 0.15)
    # frame 3 comes with sample 10: two samples later 12, 13, 14; frame 7 with sample 5
    assert found.tolist() == [[13.0, 130.0], [8.0, 80.0]]


def test_a_frame_is_found_by_its_id_whatever_the_order_of_rows() -> None:
    recording, state, _ = late_brain(0.2)
    frame_id = np.arange(len(state), dtype=np.int64)
    order = np.random.default_rng(1).permutation(len(state))
    np.testing.assert_array_equal(
        responses(recording, frame_id[order], 0.2, 0.5),
        responses(recording, frame_id, 0.2, 0.5)[order],
    )


def test_a_window_that_the_recording_cuts_short_is_averaged_over_the_rest() -> None:
    recording = recording_of(np.arange(10.0)[:, None], np.repeat([0, 1], 5))
    assert responses(recording, np.array([1]), 0.15, 10.0).tolist() == [[8.5]]


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.4])
def test_the_delay_of_the_brain_is_found(delay: float) -> None:
    recording, state, episode = late_brain(delay)
    estimate = estimate_delay(
        recording,
        np.arange(len(state), dtype=np.int64),
        state,
        episode,
        candidates=(0.0, 0.1, 0.2, 0.3, 0.4, 0.6),
        window=0.5,
    )
    assert estimate.delay == pytest.approx(delay)
    assert estimate.score.max() > 0.9
    assert estimate.candidates[estimate.score.argmax()] == estimate.delay


@pytest.mark.slow
def test_the_delay_of_a_simulated_driver_is_found_from_states_with_missing_vehicles() -> None:
    from b2m_drive.recordings.simulated.driver_attention import ATTENDED

    generator = np.random.default_rng(0)
    low, high = (np.array([getattr(v, end) for v in ATTENDED]) for end in ("low", "high"))
    state = (low + (high - low) * generator.random((300, len(ATTENDED)))).astype(np.float32)
    state[:, -2:] = state[:, -2:].round()
    state[generator.random(300) < 0.3, 0] = np.nan
    episode = np.repeat(np.arange(15, dtype=np.int64), 20)
    time = np.arange(300) * 0.4 + episode * 1.0
    driver = replace(SimulatedDriver.preset("ideal"), delay=0.3, time_constant=0.0)
    names = tuple(variable.name for variable in ATTENDED)
    estimate = estimate_delay(
        driver.record(state, names, time, episode, seed=0),
        np.arange(300, dtype=np.int64),
        state,
        episode,
        candidates=(0.1, 0.2, 0.3, 0.4, 0.5),
        window=0.4,
    )
    assert estimate.delay == pytest.approx(0.3)


def test_frames_at_the_very_end_do_not_stop_the_search_for_the_delay() -> None:
    recording, state, episode = late_brain(0.2)
    shown = frame_of_samples(recording)
    end = np.flatnonzero(shown >= 0)[-1] + 1
    assert recording.signal is not None
    cut = recording_of(recording.signal[:end], shown[:end])
    frame_id = np.arange(len(state), dtype=np.int64)
    with pytest.raises(ValueError, match="leaves 2 of 180 frames without a sample"):
        responses(cut, frame_id, 1.0, 0.5)
    estimate = estimate_delay(cut, frame_id, state, episode, (0.0, 0.2, 1.0), 0.5)
    assert estimate.delay == pytest.approx(0.2)


def test_eeg_gives_the_potential_and_the_power_of_each_band() -> None:
    time = np.arange(0, 60, 1 / 128)
    frame_id = np.where((time % 1.0) < 0.5, time.astype(int), -1)
    alpha = np.sin(2 * np.pi * 10 * time) * np.where(time < 30, 1.0, 4.0)
    offset = 100 + 0.0 * time
    recording = recording_of(np.stack([alpha, offset], 1) * 1e-6, frame_id, 128.0, EEG)
    measures = ("potential", *(f"{band}_power" for band in EEG_BANDS))
    names = [f"u{sensor}_{measure}" for measure in measures for sensor in range(2)]
    found = responses(recording, np.arange(2, 58), 0.0, 1.0)
    assert found.shape == (56, len(names)) == (56, 8)
    power = found[:, names.index("u0_alpha_power")]
    # amplitude times 4 is power times 16; a sine of amplitude 1 uV has power 0.5 uV2
    assert power[35:].mean() - power[:20].mean() == pytest.approx(np.log(16), abs=0.05)
    assert power[:20].mean() == pytest.approx(np.log(0.5e-12), abs=0.2)
    assert (power > found[:, names.index("u0_beta_power")] + 2).all()
    assert np.abs(found[:, names.index("u1_potential")]).max() < 1e-9  # no trace of the offset


def test_what_cannot_be_paired_is_refused() -> None:
    recording, state, episode = late_brain(0.2)
    frame_id = np.arange(len(state), dtype=np.int64)
    short = recording_of(np.zeros((5, 2)), np.arange(5))
    eeg = replace(recording, units=tuple(Unit(u.name, "scalp", EEG) for u in recording.units))
    for came, ids, delay, window, message in (
        (recording, frame_id, 1e4, 0.5, "delay: expected one within drive-1"),
        (recording, frame_id, -1e4, 0.5, "delay: expected one within drive-1"),
        (recording, frame_id, 0.2, 0.0, "the window over 0"),
        (recording, frame_id, np.nan, 0.5, "came nan"),
        (recording, frame_id, 0.21, 0.01, "window: expected one with samples in it"),
        (recording, frame_id + 5, 0.2, 0.5, r"5 of them never on the screen, such as \[180"),
        (recording, frame_id[:0], 0.2, 0.5, "came 0"),
        (short, frame_id, 0.0, 0.5, "5 frames in 5 samples.*came 180, 175"),
        (eeg, frame_id, 0.2, 0.5, "over 60 samples/s, came 20"),
    ):
        with pytest.raises(ValueError, match=message):
            responses(came, ids, delay, window)
    with pytest.raises(ValueError, match="for only 0 of 180 frames"):
        estimate_delay(recording, frame_id, state, episode, (0.0, 1e4), 0.5)
    with pytest.raises(ValueError, match="candidates: expected delays"):
        estimate_delay(recording, frame_id, state, episode, ())
    with pytest.raises(ValueError, match="episodes: expected at least 3"):
        estimate_delay(recording, frame_id, state, np.minimum(episode, 1), (0.0,))
    with pytest.raises(ValueError, match="features: expected some that vary"):
        estimate_delay(recording, frame_id, 0 * state, episode, (0.0,))


def factors(n_frames: int = 600) -> np.ndarray:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(n_frames, 3)) @ generator.normal(size=(3, 25)) * 2
    return (values + generator.normal(size=values.shape)).astype(np.float32)


@pytest.mark.slow
def test_the_number_of_latents_is_found() -> None:
    latents = principal_latents(factors(), np.arange(600) < 450)
    assert latents.values.shape == (600, 3)
    assert latents.share_of_variance.sum() == pytest.approx(1)
    np.testing.assert_allclose(latents.values[:450].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(latents.values[:450].std(0), 1, atol=1e-4)


def test_frames_held_out_do_not_touch_the_latents_of_those_that_teach() -> None:
    values, teaching = factors(), np.arange(600) < 450
    spoilt = values.copy()
    spoilt[450:] *= 100
    labels = values[:, :2]
    episode = np.arange(600, dtype=np.int64) // 15
    for before, after in (
        (principal_latents(values, teaching, 3), principal_latents(spoilt, teaching, 3)),
        (
            decoded_latents(values, labels, episode, teaching),
            decoded_latents(spoilt, spoilt[:, :2], episode, teaching),
        ),
    ):
        np.testing.assert_allclose(before.values[:450], after.values[:450], atol=1e-4)


def test_decoded_latents_keep_what_few_quiet_units_tell() -> None:
    generator = np.random.default_rng(0)
    labels = generator.normal(size=(600, 2)).astype(np.float32)
    loud = 10 * generator.normal(size=(600, 1)) @ generator.normal(size=(1, 20))
    quiet = labels + 0.5 * generator.normal(size=labels.shape)
    response = np.concatenate([loud + generator.normal(size=loud.shape), quiet], 1)
    response = response.astype(np.float32)
    episode = np.arange(600, dtype=np.int64) // 15
    teaching = episode < 30
    latents = decoded_latents(response, labels, episode, teaching).values
    for rows in (teaching, ~teaching):
        assert np.diag(np.corrcoef(latents[rows].T, labels[rows].T)[:2, 2:]).min() > 0.8
    shuffled = decoded_latents(shuffle_frames(response, generator), labels, episode, teaching)
    assert np.abs(np.corrcoef(shuffled.values.T, labels.T)[:2, 2:]).max() < 0.15


def test_latents_that_cannot_be_are_refused() -> None:
    values, teaching = factors(60), np.arange(60) < 40
    episode = np.arange(60, dtype=np.int64) // 7
    spoilt = values.copy()
    spoilt[3, 3] = np.nan
    with pytest.raises(ValueError, match="responses: expected finite"):
        principal_latents(spoilt, teaching)
    with pytest.raises(ValueError, match="n_latents: expected 1 to 25"):
        principal_latents(values, teaching, 26)
    with pytest.raises(ValueError, match="teaching: expected 2 or more of 60"):
        principal_latents(values, np.arange(60) < 1)
    with pytest.raises(ValueError, match="came none"):
        principal_latents(0 * values, teaching)
    with pytest.raises(ValueError, match=r"teaching: expected whole episodes, came parts of \[5\]"):
        decoded_latents(values, values[:, :2], episode, teaching)
    with pytest.raises(ValueError, match="came NaN"):
        decoded_latents(spoilt, values[:, :2], episode, episode < 5)


def test_decoding_agrees_with_least_squares_where_there_is_no_noise() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(200, 5))
    targets = features @ generator.normal(size=(5, 2)) + 3
    episode = np.arange(200, dtype=np.int64) // 10
    noise = generator.normal(size=(200, 1))
    score = decoding_r2(features, np.concatenate([targets, noise, 0 * noise], 1), episode)
    assert (score[:2] > 0.999).all()
    assert score[2] < 0.05
    assert np.isnan(score[3])  # never varies
    targets[generator.random(200) < 0.3, 0] = np.nan
    assert (decoding_r2(features, targets, episode) > 0.999).all()


def test_decoding_does_not_profit_from_neighbours_of_the_same_episode() -> None:
    # Each episode has a level of its own that the features tell and that means nothing elsewhere.
    generator = np.random.default_rng(0)
    episode = np.repeat(np.arange(10, dtype=np.int64), 30)
    features = np.eye(10)[episode] + 0.01 * generator.normal(size=(300, 10))
    level = generator.normal(size=10)[episode][:, None]
    assert decoding_r2(features, level, episode)[0] < 0.1
    predicted = cross_fitted(features, level, episode, np.ones(300, dtype=bool))
    assert np.mean((predicted - level) ** 2) > 0.9 * level.var()


def test_no_part_of_the_pairing_needs_a_simulated_brain(tmp_path: Path) -> None:
    from b2m_drive.recordings.scene_recording import read_scene_recording, write_scene_recording

    recording, state, episode = late_brain(0.2)
    write_scene_recording(tmp_path / "mine.h5", recording)
    mine = read_scene_recording(tmp_path / "mine.h5")
    frame_id = np.arange(len(state), dtype=np.int64)
    response = responses(mine, frame_id, 0.2, 0.5)
    assert decoding_r2(response, state_labels(state), episode).min() > 0.9
