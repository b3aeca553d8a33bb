"""What happened while a brain was recorded: a table of events, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from b2m_drive.recordings.given_arrays import as_column, as_ids, as_numbers


@dataclass(frozen=True)
class Events:
    """Events on the recording's own clock, such as the presentations of stimuli.

    Raises:
        ValueError: If columns differ in length, a time is not finite, or a duration is negative or
            not finite.
    """

    # Axes that a user may get wrong are `_` to the type checker: the checks below say more.
    onset: Float64[np.ndarray, " event"]  # [s]
    ids: Int64[np.ndarray, " _"]  # [event] of what was seen: a frame, a stimulus, a trial
    duration: Float64[np.ndarray, " _"]  # [event] [s]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)  # anything else, by name

    def __post_init__(self) -> None:
        for name, values in {"ids": self.ids, "duration": self.duration, **self.columns}.items():
            if np.shape(values)[:1] != (len(self.onset),):
                raise ValueError(
                    f"events: {name}: expected one for each of {len(self.onset)} onsets, "
                    f"came the shape {np.shape(values)}"
                )
        if not np.isfinite(self.onset).all():
            bad = int((~np.isfinite(self.onset)).sum())
            raise ValueError(f"events: onset: expected finite seconds, {bad} are NaN or infinite")
        wrong = ~(np.isfinite(self.duration) & (self.duration >= 0))
        if wrong.any():
            raise ValueError(
                f"events: duration: expected finite seconds of at least 0, {int(wrong.sum())} of "
                f"{len(wrong)} are negative, NaN or infinite, such as {self.duration[wrong][0]}"
            )

    def __len__(self) -> int:
        return len(self.onset)

    def select(self, rows: Any) -> Events:
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

        >>> Events.of([0.5, 2.0], ids=[7, 8], duration=0.3, block=["a", "b"]).select([1]).ids
        array([8])

        Args:
            onset: When each thing was seen [s].
            ids: What was seen then: whole numbers.
            duration: How long it was seen [s], one for all or one each.
            columns: Anything else, one value an event.

        Raises:
            ValueError: As the class; also if an onset or duration is no number, or an id no whole
                one.
        """
        onsets, lasts = as_column("events: onset", onset), as_numbers("events: duration", duration)
        return cls(
            onsets,
            as_ids(ids),
            np.full(len(onsets), lasts) if lasts.ndim == 0 else lasts.ravel(),
            {name: np.asarray(values) for name, values in columns.items()},
        )
