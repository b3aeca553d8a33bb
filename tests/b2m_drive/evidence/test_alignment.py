from __future__ import annotations

import itertools

import numpy as np
import pytest

from b2m_drive.evidence.alignment import (
    UndefinedAlignmentError,
    alignment_scores,
    debiased_linear_cka,
    predictivity_score,
    rsa_score,
)

N_TRIALS, N_TIMES = 30, 4
TRIAL = np.repeat(np.arange(N_TRIALS), N_TIMES)


def hsic_by_loops(K: np.ndarray, L: np.ndarray) -> float:
    """The unbiased HSIC as its definition: averages over tuples of different samples."""
    n = len(K)
    samples = range(n)
    pairs = [(i, j) for i in samples for j in samples if i != j]
    triples = [(i, j, q) for i, j in pairs for q in samples if q not in (i, j)]
    quadruples = [(i, j, q, r) for i, j, q in triples for r in samples if r not in (i, j, q)]
    return float(
        np.mean([K[i, j] * L[i, j] for i, j in pairs])
        + np.mean([K[i, j] * L[q, r] for i, j, q, r in quadruples])
        - 2 * np.mean([K[i, j] * L[i, q] for i, j, q in triples])
    )


def cka_of_samples(X: np.ndarray, Y: np.ndarray) -> float:
    """With every sample a trial of its own."""
    return debiased_linear_cka(X, Y, np.arange(len(X)))


def rsa_of_samples(X: np.ndarray, Y: np.ndarray) -> float:
    return rsa_score(X, Y, np.arange(len(X)))


@pytest.mark.parametrize("measure", [cka_of_samples, rsa_of_samples])
def test_identical_representations_score_one(measure, generator) -> None:
    X = generator.normal(size=(40, 6))
    assert measure(X, X) == pytest.approx(1)


def test_cka_is_unchanged_by_rotation_scaling_and_shift(generator) -> None:
    X, Y = generator.normal(size=(40, 6)), generator.normal(size=(40, 5))
    Y[:, :3] += X[:, :3]
    rotation, _ = np.linalg.qr(generator.normal(size=(6, 6)))
    turned = 3 * X @ rotation + 7
    assert cka_of_samples(turned, Y) == pytest.approx(cka_of_samples(X, Y))


def test_cka_is_changed_by_a_stretch_along_one_axis(generator) -> None:
    X = generator.normal(size=(40, 6))
    assert cka_of_samples(X * np.array([10, 1, 1, 1, 1, 1]), X) < 0.8


def test_debiased_cka_is_its_definition_computed_by_loops(generator) -> None:
    X = generator.normal(size=(7, 2))
    Y = X[:, :1] + 0.3 * generator.normal(size=(7, 1))
    K, L = X @ X.T, Y @ Y.T
    reference = hsic_by_loops(K, L) / np.sqrt(hsic_by_loops(K, K) * hsic_by_loops(L, L))
    assert cka_of_samples(X, Y) == pytest.approx(reference)


def test_cka_of_independent_wide_representations_is_about_zero(generator) -> None:
    pairs = [(generator.normal(size=(40, 60)), generator.normal(size=(40, 60))) for _ in range(20)]
    assert abs(np.mean([cka_of_samples(*pair) for pair in pairs])) < 0.03


def test_rsa_of_shuffled_samples_is_about_zero(generator) -> None:
    X = generator.normal(size=(80, 6))
    assert abs(rsa_of_samples(X, X[generator.permutation(80)])) < 0.1


def test_rsa_does_not_see_the_mean_rate_or_scale_of_units(generator) -> None:
    X, Y = generator.normal(size=(40, 6)), generator.normal(size=(40, 5))
    scaled = Y * np.array([1, 5, 0.1, 2, 9]) + np.array([0, 100, 3, 0, 7])
    assert rsa_of_samples(X, scaled) == pytest.approx(rsa_of_samples(X, Y))


def test_a_linear_code_is_predicted_almost_perfectly(generator) -> None:
    X = generator.normal(size=(N_TRIALS * N_TIMES, 6))
    Y = X @ generator.normal(size=(6, 3)) + 5
    assert predictivity_score(X, Y, TRIAL) > 0.99


def test_predictivity_of_noise_is_not_above_zero(generator) -> None:
    X = generator.normal(size=(N_TRIALS * N_TIMES, 6))
    assert -0.2 < predictivity_score(X, generator.normal(size=(len(X), 3)), TRIAL) < 0.05


def test_predictivity_is_the_share_of_variance_that_is_signal(generator) -> None:
    trial = np.repeat(np.arange(500), 4)
    X = generator.normal(size=(2000, 1))
    Y = X + generator.normal(size=(2000, 1))  # half of the variance
    assert predictivity_score(X, Y, trial) == pytest.approx(0.5, abs=0.05)


def test_samples_of_one_trial_never_predict_each_other(generator) -> None:
    by_trial = generator.normal(size=(N_TRIALS, 20))  # alike within a trial, and nothing else
    X = np.repeat(by_trial, N_TIMES, axis=0) + 0.01 * generator.normal(size=(len(TRIAL), 20))
    Y = np.repeat(generator.normal(size=(N_TRIALS, 2)), N_TIMES, axis=0)
    assert predictivity_score(X, Y, TRIAL) < 0.1
    assert predictivity_score(X, Y, generator.permutation(len(TRIAL)) // N_TIMES) > 0.3


def test_a_hidden_unit_that_moves_in_one_trial_only_does_not_spoil_predictivity(generator) -> None:
    X = generator.normal(size=(N_TRIALS * N_TIMES, 6))
    Y = X @ generator.normal(size=(6, 3)) + generator.normal(size=(len(X), 3))
    saturated = 1 + 1e-7 * generator.normal(size=(len(X), 1))
    saturated[TRIAL == 7] = 0.2
    without = predictivity_score(X, Y, TRIAL)
    assert predictivity_score(np.hstack([X, saturated]), Y, TRIAL) == pytest.approx(
        without, abs=0.1
    )


def test_units_that_never_change_do_not_count(generator) -> None:
    X = generator.normal(size=(N_TRIALS * N_TIMES, 6)).astype(np.float32)
    brain = np.concatenate([X[:, :3], np.zeros((len(X), 2), np.float32)], axis=1)
    found = alignment_scores(X, brain, TRIAL)
    assert found["predictivity"] > 0.99
    assert set(found) == {"cka", "rsa", "predictivity"}


def test_a_silent_brain_has_no_scores(generator) -> None:
    X = generator.normal(size=(N_TRIALS * N_TIMES, 6))
    assert alignment_scores(X, np.zeros((len(X), 4)), TRIAL) == {}


def test_too_few_trials_leave_predictivity_out_but_not_the_rest(generator) -> None:
    X = generator.normal(size=(8, 3))
    assert set(alignment_scores(X, X, np.arange(8) // 2)) == {"cka", "rsa"}
    assert set(alignment_scores(X, X, np.arange(8) // 4)) == {"rsa"}
    with pytest.raises(UndefinedAlignmentError, match="at least 5 trials, came 2"):
        predictivity_score(X, X, np.arange(8) // 4)


def test_nan_is_refused_not_left_out(generator) -> None:
    X = generator.normal(size=(N_TRIALS * N_TIMES, 6))
    with pytest.raises(ValueError, match="finite"):
        alignment_scores(X, np.where(X > 2, np.nan, X), TRIAL)


def slow_activity(generator: np.random.Generator, n_features: int = 20) -> np.ndarray:
    """40 trials of 11 samples, each .9 of the one before; trials are independent."""
    values = generator.normal(size=(40, 11, n_features))
    for k in range(1, 11):
        values[:, k] = 0.9 * values[:, k - 1] + np.sqrt(1 - 0.81) * values[:, k]
    return values.reshape(-1, n_features)


@pytest.mark.slow
def test_independent_recordings_that_change_slowly_are_not_alike() -> None:
    trial, found = np.repeat(np.arange(40), 11), []
    for seed in range(8):
        generator = np.random.default_rng(seed)
        X, Y = slow_activity(generator), slow_activity(generator)
        found.append(alignment_scores(X, Y, trial))
        assert alignment_scores(X, X, trial)["cka"] == pytest.approx(1)
        assert alignment_scores(X, X, trial)["rsa"] == pytest.approx(1)
    assert abs(np.mean([each["cka"] for each in found])) < 0.03
    assert abs(np.mean([each["rsa"] for each in found])) < 0.03
    assert np.mean([cka_of_samples(X, Y)]) > 0.1  # what samples taken for independent would say


def test_cka_between_trials_is_its_definition_computed_by_loops(generator) -> None:
    trial = np.array([0, 0, 1, 1, 1, 2, 3, 3, 4])  # of unequal length
    X = generator.normal(size=(9, 2))
    Y = X[:, :1] + 0.3 * generator.normal(size=(9, 1))

    def hsic(K: np.ndarray, L: np.ndarray) -> float:
        samples = [np.flatnonzero(trial == each) for each in range(5)]

        def of(*trials: int) -> list[float]:  # mean over one sample of each trial
            chosen = [samples[each] for each in trials]
            if len(trials) == 2:
                return [np.mean([K[i, j] * L[i, j] for i in chosen[0] for j in chosen[1]])]
            if len(trials) == 3:
                i, j, q = chosen
                return [np.mean([K[a, b] * L[a, c] for a in i for b in j for c in q])]
            i, j, q, r = chosen
            return [K[np.ix_(i, j)].mean() * L[np.ix_(q, r)].mean()]

        def average(n: int) -> float:
            return float(np.mean([of(*each) for each in itertools.permutations(range(5), n)]))

        return average(2) + average(4) - 2 * average(3)

    K, L = X @ X.T, Y @ Y.T
    reference = hsic(K, L) / np.sqrt(hsic(K, K) * hsic(L, L))
    assert debiased_linear_cka(X, Y, trial) == pytest.approx(reference)
    assert debiased_linear_cka(X + 7, 3 * Y - 2, trial) == pytest.approx(reference)


def test_the_penalty_of_predictivity_is_chosen_by_trials_too(generator) -> None:
    # 20 nearly equal rows a trial: left out one by one, each is told by its neighbours.
    trial = np.repeat(np.arange(40), 20)
    X = generator.normal(size=(40, 30))[trial] + 0.01 * generator.normal(size=(800, 30))
    Y = generator.normal(size=(40, 5))[trial] + 0.01 * generator.normal(size=(800, 5))
    assert -0.2 < predictivity_score(X, Y, trial) < 0.05


def test_a_loud_column_hides_no_other_from_predictivity(generator) -> None:
    X = generator.normal(size=(N_TRIALS * N_TIMES, 6))
    Y = X @ generator.normal(size=(6, 3)) + generator.normal(size=(len(X), 3))
    loud = X * np.array([1e6, 1, 1, 1, 1, 1e-6])
    assert predictivity_score(loud, Y, TRIAL) == pytest.approx(predictivity_score(X, Y, TRIAL))
