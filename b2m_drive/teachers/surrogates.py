"""Probes: the same brain with one thing taken from it, to tell what a gain comes from.

Each keeps part of the code by design, so none of them decides anything (the nulls do, see
DESIGN, evidence). If a brain teaches no more than

- itself with trials exchanged within conditions, its condition means were what taught;
- itself shifted in time or with random phases, its dynamics were not what taught;
- Gaussian activity of the same covariance, its relation to the trials was not what taught;
- itself to a student whose items are permuted, the geometry of its code was not what taught.

Windows of items that a trial did not show stay 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import (
    DELAY,
    ENCODING,
    phase_of,
    windows_of_items,
)
from b2m_drive.teachers.derangement import derangement
from b2m_drive.teachers.shown_items import memory_set


def shuffle_within_condition(
    activity: TrialResponses, generator: np.random.Generator
) -> TrialResponses:
    """Activity exchanged among presentations of one item, and among trials with one memory set.

    In encoding all windows of a presentation move together, to a presentation of the same item at
    any position of any trial; in the delay all windows of a trial move together. So every mean by
    condition is kept, and what belonged to the single trial is gone. What has no partner stays.
    """
    values = activity.values.copy()
    per_item = windows_of_items(activity.windows)
    if per_item:
        columns = np.array(per_item)
        for trial, position in _presentations(activity.trials):
            order = derangement(len(trial), generator)
            given = activity.values[trial[order][:, None], columns[position[order]]]
            values[trial[:, None], columns[position]] = given
    delay = np.flatnonzero(phase_of(activity.windows) == DELAY)
    if len(delay):
        for trial in _same_memory_set(activity.trials):
            given = activity.values[trial[derangement(len(trial), generator)]]
            values[trial[:, None], delay] = given[:, delay]
    return activity.with_values(values)


def shift_in_time(activity: TrialResponses, generator: np.random.Generator) -> TrialResponses:
    """Each trial's windows rotated within their phase by a random lag that is not 0.

    The lag counts windows, in encoding along all items of the trial (so activity comes under
    another item of the trial, or under another time after its own), and is the same for all units.
    What a trial's activity says of the trial as a whole is kept, its course is not.
    """
    values = activity.values.copy()
    for trial, columns in _courses(activity):
        n = len(columns)
        lag = generator.integers(1, n, size=len(trial))
        moved = columns[(np.arange(n) - lag[:, None]) % n]
        values[trial[:, None], columns] = activity.values[trial[:, None], moved]
    return activity.with_values(values)


def randomise_phase(activity: TrialResponses, generator: np.random.Generator) -> TrialResponses:
    """Random Fourier phases across each trial's windows, one phase a frequency for all units.

    Every unit's spectrum and mean in each trial are kept, and so is the covariance of units over
    the trial's windows (Prichard & Theiler 1994); the course is another. Encoding and delay are
    drawn apart; the highest frequency of an even number of windows can only keep or change sign.
    """
    values = activity.values.copy()
    for trial, columns in _courses(activity):
        n = len(columns)
        spectrum = np.fft.rfft(activity.values[trial[:, None], columns], axis=1)
        angle = generator.uniform(0, 2 * np.pi, size=spectrum.shape[:2])
        angle[:, 0] = 0
        if n % 2 == 0:
            angle[:, -1] = np.pi * (angle[:, -1] < np.pi)
        turned = spectrum * np.exp(1j * angle)[..., None]
        values[trial[:, None], columns] = np.fft.irfft(turned, n, axis=1)
    return activity.with_values(values)


def matched_covariance(activity: TrialResponses, generator: np.random.Generator) -> TrialResponses:
    """Gaussian activity with the brain's means and covariances, of no relation to the trials.

    Each window keeps its mean. In each phase units keep their covariance and windows theirs (the
    covariances that Elsayed & Cunningham 2017 hold fixed): that of the whole is their Kronecker
    product. The two phases are drawn apart.
    """
    present = activity.present
    values, phase = np.zeros_like(activity.values), phase_of(activity.windows)
    for each in np.unique(phase):
        of_phase = phase == each
        values[:, of_phase] = _gaussian_like(
            activity.values[:, of_phase], present[:, of_phase], generator
        )
    return activity.with_values(values)


def permute_items(n_stimuli: int, generator: np.random.Generator) -> Int64[np.ndarray, " stimulus"]:
    """For each stimulus another one, to stand in its place in the student's trials.

    Raises:
        ValueError: If there is only one.
    """
    if n_stimuli < 2:
        raise ValueError(f"n_stimuli: expected at least 2 to permute, came {n_stimuli}")
    return derangement(n_stimuli, generator)


def _presentations(
    trials: DecisionTrials,
) -> Iterator[tuple[Int64[np.ndarray, " presentation"], Int64[np.ndarray, " presentation"]]]:
    """Trials and positions at which each stimulus was shown, if at more than one."""
    for stimulus in range(trials.n_stimuli):
        trial, position = np.nonzero(trials.stimulus == stimulus)
        if len(trial) > 1:
            yield trial, position


def _same_memory_set(trials: DecisionTrials) -> Iterator[Int64[np.ndarray, " trial_of_set"]]:
    """Trials that showed the same items in any order, if there is more than one."""
    _, which = np.unique(memory_set(trials), axis=0, return_inverse=True)
    for each in range(int(which.max()) + 1):
        trial = np.flatnonzero(which == each)
        if len(trial) > 1:
            yield trial


def _courses(
    activity: TrialResponses,
) -> Iterator[tuple[Int64[np.ndarray, " trial_of_count"], Int64[np.ndarray, " window_of_phase"]]]:
    """Trials and their windows in each phase, trials with the same windows together.

    A phase with a single window has no course, and is left out.
    """
    present = activity.present
    phase = phase_of(activity.windows)
    for each in (ENCODING, DELAY):
        there = present & (phase == each)
        for pattern in np.unique(there, axis=0):
            if pattern.sum() > 1:
                yield np.flatnonzero((there == pattern).all(1)), np.flatnonzero(pattern)


def _gaussian_like(
    values: Float32[np.ndarray, "trial window unit"],
    present: Bool[np.ndarray, "trial window"],
    generator: np.random.Generator,
) -> Float64[np.ndarray, "trial window unit"]:
    there = present[..., None]
    mean = np.sum(values, axis=0, where=there, dtype=np.float64) / present.sum(0).clip(1)[:, None]
    residual = np.where(there, values - mean, 0.0)
    of_units = np.einsum("twu,twv->uv", residual, residual) / max(int(present.sum()), 1)
    together = present.astype(np.float64).T @ present
    of_windows = np.einsum("twu,txu->wx", residual, residual, optimize=True) / together.clip(1)
    scale = float(np.diag(of_windows) @ present.sum(0)) / max(int(present.sum()), 1)
    noise = generator.normal(size=values.shape)
    drawn = _root(of_windows / (scale or 1.0)) @ noise @ _root(of_units)
    return np.where(there, mean + drawn, 0.0)


def _root(covariance: Float64[np.ndarray, "axis axis"]) -> Float64[np.ndarray, "axis axis"]:
    """Symmetric root of a covariance."""
    value, vector = np.linalg.eigh(covariance)
    root: Float64[np.ndarray, "axis axis"] = (vector * np.sqrt(value.clip(0))) @ vector.T
    return root
