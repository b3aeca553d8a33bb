from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import DELAY, ENCODING, phase_of, windows_of_items
from b2m_drive.teachers.controls import shuffle_trials
from b2m_drive.teachers.demixing import Marginalisation, demix, shares_predicted
from b2m_drive.teachers.latents import latents_of
from b2m_drive.teachers.shown_items import memory_set, shown_in
from b2m_drive.teachers.windows import teaching_windows

N_STIMULI, N_UNITS = 6, 15


def some_trials(n: int, generator: np.random.Generator) -> DecisionTrials:
    order = np.array([generator.permutation(N_STIMULI) for _ in range(n)])
    nothing = np.zeros(n, dtype=np.int64)
    onset = np.arange(3)[None] * 0.7 + np.arange(n)[:, None] * 8.0
    return DecisionTrials(
        np.arange(n, dtype=np.int64),
        order[:, :3],
        onset,
        onset[:, -1] + 0.9,
        onset[:, -1] + 3.4,
        np.full(n, 0.5),
        order[:, 0],
        order[:, 3],
        nothing,
        np.ones(n, dtype=bool),
        N_STIMULI,
    )


def tuned_activity(n_trials: int, noise: float, generator: np.random.Generator) -> TrialResponses:
    """Tuned to items, under a far larger course of the trial that says nothing of them."""
    trials, windows = some_trials(n_trials, generator), teaching_windows(3)
    clean = shown_in(windows, trials) @ generator.normal(size=(N_STIMULI, N_UNITS))
    course = generator.normal(size=(n_trials, 1, 1)) * generator.normal(size=N_UNITS) * 5
    values = clean + course + noise * generator.normal(size=clean.shape)
    return TrialResponses(
        values=values.astype(np.float32), windows=windows, trials=trials, session="made up"
    )


def one_group(n_trials: int, generator: np.random.Generator) -> tuple[Marginalisation, list]:
    condition = np.eye(4, dtype=np.float32)[generator.integers(4, size=(n_trials, 1))]
    values = condition @ generator.normal(size=(4, 8)) + 0.5 * generator.normal(
        size=(n_trials, 1, 8)
    )
    values -= values.mean((0, 1))
    data = Marginalisation(
        values.astype(np.float32),
        condition,
        np.zeros(1, dtype=np.int64),
        np.ones((n_trials, 1), dtype=bool),
    )
    return data, list(np.arange(n_trials).reshape(5, -1))


def item_accuracy(latents: np.ndarray, activity: TrialResponses) -> float:
    """Nearest mean of the item, over folds of trials, at early and late windows side by side."""
    per_item = windows_of_items(activity.windows)
    seen = np.stack([latents[:, each].reshape(len(latents), -1) for each in per_item], axis=1)
    item, fold = activity.trials.stimulus, np.arange(len(latents)) % 4
    correct = []
    for held in range(4):
        fit = fold != held
        mean = np.stack([seen[fit][item[fit] == k].mean(0) for k in range(N_STIMULI)])
        distance = ((seen[~fit][..., None, :] - mean) ** 2).sum(-1)
        correct.append(distance.argmin(-1) == item[~fit])
    return float(np.concatenate(correct).mean())


def test_axes_equal_reduced_rank_regression_written_out(generator) -> None:
    data, folds = one_group(100, generator)
    twice = {
        name: np.concatenate([getattr(data, name)] * 2)
        for name in ("values", "condition", "present")
    }
    new = replace(data, **twice)
    shown = demix(new, folds, 2).values[100:, 0]  # rows in no fold: by the axes of all
    activity, condition = data.values[:, 0].astype(np.float64), data.condition[:, 0]
    marginal = np.stack([activity[condition[:, k] == 1].mean(0) for k in range(4)])
    target = condition @ (marginal - (condition @ marginal).mean(0))
    agreement = []
    for strength in 10.0 ** np.array([-2, -1.5, -1, -0.5, 0, 0.5, 1, 2]):
        scatter = activity.T @ activity
        ridge = strength * np.trace(scatter) / 8 * np.eye(8)
        full = np.linalg.solve(scatter + ridge, activity.T @ target)
        extended = np.concatenate([activity @ full, np.sqrt(ridge) @ full])
        _, _, axes = np.linalg.svd(extended)
        slow = activity @ full @ axes[:2].T
        agreement.append(np.abs(np.abs(slow) - np.abs(shown)).max() / np.abs(slow).max())
    assert min(agreement) < 1e-4


def test_as_many_axes_as_conditions_span_predict_best(generator) -> None:
    data, folds = one_group(200, generator)
    shares = shares_predicted(data, folds, 6)
    assert shares.argmax() >= 2
    np.testing.assert_allclose(shares[2:], shares[2], atol=1e-6)  # four means span three axes
    assert 0.2 < shares[0] < shares[1] < shares[2] < 1


@pytest.mark.slow
def test_demixed_latents_show_items_where_principal_components_show_the_course(generator) -> None:
    activity = tuned_activity(100, 1.0, generator)
    everything = np.ones(100, dtype=bool)
    by_method = {
        method: latents_of(
            activity, everything, method=method, pairing="recorded", seed=0, n_latents=1
        )
        for method in ("demixed", "pca")
    }
    accuracy = {
        method: item_accuracy(latents.values, activity) for method, latents in by_method.items()
    }
    assert accuracy["demixed"] > 0.35
    assert accuracy["pca"] < 0.25


@pytest.mark.slow
def test_axes_of_the_delay_tell_what_is_held(generator) -> None:
    activity = tuned_activity(120, 0.5, generator)
    teaching = np.arange(120) < 90
    latents = latents_of(
        activity, teaching, method="demixed", pairing="recorded", seed=0, n_latents=5
    )
    delay = latents.values[:, phase_of(activity.windows) == DELAY].mean(1)
    held = memory_set(activity.trials)
    design = np.column_stack([delay, np.ones(120)])
    weight = np.linalg.lstsq(design[teaching], held[teaching], rcond=None)[0]
    predicted = design[~teaching] @ weight
    assert np.corrcoef(predicted.ravel(), held[~teaching].ravel())[0, 1] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("n_trials", [30, 120])
def test_latents_of_a_shuffled_brain_say_nothing_about_items(generator, n_trials) -> None:
    accuracy = []
    for _ in range(6):
        activity = tuned_activity(n_trials, 0.3, generator)
        shuffled = shuffle_trials(activity, generator)
        latents = latents_of(
            shuffled,
            np.ones(n_trials, dtype=bool),
            method="demixed",
            pairing="recorded",
            seed=0,
            n_latents=4,
        )
        accuracy.append(item_accuracy(latents.values, activity))
    # Below chance is what cross-validation does to few trials: what a fold has too much of, the
    # others have too little of.
    assert -0.06 < np.mean(accuracy) - 1 / N_STIMULI < 0.02


def test_a_fold_is_read_by_axes_that_did_not_see_its_conditions(generator) -> None:
    data, folds = one_group(100, generator)
    changed = data.condition.copy()
    changed[folds[0]] = np.roll(changed[folds[0]], 1, axis=-1)
    before = demix(data, folds, 2).values[folds[0], 0]
    after = demix(replace(data, condition=changed), folds, 2).values[folds[0], 0]
    # Only the frame may turn, by what the other folds' trials look like in the fit on all.
    left, _, right = np.linalg.svd(before.T @ after)
    turned = before @ (left @ right)
    scale = (turned * after).sum() / (turned**2).sum()
    np.testing.assert_allclose(scale * turned, after, atol=1e-4)


def test_more_latents_than_stimuli_can_span_are_refused(generator) -> None:
    activity = tuned_activity(40, 1.0, generator)
    with pytest.raises(ValueError, match=r"n_latents: expected 1 to 5 .*came 6"):
        latents_of(
            activity,
            np.ones(40, dtype=bool),
            method="demixed",
            pairing="recorded",
            seed=0,
            n_latents=6,
        )


def test_shares_follow_what_each_axis_tells(generator) -> None:
    activity = tuned_activity(80, 0.5, generator)
    latents = latents_of(
        activity,
        np.ones(80, dtype=bool),
        method="demixed",
        pairing="recorded",
        seed=0,
        n_latents=5,
    )
    for phase in (ENCODING, DELAY):
        share = latents.share_of_variance[phase]
        assert share.sum() == pytest.approx(1)
        assert (np.diff(share) <= 0).all()
