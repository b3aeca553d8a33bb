"""The verdict on a brain as a teacher, computed from intervals and said in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.run_folder import Run, read_run
from b2m_drive.comparisons.study import LABEL_PROBES, Study, summary_label
from b2m_drive.evidence.condition import ALONE, BRAIN, STRATEGIES, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import SUMMARIES, LearningCurve, learning_curves
from b2m_drive.evidence.scores import Score
from b2m_drive.evidence.statistics import (
    Interval,
    PairedDifference,
    mean_interval,
    paired_difference,
)

SIMULATED_CAUTION = (
    "The brain is simulated: its score can show that information was transferred, "
    "not that brains add what labels would not."
)


class Grade(Enum):
    """What the intervals allow to say; the value is the headline of the report."""

    SPECIFIC = "A gain specific to the brain"
    SHARED = "A gain that a null gives as well"
    NO_GAIN = "No gain"
    HARM = "Harm"


@dataclass(frozen=True)
class Verdict:
    """A grade, and the intervals it was computed from."""

    method: TransferMethod
    metric: str
    study: Study
    simulated: bool
    grade: Grade
    over_nulls: Mapping[str, PairedDifference]  # brain minus each null
    over_probes: Mapping[str, PairedDifference]  # brain minus each probe that was run
    failures: str = field(
        default="", kw_only=True
    )  # what the taught fail in more often than those alone, as words
    nulls_left_out: tuple[str, ...] = field(
        default=(), kw_only=True
    )  # in words; the student could not serve them

    weak: str = field(default="", kw_only=True)  # where the student alone learnt nothing, as words

    @property
    def sentence(self) -> str:
        """The verdict in words: what was found, then what labels teach, then what it means."""
        parts = (self.finding, self.about_labels, self.caution)
        return " ".join(part for part in parts if part)

    @property
    def finding(self) -> str:
        """One sentence with the intervals that decided."""
        kind = "simulated brain" if self.simulated else "brain"
        subject = (
            f"{STRATEGIES[self.method.strategy]} from a {kind} "
            f"({self.method.readout_label}; {self.over_nulls[ALONE].n} seeds)"
        )
        found = finding_text(self.grade, self.over_nulls, subject, self.metric, self.study)
        left_out = _listed(self.nulls_left_out)
        beside = (
            self.failures,
            self.weak,
            f"Not held against {left_out}." if left_out else "",
        )
        return " ".join(part for part in (found, *beside) if part)

    @property
    def about_labels(self) -> str:
        """How the brain compares with labels; empty where labels did not teach."""
        return labels_text(self.over_probes, "seeds", self.study)

    @property
    def caution(self) -> str:
        """What a simulated brain can and cannot show; empty for a recorded one."""
        return SIMULATED_CAUTION if self.simulated else ""


def judge(
    scores: Sequence[Score],
    strategy: str,
    latents: str,
    pairing: str,
    metric: str = "area_under_curve",
    *,
    simulated: bool,
    study: Study = MEMORY,
) -> Verdict:
    """Judge one way of teaching against every null.

    A gain is specific to the brain when the lower bound of the 95 % interval of brain minus
    null is above zero for *every* null; needing all at once, it takes no correction.

    Args:
        scores: Of the whole comparison.
        strategy: ``"regression"`` (BLT) or ``"contrastive"`` (BCT).
        latents: Of `conditions.LATENTS`.
        pairing: ``"recorded"`` or ``"carried"``.
        metric: A summary of the learning curve, of `SUMMARIES`.
        simulated: Whether the brain is; the verdict says so.
        study: Whose nulls decide, on whose curve.

    Raises:
        ValueError: If a null has no scores: a verdict without all its nulls may not be given.
    """
    curves = learning_curves(scores, study.curve)
    return judge_curves(
        curves, TransferMethod(strategy, latents, pairing), metric, simulated, study
    )


def judge_curves(
    curves: Mapping[Condition, LearningCurve],
    method: TransferMethod,
    metric: str,
    simulated: bool,
    study: Study = MEMORY,
) -> Verdict:
    """As `judge`, from the learning curves by condition."""
    if metric not in SUMMARIES:
        raise ValueError(f"metric: expected one of {', '.join(SUMMARIES)}, came {metric!r}")
    needed = [method.condition(name) for name in (BRAIN, *study.nulls)]
    missing = [condition for condition in needed if condition not in curves]
    if missing:
        raise ValueError(
            f"verdict on {method.condition(BRAIN)}: expected scores of the brain and of every "
            f"null, found none of {', '.join(map(str, missing))}"
        )
    over_nulls = differences(curves, method, metric, study.nulls)
    over_probes = differences(curves, method, metric, study.probes)
    return Verdict(method, metric, study, simulated, grade_of(over_nulls), over_nulls, over_probes)


def differences(
    curves: Mapping[Condition, LearningCurve],
    method: TransferMethod,
    metric: str,
    controls: Sequence[str],
) -> dict[str, PairedDifference]:
    """Brain minus each control that was run, in a summary of the learning curve."""
    summary = SUMMARIES[metric]
    brain = summary(curves[method.condition(BRAIN)])
    return {
        name: paired_difference(brain, summary(curves[method.condition(name)]))
        for name in controls
        if method.condition(name) in curves
    }


def verdicts_of(run: Run | str | Path) -> list[Verdict]:
    """A verdict for each strategy and readout of a run, or of its folder."""
    run = run if isinstance(run, Run) else read_run(run)
    verdicts = (
        judge_curves(run.curves, method, run.primary_metric, run.simulated, run.study)
        for method in run.methods
    )
    left_out, weak = run.config.nulls_left_out, _weak(run)
    return [replace(verdict, nulls_left_out=left_out, weak=weak) for verdict in verdicts]


def _weak(run: Run) -> str:
    """Says so where the student alone did not learn more than nothing; else it is empty."""
    study = run.study
    final = mean_interval(SUMMARIES["final"](run.curves[Condition(ALONE)]))
    if final.low > study.floor:
        return ""
    return weak_text(final, study.floor, study.floor_label, study)


def weak_text(final: Interval, floor: float, floor_label: str, study: Study) -> str:
    """That the learners alone did not learn for sure more than what a floor reaches, in words.

    Args:
        final: Of their scores at the end.
        floor: The score of one who knows nothing.
        floor_label: What the floor is, in words.
        study: Whose words are used.
    """
    return (
        f"Yet the {study.learners} alone did not learn for sure more than {floor_label} "
        f"({study.final_label} {final.mean:.3g} [{final.low:.3g}, {final.high:.3g}], against "
        f"{floor:.3g}): what is found of such {study.learners} says little; train longer."
    )


def interval_text(interval: Interval) -> str:
    """A signed number and its interval, with true minus signs: ``+0.070 [+0.054, +0.086]``."""
    bounds = f"[{_signed(interval.low)}, {_signed(interval.high)}]"
    return f"{_signed(interval.mean)} {bounds}"


def grade_of(over_nulls: Mapping[str, Interval]) -> Grade:
    """The grade that the intervals of brain minus each null allow."""
    if over_nulls[ALONE].high < 0:
        return Grade.HARM
    if over_nulls[ALONE].low <= 0:
        return Grade.NO_GAIN
    if all(gain.low > 0 for gain in over_nulls.values()):
        return Grade.SPECIFIC
    return Grade.SHARED


def closest_null(over_nulls: Mapping[str, Interval]) -> str:
    """The null that the brain beats least surely: that of the smallest lower bound."""
    return min(over_nulls, key=lambda name: over_nulls[name].low)


def finding_text(
    grade: Grade, over_nulls: Mapping[str, Interval], subject: str, metric: str, study: Study
) -> str:
    """A grade as a sentence, with the intervals that decided; the subject is what taught."""
    over_alone = f"({summary_label(metric, study)} {interval_text(over_nulls[ALONE])})"
    if grade is Grade.HARM:
        return f"Harm: with {subject} {study.learners} did worse than alone {over_alone}."
    if grade is Grade.NO_GAIN:
        return (
            f"No gain: with {subject} {study.learners} did not do measurably better than alone "
            f"{over_alone}."
        )
    if grade is Grade.SHARED:
        matched = [name for name, gain in over_nulls.items() if gain.low <= 0]
        named = _listed(
            [f"{study.labels[name]} ({interval_text(over_nulls[name])})" for name in matched]
        )
        return (
            f"A gain that a null gives as well: with {subject} {study.learners} did better than "
            f"alone {over_alone}, but not measurably better than with {named}."
        )
    closest = closest_null(over_nulls)
    return (
        f"A gain specific to the brain: with {subject} {study.learners} did better than alone "
        f"{over_alone} and than with every other null; the closest was "
        f"{study.labels[closest]} ({interval_text(over_nulls[closest])})."
    )


def labels_text(over_probes: Mapping[str, Interval], observed: str, study: Study) -> str:
    """How the brain compares with labels, as far as what was observed (seeds, patients) tells."""
    return " ".join(
        _about_labels(study.labels[name], over_probes[name], observed)
        for name in LABEL_PROBES
        if name in over_probes
    )


def _about_labels(label: str, difference: Interval, observed: str) -> str:
    numbers = f"(brain minus labels {interval_text(difference)})"
    label = label.capitalize().replace(",", "")
    if difference.high < 0:
        return f"{label} teach more {numbers}."
    if difference.low <= 0:
        return f"{label} teach as much, as far as these {observed} can tell {numbers}."
    return f"{label} teach less {numbers}."


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−").replace("inf", "∞")
