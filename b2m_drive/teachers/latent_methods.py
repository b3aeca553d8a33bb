"""From responses of many units to the few latents that a layer is to follow: a table of methods.

A method of the user's own joins by one line: ``LATENT_METHODS["mine"] = function``. Students are
trained in processes of their own, so the line has to stand at the top of the script, or in a module
that the student's imports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from b2m_drive.recordings.responses import Responses
from b2m_drive.teachers.frame_pairing import principal_latents

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


# What turns the responses that teach into latents, and how many of them it is asked for (None: as
# many as it finds). It is fitted on all rows, and called with the brain's responses and with those
# of every control in the same way.
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

    Args:
        responses: To rows that teach.
        n_latents: Left alone: every unit that varies is a latent.

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


def require_latents(name: str, of_study: tuple[str, ...]) -> None:
    """Refuse a name of latents that neither a study nor the table knows.

    Raises:
        ValueError: If it is neither among those of the study nor in `LATENT_METHODS`.
    """
    if name not in of_study and name not in LATENT_METHODS:
        known = tuple(dict.fromkeys((*of_study, *LATENT_METHODS)))
        raise ValueError(
            f"latents: expected one of {known}, came {name!r}; LATENT_METHODS takes one of your own"
        )


def latent_method(name: str) -> LatentMethod:
    """The method of this name in `LATENT_METHODS`.

    Raises:
        ValueError: If there is none.
    """
    if name not in LATENT_METHODS:
        raise ValueError(f"latents: expected one of {', '.join(LATENT_METHODS)}, came {name!r}")
    return LATENT_METHODS[name]


def at_most(method: LatentMethod, responses: Responses, n_latents: int | None) -> ResponseLatents:
    """Latents of some responses; more than they have units are not asked for.

    Raises:
        ValueError: If nothing varies.
    """
    most = responses.values.shape[-1]
    return method(responses, None if n_latents is None else min(n_latents, most))
