"""Scenes as pictures of a report: the originals, what students make of them, latents moved."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import Condition
from b2m_drive.reports.report_parts import FlippedScenes, SceneStrip

_GAP = 2  # [px] of white between scenes
_N_TRAVERSED = 6  # latents shown
_LARGE = 2  # times that a pixel of a latent's scenes is drawn, so that a file beside is to be seen
_RECONSTRUCTION = "/reconstruction"


def flipped_scenes(
    pictures: Mapping[str, UInt8[np.ndarray, "..."]], study: Study, simulated: bool
) -> FlippedScenes:
    """Held-out scenes, and what each condition's student makes of them."""
    made = [
        SceneStrip(
            study.long_label_of(Condition.parse(name.removesuffix(_RECONSTRUCTION)), simulated),
            _png(_beside(list(values))),
        )
        for name, values in pictures.items()
        if name.endswith(_RECONSTRUCTION)
    ]
    brains = "SIMULATED BRAIN. " if simulated else ""
    return FlippedScenes(
        f"{brains}Held-out scenes with many vehicles (newest frame of each stack), and what the "
        "students of the first seed make of them after training: choose a student, and lay the "
        "original over it.",
        SceneStrip("original", _png(_beside(list(pictures["original"])))),
        tuple(made),
    )


def traversed(traversal: UInt8[np.ndarray, "..."]) -> tuple[list[int], bytes]:
    """Latents in rows, steps in columns; those that change the picture most, first.

    Args:
        traversal: [latent step height width], or with 3 colours behind.

    Returns:
        The latents that are shown, and the picture.
    """
    change = traversal.astype(np.float64).std(1).reshape(len(traversal), -1).mean(1)
    order = [int(index) for index in np.argsort(change)[::-1][:_N_TRAVERSED]]
    rows = [_beside(list(traversal[index])) for index in order]
    gap = np.full((_GAP, *rows[0].shape[1:]), 255, np.uint8)
    parts = [part for row in rows for part in (row, gap)][:-1]
    return order, _png(np.concatenate(parts), _LARGE)


def _beside(scenes: Sequence[UInt8[np.ndarray, "..."]]) -> UInt8[np.ndarray, "..."]:
    """Scenes in a row, white between them."""
    gap = np.full((scenes[0].shape[0], _GAP, *scenes[0].shape[2:]), 255, np.uint8)
    return np.concatenate([part for scene in scenes for part in (scene, gap)][:-1], axis=1)


def _png(picture: UInt8[np.ndarray, "..."], times: int = 1) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture.repeat(times, 0).repeat(times, 1)).save(buffer, "PNG")
    return buffer.getvalue()
