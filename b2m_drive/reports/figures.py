"""Figures of a comparison. Each function draws one and returns it; none touches global state.

Colours are those of Okabe & Ito (2008), distinguishable with any colour vision; controls differ
in line style or position besides. A simulated brain is called so in every title and label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from b2m_drive.comparisons.run_folder import Trajectory
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import ALONE, BRAIN, SHORT_STRATEGIES, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import LearningCurve
from b2m_drive.evidence.statistics import Interval, RestrictedRatio, mean_interval

BRAIN_COLOUR = "#0072B2"  # where nothing else is drawn
RESOLUTION = 150  # [dots per inch]

_GROUPS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#888888")
FAINT = "#555555"
SMALL, NORMAL = 8.5, 9.5  # [points]
_LABEL_GAP = 0.056  # of the axes' height, between names beside curves
_LEADER = {"arrowstyle": "-", "linewidth": 0.7, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 0}
_RATIO_TICKS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 6, 10, 20])
_MAX_RATIO_TICKS = 7


@dataclass(frozen=True)
class Row:
    """One line of a dot plot: a name, its colour and its interval."""

    label: str
    colour: str
    mean: float
    low: float
    high: float
    note: str = ""


def learning_curve_figure(
    curves: Mapping[Condition, LearningCurve],
    method: TransferMethod,
    batch_size: int,
    study: Study,
    simulated: bool,
) -> Figure:
    """Scores over training with 95 % bands: left beside the nulls, right beside the probes."""
    groups = [("beside the nulls, which decide", (*reversed(study.nulls), BRAIN))]
    if any(method.condition(name) in curves for name in study.probes):
        groups.append(("beside the probes, which describe", (ALONE, *study.probes, BRAIN)))
    figure = blank_figure(5.6 * len(groups), 4.4)
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for axes, (title, controls) in zip(panels, groups, strict=True):
        shown = [name for name in controls if method.condition(name) in curves]
        for name in shown:
            draw_curve(axes, curves[method.condition(name)], batch_size, name, study.style_of(name))
        axes.axhline(study.floor, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.text(0.99, study.floor, study.floor_label, transform=axes.get_yaxis_transform(),
                  va="bottom", ha="right", fontsize=SMALL, color=FAINT)  # fmt: skip
        axes.set_title(title, loc="left", fontsize=NORMAL)
        axes.set_xlabel(study.sample_label, fontsize=NORMAL)
        axes.xaxis.set_major_formatter(FuncFormatter(thousands))
        tidy(axes)
        axes.margins(x=0.01)
    panels[0].set_ylabel(f"{study.curve_label}, held out ({study.curve_unit})", fontsize=NORMAL)
    for axes, (_, controls) in zip(panels, groups, strict=True):
        shown = [name for name in controls if method.condition(name) in curves]
        _name_curves(axes, curves, method, shown, simulated, study)
    entitle(figure, method.label, simulated)
    return figure


def difference_figure(
    by_metric: Mapping[str, Mapping[str, Interval]],
    method: TransferMethod,
    simulated: bool,
    study: Study,
) -> Figure:
    """Brain minus each control with its 95 % interval, one panel a metric."""
    titles = [f"{metric}\nbrain minus control ({study.curve_unit})" for metric in by_metric]
    panels = [
        [
            Row(
                study.label_of(name, simulated),
                study.style_of(name)[0],
                each.mean,
                each.low,
                each.high,
            )
            for name, each in differences.items()
        ]
        for differences in by_metric.values()
    ]
    figure = dot_plot(titles, panels, zero=0.0)
    _split_probes(figure, next(iter(by_metric.values())), study)
    entitle(figure, method.label, simulated)
    return figure


def ratio_figure(
    by_criterion: Mapping[float, Mapping[str, RestrictedRatio]],
    method: TransferMethod,
    simulated: bool,
    study: Study,
) -> Figure:
    """Training samples to a criterion, brain over control, on a logarithmic axis."""
    titles = [f"{study.samples_to(criterion)}\nbrain ÷ control" for criterion in by_criterion]
    panels = [
        [_ratio_row(name, ratio, simulated, study) for name, ratio in ratios.items()]
        for ratios in by_criterion.values()
    ]
    figure = dot_plot(titles, panels, zero=1.0, logarithmic=True)
    for axes in figure.axes:
        axes.set_xlabel("← brain needs fewer · needs more →", fontsize=SMALL, color=FAINT)
    _split_probes(figure, next(iter(by_criterion.values())), study)
    entitle(figure, method.label, simulated)
    return figure


def _ratio_row(name: str, ratio: RestrictedRatio, simulated: bool, study: Study) -> Row:
    label, colour = study.label_of(name, simulated), study.style_of(name)[0]
    if not ratio.observed:
        return Row(label, colour, np.nan, np.nan, np.nan, "reached by neither")
    return Row(label, colour, ratio.ratio, ratio.low, ratio.high)


def alignment_figure(
    by_metric: Mapping[str, Mapping[str, Interval]],
    method: TransferMethod,
    simulated: bool,
    study: Study,
) -> Figure:
    """Alignment of taught and untaught students with the brain, one panel a measure."""
    panels = [
        [
            Row(
                study.label_of(name, simulated),
                study.style_of(name)[0],
                each.mean,
                each.low,
                each.high,
            )
            for name, each in intervals.items()
        ]
        for intervals in by_metric.values()
    ]
    figure = dot_plot(list(by_metric), panels, zero=0.0)
    entitle(figure, f"{method.label}: students beside the brain", simulated)
    return figure


def trajectory_figure(
    trajectories: Mapping[str, Trajectory], study: Study, simulated: bool
) -> Figure:
    """Average paths through the first two latents; a dot marks the start, an arrow the end."""
    n_columns = min(3, len(trajectories))
    n_rows = -(-len(trajectories) // n_columns)
    figure = blank_figure(3.7 * n_columns, 3.5 * n_rows + 0.5)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, (name, trajectory) in zip(panels, trajectories.items(), strict=False):
        for group, path in enumerate(trajectory.values):
            colour = _GROUPS[group % len(_GROUPS)]
            axes.plot(path[:, 0], path[:, 1], color=colour, linewidth=1.4)
            axes.plot(*path[0], "o", color=colour, markersize=4)
            axes.plot(*path[-1], ">", color=colour, markersize=6)
        axes.set_title(trajectory_label(name, study, simulated), loc="left", fontsize=NORMAL)
        axes.set_xlabel("latent 1 (a.u.)", fontsize=NORMAL)
        axes.set_ylabel("latent 2 (a.u.)", fontsize=NORMAL)
        tidy(axes)
    for axes in panels[len(trajectories) :]:
        axes.set_visible(False)
    first = next(iter(trajectories.values()))
    span = f"{first.time[0]:.1f} to {first.time[-1]:.1f} s".replace("-", "−")
    entitle(figure, f"Average paths by group of trials, {span}; ● start, ▶ end", simulated)
    return figure


def trajectory_label(name: str, study: Study, simulated: bool) -> str:
    """What a reader calls a panel: the brain itself, or a student by its condition."""
    if name == BRAIN:
        return study.label_of(BRAIN, simulated)
    condition = Condition.parse(name)
    label = study.label_of(condition.control, simulated)
    if condition.method:
        return f"student, {SHORT_STRATEGIES[condition.method.strategy]}, {label}"
    return f"student, {label}"


def blank_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, that no global state knows."""
    figure = Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def entitle(figure: Figure, title: str, simulated: bool) -> None:
    """The figure's title; a simulated brain is called so."""
    prefix = "SIMULATED BRAIN · " if simulated else ""
    figure.suptitle(f"{prefix}{title}", x=0.01, ha="left", fontsize=10.5, fontweight="bold")


def tidy(axes: Any) -> None:
    """Thin lines, small numbers, a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.7)
    axes.set_axisbelow(True)


def draw_curve(
    axes: Any,
    curve: LearningCurve,
    batch_size: int,
    name: str,
    style: tuple[str, Any],
    label: str | None = None,
    ceiling: float = 1.0,
) -> None:
    """A curve over training with its 95 % band, which ends at the highest score there is."""
    colour, line = style
    leading = name in (BRAIN, ALONE)
    trials = curve.step * batch_size
    mean, low, high = _band(curve.value, ceiling)
    if len(curve.seeds) > 1:
        axes.fill_between(trials, low, high, color=colour, alpha=0.18 if leading else 0.07,
                          linewidth=0)  # fmt: skip
    axes.plot(trials, mean, color=colour, linestyle=line, linewidth=2.4 if leading else 1.3,
              alpha=1.0 if leading else 0.85, label=label,
              marker="" if len(trials) > 1 else "o")  # fmt: skip


def _band(
    value: Float64[np.ndarray, "seed step"], ceiling: float
) -> tuple[
    Float64[np.ndarray, " step"], Float64[np.ndarray, " step"], Float64[np.ndarray, " step"]
]:
    intervals = [mean_interval(column) for column in value.T]
    mean = np.array([each.mean for each in intervals])
    low = np.array([each.low for each in intervals])
    high = np.array([min(each.high, ceiling) for each in intervals])
    return mean, low, high


def _name_curves(
    axes: Any,
    curves: Mapping[Condition, LearningCurve],
    method: TransferMethod,
    controls: Sequence[str],
    simulated: bool,
    study: Study,
) -> None:
    """Write each curve's name at its end, moved apart so that none covers another."""
    bottom, top = axes.get_ylim()
    ends = [
        float((curves[method.condition(name)].value[:, -1].mean() - bottom) / (top - bottom))
        for name in controls
    ]
    for name, end, place in zip(controls, ends, _moved_apart(ends, _LABEL_GAP), strict=True):
        axes.annotate(
            study.label_of(name, simulated),
            xy=(1.0, end),
            xytext=(1.06, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            fontsize=SMALL,
            color=study.style_of(name)[0],
            fontweight="bold" if name == BRAIN else "normal",
            arrowprops=_LEADER | {"color": study.style_of(name)[0]},
            annotation_clip=False,
        )


def _moved_apart(places: Sequence[float], gap: float) -> list[float]:
    """Places at least a gap apart, in the same order, about the same centre."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = [0.0] * len(places)
    last = -np.inf
    for index in order:
        last = max(places[index], last + gap)
        moved[index] = last
    shift = sum(moved) / len(moved) - sum(places) / len(places)
    excess = max(max(moved) - shift - 1.0, 0.0)
    return [float(place - shift - excess) for place in moved]


def dot_plot(
    titles: Sequence[str],
    panels: Sequence[Sequence[Row]],
    zero: float,
    logarithmic: bool = False,
) -> Figure:
    """Rows of dots with intervals, panels side by side with the same rows."""
    n_rows = max(len(rows) for rows in panels)
    figure = blank_figure(3.0 + 2.9 * len(panels), 1.7 + 0.33 * n_rows)
    axes_of = list(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0])
    for axes, title, rows in zip(axes_of, titles, panels, strict=True):
        if logarithmic:
            axes.set_xscale("log")
        axes.axvline(zero, color=FAINT, linewidth=0.9)
        for place, row in enumerate(rows):
            draw_row(axes, place, row)
        axes.set_title(title, loc="left", fontsize=NORMAL)
        tidy(axes)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color="#e8e8e8", linewidth=0.7)
        if not logarithmic:
            axes.locator_params(axis="x", nbins=5)
    if logarithmic:
        _label_ratios(axes_of, [row for rows in panels for row in rows])
    longest = max(panels, key=len)
    axes_of[0].set_yticks(range(len(longest)), [row.label for row in longest])
    axes_of[0].set_ylim(n_rows - 0.4, -0.6)
    return figure


def draw_row(axes: Any, place: int, row: Row) -> None:
    """A dot and its interval, or in its place a note."""
    if row.note:
        axes.text(0.5, place, row.note, transform=axes.get_yaxis_transform(), ha="center",
                  va="center", fontsize=SMALL, color=FAINT, backgroundcolor="white")  # fmt: skip
        return
    axes.plot(row.mean, place, "o", color=row.colour, markersize=6)
    if np.isfinite([row.low, row.high]).all():
        axes.plot([row.low, row.high], [place, place], color=row.colour, linewidth=2)


def _label_ratios(panels: Sequence[Any], rows: Sequence[Row]) -> None:
    """The same limits for all panels, about all rows, and ticks at plain ratios."""
    drawn = np.array([value for row in rows for value in (row.low, row.mean, row.high)])
    drawn = drawn[np.isfinite(drawn) & (drawn > 0)]
    low = 0.92 * min(0.7, drawn.min(initial=1.0))
    high = 1.08 * max(1.4, drawn.max(initial=1.0))
    shown = _RATIO_TICKS[(low <= _RATIO_TICKS) & (high >= _RATIO_TICKS)]
    if len(shown) > _MAX_RATIO_TICKS:
        shown = shown[np.isin(shown, (0.05, 0.1, 0.2, 0.5, 1, 2, 4, 10, 20))]
    for axes in panels:
        axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_ticks([], minor=True)
        axes.set_xlim(low, high)


def _split_probes(figure: Figure, controls: Mapping[str, object], study: Study) -> None:
    """A thin line between the nulls above and the probes below."""
    names = list(controls)
    n_nulls = sum(name in study.nulls for name in names)
    if 0 < n_nulls < len(names):
        for axes in figure.axes:
            axes.axhline(n_nulls - 0.5, color=FAINT, linewidth=0.7, linestyle=(0, (1, 2)))


def thousands(value: float, _position: object) -> str:
    """A tick in thousands, as *5k*."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
