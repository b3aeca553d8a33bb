"""Figures of the agents' comparison: learning curves, differences, cloning, and reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from b2m_drive.comparisons.agents_run import AgentsResult
from b2m_drive.comparisons.agents_study import (
    CLONED_BALANCED,
    CLONED_RETURN,
    DRIVER_LABELS,
    DRIVERS,
    RETURN,
    SAFE,
    STUDIED,
    VALIDATION,
    agent_label,
    agent_style,
    cloned,
    strategy_label,
)
from b2m_drive.evidence.condition import ALONE, BASELINES, BRAIN, Condition, TransferMethod
from b2m_drive.evidence.statistics import Interval, mean_interval
from b2m_drive.reports.figures import (
    FAINT,
    NORMAL,
    SMALL,
    Row,
    blank_figure,
    dot_plot,
    draw_curve,
    entitle,
    thousands,
    tidy,
)

_DRIVER_LINES = {"highway_env": (0, (6, 2)), "constant_speed": (0, (1, 2))}
_SHORT_TITLES = {
    RETURN: "return, held-out episodes",
    SAFE: "share without a crash",
    VALIDATION: "mean return over training",
}


def learning_figure(result: AgentsResult) -> Figure:
    """Return over training: a row a strategy; left beside the nulls, right beside the others."""
    study = STUDIED[VALIDATION]
    figure = blank_figure(12.5, 0.6 + 3.9 * len(result.methods))
    panels = figure.subplots(len(result.methods), 2, sharex=True, sharey=True, squeeze=False)
    for row, method in zip(panels, result.methods, strict=True):
        nulls = [method.condition(name) for name in (*reversed(study.nulls), BRAIN)]
        labels = [method.condition(name) for name in (ALONE, *study.probes, BRAIN)]
        short = strategy_label(method)
        _draw_panel(row[0], nulls, f"{short}: beside the nulls, which decide", result)
        title = f"{short}: beside labels and agents without an encoder"
        _draw_panel(row[1], [*result.beside, *labels], title, result)
        _legend_beside(list(row))
        row[0].set_ylabel("return, validation episodes", fontsize=NORMAL)
    panels[0, 0].set_ylim(*_shown_returns(result))
    for axes in panels[-1]:
        axes.set_xlabel(study.sample_label, fontsize=NORMAL)
    entitle(figure, "Learning to drive on frozen encoders", result.simulated)
    return figure


def level_figure(result: AgentsResult) -> Figure:
    """What every condition reached, with its interval; drivers below."""
    titles = [_SHORT_TITLES[judged] for judged in STUDIED]
    panels = []
    for judged in STUDIED:
        rows = [
            _row(condition, mean_interval(result.summary(judged, condition)), result)
            for condition in (*result.with_encoder, *result.beside)
        ]
        for driver in DRIVERS:
            interval = result.driver(judged, driver)
            if interval is not None:
                rows.append(_row(Condition(driver), interval, result))
        panels.append(rows)
    figure = dot_plot(titles, panels, zero=np.nan)
    _part(figure, (*result.with_encoder, *result.beside, *map(Condition, DRIVERS)))
    n_shown = len(result.with_encoder) + len(result.beside) + 1  # constant speed is far below
    _bound(figure, range(n_shown), panels)
    entitle(figure, "What the agents reached", result.simulated)
    return figure


def difference_figure(result: AgentsResult) -> Figure:
    """Every condition minus the encoder alone, paired by seed."""
    shown = [name for name in (*result.with_encoder, *result.beside) if name != Condition(ALONE)]
    panels = [
        [_row(condition, result.over(judged, condition), result) for condition in shown]
        for judged in STUDIED
    ]
    titles = [f"{_SHORT_TITLES[judged]}\nminus encoder alone" for judged in STUDIED]
    figure = dot_plot(titles, panels, zero=0.0)
    _part(figure, shown)
    entitle(figure, "Beside the encoder alone", result.simulated)
    return figure


def brain_figure(result: AgentsResult, method: TransferMethod) -> Figure:
    """Brain minus each control, paired by seed: what the verdict is computed from."""
    study = STUDIED[RETURN]
    brain = method.condition(BRAIN)
    controls = [method.condition(name) for name in (*study.nulls, *study.probes)]
    panels = [
        [_row(other, result.over(judged, brain, other), result) for other in controls]
        for judged in STUDIED
    ]
    titles = [f"{_SHORT_TITLES[judged]}\nbrain minus control" for judged in STUDIED]
    figure = dot_plot(titles, panels, zero=0.0)
    for axes in figure.axes:
        line = len(study.nulls) - 0.5
        axes.axhline(line, color=FAINT, linewidth=0.7, linestyle=(0, (1, 2)))
    entitle(figure, method.label, result.simulated)
    return figure


def cloning_figure(result: AgentsResult) -> Figure:
    """Accuracy and closed-loop return of heads that were cloned from few frames."""
    counts = result.config.demonstrations
    shown = (*result.with_encoder, *result.beside)
    titles, panels = [], []
    for metric, words in (
        (CLONED_RETURN, "return in closed loop"),
        (CLONED_BALANCED, "balanced accuracy"),
    ):
        for count in counts:
            values = result.by_seed(cloned(metric, count))
            titles.append(f"{words}\n{count:,} frames")
            panels.append([_row(c, mean_interval(values[c]), result) for c in shown])
    figure = dot_plot(titles, panels, zero=np.nan)
    _part(figure, shown)
    _share_limits(figure, len(counts))
    entitle(figure, "Behaviour cloning from few frames", result.simulated)
    return figure


@dataclass(frozen=True)
class StateR2AndReturns:
    """Beside what can be read from each encoder, what was reached on it; a value a seed."""

    r2: Mapping[Condition, Float64[np.ndarray, " seed"]]
    reached: Mapping[str, Mapping[Condition, Float64[np.ndarray, " seed"]]]  # by what, by condition


def state_r2_figure(result: AgentsResult, found: StateR2AndReturns) -> Figure:
    """R² of the state from an encoder, and the return on it; large marks are conditions' means."""
    n_panels = len(found.reached)
    figure = blank_figure(2.6 + 4.4 * n_panels, 4.3)
    panels = figure.subplots(1, n_panels, squeeze=False)[0]
    for axes, (title, reached) in zip(panels, found.reached.items(), strict=True):
        for condition, r2 in found.r2.items():
            _draw_state_r2(axes, condition, r2, reached[condition], result)
        axes.set_title(title, loc="left", fontsize=NORMAL)
        axes.set_xlabel("R² of the scene's state from the latents", fontsize=NORMAL)
        tidy(axes)
    panels[0].set_ylabel("return, held-out episodes", fontsize=NORMAL)
    panels[-1].legend(fontsize=7.5, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    entitle(figure, "Does a better encoder drive better?", result.simulated)
    return figure


def _draw_state_r2(
    axes: Any,
    condition: Condition,
    r2: Float64[np.ndarray, " seed"],
    reached: Float64[np.ndarray, " seed"],
    result: AgentsResult,
) -> None:
    colour, _ = agent_style(condition)
    contrastive = condition.method is not None and condition.method.strategy == "contrastive"
    marker = "s" if contrastive else "o"
    axes.plot(r2, reached, marker, color=colour, markersize=3.5, alpha=0.45, linestyle="")
    label = agent_label(condition, result.simulated)
    axes.plot(r2.mean(), reached.mean(), marker, color=colour, markersize=9,
              markeredgecolor="white", linestyle="", label=label)  # fmt: skip


def _row(condition: Condition, interval: Interval, result: AgentsResult) -> Row:
    label = agent_label(condition, result.simulated)
    return Row(label, agent_style(condition)[0], interval.mean, interval.low, interval.high)


def _draw_panel(
    axes: Any, conditions: Sequence[Condition], title: str, result: AgentsResult
) -> None:
    for condition in conditions:
        curve = result.curves[VALIDATION][condition]
        label = agent_label(Condition(condition.control), result.simulated)
        draw_curve(axes, curve, 1, condition.control, agent_style(condition), label, ceiling=np.inf)
    lowest, _ = _shown_returns(result)
    for driver, line in _DRIVER_LINES.items():
        interval = result.driver(VALIDATION, driver)
        if interval is None or interval.mean < lowest:
            continue
        axes.axhline(interval.mean, color=FAINT, linewidth=0.9, linestyle=line)
        axes.text(0.99, interval.mean, DRIVER_LABELS[driver], fontsize=SMALL, color=FAINT,
                  transform=axes.get_yaxis_transform(), va="bottom", ha="right")  # fmt: skip
    axes.set_title(title, loc="left", fontsize=NORMAL)
    axes.xaxis.set_major_formatter(FuncFormatter(thousands))
    axes.margins(x=0.01)
    tidy(axes)


def _legend_beside(row: Sequence[Any]) -> None:
    """One legend for a row of panels, the curves that lie on top first."""
    named: dict[str, Any] = {}
    for axes in row:
        handles, labels = axes.get_legend_handles_labels()
        named |= dict(zip(labels[::-1], handles[::-1], strict=True))
    row[-1].legend(list(named.values()), list(named), fontsize=SMALL, frameon=False,
                   loc="center left", bbox_to_anchor=(1.01, 0.5))  # fmt: skip


def _shown_returns(result: AgentsResult) -> tuple[float, float]:
    """Limits of the curves' axis: from half of the best, for all start low; bands may be wider."""
    means = [curve.value.mean(0) for curve in result.curves[VALIDATION].values()]
    drivers = [result.driver(VALIDATION, driver) for driver in DRIVERS]
    best = max(max(float(each.max()) for each in means), *(d.mean for d in drivers if d))
    lowest = min(float(each.min()) for each in means)
    lowest = max(lowest, 0.5 * best)
    return lowest, best + 0.08 * (best - lowest)


def _part(figure: Figure, conditions: Sequence[Condition]) -> None:
    """Thin lines between encoders alone, each strategy, and who has no encoder."""
    kinds = [_kind(condition) for condition in conditions]
    for place in range(1, len(kinds)):
        if kinds[place] != kinds[place - 1]:
            for axes in figure.axes:
                axes.axhline(place - 0.5, color=FAINT, linewidth=0.7, linestyle=(0, (1, 2)))


def _kind(condition: Condition) -> str:
    if condition.control in BASELINES:
        return ALONE
    return condition.method.strategy if condition.method else ""


def _bound(figure: Figure, kept: Sequence[int], panels: Sequence[Sequence[Row]]) -> None:
    """Limits about these rows, so that one far away does not press the others together."""
    for axes, rows in zip(figure.axes, panels, strict=True):
        ends = np.array([(rows[place].low, rows[place].high) for place in kept])
        ends = ends[np.isfinite(ends).all(1)]
        if len(ends):
            low, high = ends.min(), ends.max()
            room = 0.06 * (high - low) or 1.0
            axes.set_xlim(low - room, high + room)


def _share_limits(figure: Figure, n_together: int) -> None:
    """The same limits for panels of the same metric."""
    for start in range(0, len(figure.axes), n_together):
        together = figure.axes[start : start + n_together]
        limits = np.array([axes.get_xlim() for axes in together])
        for axes in together:
            axes.set_xlim(limits[:, 0].min(), limits[:, 1].max())
