from __future__ import annotations

import numpy as np
import pytest

from b2m_drive.teachers.frame_decoding import decoding_r2
from b2m_drive.teachers.scene_controls import (
    circular_shift,
    corrupt_labels,
    pixel_projection,
    shuffle_frames,
    state_labels,
)


def some_responses(n_frames: int = 50) -> np.ndarray:
    return np.arange(n_frames * 2, dtype=np.float32).reshape(n_frames, 2)


def test_shuffling_leaves_no_frame_in_its_place_and_loses_none(generator) -> None:
    values = some_responses()
    shuffled = shuffle_frames(values, generator)
    assert not (shuffled == values).any()
    assert sorted(shuffled.tolist()) == values.tolist()


def test_a_circular_shift_keeps_the_order_and_goes_far(generator) -> None:
    values = some_responses()
    lags = set()
    for _ in range(200):
        shifted = circular_shift(values, generator, shortest=10)
        lag = int(shifted[0, 0] / 2)
        np.testing.assert_array_equal(shifted, np.roll(values, -lag, axis=0))
        lags.add(lag)
    assert (min(lags), max(lags)) == (10, 40)
    assert not (circular_shift(values, generator) == values).any()


def test_a_pixel_projection_is_linear_and_the_same_for_parts_of_the_frames(generator) -> None:
    frames = generator.integers(0, 256, (7, 40, 60, 4), dtype=np.uint8)  # more than one block
    whole = pixel_projection(frames, 5, np.random.default_rng(3))
    parts = [
        pixel_projection(part, 5, np.random.default_rng(3)) for part in (frames[:4], frames[4:])
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)
    blank = np.zeros_like(frames[:1])
    of = {level: pixel_projection(blank + level, 5, np.random.default_rng(3)) for level in (0, 255)}
    np.testing.assert_allclose(of[0], -of[255], atol=1e-4)
    other = pixel_projection(frames, 5, np.random.default_rng(4))
    assert not np.allclose(other, whole, atol=0.1)


def test_labels_are_standardised_and_say_whether_a_vehicle_is_there() -> None:
    state = np.array([[1, np.nan, 5], [3, 4, 5], [1, 8, 5], [3, np.nan, 5]], np.float32)
    labels = state_labels(state)
    assert labels[:, 0].tolist() == [-1, 1, -1, 1]
    np.testing.assert_allclose(labels[:, 1], [0, -np.sqrt(2), np.sqrt(2), 0], atol=1e-6)
    assert labels[:, 2].tolist() == [0, 0, 0, 0]  # never varies
    assert labels[:, 3].tolist() == [-1, 1, 1, -1]  # is there a second variable
    assert labels.shape == (4, 4)


def test_time_to_collision_is_read_as_its_inverse_when_named() -> None:
    state = np.array([[2.0], [np.nan], [1e6], [1.0]], np.float32)
    labels = state_labels(state, ("time_to_collision",))
    inverse = np.array([0.5, 0, 1e-6, 1.0])
    np.testing.assert_allclose(labels[:, 0], (inverse - inverse.mean()) / inverse.std(), atol=1e-5)
    assert labels.shape == (4, 1)  # nothing is missing


def test_corrupted_labels_say_as_much_as_was_asked(generator) -> None:
    mixing = np.array([[1, 0.7, 0, 0], [0, 0.7, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    labels = state_labels((generator.normal(size=(4000, 4)) @ mixing).astype(np.float32))
    episode = np.arange(4000, dtype=np.int64) // 20
    target = np.array([0.6, 0.5, 0.2, np.nan])
    noisy = corrupt_labels(labels, target, generator)
    np.testing.assert_allclose(decoding_r2(noisy, labels, episode), [0.6, 0.5, 0.2, 0.0], atol=0.04)
    np.testing.assert_allclose(noisy.std(0), 1, atol=1e-4)


def test_labels_said_perfectly_stay_clean(generator) -> None:
    labels = state_labels(generator.normal(size=(500, 2)).astype(np.float32))
    noisy = corrupt_labels(labels, np.array([1.0, 1.0]), generator)
    assert np.corrcoef(labels[:, 0], noisy[:, 0])[0, 1] > 0.998


def test_controls_that_cannot_be_are_refused(generator) -> None:
    values = some_responses(10)
    with pytest.raises(ValueError, match="shortest: expected 1 to 5"):
        circular_shift(values, generator, shortest=6)
    with pytest.raises(ValueError, match="came 1"):
        shuffle_frames(values[:1], generator)
    with pytest.raises(ValueError, match="n_units: expected some of both"):
        pixel_projection(np.zeros((2, 3, 3, 1), np.uint8), 0, generator)
    with pytest.raises(ValueError, match=r"state_names: expected 2 \(variables\), came 1"):
        state_labels(values, ("gap",))
    with pytest.raises(ValueError, match="state: expected finite"):
        state_labels(values + np.float32("inf"))
    with pytest.raises(ValueError, match="finite labels"):
        corrupt_labels(values * np.float32("nan"), np.array([0.5, 0.5]), generator)
