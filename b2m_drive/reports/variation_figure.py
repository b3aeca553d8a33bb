"""A figure of scores by a number that was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from b2m_drive.comparisons.study import Study
from b2m_drive.comparisons.variations import VariedNumber
from b2m_drive.evidence.condition import ALONE, Condition
from b2m_drive.evidence.statistics import Interval
from b2m_drive.reports.figures import (
    FAINT,
    NORMAL,
    SMALL,
    blank_figure,
    entitle,
    tidy,
)

_MARKERS = {"regression": "o", "contrastive": "s"}
_CROWDED = 0.055  # of the axis' length between ticks that can be read beside each other


@dataclass(frozen=True)
class VariationPanel:
    """One pair of axes: the intervals of each condition by value."""

    score: str  # what is drawn upwards
    points: Mapping[Condition, Mapping[float, Interval]]  # condition -> value -> interval
    level: Interval | None  # of the student alone, where the number does not touch it


def variation_figure(
    rows: Mapping[str, Sequence[VariationPanel]],
    number: VariedNumber,
    study: Study,
    simulated: bool,
) -> Figure:
    """Scores by a number that was varied: a row a method, a column a score, a line a condition.

    A band is the student alone where the number does not touch it, such as the brain's signal.
    A value without limit is drawn at the right, behind a gap.
    """
    n_columns = max(map(len, rows.values()))
    figure = blank_figure(4.2 + 4.4 * n_columns, 0.7 + 3.2 * len(rows))
    grid = figure.subplots(len(rows), n_columns, squeeze=False)
    for axes_of, (title, panels) in zip(grid, rows.items(), strict=True):
        for axes, panel in zip(axes_of, panels, strict=True):
            _draw_panel(axes, panel, number, study, simulated)
            axes.set_ylabel(panel.score, fontsize=NORMAL)
        axes_of[0].set_title(title, loc="left", fontsize=NORMAL)
        axes_of[-1].legend(fontsize=SMALL, frameon=False, loc="center left",
                           bbox_to_anchor=(1.01, 0.5))  # fmt: skip
    entitle(figure, f"By {number.name}", simulated)
    return figure


def _draw_panel(
    axes: Any, panel: VariationPanel, number: VariedNumber, study: Study, simulated: bool
) -> None:
    if number.logarithmic:
        axes.set_xscale("log")
    values = sorted({value for each in panel.points.values() for value in each})
    place_of = _places(values, number.logarithmic)
    for base, points in panel.points.items():
        _draw_line(
            axes,
            base,
            points,
            place_of,
            study.style_of(base.control)[0],
            study.long_label_of(base, simulated),
        )
    if panel.level is not None:
        axes.axhline(
            panel.level.mean,
            color=study.style_of(ALONE)[0],
            linewidth=1.4,
            label=study.labels[ALONE],
        )
        if np.isfinite(panel.level.low):
            axes.axhspan(
                panel.level.low,
                panel.level.high,
                color=study.style_of(ALONE)[0],
                alpha=0.08,
                linewidth=0,
            )
    axes.axhline(study.floor, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2)))
    _label_values(axes, place_of, number.logarithmic)
    axes.set_xlabel(number.label, fontsize=NORMAL)
    tidy(axes)


def _draw_line(
    axes: Any,
    base: Condition,
    points: Mapping[float, Interval],
    place_of: Mapping[float, float],
    colour: str,
    label: str,
) -> None:
    values = sorted(points)
    places = [place_of[value] for value in values]
    mean = np.array([points[value].mean for value in values])
    reach = np.array([points[value].high - points[value].mean for value in values])
    reach[~np.isfinite(reach)] = 0.0  # one seed has no interval
    strategy = base.method.strategy if base.method else ""
    style = "-" if strategy != "contrastive" else (0, (5, 2))
    axes.errorbar(
        places, mean, reach, color=colour, capsize=3, linewidth=1.6,
        marker=_MARKERS.get(strategy, "D"), markersize=5, linestyle=style, label=label,
    )  # fmt: skip


def _places(values: Sequence[float], logarithmic: bool) -> dict[float, float]:
    """Where each value is drawn: at itself, and what has no limit at the right of all others."""
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return {value: 1.0 for value in values}
    low, high = finite[0], finite[-1]
    if logarithmic:
        beyond = high * max((high / low) ** 0.3, 1.5)
    else:
        beyond = high + max(0.3 * (high - low), 1.0)
    return {value: value if np.isfinite(value) else beyond for value in values}


def _label_values(axes: Any, place_of: Mapping[float, float], logarithmic: bool) -> None:
    """A tick at each value; of values too close to be read side by side, the first."""
    scaled = {
        value: float(np.log(place)) if logarithmic else place for value, place in place_of.items()
    }
    span = max(scaled.values()) - min(scaled.values()) or 1.0
    shown: list[float] = []
    for value in sorted(place_of):
        if not shown or scaled[value] - scaled[shown[-1]] >= _CROWDED * span:
            shown.append(value)
    names = [f"{value:,g}" if np.isfinite(value) else "no limit" for value in shown]
    axes.set_xticks([place_of[value] for value in shown], names)
    axes.xaxis.set_ticks([], minor=True)
    finite = [place for value, place in place_of.items() if np.isfinite(value)]
    if len(finite) < len(place_of) and finite:
        beyond = place_of[np.inf]
        gap = (beyond * finite[-1]) ** 0.5 if logarithmic else (beyond + finite[-1]) / 2
        axes.axvline(gap, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
