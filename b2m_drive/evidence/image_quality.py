"""How well scenes are reconstructed: everywhere, where other vehicles are, and in structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

_WHITE = 255.0
_SMALLEST_WINDOW = 7  # [px], the standard window of the structural similarity


@dataclass(frozen=True)
class ImageQuality:
    """Errors are squared grey levels, black 0 and white 1; SSIM is 1 for equal pictures."""

    error: float  # mean over all pixels and channels
    vehicle_error: float | None  # mean over pixels of other vehicles; None: no such pixel
    vehicle_pixels: float | None  # share of their variance explained, see `explained_share`
    ssim: float | None  # None: not asked for


def image_quality(
    original: UInt8[np.ndarray, "frame height width channel"],
    reconstruction: UInt8[np.ndarray, "frame height width channel"],
    vehicles: Bool[np.ndarray, "frame height width"],
    n_newest: int = 1,
    n_frames_ssim: int = 64,
) -> ImageQuality:
    """Compare reconstructions with originals.

    Args:
        original: Scenes; a stack of frames lies on the channel axis, the newest last.
        reconstruction: Of the same shape.
        vehicles: Pixels of vehicles other than the ego vehicle, in the newest frame.
        n_newest: Channels of the newest frame: 3 of a scene in colour.
        n_frames_ssim: Frames, evenly spread, on which the structural similarity (Wang et al.
            2004, doi 10.1109/TIP.2003.819861) is taken, which is slow; 0: on none.
    """
    squared = ((original.astype(np.float32) - reconstruction) / _WHITE) ** 2
    newest = squared[..., -n_newest:].mean(-1)
    rows = np.unique(np.linspace(0, len(original) - 1, n_frames_ssim).astype(np.int64))
    return ImageQuality(
        error=float(squared.mean()),
        vehicle_error=float(newest[vehicles].mean()) if vehicles.any() else None,
        vehicle_pixels=explained_share(
            original[..., -n_newest:], reconstruction[..., -n_newest:], vehicles
        ),
        ssim=_structural_similarity(original[rows], reconstruction[rows]) if len(rows) else None,
    )


def explained_share(
    original: UInt8[np.ndarray, "frame height width channel"],
    reconstruction: UInt8[np.ndarray, "frame height width channel"],
    vehicles: Bool[np.ndarray, "frame height width"],
) -> float | None:
    """Share of the variance of vehicles' pixels that reconstructions explain.

    Both are taken as deviations from their own mean picture over these scenes. So one picture for
    all scenes scores 0 whatever its brightness, and a perfect reconstruction 1. (Without that, a
    grey picture without any vehicle explains most of the difference between a bright vehicle and
    the dark road of the mean frame.)

    Args:
        original: The newest frames of scenes.
        reconstruction: Of the same.
        vehicles: Pixels of vehicles other than the ego vehicle.

    Returns:
        None if there is no such pixel, or nothing varies there.
    """
    truth, told = (
        each[vehicles] - np.broadcast_to(each.mean(0), each.shape)[vehicles]
        for each in (original, reconstruction)
    )
    variance = float(np.square(truth).sum())
    return 1 - float(np.square(truth - told).sum()) / variance if variance > 0 else None


def _structural_similarity(
    original: UInt8[np.ndarray, "frame height width channel"],
    reconstruction: UInt8[np.ndarray, "frame height width channel"],
) -> float:
    from skimage.metrics import structural_similarity

    found = [
        structural_similarity(  # type: ignore[no-untyped-call]
            first, second, channel_axis=-1, data_range=_WHITE, win_size=_SMALLEST_WINDOW
        )
        for first, second in zip(original, reconstruction, strict=True)
    ]
    return float(np.mean(found))
