"""A sampling rate is measured, not guessed from the usual interval; pauses are respected."""

from __future__ import annotations

import numpy as np
import pytest

from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.sampling import MOST_LOST, sampling_of
from b2m_drive.recordings.scene_recording import EEG, NO_FRAME, presentations
from b2m_drive.teachers.frame_pairing import (
    estimate_delay,
    has_response,
    responses,
    responses_to,
)
from b2m_drive.teachers.sensor_responses import EEG_BANDS

RATE = 250.0  # [Hz]


def steady(n: int = 20_000) -> np.ndarray:
    return np.arange(n) / RATE


def some_lost(share: float, n: int = 20_000) -> np.ndarray:
    """Which samples came."""
    came = np.random.default_rng(0).random(n) >= share
    came[[0, -1]] = True
    return came


def cap(time: np.ndarray, potential: np.ndarray, step: float = 0.5) -> Recording:
    """One EEG sensor; a frame each half second from the start."""
    return Recording(
        (Unit("Cz", "scalp", EEG),), presentations(time, (time // step).astype(np.int64)), "cap",
        "potential [V]", signal=potential[:, None].astype(np.float32), time=time,
    )  # fmt: skip


def powers(recording: Recording, frames: np.ndarray) -> dict[str, np.ndarray]:
    found = responses(recording, frames, 0.0, 0.5)
    names = ("Cz_potential", *(f"Cz_{band}_power" for band in EEG_BANDS))
    return dict(zip(names, found.T, strict=True))


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6])
def test_lost_samples_change_neither_rate_nor_what_is_said_of_them(share: float) -> None:
    sampling = sampling_of(steady()[some_lost(share)])
    assert sampling.rate == pytest.approx(RATE, rel=1e-6)
    assert sampling.lost == pytest.approx(share, abs=0.01)
    assert sampling.complete == (share == 0)


def test_times_rounded_to_a_millisecond_do_not_bend_the_rate() -> None:
    times = np.round(np.arange(20_000) / 256.0, 3)
    assert 1 / np.median(np.diff(times)) == pytest.approx(250)  # the usual interval does
    assert sampling_of(times).rate == pytest.approx(256, rel=1e-5)


def test_a_steady_clock_that_shakes_is_complete_and_one_without_beat_has_a_mean_rate() -> None:
    generator = np.random.default_rng(0)
    shaken = sampling_of(np.sort(steady() + generator.normal(0, 0.0004, 20_000)))
    assert shaken.complete
    assert shaken.rate == pytest.approx(RATE, rel=1e-4)
    random = sampling_of(np.cumsum(generator.exponential(1 / RATE, 20_000)))
    assert not random.complete
    assert random.jitter > 0.2
    assert random.rate == pytest.approx(RATE, rel=0.05)


def test_pauses_are_counted_and_do_not_slow_the_rate() -> None:
    times = np.concatenate([steady(5000), steady(5000) + 100.0, steady(5000) + 300.0])
    sampling = sampling_of(times)
    assert sampling.n_segments == 3
    assert sampling.rate == pytest.approx(RATE)
    assert sampling.lost == 0
    assert np.bincount(sampling.segment).tolist() == [5000] * 3


@pytest.mark.parametrize(("tone", "band"), [(6.0, "theta"), (10.0, "alpha"), (20.0, "beta")])
def test_a_cap_that_lost_two_in_five_samples_says_what_the_whole_one_says(tone, band) -> None:
    time, came, frames = steady(), some_lost(0.4), np.arange(4, 150)
    potential = np.sin(2 * np.pi * tone * time)
    whole, lossy = (
        powers(cap(time[rows], potential[rows]), frames)
        for rows in (np.full(len(came), True), came)
    )
    name = f"Cz_{band}_power"
    assert np.abs(whole[name] - lossy[name]).max() < 0.5  # of a natural logarithm
    loudest = max((key for key in lossy if key.endswith("power")), key=lambda k: lossy[k].mean())
    assert loudest == name  # on the samples as they came, taken for 250 a second, it is not


def test_a_filter_does_not_ring_from_one_side_of_a_pause_to_the_other() -> None:
    """A jump of the potential in a pause is no activity."""
    first, second = steady(2500), steady(2500) + 60.0
    time = np.concatenate([first, second])
    jump = np.concatenate([np.zeros(2500), np.full(2500, 1000.0)])
    found = powers(cap(time, jump), np.array([121, 122]))
    assert all(found[f"Cz_{band}_power"].max() < -60 for band in ("theta", "alpha", "beta"))
    assert np.abs(found["Cz_potential"]).max() == 0


def test_a_cap_that_lost_more_than_half_is_refused_with_its_figures() -> None:
    came = some_lost(MOST_LOST + 0.1)
    recording = cap(steady()[came], np.random.default_rng(0).normal(size=int(came.sum())))
    with pytest.raises(ValueError, match=r"EEG of cap: .*50% of the samples, came 40% .*250 sampl"):
        responses(recording, np.array([3]), 0.0, 0.5)


def test_samples_too_few_for_the_bands_are_refused_whatever_the_clock() -> None:
    came = some_lost(0.45)
    time = np.arange(20_000)[came] / 100.0
    with pytest.raises(ValueError, match="expected over 60 samples/s, came 55"):
        responses(cap(time, np.zeros(len(time))), np.array([3]), 0.0, 0.5)


def units_at(frame_id: list[int], activity: list[float]) -> Recording:
    """A sample each tenth of a second."""
    time = np.arange(len(frame_id)) / 10
    return Recording(
        (Unit("u", "somewhere", "SU"),), presentations(time, np.array(frame_id, np.int64)),
        "drive", "activity", signal=np.array(activity, np.float32)[:, None], time=time,
    )  # fmt: skip


def test_a_frame_shown_twice_is_two_presentations() -> None:
    recording = units_at([5, 5, NO_FRAME, 7, 5, 5, 7], [1, 1, 0, 4, 3, 3, 8])
    shown = recording.events
    assert shown.ids.tolist() == [5, 7, 5, 7]
    assert shown.onset.tolist() == pytest.approx([0.0, 0.3, 0.4, 0.6])
    assert responses_to(shown, recording, 0.0, 0.1)[:, 0].tolist() == [1, 4, 3, 8]
    together = responses(recording, np.array([7, 5]), 0.0, 0.1)
    assert together[:, 0].tolist() == [6, 2]  # not the first ones, 4 and 1


def test_a_presentation_that_was_not_recorded_does_not_count() -> None:
    recording = units_at([5, 5, 7, 7, 5], [1, 2, 3, 4, 5])
    late = np.array([5])
    assert responses(recording, late, 0.1, 0.1)[:, 0].tolist() == [2]  # the second: nothing
    assert has_response(recording, np.array([5, 7, 9]), 0.1, 0.1).tolist() == [True, True, False]


def test_frames_in_a_pause_leave_the_delay_to_the_others() -> None:
    generator = np.random.default_rng(0)
    n, hold = 60, 5
    features = generator.normal(size=(n, 2)).astype(np.float32)
    activity = np.repeat(features, hold, axis=0) + 0.1 * generator.normal(size=(n * hold, 2))
    time = np.arange(n * hold) / 10
    time[150:] += 30.0  # after frame 29's samples
    recording = Recording(
        (Unit("a", "x", "SU"), Unit("b", "x", "SU")),
        presentations(time, np.repeat(np.arange(n, dtype=np.int64), hold)), "d", "activity",
        signal=activity.astype(np.float32), time=time,
    )  # fmt: skip
    episode = np.repeat(np.arange(6, dtype=np.int64), 10)
    found = estimate_delay(
        recording, np.arange(n, dtype=np.int64), features, episode, (0.0, 0.5), window=0.5
    )
    assert found.delay == 0.0
