"""Latents by CEBRA (Schneider, Lee & Mathis 2023), contrastive over time, through its package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from jaxtyping import Float32

from b2m_drive.files.missing_packages import needing
from b2m_drive.recordings.responses import Responses
from b2m_drive.teachers.held_out_rows import held_out_rows
from b2m_drive.teachers.response_latents import ResponseLatents
from b2m_drive.teachers.spread import at_ease, varies

USUAL_LATENTS = 8
_STEPS = 500
_BATCH = 256
_TRAINING = "InfoNCE loss, training"
_HELD_OUT = "InfoNCE loss, held out"


def cebra_latents(responses: Responses, n_latents: int | None) -> ResponseLatents:
    """Latents that tell what is near in time from what is not, standardised.

    What was seen has no part in the fit: an embedding that is told labels repeats them for the
    rows that it was fitted to. `scores` holds the loss on these rows, and on a fifth that a second
    fit did not see; it is lower where more is told, and log of the batch where nothing is.

    Args:
        responses: To rows that teach, in the order of time.
        n_latents: None: `USUAL_LATENTS`.

    Raises:
        MissingPackageError: If cebra is not installed.
        ValueError: If there are fewer rows than a batch takes, or no unit varies.
    """
    with needing("latents cebra", "cebra"):
        import cebra

    rows = responses.values[responses.present]
    units = varies(rows)
    if not units.any() or len(rows) < 2 * _BATCH:
        raise ValueError(
            f"responses of {responses.session}: cebra: expected units that vary and "
            f"{2 * _BATCH} rows and times or more, came {int(units.sum())} and {len(rows)}"
        )
    eased = at_ease(rows[:, units])
    scaled = ((eased - eased.mean(0)) / eased.std(0)).astype(np.float32)
    count = n_latents or USUAL_LATENTS
    found = np.asarray(_fitted(cebra, scaled, count).transform(scaled), dtype=np.float32)
    spread = found.std(0)
    values = np.zeros((*responses.present.shape, count), np.float32)
    values[responses.present] = (found - found.mean(0)) / np.where(spread > 0, spread, 1)
    held_out = np.broadcast_to(held_out_rows(responses)[:, None], responses.present.shape)
    share = spread.astype(np.float64) ** 2
    scores = _scores(cebra, scaled, held_out[responses.present], count)
    return ResponseLatents(values, (share / share.sum()).astype(np.float32), scores)


def _scores(
    cebra: Any, scaled: Float32[np.ndarray, "row unit"], held_out: np.ndarray, count: int
) -> dict[str, float]:
    from cebra.integrations.sklearn.metrics import infonce_loss

    model = _fitted(cebra, scaled[~held_out], count)
    with _same_draws():
        return {
            name: float(infonce_loss(model, scaled[chosen], num_batches=100))
            for name, chosen in ((_TRAINING, ~held_out), (_HELD_OUT, held_out))
        }


@contextmanager
def _same_draws() -> Iterator[None]:
    """CEBRA draws from the global generators and from one that it seeds by the time of day.

    Within, all of them start from one seed; afterwards the global ones are as they were.
    """
    import torch
    from cebra.distributions.base import HasGenerator

    before, make = np.random.get_state(), HasGenerator.__init__  # noqa: NPY002

    def seeded(self: Any, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self._seed = 0
        self.generator.manual_seed(0)

    with torch.random.fork_rng(), patch.object(HasGenerator, "__init__", seeded):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


def _fitted(cebra: Any, scaled: Float32[np.ndarray, "row unit"], count: int) -> Any:
    with _same_draws():
        model = cebra.CEBRA(
            model_architecture="offset1-model",
            output_dimension=max(count, 2),
            max_iterations=_STEPS,
            batch_size=_BATCH,
            device="cpu",
            verbose=False,
        )
        return model.fit(scaled)
