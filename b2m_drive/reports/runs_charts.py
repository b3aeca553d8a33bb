"""Figures of many runs: brain minus the closest null, and the learning curves side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from b2m_drive.comparisons.pooled_verdict import PooledVerdict
from b2m_drive.comparisons.run_folder import Run
from b2m_drive.comparisons.study import summary_label
from b2m_drive.comparisons.verdict import Grade, Verdict, closest_null
from b2m_drive.evidence.condition import ALONE, BRAIN, SHORT_STRATEGIES, TransferMethod
from b2m_drive.reports.charts import ALL, Chart, Choice, wrapped
from b2m_drive.reports.curve_chart import CurvePanel, small_multiples_chart
from b2m_drive.reports.interval_chart import Row, interval_chart
from b2m_drive.reports.method_charts import curve_axes, curves_of

GRADE_COLOURS = {  # as the verdicts' boxes have them
    Grade.SPECIFIC: "#0072b2",
    Grade.SHARED: "#e69f00",
    Grade.NO_GAIN: "#8c959f",
    Grade.HARM: "#d55e00",
}
GRADE_MARKS = {  # and words
    Grade.SPECIFIC.name: ("circle", "specific to the brain"),
    Grade.SHARED.name: ("square", "gain, as a null gives"),
    Grade.NO_GAIN.name: ("diamond", "no gain"),
    Grade.HARM.name: ("triangle-down", "harm"),
}
_CURVES = (BRAIN, ALONE, "shuffled", "untrained_network")  # of the small multiples
_MOST_ROWS = 60  # of one figure


@dataclass(frozen=True)
class JudgedRun:
    """One verdict of a run, and what the run is called."""

    run: str
    verdict: Verdict

    @property
    def panel(self) -> tuple[str, str, str, str]:
        """What may stand on one axis: study, metric, its unit, and over what the interval is."""
        verdict = self.verdict
        over = "patients" if isinstance(verdict, PooledVerdict) else "seeds"
        metric = summary_label(verdict.metric, verdict.study)
        return verdict.study.name, metric, verdict.study.curve_unit, over


def forest_charts(judged: Sequence[JudgedRun], caption: str) -> list[Chart]:
    """A figure for each study, metric and unit; long ones in several parts."""
    panels: dict[tuple[str, str, str, str], list[JudgedRun]] = {}
    for each in judged:
        panels.setdefault(each.panel, []).append(each)
    found: list[Chart] = []
    for (study, metric, unit, over), rows in panels.items():
        n_parts = -(-len(rows) // _MOST_ROWS)
        for part in range(n_parts):
            shown = rows[part * _MOST_ROWS : (part + 1) * _MOST_ROWS]
            of_parts = f", part {part + 1} of {n_parts}" if n_parts > 1 else ""
            found.append(
                interval_chart(
                    f"gains-{study}-{len(found)}",
                    caption,
                    f"{study}: {metric}, intervals over {over}{of_parts}",
                    [_row(each) for each in shown],
                    f"brain minus closest null: {metric} ({unit})",
                    all(each.verdict.simulated for each in shown),
                    roles=GRADE_MARKS,
                )
            )
    return found


def _row(each: JudgedRun) -> Row:
    verdict = each.verdict
    closest = closest_null(verdict.over_nulls)
    gain = verdict.over_nulls[closest]
    label = f"{_label(each.run, verdict.method, verdict.simulated)}"
    label += f", over {verdict.study.labels[closest]}"
    colour = GRADE_COLOURS[verdict.grade]
    return Row(label, colour, gain.mean, gain.low, gain.high, role=verdict.grade.name)


@dataclass(frozen=True)
class ReadRun:
    """A run of one brain, and what it is called beside others."""

    name: str
    run: Run


def curve_charts(runs: Sequence[ReadRun], choice: Choice | None) -> list[Chart]:
    """Learning curves of runs side by side, a small figure a run and method, a figure a score."""
    groups: dict[tuple[str, str, str], list[ReadRun]] = {}
    for each in runs:
        study = each.run.study
        groups.setdefault((study.name, study.curve_label, study.curve_unit), []).append(each)
    return [_side_by_side(name, group, choice) for (name, _, _), group in groups.items()]


def _side_by_side(name: str, group: Sequence[ReadRun], choice: Choice | None) -> Chart:
    study = group[0].run.study
    panels = [
        CurvePanel(
            f"{each.name} {method.slug}",
            wrapped(_label(each.name, method, each.run.simulated), 24),
            curves_of(each.run.curves, method, each.run.study, each.run.simulated),
            each.run.batch_size,
        )
        for each in group
        for method in each.run.methods
    ]
    left = len(panels) - _MOST_ROWS
    more = f" The first {_MOST_ROWS} of {len(panels)} are drawn." if left > 0 else ""
    return small_multiples_chart(
        f"curves-{name}",
        f"{study.curve_label[0].upper()}{study.curve_label[1:]} over training, a small figure a "
        "run and method, all on the same axes: means over seeds, with 95 % bands of the brain and "
        f"the student alone. A control that is chosen above is drawn, too.{more}",
        f"{name}: learning curves side by side",
        panels[:_MOST_ROWS],
        replace(curve_axes(study, 1), levels=None),
        all(each.run.simulated for each in group),
        choice,
        _CURVES,
    )


def controls_of(runs: Sequence[ReadRun], name: str) -> Choice | None:
    """The choice among the controls that any of the runs has."""
    words: dict[str, str] = {}
    for each in runs:
        for control in (*each.run.study.nulls, *each.run.study.probes):
            words.setdefault(control, each.run.study.labels[control])
    if not words:
        return None
    return Choice(name, "Control", ((ALL, "none beside the usual"), *words.items()))


def _label(run: str, method: TransferMethod, simulated: bool) -> str:
    mark = " (simulated)" if simulated else ""
    how = f"{SHORT_STRATEGIES[method.strategy]} {method.latents} {method.pairing}"
    return f"{_short(run)}{mark}: {how}"


def _short(text: str, most: int = 28) -> str:
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-most // 2 :]}"
