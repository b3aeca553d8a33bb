"""How responses in the windows of trials are laid out to be fitted: folds, z-scores, rows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int64

from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import Window, phase_of
from b2m_drive.teachers.spread import z_scored

N_FOLDS = 5  # that the trials to fit on are parted into


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
        part, there = values[:, phase == each], present[:, phase == each]
        fitted = (teaching[:, None] & there).ravel()
        standard[:, phase == each] = z_scored(as_rows(part), fitted).reshape(part.shape)
    standard[~present] = 0
    return standard


def teaching_folds(
    teaching: Bool[np.ndarray, " trial"],
    seed: int,
    group: Int64[np.ndarray, " trial"] | None = None,
) -> list[tuple[Int64[np.ndarray, " fit"], Int64[np.ndarray, " held"]]]:
    """Rows to fit on and rows to hold out, for each part of the teaching trials.

    Args:
        teaching: The trials to part.
        seed: Of the parts.
        group: Trials of one group stay together (`TrialResponses.part`); None: each on its own.
    """
    from sklearn.model_selection import GroupKFold, KFold

    rows = np.flatnonzero(teaching)
    if group is None:
        parts = KFold(N_FOLDS, shuffle=True, random_state=seed).split(rows)
    else:
        n_folds = min(N_FOLDS, len(np.unique(group[rows])))
        folds = GroupKFold(n_folds, shuffle=True, random_state=seed)
        parts = folds.split(rows, groups=group[rows])
    return [(rows[fit], rows[held]) for fit, held in parts]


def units_z_scored(
    activity: TrialResponses, teaching: Bool[np.ndarray, " trial"]
) -> tuple[Float32[np.ndarray, "trial window unit"], Bool[np.ndarray, "trial window"]]:
    """Each unit with zero mean and unit variance in each phase's teaching trials; what is there."""
    return (
        standardise(activity.values, activity.windows, teaching, activity.present),
        activity.present,
    )


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
