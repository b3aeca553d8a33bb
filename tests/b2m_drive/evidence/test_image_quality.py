from __future__ import annotations

import numpy as np
import pytest

from b2m_drive.evidence.image_quality import image_quality


def scenes(n: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 36, 40, 2), dtype=np.uint8)


def test_a_perfect_reconstruction_has_no_error_and_full_similarity() -> None:
    original = scenes()
    quality = image_quality(original, original, np.ones((4, 36, 40), bool))
    assert (quality.error, quality.vehicle_error) == (0, 0)
    assert quality.ssim == pytest.approx(1)


def test_errors_by_hand_and_vehicles_only_in_the_newest_frame() -> None:
    original = np.zeros((1, 36, 40, 2), np.uint8)
    reconstruction = original.copy()
    reconstruction[0, :18, :, 1] = 255  # a quarter of all values, half of the newest frame
    reconstruction[0, 0, 0, 0] = 255  # an older frame, on a vehicle's pixel
    vehicles = np.zeros((1, 36, 40), bool)
    vehicles[0, 17:19, 0] = True  # one pixel wrong, one right
    quality = image_quality(original, reconstruction, vehicles)
    assert quality.error == pytest.approx(0.25 + 1 / (36 * 40 * 2))
    assert quality.vehicle_error == pytest.approx(0.5)


def test_the_newest_frame_of_a_scene_in_colour_has_three_channels() -> None:
    original = np.zeros((1, 36, 40, 6), np.uint8)
    reconstruction = original.copy()
    reconstruction[..., 3] = 255  # one of the newest frame's three
    vehicles = np.ones((1, 36, 40), bool)
    quality = image_quality(original, reconstruction, vehicles, n_newest=3, n_frames_ssim=0)
    assert quality.vehicle_error == pytest.approx(1 / 3)
    assert quality.ssim is None


def test_scenes_without_another_vehicle_have_no_vehicle_error() -> None:
    quality = image_quality(scenes(), scenes(), np.zeros((4, 36, 40), bool))
    assert (quality.vehicle_error, quality.vehicle_pixels) == (None, None)


def test_one_picture_for_all_scenes_explains_no_vehicle_however_bright_it_is() -> None:
    original, vehicles = scenes(), np.zeros((4, 36, 40), bool)
    vehicles[:, 3:5, 7] = True
    for grey in (0, 128, 255):
        same = np.full_like(original, grey)
        found = image_quality(original, same, vehicles, n_frames_ssim=0).vehicle_pixels
        assert found == pytest.approx(0, abs=1e-6)


def test_variance_of_a_vehicles_pixel_explained_by_hand() -> None:
    original = np.zeros((4, 36, 40, 2), np.uint8)
    original[0, 5, 5, 1] = 255  # a vehicle in one scene of four: .75 above the mean picture
    vehicles = original[..., 1] > 0
    half = original // 2  # half as bright
    found = image_quality(original, half, vehicles, n_frames_ssim=0).vehicle_pixels
    assert found == pytest.approx(1 - (1 - 127 / 255) ** 2)
    perfect = image_quality(original, original, vehicles, n_frames_ssim=0)
    assert perfect.vehicle_pixels == pytest.approx(1)


def test_noise_costs_similarity() -> None:
    original = np.repeat(np.linspace(0, 255, 40).astype(np.uint8)[None, None, :, None], 36, 1)
    noise = np.random.default_rng(0).normal(0, 60, original.shape)
    noisy = np.clip(original + noise, 0, 255).astype(np.uint8)
    assert image_quality(original, noisy, np.zeros((1, 36, 40), bool)).ssim < 0.5
