"""Which responses a model of them is judged on: a fifth, by what was seen."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from b2m_drive.recordings.responses import Responses

HELD_OUT = 0.2  # of the ids
_FEWEST = 5  # ids, of which one can be held out


def held_out_rows(responses: Responses, seed: int = 0) -> Bool[np.ndarray, " row"]:
    """Rows of a fifth of the ids; all presentations of one thing lie on one side.

    Raises:
        ValueError: If there are fewer than five ids.
    """
    ids = np.unique(responses.ids)
    if len(ids) < _FEWEST:
        raise ValueError(
            f"responses of {responses.session}: expected {_FEWEST} ids or more, of which a fifth "
            f"is held out, came {len(ids)}"
        )
    chosen = np.random.default_rng(seed).permutation(ids)[: max(round(HELD_OUT * len(ids)), 1)]
    return np.asarray(np.isin(responses.ids, chosen))
