"""The forest plot of many runs: brain minus the closest null, a row a run and method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from b2m_drive.comparisons.pooled_verdict import PooledVerdict
from b2m_drive.comparisons.study import summary_label
from b2m_drive.comparisons.verdict import Grade, Verdict, closest_null
from b2m_drive.evidence.condition import SHORT_STRATEGIES
from b2m_drive.reports.figures import FAINT, NORMAL, SMALL, blank_figure, tidy

GRADE_COLOURS = {  # as the verdicts' boxes have them
    Grade.SPECIFIC: "#0072b2",
    Grade.SHARED: "#e69f00",
    Grade.NO_GAIN: "#8c959f",
    Grade.HARM: "#d55e00",
}
_MARKERS = {Grade.SPECIFIC: "o", Grade.SHARED: "s", Grade.NO_GAIN: "D", Grade.HARM: "v"}
_GRADE_WORDS = {
    Grade.SPECIFIC: "specific to the brain",
    Grade.SHARED: "gain, as a null gives",
    Grade.NO_GAIN: "no gain",
    Grade.HARM: "harm",
}
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


def forest_figures(judged: Sequence[JudgedRun]) -> dict[str, Figure]:
    """A figure for each study, metric and unit, by its title; long ones in several parts."""
    panels: dict[tuple[str, str, str, str], list[JudgedRun]] = {}
    for each in judged:
        panels.setdefault(each.panel, []).append(each)
    found = {}
    for (study, metric, unit, over), rows in panels.items():
        n_parts = -(-len(rows) // _MOST_ROWS)
        for part in range(n_parts):
            shown = rows[part * _MOST_ROWS : (part + 1) * _MOST_ROWS]
            of_parts = f", part {part + 1} of {n_parts}" if n_parts > 1 else ""
            title = f"{study}: {metric}, intervals over {over}{of_parts}"
            found[title] = _forest(shown, title, f"brain minus closest null: {metric} ({unit})")
    return found


def _forest(rows: Sequence[JudgedRun], title: str, label: str) -> Figure:
    figure = blank_figure(11.0, 1.5 + 0.34 * len(rows))
    axes = figure.subplots()
    axes.axvline(0, color=FAINT, linewidth=0.9)
    for place, each in enumerate(rows):
        _draw_row(axes, place, each.verdict)
    axes.set_yticks(range(len(rows)), [_label(each) for each in rows], fontsize=SMALL)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(label, fontsize=NORMAL)
    tidy(axes)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#e8e8e8", linewidth=0.7)
    _explain(figure, axes, rows)
    simulated = "SIMULATED brains · " if all(each.verdict.simulated for each in rows) else ""
    figure.suptitle(f"{simulated}{title}", x=0.01, ha="left", fontsize=NORMAL + 1)
    return figure


def _draw_row(axes: Any, place: int, verdict: Verdict) -> None:
    closest = closest_null(verdict.over_nulls)
    gain, colour = verdict.over_nulls[closest], GRADE_COLOURS[verdict.grade]
    note = f"vs {verdict.study.labels[closest]}"
    if math.isfinite(gain.low) and math.isfinite(gain.high):
        axes.plot([gain.low, gain.high], [place, place], color=colour, linewidth=2)
    else:
        note += " (one only: no interval)"
    axes.plot(gain.mean, place, _MARKERS[verdict.grade], color=colour, markersize=6.5)
    axes.text(1.01, place, note, transform=axes.get_yaxis_transform(), va="center",
              fontsize=SMALL, color=FAINT)  # fmt: skip


def _label(each: JudgedRun) -> str:
    method = each.verdict.method
    simulated = " (simulated)" if each.verdict.simulated else ""
    how = f"{SHORT_STRATEGIES[method.strategy]} {method.latents} {method.pairing}"
    return f"{_short(each.run)}{simulated}: {how}"


def _short(text: str, most: int = 28) -> str:
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-most // 2 :]}"


def _explain(figure: Figure, axes: Any, rows: Sequence[JudgedRun]) -> None:
    """A legend of the grades that are shown."""
    shown = [grade for grade in Grade if any(each.verdict.grade is grade for each in rows)]
    for grade in shown:
        axes.plot([], [], _MARKERS[grade], color=GRADE_COLOURS[grade], label=_GRADE_WORDS[grade])
    figure.legend(loc="outside lower right", ncols=len(shown), fontsize=SMALL, frameon=False)
