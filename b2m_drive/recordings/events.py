"""What happened while a brain was recorded: a table of events, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64


@dataclass(frozen=True)
class Events:
    """Events on the recording's own clock, such as the presentations of stimuli.

    Raises:
        ValueError: If columns differ in length, a time is not finite, or a duration is negative.
    """

    onset: Float64[np.ndarray, " event"]  # [s]
    ids: Int64[np.ndarray, " event"]  # of what was seen: a frame, a stimulus, a trial
    duration: Float64[np.ndarray, " event"]  # [s]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)  # anything else, by name

    def __post_init__(self) -> None:
        for name, values in {"ids": self.ids, "duration": self.duration, **self.columns}.items():
            if len(values) != len(self.onset):
                raise ValueError(
                    f"events: {name}: expected one for each of {len(self.onset)} onsets, "
                    f"came {len(values)}"
                )
        if not np.isfinite(self.onset).all():
            bad = int((~np.isfinite(self.onset)).sum())
            raise ValueError(f"events: onset: expected finite seconds, {bad} are NaN or infinite")
        if not (self.duration >= 0).all():
            raise ValueError("events: duration: expected seconds of at least 0, came others")

    def __len__(self) -> int:
        return len(self.onset)

    def select(self, rows: np.ndarray) -> Events:
        """These events only, by row number or mask."""
        return replace(
            self,
            onset=self.onset[rows],
            ids=self.ids[rows],
            duration=self.duration[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )

    @classmethod
    def of(cls, onset: Any, ids: Any, duration: Any = 0.0, **columns: Any) -> Events:
        """Events from anything that NumPy reads as columns.

        Raises:
            ValueError: As the class; also if an id is no whole number.
        """
        onset = np.asarray(onset, dtype=np.float64)
        return cls(
            onset,
            whole_ids(ids),
            np.broadcast_to(np.asarray(duration, dtype=np.float64), onset.shape).copy(),
            {name: np.asarray(values) for name, values in columns.items()},
        )


def whole_ids(ids: Any) -> Int64[np.ndarray, " row"]:
    """Ids as whole numbers, which rows of activity and of a student's batch are paired by.

    Raises:
        ValueError: If one is text, a fraction, NaN or a list.
    """
    found = np.asarray(ids)
    if found.ndim != 1 or found.dtype.kind not in "iuf":
        raise ValueError(f"ids: expected a whole number a row, came {found.dtype} {found.shape}")
    if found.dtype.kind == "f" and not (found == np.round(found)).all():
        raise ValueError("ids: expected whole numbers, came fractions or NaN")
    return found.astype(np.int64)
