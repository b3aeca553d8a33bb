"""Students that differ from a comparison's own in one number: from the score table to values.

A run's own students stand among the points of every axis, at the value that its configuration
names; infinity is a number without limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from b2m_drive.comparisons.run_folder import Run
from b2m_drive.evidence.condition import ALONE, BASELINES, Condition
from b2m_drive.evidence.learning_curves import SUMMARIES, LearningCurve, learning_curves

UNLIMITED = math.inf


@dataclass(frozen=True)
class VariedNumber:
    """A number that a study varies, and how a reader meets it."""

    axis: str  # of the variations' names
    label: str
    logarithmic: bool
    untouched: tuple[str, ...] = ()  # isolated students that are the same at every value

    @property
    def name(self) -> str:
        """The label without its unit, for titles."""
        return self.label.split(" (", maxsplit=1)[0]


DRIVING_AXES = (
    VariedNumber("n_frames", "training frames", True),
    VariedNumber(
        "signal", "share of the brain's signal about the scene", False, untouched=BASELINES
    ),
)
MEMORY_AXES = (
    VariedNumber(
        "n_teacher_trials",
        "number of recorded trials that teach",
        True,
        untouched=(ALONE, "alone_head"),
    ),
    VariedNumber("n_student_trials", "number of different trials the student learns from", True),
    VariedNumber("maintenance", "length of the delay (s)", False),
    VariedNumber("signal", "share of the brain's signal", False, untouched=BASELINES),
)


@dataclass(frozen=True)
class VariedScores:
    """Learning curves along one axis, of the same seeds everywhere."""

    number: VariedNumber
    own: float | None  # the value of the run's own students; None: not known
    seeds: tuple[int, ...]
    curves: dict[Condition, dict[float, LearningCurve]]  # condition -> value -> curve
    level: dict[Condition, LearningCurve]  # isolated students that the axis does not touch

    @property
    def values(self) -> list[float]:
        """Every value at which some student was trained, in order."""
        return sorted({value for each in self.curves.values() for value in each})

    def at(
        self, condition: Condition, value: float, metric: str
    ) -> Float64[np.ndarray, " seed"] | None:
        """A summary of the students of a condition at a value; None where none was trained."""
        curve = self.curves.get(condition, {}).get(value, self.level.get(condition))
        return None if curve is None else SUMMARIES[metric](curve)


def varied_scores(run: Run, number: VariedNumber, own: float | None) -> VariedScores | None:
    """The students of one axis, the run's own among them; None if the axis was not varied.

    Raises:
        ValueError: If the varied students differ in their seeds, or the run's own lack some.
    """
    rows = [
        score
        for score in run.scores
        if score.metric == run.study.curve
        and score.condition.variation is not None
        and score.condition.variation.axis == number.axis
    ]
    if not rows:
        return None
    found = learning_curves(rows, run.study.curve)
    seeds = next(iter(found.values())).seeds
    curves: dict[Condition, dict[float, LearningCurve]] = {}
    for name, curve in found.items():
        assert name.variation is not None
        curves.setdefault(name.unvaried, {})[name.variation.value] = curve
    for base, each in curves.items():
        if own is not None and base in run.curves:
            each.setdefault(own, _of_seeds(base, run.curves[base], seeds))
    level = {
        name: _of_seeds(name, run.curves[name], seeds)
        for name in map(Condition, number.untouched)
        if name in run.curves and name not in curves
    }
    return VariedScores(number, own, seeds, curves, level)


def best_null(
    varied: VariedScores, nulls: tuple[str, ...], beside: Condition, value: float, metric: str
) -> Condition | None:
    """The null condition of the highest mean at a value; None where no null was trained.

    Args:
        varied: Students of one axis.
        nulls: Controls that decide.
        beside: The brain's condition; only nulls of its teaching count, and isolated ones.
        value: Of the varied number.
        metric: A summary of the learning curve.
    """
    method = beside.method
    names = [method.condition(name) if method else Condition(name) for name in nulls]
    means = {
        name: float(found.mean())
        for name in names
        if (found := varied.at(name, value, metric)) is not None
    }
    return max(means, key=lambda name: means[name]) if means else None


def _of_seeds(condition: Condition, curve: LearningCurve, seeds: tuple[int, ...]) -> LearningCurve:
    missing = sorted(set(seeds) - set(curve.seeds))
    if missing:
        raise ValueError(
            f"{condition}: expected the seeds of its variations, {list(seeds)}, found none of "
            f"{missing}"
        )
    rows = [curve.seeds.index(seed) for seed in seeds]
    return LearningCurve(seeds, curve.step, curve.value[rows])
