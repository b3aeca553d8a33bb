"""What must hold of every statistic, whatever the data: hypothesis draws them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from b2m_drive.evidence.alignment import (
    alignment_scores,
    debiased_linear_cka,
    predictivity_score,
    rsa_score,
)
from b2m_drive.evidence.bootstrap import bootstrap_interval, interquartile_mean, mean
from b2m_drive.evidence.state_probe import hazard_auc, state_r2, varying_variables
from b2m_drive.evidence.statistics import (
    RestrictedTrials,
    crossed_difference,
    holm_corrected,
    mean_interval,
    paired_difference,
    rank_correlation,
    restricted_mean,
    restricted_ratio,
)
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers import decoding, noise_ceiling
from b2m_drive.teachers.controls import information_rate
from b2m_drive.teachers.demixing import Marginalisation, demix
from b2m_drive.teachers.frame_decoding import cross_fitted, decoding_r2
from b2m_drive.teachers.frame_pairing import decoded_latents, principal_latents
from b2m_drive.teachers.latent_ceiling import explainable_latent_variance
from b2m_drive.teachers.latents import decode_stimuli, latents_of
from b2m_drive.teachers.scene_controls import state_labels
from b2m_drive.teachers.windows import teaching_windows, window_activity

few = settings(
    max_examples=6, derandomize=True, deadline=None, database=None, phases=[Phase.generate]
)
seeds = st.integers(0, 10_000)
powers = st.integers(-8, 8)
N_GROUPS, N_ROWS, N_FEATURES = 12, 10, 4


def number_or_refusal(measure: Callable[[], float]) -> float:
    """The number, or NaN if it is refused with words about what is missing."""
    try:
        return measure()
    except ValueError as error:
        if "finite" in str(error) or "NaN" in str(error):
            return float("nan")
        raise


@dataclass(frozen=True)
class Read:
    """Features, what they tell, and the trial or episode of each row."""

    features: np.ndarray
    targets: np.ndarray
    group: np.ndarray

    def rows(self, order: np.ndarray) -> Read:
        return Read(self.features[order], self.targets[order], self.group[order])


def drawn(seed: int, signal: float = 1.0) -> Read:
    """Rows that are alike within a group; two targets that the features tell, one in noise."""
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(N_GROUPS), N_ROWS)
    features = generator.normal(size=(N_GROUPS, N_FEATURES))[group]
    features = features + generator.normal(size=(len(group), N_FEATURES))
    own = generator.normal(size=(N_GROUPS, 2))[group] + generator.normal(size=(len(group), 2))
    return Read(features, signal * (features @ generator.normal(size=(4, 2))) + own, group)


def _hazard(features: np.ndarray, targets: np.ndarray, group: np.ndarray) -> float:
    auc = hazard_auc(features, targets[:, 0] > np.median(targets[:, 0]), group)
    return float("nan") if auc is None else auc


READINGS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray | float]] = {
    "decoding_r2": decoding_r2,
    "cross_fitted": lambda x, y, g: cross_fitted(x, y, g, g < N_GROUPS - 3).std(0),
    "decoded_latents": lambda x, y, g: (
        decoded_latents(
            x.astype(np.float32), state_labels(y.astype(np.float32)), g, g < N_GROUPS - 3
        ).share_of_variance
    ),
    "state_r2": lambda x, y, g: np.array([*state_r2(x, y, ("a", "b"), g).values()]),
    "hazard_auc": _hazard,
    "predictivity_score": predictivity_score,
    "rsa_score": rsa_score,
    "debiased_linear_cka": debiased_linear_cka,
}
BY_COLUMN = [name for name in READINGS if "cka" not in name]  # each column on a scale of its own


@pytest.mark.slow
@pytest.mark.parametrize("name", READINGS)
@few
@given(seed=seeds, power=powers)
def test_a_reading_does_not_depend_on_the_unit(name: str, seed: int, power: int) -> None:
    data = drawn(seed)
    first = READINGS[name](data.features, data.targets, data.group)
    second = READINGS[name](data.features * 10.0**power, data.targets, data.group)
    np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_COLUMN)
@few
@given(seed=seeds, column=st.integers(0, N_FEATURES - 1), power=powers)
def test_a_column_in_another_unit_changes_no_reading(
    name: str, seed: int, column: int, power: int
) -> None:
    data = drawn(seed)
    scaled = data.features.copy()
    scaled[:, column] *= 10.0**power
    first = READINGS[name](data.features, data.targets, data.group)
    second = READINGS[name](scaled, data.targets, data.group)
    np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", READINGS)
@few
@given(seed=seeds)
def test_a_reading_does_not_depend_on_the_order_of_rows_or_columns(name: str, seed: int) -> None:
    data, generator = drawn(seed), np.random.default_rng(seed + 1)
    order = generator.permutation(len(data.group))
    columns = generator.permutation(N_FEATURES)
    first = READINGS[name](data.features, data.targets, data.group)
    moved = data.rows(order)
    # cross-validation of scikit-learn deals groups in the order in which they come
    tolerance = 0.1 if name == "hazard_auc" else 1e-5
    np.testing.assert_allclose(
        READINGS[name](moved.features, moved.targets, moved.group), first, atol=tolerance
    )
    np.testing.assert_allclose(
        READINGS[name](data.features[:, columns], data.targets, data.group), first, atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", READINGS)
@few
@given(seed=seeds, constant=st.sampled_from([0.0, 1e-9, -0.1, 8388608.0, 1e12]))
def test_a_constant_column_changes_no_reading(name: str, seed: int, constant: float) -> None:
    data = drawn(seed)
    beside = np.full((len(data.group), 2), constant)
    for dtype in (np.float32, np.float64):
        features = (1e-6 * data.features).astype(dtype)
        more = np.concatenate([features, beside.astype(dtype)], axis=1)
        np.testing.assert_allclose(
            READINGS[name](more, data.targets, data.group),
            READINGS[name](features, data.targets, data.group),
            atol=1e-5,
        )


@pytest.mark.parametrize("name", READINGS)
@few
@given(seed=seeds, missing=st.sampled_from([np.nan, np.inf]))
def test_a_reading_of_features_with_nan_is_refused(name: str, seed: int, missing: float) -> None:
    data = drawn(seed)
    data.features[seed % len(data.group), seed % N_FEATURES] = missing
    with pytest.raises(ValueError, match=r"finite|NaN|infinity"):
        READINGS[name](data.features, data.targets, data.group)


@pytest.mark.slow
def test_independent_data_are_read_at_chance() -> None:
    found = {name: [] for name in READINGS if name not in ("cross_fitted", "decoded_latents")}
    for seed in range(12):
        data = drawn(seed, signal=0.0)
        for name, values in found.items():
            values.append(np.mean(READINGS[name](data.features, data.targets, data.group)))
    average = {name: float(np.mean(values)) for name, values in found.items()}
    for name in ("debiased_linear_cka", "rsa_score"):
        assert abs(average[name]) < 0.06, name
    for name in ("decoding_r2", "state_r2", "predictivity_score"):
        assert -0.35 < average[name] < 0.02, name  # not above knowing nothing; 12 groups are few
    assert abs(average["hazard_auc"] - 0.5) < 0.08


@few
@given(seed=seeds, power=powers)
def test_alignment_scores_are_the_same_both_ways_of_scaling_both_sides(
    seed: int, power: int
) -> None:
    data = drawn(seed)
    first = alignment_scores(data.features, data.targets, data.group)
    second = alignment_scores(data.features * 10.0**power, data.targets * 3, data.group)
    assert first == pytest.approx(second, rel=1e-4, abs=1e-6)


@few
@given(seed=seeds, power=st.integers(-6, 6))
def test_variables_are_probed_in_any_unit_in_use(seed: int, power: int) -> None:
    data = drawn(seed)
    state = np.concatenate([data.targets * 10.0**power, 0 * data.targets + 7], axis=1)
    assert varying_variables(state, tuple("abcd"), data.group) == ["a", "b"]


@few
@given(seed=seeds, power=powers)
def test_principal_latents_do_not_depend_on_unit_order_or_constant_columns(
    seed: int, power: int
) -> None:
    data, order = drawn(seed), np.random.default_rng(seed).permutation(N_FEATURES)
    teaching = data.group < N_GROUPS - 3
    features = data.features.astype(np.float32)
    features[:, 1:] += 2 * features[:, :1]  # one strong direction

    def strongest(values: np.ndarray) -> np.ndarray:
        return np.abs(principal_latents(values, teaching, 1).values)

    first = strongest(features)
    constant = np.full((len(features), 1), 8388608, np.float32)
    scaled = features * np.float32(10.0**power)
    for other in (scaled, features[:, order], np.concatenate([features, constant], axis=1)):
        np.testing.assert_allclose(strongest(other), first, atol=2e-3)
    with pytest.raises(ValueError, match="finite"):
        principal_latents(np.where(features > 1, np.float32("nan"), features), teaching, 1)


@few
@given(seed=seeds)
def test_latents_beyond_what_the_units_span_are_nothing_and_not_noise(seed: int) -> None:
    data = drawn(seed)
    twice = np.concatenate([data.features, data.features], axis=1).astype(np.float32)
    latents = principal_latents(twice, np.ones(len(twice), dtype=bool), 2 * N_FEATURES)
    assert not latents.values[:, N_FEATURES:].any()
    assert latents.values[:, :N_FEATURES].std(0) == pytest.approx(1, abs=1e-3)


# ---- counts of presentations


def presentations(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    stimulus = np.repeat(np.arange(5), 8)
    rate = generator.uniform(1, 6, size=(5, 3))[stimulus]
    return generator.poisson(rate).astype(np.float64), stimulus


COUNTED = {
    "explainable_variance": noise_ceiling.explainable_variance,
    "selectivity_p_values": decoding.selectivity_p_values,
    "fano_factor": lambda counts, stimulus: np.array([decoding.fano_factor(counts, stimulus)]),
}


@pytest.mark.parametrize("name", COUNTED)
@few
@given(seed=seeds, power=powers)
def test_a_figure_of_counts_keeps_through_order_and_unit(name: str, seed: int, power: int) -> None:
    (counts, stimulus), generator = presentations(seed), np.random.default_rng(seed)
    first = COUNTED[name](counts, stimulus)
    rows, columns = generator.permutation(len(counts)), generator.permutation(3)
    np.testing.assert_allclose(COUNTED[name](counts[rows], stimulus[rows]), first, atol=1e-9)
    turned = first[columns] if len(first) == 3 else first
    np.testing.assert_allclose(COUNTED[name](counts[:, columns], stimulus), turned, atol=1e-9)
    if name != "fano_factor":  # which counts spikes, and has no other unit
        scaled = COUNTED[name](counts * 10.0**power, stimulus)
        np.testing.assert_allclose(scaled, first, atol=1e-9)
    beside = np.concatenate([counts, np.full((len(counts), 1), 0.1)], axis=1)
    if len(first) == 3:
        np.testing.assert_allclose(COUNTED[name](beside, stimulus)[:3], first, atol=1e-9)
    assert not (np.asarray(COUNTED["explainable_variance"](beside, stimulus))[:3] > 1).any()


@pytest.mark.parametrize("name", COUNTED)
@few
@given(seed=seeds)
def test_a_count_that_is_nan_gives_no_number(name: str, seed: int) -> None:
    counts, stimulus = presentations(seed)
    counts[seed % len(counts), 1] = np.nan
    found = COUNTED[name](counts, stimulus)
    assert np.isnan(found[1 if len(found) == 3 else 0])


@few
@given(seed=seeds)
def test_counts_of_nothing_have_no_explainable_variance(seed: int) -> None:
    generator = np.random.default_rng(seed)
    counts = generator.poisson(3.0, size=(400, 40)).astype(np.float64)
    share = noise_ceiling.explainable_variance(counts, np.repeat(np.arange(8), 50))
    assert abs(share.mean()) < 0.01
    p_values = decoding.selectivity_p_values(counts, np.repeat(np.arange(8), 50))
    assert 0.3 < p_values.mean() < 0.7


# ---- whole recordings


@cache
def recorded(seed: int, signal: float = 1.0) -> TrialResponses:
    trials = simulate_trials(40, 2, 4, np.random.default_rng([seed, 1]))
    return in_trials(SimulatedBrain(n_units=12, signal=signal).record(trials, seed))


FIGURES: dict[str, Callable[[TrialResponses], float]] = {
    "item_decoding": decoding.item_decoding_accuracy,
    "memory_auc": decoding.memory_decoding_auc,
    "probe_side_auc": decoding.probe_side_auc,
    "reliability": noise_ceiling.split_half_reliability,
    "explainable_variance": lambda each: noise_ceiling.noise_ceiling(each).explainable_variance,
    "predictivity": lambda each: noise_ceiling.noise_ceiling(each).predictivity,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
@settings(few, max_examples=2)
@given(seed=st.integers(0, 3))
def test_a_figure_of_a_recording_keeps_through_unit_and_order(name: str, seed: int) -> None:
    recording, generator = recorded(seed), np.random.default_rng(seed)
    first = FIGURES[name](recording)
    activity = recording.values
    silent = np.concatenate([activity, np.full_like(activity[..., :2], 3)], axis=2)
    units = generator.permutation(12)
    same = (
        recording.select(generator.permutation(40)),
        replace(recording, values=activity[..., units]),
        replace(recording, values=activity * np.float32(4e-6)),
    )
    for other in same:
        assert FIGURES[name](other) == pytest.approx(first, abs=1e-6)
    beside = replace(recording, values=silent, units=(*recording.units, *recording.units[:2]))
    assert FIGURES[name](beside) == pytest.approx(first, abs=1e-6)


@pytest.mark.parametrize("name", FIGURES)
def test_a_recording_with_nan_gives_no_figure(name: str) -> None:
    spoilt = replace(recorded(0), values=recorded(0).values.copy())
    spoilt.values[3, :, 2] = np.nan  # a recording is not made of NaN: it comes in later
    assert np.isnan(number_or_refusal(lambda: FIGURES[name](spoilt)))


@pytest.mark.slow
@pytest.mark.thorough
def test_recordings_of_nothing_are_at_chance() -> None:
    nothing = [recorded(seed, 0.0) for seed in range(12)]
    average = {
        name: np.mean([figure(each) for each in nothing]) for name, figure in FIGURES.items()
    }
    assert average["item_decoding"] == pytest.approx(1 / 4, abs=0.05)
    assert average["memory_auc"] == pytest.approx(0.5, abs=0.05)
    assert average["probe_side_auc"] == pytest.approx(0.5, abs=0.08)
    assert abs(average["reliability"]) < 0.1
    assert abs(average["explainable_variance"]) < 0.02


# ---- latents of trials


def activity_of(seed: int) -> TrialResponses:
    recording = recorded(seed)
    windows = teaching_windows(2)
    return replace(recording, values=np.sqrt(window_activity(recording, windows)), windows=windows)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["decoded", "pca", "demixed"])
@settings(few, max_examples=2)
@given(seed=st.integers(0, 3), power=powers)
def test_latents_do_not_depend_on_the_unit_or_on_units_that_never_vary(
    method: str, seed: int, power: int
) -> None:
    activity, teaching = activity_of(seed), np.arange(40) < 30

    def strength(values: np.ndarray) -> np.ndarray:
        latents = latents_of(
            activity.with_values(values),
            teaching,
            method=method,
            pairing="recorded",
            seed=0,
            n_latents=None if method == "decoded" else 1,
        )
        return np.abs(latents.values)

    values = activity.values
    first = strength(values)
    constant = np.full((*values.shape[:2], 1), 8388608, np.float32)
    for other in (
        values * np.float32(10.0**power),
        values[..., ::-1].copy(),
        np.concatenate([values, constant], axis=-1),
    ):
        np.testing.assert_allclose(strength(other), first, atol=5e-3)


@pytest.mark.slow
@few
@given(seed=st.integers(0, 3), power=powers)
def test_what_evidence_tells_does_not_depend_on_its_unit(seed: int, power: int) -> None:
    activity = activity_of(seed)
    evidence = decode_stimuli(activity, np.ones(40, dtype=bool), 0, beyond_frequency=True)
    first = information_rate(evidence, activity.trials, activity.windows)
    order = np.random.default_rng(seed).permutation(40)
    scaled = evidence * np.float32(10.0**power)
    assert information_rate(scaled, activity.trials, activity.windows) == pytest.approx(first)
    moved = information_rate(evidence[order], activity.trials.select(order), activity.windows)
    assert moved == pytest.approx(first)


def test_the_ceiling_of_latents_does_not_depend_on_their_order_and_nan_is_refused() -> None:
    activity = activity_of(0)
    everything = np.ones(40, dtype=bool)
    latents = latents_of(activity, everything, method="decoded", pairing="recorded", seed=0)
    first = explainable_latent_variance(latents, activity.trials, 0)
    turned = replace(latents, values=latents.values[..., ::-1].copy())
    assert explainable_latent_variance(turned, activity.trials, 0) == pytest.approx(first, abs=1e-5)
    spoilt = np.where(latents.values > 1, np.float32("nan"), latents.values)
    with pytest.raises(ValueError, match="NaN"):
        explainable_latent_variance(replace(latents, values=spoilt), activity.trials, 0)


@pytest.mark.slow
@few
@given(seed=seeds, power=powers)
def test_demixed_axes_do_not_depend_on_the_unit(seed: int, power: int) -> None:
    generator = np.random.default_rng(seed)
    condition = np.eye(3, dtype=np.float32)[np.arange(30) % 3][:, None]
    values = generator.normal(size=(30, 1, 5)).astype(np.float32)
    values += condition @ generator.normal(size=(3, 5)).astype(np.float32) * 3
    folds = [np.arange(30) % 3 == k for k in range(3)]
    rows = [np.flatnonzero(np.roll(each, 1)) for each in folds]
    there, group = np.ones((30, 1), dtype=bool), np.zeros(1, dtype=np.int64)

    def share(scale: float) -> np.ndarray:
        scaled = values * np.float32(scale)
        return demix(Marginalisation(scaled, condition, group, there), rows, 2).share_of_variance

    np.testing.assert_allclose(share(10.0**power), share(1.0), atol=1e-3)


# ---- intervals


VALUES = st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=3, max_size=8)
INTERVALS: dict[str, Callable[[np.ndarray], float]] = {
    "mean_interval": lambda x: mean_interval(x).low,
    "paired_difference": lambda x: paired_difference(x, x[::-1].copy()).high,
    "crossed_difference": lambda x: crossed_difference(np.stack([x, x * x], axis=1)).high,
    "restricted_mean": lambda x: restricted_mean(_times(x)).mean,
    "restricted_ratio": lambda x: restricted_ratio(_times(x), _times(x + 1)).ratio,
    "rank_correlation": lambda x: rank_correlation(x, np.arange(len(x), dtype=np.float64)),
    "bootstrap_mean": lambda x: float(mean(x)),
    "interquartile_mean": lambda x: float(interquartile_mean(x)),
    "bootstrap_interval": lambda x: (
        bootstrap_interval(x.reshape(1, -1), np.random.default_rng(0)).low
    ),
    "holm_corrected": lambda x: float(holm_corrected(np.abs(x) / 200).sum()),
}


def _times(values: np.ndarray) -> RestrictedTrials:
    return RestrictedTrials(np.abs(values) + 1, np.ones(len(values), dtype=bool))


@pytest.mark.parametrize("name", INTERVALS)
@few
@given(values=VALUES, place=st.integers(0, 2))
def test_nan_among_values_gives_no_number(name: str, values: list[float], place: int) -> None:
    spoilt = np.array(values)
    spoilt[place] = np.nan
    assert np.isnan(number_or_refusal(lambda: INTERVALS[name](spoilt)))


@pytest.mark.parametrize("name", ["mean_interval", "bootstrap_mean", "interquartile_mean"])
@few
@given(values=VALUES, seed=seeds, power=powers)
def test_a_mean_keeps_its_order_and_takes_its_unit(
    name: str, values: list[float], seed: int, power: int
) -> None:
    x = np.array(values)
    first, scale = INTERVALS[name](x), 10.0**power
    assert INTERVALS[name](np.random.default_rng(seed).permutation(x)) == pytest.approx(
        first, rel=1e-9, abs=1e-9
    )
    assert INTERVALS[name](x * scale) == pytest.approx(first * scale, rel=1e-9, abs=1e-9 * scale)


@few
@given(values=VALUES, power=powers)
def test_a_difference_of_rounding_is_no_difference(values: list[float], power: int) -> None:
    x = np.array(values) * 10.0**power
    nearly = x * (1 + np.finfo(np.float64).eps * np.sign(x))
    found = paired_difference(nearly, x)
    assert (found.mean, found.low, found.high, found.p_value) == (0, 0, 0, 1)
