"""How much of a teacher's latents the stimuli explain: what a student could learn from them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int64

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.trial_windows import DELAY, ENCODING, present_windows
from b2m_drive.teachers.latents import BrainLatents
from b2m_drive.teachers.shown_items import shown_in
from b2m_drive.teachers.spread import varies

_N_FOLDS = 5


def explainable_latent_variance(
    latents: BrainLatents,
    trials: DecisionTrials,
    seed: int,
    part: Int64[np.ndarray, " trial"] | None = None,
) -> dict[str, float]:
    """Share of the latents' variance that the stimuli explain, cross-validated: a noise ceiling.

    In encoding the predictor is the item shown in the window, in the delay the set of items held.
    The prediction for a trial comes from the other folds' condition means (least squares). Each
    latent counts by its share of variance. Near 0 or below: a student can learn no more from
    these latents than noise. Trials with a stimulus that no other trial shows are left out, since
    nothing else was measured of it. NaN: there is no window of this phase, no latent varies, or
    fewer than 5 trials are left (none, where each stimulus was shown once).

    Args:
        latents: Of the trials.
        trials: What they showed.
        seed: Of the folds.
        part: Trials of one part are held out together (`TrialResponses.part`).
    """
    group = np.arange(len(trials)) if part is None else part
    shown, ceiling = shown_in(latents.windows, trials), {}
    present = present_windows(latents.windows, trials)
    for name, phase in (("encoding", ENCODING), ("delay", DELAY)):
        columns = np.flatnonzero(latents.phase == phase)
        there = present[:, columns] & _shown_again(shown[:, columns])
        trial, window = np.nonzero(there)
        if len(np.unique(group[trial])) < _N_FOLDS:
            ceiling[name] = float("nan")
            continue
        target = latents.values[trial, columns[window]]
        predictor = shown[trial, columns[window]]
        residual, total = _unexplained(predictor, target, group[trial], seed)
        varying = varies(target)
        share = latents.share_of_variance[phase] * varying
        explained = 1 - residual / np.where(varying, total, 1.0)
        known = share.sum() > 0
        ceiling[name] = float((share * explained).sum() / share.sum()) if known else float("nan")
    return ceiling


def _shown_again(
    shown: Float32[np.ndarray, "trial window stimulus"],
) -> Bool[np.ndarray, "trial window"]:
    """Whether all that a window shows is shown in the same phase of another trial too."""
    n_trials = (shown > 0).any(1).sum(0)
    return np.asarray(~((shown > 0) & (n_trials < 2)).any(-1))


def _unexplained(
    predictor: Float32[np.ndarray, "sample stimulus"],
    target: Float32[np.ndarray, "sample latent"],
    group: Int64[np.ndarray, " sample"],
    seed: int,
) -> tuple[Float32[np.ndarray, " latent"], Float32[np.ndarray, " latent"]]:
    """Squared error of each latent in held-out trials, and around its mean."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold

    folds = GroupKFold(_N_FOLDS, shuffle=True, random_state=seed)
    predicted = np.zeros_like(target)
    for fit, held in folds.split(predictor, groups=group):
        model = Ridge(1.0).fit(predictor[fit], target[fit])
        predicted[held] = model.predict(predictor[held]).reshape(len(held), -1)  # of 1: flat
    return ((target - predicted) ** 2).sum(0), ((target - target.mean(0)) ** 2).sum(0)
