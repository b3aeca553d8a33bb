"""Responses whose rows are the trials of a memory task."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.recording import Unit
from b2m_drive.recordings.responses import Responses
from b2m_drive.recordings.trial_windows import Window, present_windows


@dataclass(frozen=True, kw_only=True)
class TrialResponses(Responses):
    """Responses whose rows are trials, with what each trial showed and asked.

    Their times are windows of a trial, which need not follow each other: each is placed by an event
    of the trial itself, so trials whose intervals differ share one set of windows, and windows of
    one item may reach into the next one. ``ids``, ``start`` and ``present`` follow from trials and
    windows: the ids of the trials, the start of each window after the onset of its *own* period
    [s], and whether a trial showed the item that a window belongs to.

    Raises:
        ValueError: As `Responses`; also if there are not as many units as values have.
    """

    trials: DecisionTrials
    windows: tuple[Window, ...]  # [time]
    units: tuple[Unit, ...] = ()  # [unit]; none where the values are not those of a recording
    smoothing: float = 0.0  # [s] standard deviation of the Gaussian kernel
    signed: bool = False  # values are not counts or rates, such as potentials: no root is taken
    span: tuple[float, float] | None = None  # [s] when recording began and ended; None: unknown
    # Of a pseudo-population: rows of one part share trials, and keep to one side of every split
    part: Int64[np.ndarray, " row"] | None = None

    ids: Int64[np.ndarray, " row"] = field(init=False)
    start: Float64[np.ndarray, " time"] = field(init=False)
    present: Bool[np.ndarray, "row time"] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", self.trials.trial_id)
        start = np.array([window.start for window in self.windows], dtype=np.float64)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "present", present_windows(self.windows, self.trials))
        super().__post_init__()
        if self.units and len(self.units) != self.values.shape[2]:
            raise ValueError(
                f"responses of {self.session}: units: expected {self.values.shape[2]}, "
                f"came {len(self.units)}"
            )
        if self.part is not None and self.part.shape != self.ids.shape:
            raise ValueError(
                f"responses of {self.session}: part: expected {self.ids.shape}, came "
                f"{self.part.shape}"
            )

    @property
    def group(self) -> Int64[np.ndarray, " row"]:
        """Rows that no split may part: those of one part, else each row on its own."""
        return np.arange(len(self), dtype=np.int64) if self.part is None else self.part

    @property
    def period(self) -> Shaped[np.ndarray, " time"]:
        """The period that each window belongs to."""
        return np.array([window.period for window in self.windows])

    def select(self, rows: np.ndarray) -> TrialResponses:
        """These trials only, by row number or mask."""
        return replace(
            self,
            values=self.values[rows],
            trials=self.trials.select(rows),
            part=None if self.part is None else self.part[rows],
        )

    def select_units(self, chosen: Bool[np.ndarray, " unit"]) -> TrialResponses:
        """These units only.

        Raises:
            ValueError: If none is chosen.
        """
        units = tuple(unit for unit, keep in zip(self.units, chosen, strict=True) if keep)
        return replace(self, values=self.values[..., chosen], units=units)

    def with_values(self, values: Float32[np.ndarray, "row time _"]) -> TrialResponses:
        """Other activity in the same windows of the same trials, such as that of a control.

        The units stay only where there are as many.
        """
        units = self.units if values.shape[2] == len(self.units) else ()
        kept = np.where(self.present[..., None], values, 0).astype(np.float32)
        return replace(self, values=kept, units=units)

    def _check_start(self) -> None:
        """Starts need not increase: they begin again with each period."""
        if not np.isfinite(self.start).all():
            raise ValueError(
                f"responses of {self.session}: windows: expected seconds, came {self.windows}"
            )
