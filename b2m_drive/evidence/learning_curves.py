"""From the score table to learning curves, and from curves to the figures that sum them up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from b2m_drive.evidence.condition import Condition
from b2m_drive.evidence.scores import Score
from b2m_drive.evidence.statistics import RestrictedTrials

FINAL_EVALUATIONS = 2  # the last ones, averaged


@dataclass(frozen=True)
class LearningCurve:
    """A score on held-out data over training, of all seeds of one condition."""

    seeds: tuple[int, ...]
    step: Int64[np.ndarray, " step"]
    value: Float64[np.ndarray, "seed step"]


def learning_curves(
    scores: Sequence[Score], metric: str = "accuracy"
) -> dict[Condition, LearningCurve]:
    """The rows of a metric in a table, by condition.

    Raises:
        ValueError: If a number stands twice, or if seeds or steps differ between conditions,
            for then they cannot be paired. Names the condition.
    """
    rows: dict[Condition, dict[tuple[int, int], float]] = {}
    for score in scores:
        if score.metric == metric:
            _add(rows.setdefault(score.condition, {}), (score.seed, score.step), score)
    if not rows:
        raise ValueError(f"score table: expected rows of the metric {metric}, came none")
    curves = {condition: _curve(condition, metric, values) for condition, values in rows.items()}
    first, reference = next(iter(curves.items()))
    for condition, curve in curves.items():
        if curve.seeds != reference.seeds:
            raise ValueError(
                f"seeds of {condition}: expected those of {first}, {reference.seeds}, "
                f"came {curve.seeds}"
            )
        if not np.array_equal(curve.step, reference.step):
            raise ValueError(
                f"evaluation steps of {condition}: expected those of {first}, "
                f"{reference.step.tolist()}, came {curve.step.tolist()}"
            )
    return curves


def values_by_seed(
    scores: Sequence[Score], metric: str
) -> dict[Condition, Float64[np.ndarray, " seed"]]:
    """Values of a metric that each student has once, by condition, in the order of seeds."""
    rows: dict[Condition, dict[tuple[int, int], float]] = {}
    for score in scores:
        if score.metric == metric:
            _add(rows.setdefault(score.condition, {}), (score.seed, 0), score)
    return {
        condition: np.array([values[key] for key in sorted(values)])
        for condition, values in rows.items()
    }


def area_under_curve(curve: LearningCurve) -> Float64[np.ndarray, " seed"]:
    """Mean score over training: trapezoids between evaluations, divided by their range."""
    if len(curve.step) == 1:
        return curve.value[:, 0]
    span = float(curve.step[-1] - curve.step[0])
    area = np.trapezoid(curve.value, curve.step.astype(np.float64), axis=1) / span
    return np.asarray(area, dtype=np.float64)


def final_value(curve: LearningCurve) -> Float64[np.ndarray, " seed"]:
    """Mean score of the last `FINAL_EVALUATIONS` evaluations."""
    return np.asarray(curve.value[:, -FINAL_EVALUATIONS:].mean(1), dtype=np.float64)


def trials_to_criterion(
    curve: LearningCurve, criterion: float, batch_size: int
) -> RestrictedTrials:
    """Training trials (or frames) seen at the first evaluation that reaches a score."""
    passed = curve.value >= criterion
    reached = np.asarray(passed.any(axis=1))
    step = np.where(reached, curve.step[passed.argmax(1)], curve.step[-1])
    # An evaluation before training counts as one trial, since a ratio needs a positive time.
    return RestrictedTrials(np.maximum(step * batch_size, 1).astype(np.float64), reached)


SUMMARIES: dict[str, Callable[[LearningCurve], Float64[np.ndarray, " seed"]]] = {
    "area_under_curve": area_under_curve,
    "final": final_value,
}


def _add(values: dict[tuple[int, int], float], key: tuple[int, int], score: Score) -> None:
    if key in values:
        raise ValueError(
            f"score table: expected one {score.metric} of {score.condition}, seed {score.seed}, "
            f"step {score.step}, came two"
        )
    values[key] = score.value


def _curve(
    condition: Condition, metric: str, values: dict[tuple[int, int], float]
) -> LearningCurve:
    seeds = sorted({seed for seed, _ in values})
    steps = sorted({step for _, step in values})
    if len(values) != len(seeds) * len(steps):
        lacking = next((s, t) for s in seeds for t in steps if (s, t) not in values)
        raise ValueError(
            f"{metric} of {condition}: expected every seed at every evaluation step, "
            f"found none of seed {lacking[0]} at step {lacking[1]}"
        )
    table = np.array([[values[seed, step] for step in steps] for seed in seeds])
    return LearningCurve(tuple(seeds), np.array(steps, dtype=np.int64), table)
