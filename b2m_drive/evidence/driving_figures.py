"""Figures of the driving study: scenes, reconstructions, variables, curves, traversals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64, UInt8
from matplotlib.figure import Figure

from b2m_drive.evidence.conditions import (
    ALONE,
    BRAIN,
    Study,
    Teaching,
    control_of,
    label_of,
)
from b2m_drive.evidence.figures import (
    FAINT,
    NORMAL,
    SMALL,
    blank_figure,
    colour_of,
    draw_curve,
    entitle,
    tidy,
)
from b2m_drive.evidence.learning_curves import LearningCurve
from b2m_drive.evidence.statistics import Interval

Values: TypeAlias = Float64[np.ndarray, "..."]

_SCENE_WIDTH = 0.62  # [inch] of a scene in a grid
_N_TRAVERSED = 8  # latents shown
_MARKERS = {"regression": "o", "contrastive": "s"}


def condition_label(condition: str, study: Study, simulated: bool) -> str:
    """A condition in words, with its strategy."""
    label = label_of(condition, simulated, study)
    short = {"regression": "BLT", "contrastive": "BCT"}.get(condition.split("/")[0])
    return f"{short}: {label}" if short else label


def error_curve_figure(
    curves: Mapping[str, LearningCurve],
    teaching: Teaching,
    batch_size: int,
    study: Study,
    simulated: bool,
) -> Figure:
    """Reconstruction error over training, of the brain and of all its controls."""
    figure = blank_figure(7.4, 3.9)
    axes = figure.subplots()
    shown = [*study.probes[::-1], *study.nulls[::-1], BRAIN]
    for name in shown:
        if teaching.condition(name) in curves:
            label = label_of(name, simulated, study)
            draw_curve(axes, curves[teaching.condition(name)], batch_size, name, label)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value * 1000:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value * 1000:g}")
    axes.set_xlabel(study.sample_label, fontsize=NORMAL)
    axes.set_ylabel("reconstruction error, held out\n(squared grey level × 1,000)", fontsize=NORMAL)
    tidy(axes)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], fontsize=SMALL, frameon=False,
                loc="center left", bbox_to_anchor=(1.01, 0.5))  # fmt: skip
    entitle(figure, teaching.label, simulated)
    return figure


def reconstruction_figure(
    pictures: Mapping[str, UInt8[np.ndarray, "..."]], study: Study, simulated: bool
) -> Figure:
    """A scene a row: the original first, then what each condition's student makes of it."""
    columns = {"original": pictures["original"]}
    for name, values in pictures.items():
        if name.endswith("/reconstruction"):
            condition = name.removesuffix("/reconstruction")
            columns[condition_label(condition, study, simulated)] = values
    n_scenes, height, width = pictures["original"].shape[:3]
    figure = blank_figure(
        0.6 + _SCENE_WIDTH * len(columns), 2.2 + _SCENE_WIDTH * height / width * n_scenes
    )
    grid: Any = figure.subplots(n_scenes, len(columns), squeeze=False)
    for axes_column, (label, values) in zip(grid.T, columns.items(), strict=True):
        for axes, value in zip(axes_column, values, strict=True):
            _show(axes, value)
        axes_column[0].set_title(label, rotation=40, ha="left", fontsize=7.5)
    _close_ranks(figure)
    entitle(figure, "Scenes and their reconstructions", simulated)
    return figure


def traversal_figure(traversal: UInt8[np.ndarray, "..."], title: str, simulated: bool) -> Figure:
    """Latents in rows, steps in columns; those that change the picture most, first.

    Args:
        traversal: [latent step height width], or with 3 colours behind.
        title: Of the figure.
        simulated: Whether the brain is.
    """
    change = traversal.astype(np.float64).std(1).reshape(len(traversal), -1).mean(1)
    order = np.argsort(change)[::-1][:_N_TRAVERSED]
    return _grid_figure({f"latent {k}": traversal[k] for k in order}, title, simulated)


def variable_figure(
    table: Mapping[str, Mapping[str, float]],
    conditions: Sequence[str],
    study: Study,
    simulated: bool,
) -> Figure:
    """A heat map of R² by variable (columns) and condition (rows)."""
    values = np.array([[table[v].get(c, np.nan) for v in table] for c in conditions])
    figure = blank_figure(3.4 + 0.62 * len(table), 1.7 + 0.27 * len(conditions))
    axes = figure.subplots()
    shown = axes.imshow(values, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "white" if value < 0.6 else "black"
            text = f"{value:.2f}".replace("-", "−").replace("0.", ".", 1)
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    axes.set_xticks(range(len(table)), list(table), rotation=35, ha="right", fontsize=SMALL)
    labels = [condition_label(each, study, simulated) for each in conditions]
    axes.set_yticks(range(len(conditions)), labels, fontsize=SMALL)
    axes.tick_params(length=0)
    bar = figure.colorbar(shown, ax=axes, shrink=0.7, pad=0.01)
    bar.set_label("R² (share of variance)", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    entitle(figure, "What can be read from the latents", simulated)
    return figure


def variation_figure(
    points: Mapping[str, Mapping[float, Interval]],
    label: str,
    logarithmic: bool,
    study: Study,
    simulated: bool,
    alone: Interval | None,
) -> Figure:
    """Final scores by a number that was varied, a line a condition; a band for the student alone.

    The band is for what does not change the student alone, such as the brain's signal.
    """
    figure = blank_figure(7.2, 3.9)
    axes = figure.subplots()
    if logarithmic:
        axes.set_xscale("log")
    places = sorted({value for each in points.values() for value in each})
    for base, each in points.items():
        values = sorted(each)
        mean = np.array([each[value].mean for value in values])
        reach = np.array([each[value].high - each[value].mean for value in values])
        reach[~np.isfinite(reach)] = 0.0  # one seed has no interval
        strategy, control = base.split("/")[0], control_of(base)
        axes.errorbar(
            values, mean, reach, color=colour_of(control), capsize=3, linewidth=1.6,
            marker=_MARKERS.get(strategy, "D"), markersize=5,
            linestyle="-" if strategy != "contrastive" else (0, (5, 2)),
            label=condition_label(base, study, simulated),
        )  # fmt: skip
    if alone is not None:
        axes.axhline(alone.mean, color=colour_of(ALONE), linewidth=1.4, label=study.labels[ALONE])
        if np.isfinite(alone.low):
            axes.axhspan(alone.low, alone.high, color=colour_of(ALONE), alpha=0.08, linewidth=0)
    axes.axhline(study.floor, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set_xticks(places, [f"{value:,g}" for value in places])
    axes.xaxis.set_ticks([], minor=True)
    axes.set_xlabel(label, fontsize=NORMAL)
    axes.set_ylabel(f"{study.curve_label}, held out\n({study.curve_unit})", fontsize=NORMAL)
    tidy(axes)
    axes.legend(fontsize=SMALL, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    entitle(figure, f"By {label}", simulated)
    return figure


def delay_figure(
    candidates: Sequence[float], scores: Sequence[float], chosen: float, simulated: bool
) -> Figure:
    """What can be read from the brain by delay, the chosen one marked."""
    figure = blank_figure(5.2, 2.9)
    axes = figure.subplots()
    axes.plot(candidates, scores, "-o", color=colour_of(BRAIN), markersize=4)
    axes.axvline(chosen, color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.annotate(f"chosen: {chosen:.2f} s", (chosen, min(scores)), xytext=(4, 2),
                  textcoords="offset points", fontsize=SMALL, color=FAINT)  # fmt: skip
    axes.set_xlabel("delay from the frame to the response (s)", fontsize=NORMAL)
    axes.set_ylabel("R² of the scene's state", fontsize=NORMAL)
    tidy(axes)
    entitle(figure, "Delay of the brain", simulated)
    return figure


def _grid_figure(
    rows: Mapping[str, UInt8[np.ndarray, "..."]], title: str, simulated: bool
) -> Figure:
    first = next(iter(rows.values()))
    n_columns, height, width = first.shape[:3]
    scene_height = _SCENE_WIDTH * height / width
    figure = blank_figure(1.2 + _SCENE_WIDTH * n_columns, 0.5 + scene_height * len(rows))
    grid: Any = figure.subplots(len(rows), n_columns, squeeze=False)
    for axes_row, (label, values) in zip(grid, rows.items(), strict=True):
        for axes, value in zip(axes_row, values, strict=True):
            _show(axes, value)
        axes_row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=SMALL)
    _close_ranks(figure)
    entitle(figure, title, simulated)
    return figure


def _show(axes: Any, scene: UInt8[np.ndarray, "..."]) -> None:
    """A grey scene [height width], or one in colour [height width 3]."""
    axes.imshow(scene, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _close_ranks(figure: Figure) -> None:
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
