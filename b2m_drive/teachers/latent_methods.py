"""From responses of many units to the few latents that a layer is to follow: a table of methods.

A method of the user's own joins by one line: ``LATENT_METHODS["mine"] = function``. Students are
trained in processes of their own, so the line has to stand at the top of the script, or in a module
that the student's imports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from b2m_drive.recordings.responses import Responses
from b2m_drive.teachers.frame_pairing import principal_latents
from b2m_drive.teachers.response_latents import ResponseLatents

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


def gpfa(responses: Responses, n_latents: int | None) -> ResponseLatents:
    """Gaussian-process factor analysis by elephant; see `b2m_drive.teachers.gpfa_latents`."""
    from b2m_drive.teachers.gpfa_latents import gpfa_latents

    return gpfa_latents(responses, n_latents)


def cebra(responses: Responses, n_latents: int | None) -> ResponseLatents:
    """CEBRA, contrastive over time; see `b2m_drive.teachers.cebra_latents`."""
    from b2m_drive.teachers.cebra_latents import cebra_latents

    return cebra_latents(responses, n_latents)


LATENT_METHODS: dict[str, LatentMethod] = {
    "pca": principal_components,
    "units": single_units,
    "gpfa": gpfa,
    "cebra": cebra,
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
