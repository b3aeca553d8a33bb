"""A teacher's activity in the windows of its trials, and how it is laid out to be fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Int64

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.teachers.spread import at_ease, varies
from b2m_drive.teachers.windows import Window, phase_of, present_windows

N_FOLDS = 5  # that the trials to fit on are parted into


@dataclass(frozen=True)
class Activity:
    """Any teacher's activity in the windows of its trials: a brain's, or a control's."""

    values: Float32[np.ndarray, "trial window unit"]
    windows: tuple[Window, ...]
    trials: DecisionTrials

    def select_trials(self, rows: np.ndarray) -> Activity:
        """These trials only, by row number or mask."""
        return replace(self, values=self.values[rows], trials=self.trials.select(rows))


def standardise(
    values: Float32[np.ndarray, "trial window latent"],
    windows: tuple[Window, ...],
    teaching: Bool[np.ndarray, " trial"],
    present: Bool[np.ndarray, "trial window"],
) -> Float32[np.ndarray, "trial window latent"]:
    """Zero mean and unit variance for each latent in each phase, over the teaching trials.

    Absent windows do not count, and are 0.
    """
    phase, standard = phase_of(windows), np.zeros_like(values)
    for each in np.unique(phase):
        part = values[:, phase == each]
        eased = at_ease(as_rows(part)).reshape(part.shape)
        there = present[teaching][:, phase == each]
        fitted = as_rows(eased[teaching], there)
        flat = ~varies(as_rows(part[teaching], there))  # a latent that never varies is 0
        scale = np.where(flat, np.inf, fitted.std(0))
        standard[:, phase == each] = (eased - fitted.mean(0)) / scale
    standard[~present] = 0
    return standard


def teaching_folds(
    teaching: Bool[np.ndarray, " trial"], seed: int
) -> list[tuple[Int64[np.ndarray, " fit"], Int64[np.ndarray, " held"]]]:
    """Rows to fit on and rows to hold out, for each part of the teaching trials."""
    from sklearn.model_selection import KFold

    rows = np.flatnonzero(teaching)
    parts = KFold(N_FOLDS, shuffle=True, random_state=seed).split(rows)
    return [(rows[fit], rows[held]) for fit, held in parts]


def z_scored(
    activity: Activity, teaching: Bool[np.ndarray, " trial"]
) -> tuple[Float32[np.ndarray, "trial window unit"], Bool[np.ndarray, "trial window"]]:
    """Each unit with zero mean and unit variance in each phase's teaching trials; what is there."""
    present = present_windows(activity.windows, activity.trials)
    return standardise(activity.values, activity.windows, teaching, present), present


def as_rows(
    values: np.ndarray, present: Bool[np.ndarray, "trial window"] | None = None
) -> np.ndarray:
    """Trials and windows as rows of one matrix, absent ones left out."""
    if present is None or present.all():
        return values.reshape(-1, values.shape[-1])
    rows: np.ndarray = values.reshape(-1, values.shape[-1])[present.ravel()]
    return rows


def from_rows(rows: np.ndarray, present: Bool[np.ndarray, "trial window"]) -> np.ndarray:
    """Rows back at their trials and windows, absent ones 0."""
    values = np.zeros((*present.shape, rows.shape[-1]), rows.dtype)
    values[present] = rows
    return values
