"""What can be read from latents about the state of a scene: cross-validated linear probes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int64

from b2m_drive.teachers.frame_decoding import decoding_r2
from b2m_drive.teachers.spread import moves

_N_FOLDS = 5
_FEWEST_VALUES = 60  # of a variable that is probed
_RAREST = 0.02  # share of the rarer class of a variable with two values


def varying_variables(
    state: Float[np.ndarray, "frame variable"],
    names: Sequence[str],
    episode: Int64[np.ndarray, " frame"],
) -> list[str]:
    """Variables that vary enough to be probed, in their order.

    Left out: those that are constant (but for a simulator's rounding, see `moves`), that have a
    meaning (are not NaN) in fewer than 60 frames or in fewer episodes than there are folds, and
    those with two values of which one is rarer than 2 %.
    """
    return [name for k, name in enumerate(names) if _varies(state[:, k], episode)]


def state_r2(
    latents: Float[np.ndarray, "frame latent"],
    state: Float[np.ndarray, "frame variable"],
    names: Sequence[str],
    episode: Int64[np.ndarray, " frame"],
) -> dict[str, float]:
    """Share of each variable's variance that ridge regression reads from held-out frames' latents.

    By the decoder that reads a brain's responses (`decoding_r2`): whole episodes are held out,
    and frames in which a variable has no meaning (NaN) do not count for it.

    Raises:
        ValueError: If a variable does not vary (see `varying_variables`), or lengths differ.
    """
    found = dict(zip(names, decoding_r2(latents, state, episode).tolist(), strict=True))
    flat = [name for name, value in found.items() if not np.isfinite(value)]
    if flat:
        raise ValueError(f"state: expected variables that vary over episodes, came {flat}")
    return found


def hazard_auc(
    latents: Float[np.ndarray, "frame latent"],
    hazard: Bool[np.ndarray, " frame"],
    episode: Int64[np.ndarray, " frame"],
) -> float | None:
    """Area under the ROC of a logistic regression of the hazard, on held-out episodes.

    None where hazards are too rare to be probed, or come in too few episodes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    n_with, n_without = len(np.unique(episode[hazard])), len(np.unique(episode[~hazard]))
    if min(n_with, n_without) < _N_FOLDS or not _varies(hazard.astype(np.float64), episode):
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    evidence = cross_val_predict(
        model,
        latents.astype(np.float64),
        hazard,
        groups=episode,
        cv=StratifiedGroupKFold(_N_FOLDS),
        method="decision_function",
    )
    return float(roc_auc_score(hazard, evidence))


def _varies(values: Float[np.ndarray, " frame"], episode: Int64[np.ndarray, " frame"]) -> bool:
    known = np.isfinite(values)
    if known.sum() < _FEWEST_VALUES or len(np.unique(episode[known])) < _N_FOLDS:
        return False
    different, counts = np.unique(values[known], return_counts=True)
    if len(different) <= 2:
        return len(different) == 2 and bool(counts.min() >= _RAREST * known.sum())
    return bool(moves(values[known]))
