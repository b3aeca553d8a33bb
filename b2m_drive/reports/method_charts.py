"""Figures of one strategy and reading of a comparison: curves, differences, speed, alignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from b2m_drive.comparisons.run_folder import Run
from b2m_drive.comparisons.study import Study, summary_label
from b2m_drive.evidence.condition import BRAIN, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import LearningCurve
from b2m_drive.evidence.statistics import Interval, RestrictedRatio
from b2m_drive.reports.charts import (
    ALL,
    METRIC,
    STRATEGY,
    Chart,
    Choice,
    control_choice,
    role_of,
)
from b2m_drive.reports.curve_chart import Curve, CurveAxes, curve_chart
from b2m_drive.reports.interval_chart import Row, interval_chart, row_of_control

Only = tuple[tuple[str, str], ...]


def run_choices(run: Run, metrics: Mapping[str, str]) -> tuple[Choice, ...]:
    """What a reader chooses on the page of a run: strategy, metric, control."""
    controls = dict.fromkeys(condition.control for condition in run.curves)
    known = [name for name in (*run.study.nulls, *run.study.probes) if name in controls]
    return (
        *strategy_choice(run.methods),
        *metric_choice(metrics),
        control_choice(run.study, known, run.simulated),
    )


def strategy_choice(methods: Sequence[TransferMethod]) -> tuple[Choice, ...]:
    """The choice among strategies and readings, if there are several."""
    named = [(f"m{k}", method.label) for k, method in enumerate(methods)]
    return (Choice(STRATEGY, "Strategy", ((ALL, "all"), *named)),) if len(named) > 1 else ()


def metric_choice(metrics: Mapping[str, str]) -> tuple[Choice, ...]:
    """The choice among metrics of differences, by name; if there are several."""
    named = tuple(metrics.items())
    return (Choice(METRIC, "Metric", ((ALL, "all"), *named)),) if len(named) > 1 else ()


def of_method(method: TransferMethod, methods: Sequence[TransferMethod]) -> Only:
    """The choice of a page's strategy that something belongs to."""
    return ((STRATEGY, f"m{list(methods).index(method)}"),)


def curves_of(
    curves: Mapping[Condition, LearningCurve],
    method: TransferMethod,
    study: Study,
    simulated: bool,
) -> list[Curve]:
    """The curves of the brain and all its controls, those that a run has."""
    return [
        Curve(
            name,
            study.label_of(name, simulated),
            role_of(name, study),
            study.style_of(name),
            curves[method.condition(name)],
        )
        for name in (BRAIN, *study.nulls, *study.probes)
        if method.condition(name) in curves
    ]


def learning_chart(run: Run, method: TransferMethod) -> Chart:
    """Scores over training with 95 % bands."""
    study = run.study
    label = f"{study.curve_label[0].upper()}{study.curve_label[1:]}"
    curves = curves_of(run.curves, method, study, run.simulated)
    return curve_chart(
        f"{method.slug}-learning",
        f"{label} on held-out {study.samples} over training. Lines are means over seeds; bands, of "
        "the brain and the student alone, 95 % intervals.",
        method.label,
        curves,
        curve_axes(study, run.batch_size),
        run.simulated,
        control_choice(study, [each.key for each in curves], run.simulated),
        of_method(method, run.methods),
    )


def curve_axes(study: Study, batch_size: int) -> CurveAxes:
    """What a study's learning curves are drawn over."""
    return CurveAxes(
        study.sample_label,
        f"{study.curve_label}, held out\n({study.curve_unit})",
        batch_size,
        ceiling=1.0,
        levels={study.floor_label: study.floor},
    )


def difference_charts(
    by_metric: Mapping[str, Mapping[str, Interval]],
    method: TransferMethod,
    study: Study,
    simulated: bool,
    caption: str,
    only: Only,
) -> tuple[Chart, ...]:
    """Brain minus each control with its 95 % interval, a figure a metric."""
    charts = []
    for metric, over in by_metric.items():
        label = summary_label(metric, study)
        charts.append(
            interval_chart(
                f"{method.slug}-differences-{metric.replace('_', '-')}",
                caption,
                f"{method.label}\n{label}",
                [row_of_control(name, each, study, simulated) for name, each in over.items()],
                f"brain minus control ({study.curve_unit})",
                simulated,
                choice=control_choice(study, over, simulated),
                only=(*only, (METRIC, metric)),
            )
        )
    return tuple(charts)


def ratio_charts(
    ratios: Mapping[float, Mapping[str, RestrictedRatio]],
    method: TransferMethod,
    run: Run,
    caption: str,
) -> tuple[Chart, ...]:
    """Training samples to a criterion, brain over control, on a logarithmic axis."""
    study = run.study
    return tuple(
        interval_chart(
            f"{method.slug}-{study.samples}-to-{criterion:g}",
            caption,
            f"{method.label}\n{study.samples_to(criterion)}",
            [_ratio_row(name, each, study, run.simulated) for name, each in over.items()],
            "brain ÷ control (left of 1: the brain needs fewer)",
            run.simulated,
            zero=1.0,
            logarithmic=True,
            choice=control_choice(study, over, run.simulated),
            only=of_method(method, run.methods),
        )
        for criterion, over in ratios.items()
    )


def _ratio_row(name: str, ratio: RestrictedRatio, study: Study, simulated: bool) -> Row:
    low, mean, high, note = ratio.low, ratio.ratio, ratio.high, ""
    if not ratio.observed:
        low, mean, high, note = np.nan, np.nan, np.nan, "reached by neither"
    label, colour = study.label_of(name, simulated), study.style_of(name)[0]
    return Row(label, colour, mean, low, high, note, name, role_of(name, study))


def alignment_charts(
    by_measure: Mapping[str, Mapping[str, Interval]],
    method: TransferMethod,
    run: Run,
    caption: str,
) -> tuple[Chart, ...]:
    """Alignment of taught and untaught students with the brain, a figure a measure."""
    study = run.study
    return tuple(
        interval_chart(
            f"{method.slug}-alignment-{place}",
            caption,
            f"{method.label}\nstudents beside the brain",
            [row_of_control(name, each, study, run.simulated) for name, each in over.items()],
            measure,
            run.simulated,
            choice=control_choice(study, over, run.simulated),
            only=of_method(method, run.methods),
        )
        for place, (measure, over) in enumerate(by_measure.items())
    )
