"""What is done to each response when it is cut out of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ResponseWindow:
    """What is done to each response when it is cut out.

    Args:
        baseline: From and to [s] around the onset, whose mean is subtracted; empty: nothing is.
        reject: Leave out events whose signal spans more than this in the window; 0: none.
    """

    baseline: tuple[float, ...] = ()
    reject: float = 0.0

    def __post_init__(self) -> None:
        if self.baseline and (len(self.baseline) != 2 or not self.baseline[0] < self.baseline[1]):
            raise ValueError(
                f"baseline: expected a start and a later end [s], came {list(self.baseline)}"
            )
        if not (np.isfinite(self.reject) and self.reject >= 0):
            raise ValueError(f"reject: expected 0 or more, came {self.reject}")


AS_IT_IS = ResponseWindow()
