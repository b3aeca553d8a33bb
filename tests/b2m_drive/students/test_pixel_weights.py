"""Pixels that differ from the mean frame count more in a reconstruction, where that is asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from b2m_drive.students.fitting import FittingSettings
from b2m_drive.students.frame_batches import FramesFromMemory
from b2m_drive.students.pixel_weights import changed_pixels
from b2m_drive.students.scene_vae import Posterior, SceneVAE, SceneVAESettings
from b2m_drive.students.scene_vae_fitting import WeighPixels, fit_scene_vae

SIZE = 16  # [px]


def road_with_a_vehicle(n_frames: int = 64) -> np.ndarray:
    """Grey frames with one bright pixel in one of four places."""
    frames = np.full((n_frames, SIZE, SIZE, 1), 80, np.uint8)
    row, column = np.random.default_rng(0).integers(2, size=(2, n_frames)) * 8 + 4
    frames[np.arange(n_frames), row, column, 0] = 250
    return frames


def fitted(weigh_pixels: WeighPixels | None, n_steps: int = 50) -> SceneVAE:
    vae = SceneVAE(SceneVAESettings(SIZE, SIZE, 1, latent_size=8), torch.Generator().manual_seed(0))
    fit_scene_vae(
        vae,
        FramesFromMemory(road_with_a_vehicle(), 16, seed=0),
        FittingSettings(n_steps, 1e-3),
        generator=torch.Generator().manual_seed(1),
        weigh_pixels=weigh_pixels,
    )
    return vae


def test_only_pixels_that_differ_from_the_mean_frame_weigh_more() -> None:
    frames = road_with_a_vehicle()
    weight = changed_pixels(frames, 6.0)(torch.from_numpy(frames))
    expected = torch.ones(len(frames), 1, SIZE, SIZE)
    expected[:, :, 4::8, 4::8] = 6.0  # where a vehicle is, or is missing
    assert torch.equal(weight, expected)


def test_the_weighted_error_is_the_mean_worked_by_hand() -> None:
    vae = SceneVAE(
        SceneVAESettings(SIZE, SIZE, 1, beta=0.0, pixel_variance=0.5 / np.pi),
        torch.Generator().manual_seed(0),
    ).eval()
    frames = torch.from_numpy(road_with_a_vehicle(2))
    latent = torch.zeros(2, 32)
    weight = torch.rand((2, 1, SIZE, SIZE), generator=torch.Generator().manual_seed(3))
    loss = vae.loss(frames, Posterior(latent, latent, latent), weight)
    decoded = vae.decode(latent).detach()
    squared = (decoded - frames.permute(0, 3, 1, 2) / 255) ** 2
    by_hand = sum(
        float(w) * float(e) for w, e in zip(weight.flatten(), squared.flatten(), strict=True)
    ) / float(weight.sum())
    # 2 pi times the variance is 1, so that the error times pi is what a pixel costs.
    assert float(loss.total.detach()) == pytest.approx(np.pi * by_hand, rel=1e-5)


def test_equal_weights_are_the_unweighted_loss() -> None:
    vae = SceneVAE(SceneVAESettings(SIZE, SIZE, 1), torch.Generator().manual_seed(0)).eval()
    frames = torch.from_numpy(road_with_a_vehicle(4))
    with torch.no_grad():
        _, plain = vae(frames)
        _, equal = vae(frames, weight=torch.full((4, 1, SIZE, SIZE), 3.0))
    assert float(equal.total) == pytest.approx(float(plain.total), rel=1e-5)


@pytest.mark.slow
def test_a_weighted_student_draws_what_moves_sooner() -> None:
    frames = road_with_a_vehicle()
    plain, weighted = (
        fitted(weigh).reconstruct(torch.from_numpy(frames)).numpy()[frames == 250]
        for weigh in (None, changed_pixels(frames, 6.0))
    )
    assert ((250.0 - weighted) ** 2).mean() < 0.3 * ((250.0 - plain) ** 2).mean()


def test_no_frames_have_no_mean() -> None:
    with pytest.raises(ValueError, match="frames: expected one or more, came none"):
        changed_pixels(np.zeros((0, SIZE, SIZE, 1), np.uint8), 2.0)
