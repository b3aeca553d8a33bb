"""What is fitted to a brain alone: made once in each process, however many students it teaches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

from b2m_drive.recordings.trial_responses import TrialResponses

Fitted = TypeVar("Fitted")

_MOST_KEPT = 32  # fits of a process; what was made first is forgotten first
_kept: dict[Hashable, Any] = {}


def fitted_once(activity: TrialResponses, what: Hashable, fit: Callable[[], Fitted]) -> Fitted:
    """What `fit` makes of some activity; for the same activity of the same process, made before.

    The jobs of a run share a brain, and a process runs many of them.

    Args:
        activity: Of a brain, in some of its trials.
        what: Is made of it, and with which settings; no seed may matter.
        fit: Makes it. Nobody may change what it gives.
    """
    key = (fingerprint_of(activity), activity.windows, what)
    if key not in _kept:
        made = fit()
        while len(_kept) >= _MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = made
    found: Fitted = _kept[key]
    return found


def fingerprint_of(recording: TrialResponses) -> str:
    """A short digest of a recording's activity and of its trials."""
    digest = hashlib.sha256(recording.values.tobytes())
    if recording.part is not None:
        digest.update(recording.part.tobytes())
    columns = {name: each for name, each in vars(recording.trials).items() if name != "nominal"}
    for values in columns.values():
        digest.update(values.tobytes() if isinstance(values, np.ndarray) else str(values).encode())
    return digest.hexdigest()[:16]
