"""What a brain did, trial by trial."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32

from b2m_drive.recordings.decision_trials import DecisionTrials, TrialBins
from b2m_drive.recordings.recording import Unit


@dataclass(frozen=True)
class BrainRecording:
    """Binned activity of many units in the trials of one session."""

    activity: Float32[np.ndarray, "trial time unit"]  # spikes a bin (smoothed if smoothing > 0)
    bins: TrialBins
    trials: DecisionTrials
    units: tuple[Unit, ...]
    subject: str
    session: str
    source: str
    licence: str
    simulated: bool
    smoothing: float = 0.0  # [s] standard deviation of the Gaussian kernel
    notes: tuple[str, ...] = ()  # what was left out, and how much of it
    span: tuple[float, float] | None = None  # [s] when recording began and ended; None: unknown

    def __post_init__(self) -> None:
        expected = (len(self.trials), len(self.bins), len(self.units))
        if self.activity.shape != expected:
            raise ValueError(
                f"activity of {self.session}: expected {expected} (trial, time, unit), "
                f"came {self.activity.shape}"
            )
        if 0 in expected:
            raise ValueError(f"{self.session}: no trials, bins or units left, shape {expected}")
        if not np.isfinite(self.activity).all():
            count = int((~np.isfinite(self.activity)).sum())
            raise ValueError(
                f"activity of {self.session}: {count} of {self.activity.size} values are NaN or "
                "infinite"
            )

    def select_trials(self, rows: np.ndarray) -> BrainRecording:
        """These trials only, by row number or mask."""
        return replace(self, activity=self.activity[rows], trials=self.trials.select(rows))

    def select_units(self, chosen: Bool[np.ndarray, " unit"]) -> BrainRecording:
        """These units only.

        Raises:
            ValueError: If none is chosen.
        """
        units = tuple(unit for unit, keep in zip(self.units, chosen, strict=True) if keep)
        return replace(self, activity=self.activity[..., chosen], units=units)
