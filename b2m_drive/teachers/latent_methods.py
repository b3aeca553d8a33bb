"""From responses of many units to the few latents that a layer is to follow: a table of methods.

A method of the user's own joins by one line: ``LATENT_METHODS["mine"] = function``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from b2m_drive.teachers.frame_pairing import principal_latents
from b2m_drive.teachers.responses import Responses


@dataclass(frozen=True)
class ResponseLatents:
    """Latents at the rows and times of some responses, and what each of them weighs."""

    values: Float32[np.ndarray, "row time latent"]
    share_of_variance: Float32[np.ndarray, " latent"]  # sums to 1


LatentMethod: TypeAlias = Callable[[Responses, int | None], ResponseLatents]


def principal_components(responses: Responses, n_latents: int | None) -> ResponseLatents:
    """Principal components of the z-scored responses, standardised.

    Args:
        responses: To rows that teach; all are fitted on.
        n_latents: None: as many as make held-out stretches likeliest under factor analysis.

    Raises:
        ValueError: If no unit varies, or there cannot be that many.
    """
    rows = responses.values[responses.present]
    latents = principal_latents(rows, np.ones(len(rows), dtype=bool), n_latents)
    return _at_rows(responses, latents.values, latents.share_of_variance)


def single_units(responses: Responses, n_latents: int | None) -> ResponseLatents:
    """The units themselves, z-scored; those that never vary are left out.

    Raises:
        ValueError: If none varies.
    """
    rows = responses.values[responses.present]
    varying = rows[:, rows.std(0) > 1e-6 * (1e-30 + np.abs(rows).max(0))]
    if not varying.shape[1]:
        raise ValueError(f"responses of {responses.session}: expected units that vary, came none")
    scaled = (varying - varying.mean(0)) / varying.std(0)
    return _at_rows(responses, scaled, np.full(scaled.shape[1], 1 / scaled.shape[1]))


def _at_rows(responses: Responses, rows: np.ndarray, share: np.ndarray) -> ResponseLatents:
    values = np.zeros((*responses.present.shape, rows.shape[1]), np.float32)
    values[responses.present] = rows
    return ResponseLatents(values, np.asarray(share, dtype=np.float32))


LATENT_METHODS: dict[str, LatentMethod] = {
    "pca": principal_components,
    "units": single_units,
}
