"""The part of a report that shows scores by a number that was varied: figure and tables."""

from __future__ import annotations

from dataclasses import dataclass

from b2m_drive.comparisons.run_folder import Run
from b2m_drive.comparisons.study import summary_label
from b2m_drive.comparisons.variations import VariedNumber, VariedScores, best_null, varied_scores
from b2m_drive.comparisons.verdict import interval_text
from b2m_drive.evidence.condition import ALONE, BRAIN, Condition, TransferMethod
from b2m_drive.evidence.statistics import Interval, mean_interval, paired_difference
from b2m_drive.reports.method_charts import Only, of_method
from b2m_drive.reports.report_parts import Section, Table, interval_plain
from b2m_drive.reports.variation_chart import VariationPanel, variation_chart

_ALONE = Condition(ALONE)


def variation_section(
    run: Run,
    number: VariedNumber,
    own: float | None,
    metrics: tuple[str, ...] = ("final",),
    by_method: bool = False,
) -> Section | None:
    """Scores along one axis; None if the run did not vary it.

    Args:
        run: A finished comparison.
        number: That was varied.
        own: Its value for the comparison's own students; infinity: without limit.
        metrics: Summaries of the learning curve, a panel and a table each.
        by_method: A row of panels for each strategy and reading, and what the brain adds to
            the student alone and to the best null at each value.
    """
    varied = varied_scores(run, number, own)
    if varied is None:
        return None
    n_seeds = len(varied.seeds)
    shown = " and ".join(summary_label(metric, run.study) for metric in metrics)
    caption = (
        f"{shown[0].upper()}{shown[1:]}, by {number.label}; the same number of steps for all. Dots "
        f"are means over {n_seeds} seeds, bars 95 % intervals; they are wide with few seeds."
    )
    drawn = [
        variation_chart(
            f"by-{number.axis.replace('_', '-')}-{place}-{metric.replace('_', '-')}",
            caption,
            f"By {number.name}\n{row.title}",
            _panel(varied, row.conditions, metric, run),
            number,
            run.study,
            run.simulated,
            row.only,
        )
        for place, row in enumerate(_rows(varied, by_method, run))
        for metric in metrics
    ]
    tables = tuple(_table(varied, metric, run) for metric in metrics)
    if by_method:
        tables += _gain_tables(varied, metrics, run)
    return Section(
        f"By {number.name}",
        charts=tuple(drawn),
        tables=tuple(table for table in tables if table.rows),
        aside=_reading(varied) if by_method else "",
    )


@dataclass(frozen=True)
class _Row:
    """The conditions that stand in one figure, and the page's choice that it belongs to."""

    title: str
    conditions: list[Condition]
    only: Only = ()


def _rows(varied: VariedScores, by_method: bool, run: Run) -> list[_Row]:
    """Conditions by the figure that shows them; isolated ones stand in every one."""
    if not by_method:
        return [_Row("", list(varied.curves))]
    isolated = [base for base in varied.curves if base.method is None]
    rows: dict[TransferMethod, list[Condition]] = {}
    for base in varied.curves:
        if base.method:
            rows.setdefault(base.method, list(isolated)).append(base)
    found = [
        _Row(method.label, bases, of_method(method, run.methods) if method in run.methods else ())
        for method, bases in rows.items()
    ]
    return found or [_Row("", isolated)]


def _panel(varied: VariedScores, bases: list[Condition], metric: str, run: Run) -> VariationPanel:
    points: dict[Condition, dict[float, Interval]] = {}
    for base in bases:
        points[base] = {
            value: mean_interval(found)
            for value in varied.curves[base]
            if (found := varied.at(base, value, metric)) is not None
        }
    level = None
    if _ALONE in varied.level and (found := varied.at(_ALONE, 0.0, metric)) is not None:
        level = mean_interval(found)
    score = f"{summary_label(metric, run.study)}\n({run.study.curve_unit})"
    return VariationPanel(score, points, level)


def _table(varied: VariedScores, metric: str, run: Run) -> Table:
    rows = []
    for base in (*varied.level, *varied.curves):
        found = [varied.at(base, value, metric) for value in varied.values]
        cells = (interval_plain(mean_interval(f), 3) if f is not None else "—" for f in found)
        rows.append((_name(base, run), *cells))
    header = f"{summary_label(metric, run.study)}, by {varied.number.label}"
    return Table((header, *map(_value_text, varied.values)), tuple(rows))


def _gain_tables(varied: VariedScores, metrics: tuple[str, ...], run: Run) -> tuple[Table, ...]:
    """What each brain adds to the student alone and to the best null; a row a value."""
    brains = [base for base in varied.curves if base.control == BRAIN]
    return tuple(_gain_table(varied, brain, metric, run) for brain in brains for metric in metrics)


def _gain_table(varied: VariedScores, brain: Condition, metric: str, run: Run) -> Table:
    header = (
        f"{_method_name(brain)}; {summary_label(metric, run.study)}, by {varied.number.label}",
        "brain minus alone",
        "minus the best null",
        "best null",
    )
    rows = tuple(
        (
            _value_text(value),
            _gain(varied, brain, _ALONE, value, metric),
            *_best_gain(varied, brain, value, metric, run),
        )
        for value in varied.values
    )
    return Table(header, rows)


def _best_gain(
    varied: VariedScores, brain: Condition, value: float, metric: str, run: Run
) -> tuple[str, str]:
    name = best_null(varied, run.study.nulls, brain, value, metric)
    if name is None:
        return "—", "—"
    return _gain(varied, brain, name, value, metric), run.study.labels[name.control]


def _gain(
    varied: VariedScores, brain: Condition, control: Condition, value: float, metric: str
) -> str:
    treated, other = (varied.at(name, value, metric) for name in (brain, control))
    if treated is None or other is None:
        return "—"
    return interval_text(paired_difference(treated, other))


def _reading(varied: VariedScores) -> str:
    text = (
        "The best null is the one of the highest mean among those trained at the value, so that "
        "the brain must beat whichever does best there."
    )
    if varied.own is not None:
        text += f" The comparison's own students stand at {_value_text(varied.own)}."
    return text


def _name(condition: Condition, run: Run) -> str:
    """A condition in words, with its reading where a run has several."""
    label = run.study.long_label_of(condition, run.simulated)
    method = condition.method
    if method is None or len(run.config.readings) < 2:
        return label
    return f"{label} ({method.readout_label})"


def _method_name(condition: Condition) -> str:
    method = condition.method
    return method.label if method else str(condition)


def _value_text(value: float) -> str:
    return "no limit" if value == float("inf") else f"{value:,g}"
