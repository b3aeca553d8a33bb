"""The few latents that responses of many units are reduced to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ResponseLatents:
    """Latents at the rows and times of some responses, and what each of them weighs.

    Raises:
        ValueError: If there is no latent or none that varies, a value is not finite, or the
            weights are not as many as the latents, negative, or do not sum to 1.
    """

    values: Float32[np.ndarray, "row time latent"]
    share_of_variance: Float32[np.ndarray, " _"]  # [latent] sums to 1
    scores: Mapping[str, float] = field(default_factory=dict)  # of the model, held-out ones too

    def __post_init__(self) -> None:
        values, share = self.values, self.share_of_variance
        if values.ndim != 3 or not values.size or share.shape != values.shape[2:]:
            raise ValueError(
                "latents: expected (row, time, latent) and a share of variance a latent, came "
                f"{values.shape} and {share.shape}"
            )
        if not np.isfinite(values).all() or not np.ptp(values, axis=(0, 1)).any():
            raise ValueError("latents: expected finite values that vary, came others")
        if not ((share >= 0).all() and abs(share.sum() - 1) < _SUM_TOLERANCE):
            raise ValueError(
                f"share_of_variance: expected shares from 0 that sum to 1, came {share}"
            )
