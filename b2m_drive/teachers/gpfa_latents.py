"""Latents by Gaussian-process factor analysis (Yu et al. 2009), through elephant."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float64

from b2m_drive.files.missing_packages import needing
from b2m_drive.recordings.responses import Responses
from b2m_drive.teachers.held_out_rows import held_out_rows
from b2m_drive.teachers.response_latents import ResponseLatents
from b2m_drive.teachers.spread import at_ease, varies

USUAL_LATENTS = 6  # where none are asked for
_ROUNDS = 50  # of expectation maximisation
_STEADY = 1e-3  # of a step, by which times may differ
_TRAINING = "log-likelihood a time and unit, training"
_HELD_OUT = "log-likelihood a time and unit, held out"


def gpfa_latents(responses: Responses, n_latents: int | None) -> ResponseLatents:
    """Smooth latents of responses over several times, orthonormalised and standardised.

    The model is fitted to all rows without what was seen. `scores` holds its log-likelihood on
    these rows, and on a fifth that a second fit did not see.

    Args:
        responses: To rows that teach, at three times or more in equal steps.
        n_latents: None: `USUAL_LATENTS`.

    Raises:
        MissingPackageError: If elephant is not installed.
        ValueError: If there are fewer times, steps differ, or fewer units vary than latents.
    """
    with needing("latents gpfa", "gpfa"):
        from elephant.gpfa import gpfa_core

    count = n_latents or USUAL_LATENTS
    step = _step(responses)
    units = varies(responses.values[responses.present])
    if units.sum() < count + 1:
        raise ValueError(
            f"responses of {responses.session}: gpfa: expected more units that vary than the "
            f"{count} latents, came {int(units.sum())}"
        )
    trials = _trials(responses, units)
    model = _fitted(gpfa_core, trials, count, step)
    values = np.zeros((*responses.present.shape, count), np.float32)
    for row, latents in enumerate(_inferred(gpfa_core, trials, model)):
        values[row, responses.present[row]] = latents.T
    inside = values[responses.present]
    spread = inside.std(0)
    values[responses.present] = (inside - inside.mean(0)) / np.where(spread > 0, spread, 1)
    share = spread.astype(np.float64) ** 2
    scores = _scores(gpfa_core, responses, trials, count, step)
    return ResponseLatents(values, (share / share.sum()).astype(np.float32), scores)


def _scores(
    core: Any, responses: Responses, trials: np.ndarray, count: int, step: float
) -> dict[str, float]:
    """Of a fit to four fifths of the ids: log-likelihood of these and of the others."""
    held_out = held_out_rows(responses)
    model = _fitted(core, trials[~held_out], count, step)
    found = {}
    for name, rows in ((_TRAINING, ~held_out), (_HELD_OUT, held_out)):
        _, likelihood = core.exact_inference_with_ll(trials[rows].copy(), model, get_ll=True)
        n_values = sum(trial["y"].size for trial in trials[rows])
        found[name] = float(likelihood) / n_values
    return found


def _fitted(core: Any, trials: np.ndarray, count: int, step: float) -> dict[str, Any]:
    with warnings.catch_warnings():  # that trials are shorter than the segments it would cut
        warnings.simplefilter("ignore")
        model, _ = core.fit(
            trials.copy(), x_dim=count, bin_width=1000 * step, em_max_iters=_ROUNDS, em_tol=1e-6
        )
    return dict(model)


def _inferred(core: Any, trials: np.ndarray, model: dict[str, Any]) -> list[np.ndarray]:
    """Orthonormalised latents (latent, time) of each trial."""
    inferred, _ = core.exact_inference_with_ll(trials.copy(), model, get_ll=True)
    _, rotated = core.orthonormalize(model, inferred)
    return [np.asarray(trial) for trial in rotated["latent_variable_orth"]]


def _trials(responses: Responses, units: np.ndarray) -> np.ndarray:
    """As elephant takes them: the number of times and (unit, time) of each row."""
    eased = at_ease(responses.values.reshape(-1, responses.values.shape[2])[:, units])
    spread = eased.std(0)
    scaled = ((eased - eased.mean(0)) / spread).reshape(*responses.present.shape, -1)
    trials = np.empty(len(responses), dtype=[("T", int), ("y", object)])
    for row, present in enumerate(responses.present):
        values: Float64[np.ndarray, "unit time"] = scaled[row, present].T.astype(np.float64)
        trials[row] = (values.shape[1], values)
    return trials


def _step(responses: Responses) -> float:
    steps = np.diff(responses.start)
    if len(steps) < 2 or np.ptp(steps) > _STEADY * steps[0] or not responses.present.any(1).all():
        raise ValueError(
            f"responses of {responses.session}: gpfa: expected three times or more in equal steps "
            f"and a time in every row, came the starts {np.round(responses.start[:6], 3).tolist()}"
        )
    return float(steps[0])
