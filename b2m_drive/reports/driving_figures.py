"""Figures of the driving study: scenes, reconstructions, variables, curves, traversals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64, UInt8
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import BRAIN, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import LearningCurve
from b2m_drive.reports.figures import (
    BRAIN_COLOUR,
    FAINT,
    NORMAL,
    SMALL,
    blank_figure,
    draw_curve,
    entitle,
    thousands,
    tidy,
)

Values: TypeAlias = Float64[np.ndarray, "..."]

_SCENE_WIDTH = 0.62  # [inch] of a scene in a grid
_GAP = 0.04  # [inch] between scenes
_N_TRAVERSED = 6  # latents shown
_LOWEST_SHARE, _LEAST_HIGH_SHARE = -0.2, 0.5  # of variance, on the axis of vehicles' pixels
_ERROR_TICKS = np.array([1, 2, 3, 5, 10, 20, 30, 50, 100, 200]) / 1000


def error_curve_figure(
    curves: Mapping[Condition, LearningCurve],
    method: TransferMethod,
    batch_size: int,
    study: Study,
    simulated: bool,
) -> Figure:
    """Reconstruction error over training, of the brain and of all its controls."""
    figure, axes = _curves(curves, method, batch_size, study, simulated)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    shown_ticks = _ERROR_TICKS[(low <= _ERROR_TICKS) & (high >= _ERROR_TICKS)]
    axes.set_yticks(shown_ticks, [f"{tick * 1000:g}" for tick in shown_ticks])
    axes.yaxis.set_ticks([], minor=True)
    axes.set_ylabel("reconstruction error, held out\n(squared grey level × 1,000)", fontsize=NORMAL)
    return figure


def vehicle_curve_figure(
    curves: Mapping[Condition, LearningCurve],
    method: TransferMethod,
    batch_size: int,
    study: Study,
    simulated: bool,
) -> Figure:
    """Share of the vehicle pixels' variance explained over training, as `error_curve_figure`."""
    figure, axes = _curves(curves, method, batch_size, study, simulated)
    low, high = axes.get_ylim()
    # Before training it may be far below zero, which would flatten all that comes after.
    axes.set_ylim(max(low, _LOWEST_SHARE), max(high, _LEAST_HIGH_SHARE))
    axes.axhline(0, color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.set_ylabel("vehicle pixels explained, held out\n(share of variance)", fontsize=NORMAL)
    return figure


def _curves(
    curves: Mapping[Condition, LearningCurve],
    method: TransferMethod,
    batch_size: int,
    study: Study,
    simulated: bool,
) -> tuple[Figure, Any]:
    """A score over training, of the brain and of all its controls, with their names beside."""
    figure = blank_figure(9.4, 3.9)
    axes = figure.subplots()
    shown = [*study.probes[::-1], *study.nulls[::-1], BRAIN]
    for name in shown:
        if method.condition(name) in curves:
            label = study.label_of(name, simulated)
            draw_curve(
                axes, curves[method.condition(name)], batch_size, name, study.style_of(name), label
            )
    axes.xaxis.set_major_formatter(FuncFormatter(thousands))
    axes.set_xlabel(study.sample_label, fontsize=NORMAL)
    tidy(axes)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], fontsize=SMALL, frameon=False,
                loc="center left", bbox_to_anchor=(1.01, 0.5))  # fmt: skip
    entitle(figure, method.label, simulated)
    return figure, axes


def reconstruction_figure(
    pictures: Mapping[str, UInt8[np.ndarray, "..."]], study: Study, simulated: bool
) -> Figure:
    """A scene a row: the original first, then what each condition's student makes of it."""
    columns = {"original": pictures["original"]}
    for name, values in pictures.items():
        if name.endswith("/reconstruction"):
            condition = Condition.parse(name.removesuffix("/reconstruction"))
            columns[study.long_label_of(condition, simulated)] = values
    n_scenes = len(pictures["original"])
    cells = [[values[row] for values in columns.values()] for row in range(n_scenes)]
    return _scene_grid(cells, list(columns), [], "Scenes and their reconstructions", simulated)


def traversal_figure(traversal: UInt8[np.ndarray, "..."], title: str, simulated: bool) -> Figure:
    """Latents in rows, steps in columns; those that change the picture most, first.

    Args:
        traversal: [latent step height width], or with 3 colours behind.
        title: Of the figure.
        simulated: Whether the brain is.
    """
    change = traversal.astype(np.float64).std(1).reshape(len(traversal), -1).mean(1)
    order = np.argsort(change)[::-1][:_N_TRAVERSED]
    n_steps = traversal.shape[1]
    values = [f"{value:+g}".replace("-", "−") for value in np.linspace(-3, 3, n_steps)]
    cells = [list(traversal[index]) for index in order]
    return _scene_grid(cells, values, [f"latent {k}" for k in order], title, simulated)


def variable_figure(
    table: Mapping[str, Mapping[Condition, float]],
    conditions: Sequence[Condition],
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
    labels = [study.long_label_of(each, simulated) for each in conditions]
    axes.set_yticks(range(len(conditions)), labels, fontsize=SMALL)
    axes.tick_params(length=0)
    bar = figure.colorbar(shown, ax=axes, shrink=0.7, pad=0.01)
    bar.set_label("R² (share of variance)", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    entitle(figure, "What can be read from the latents", simulated)
    return figure


def delay_figure(
    candidates: Sequence[float], scores: Sequence[float], chosen: float, simulated: bool
) -> Figure:
    """What can be read from the brain by delay, the chosen one marked."""
    figure = blank_figure(7.0, 2.9)
    axes = figure.subplots()
    axes.plot(candidates, scores, "-o", color=BRAIN_COLOUR, markersize=4)
    axes.axvline(chosen, color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.annotate(f"chosen: {chosen:.2f} s", (chosen, min(scores)), xytext=(4, 2),
                  textcoords="offset points", fontsize=SMALL, color=FAINT)  # fmt: skip
    axes.set_xlabel("delay from the frame to the response (s)", fontsize=NORMAL)
    axes.set_ylabel("R² of the scene's state", fontsize=NORMAL)
    tidy(axes)
    entitle(figure, "Delay of the brain", simulated)
    return figure


def _scene_grid(
    cells: Sequence[Sequence[UInt8[np.ndarray, "..."]]],
    above: Sequence[str],
    beside: Sequence[str],
    title: str,
    simulated: bool,
) -> Figure:
    """Scenes in rows and columns, placed by hand: names above are long and slanted."""
    height, width = cells[0][0].shape[:2]
    scene_height = _SCENE_WIDTH * height / width
    left, right, top = (0.75 if beside else 0.1), 0.1, 0.6
    slanted = max(map(len, above)) > 4
    if slanted:
        right, top = 1.6, 2.1
    wide = left + right + (_SCENE_WIDTH + _GAP) * len(cells[0])
    high = top + 0.1 + (scene_height + _GAP) * len(cells)
    figure = blank_figure(wide, high)
    figure.set_layout_engine("none")
    for row, scenes in enumerate(cells):
        for column, scene in enumerate(scenes):
            x = left + column * (_SCENE_WIDTH + _GAP)
            y = high - top - row * (scene_height + _GAP) - scene_height
            place = (x / wide, y / high, _SCENE_WIDTH / wide, scene_height / high)
            axes = figure.add_axes(place)
            _show(axes, scene)
            if row == 0:
                axes.text(
                    0.5, 1.04, above[column], transform=axes.transAxes, fontsize=7.5,
                    rotation=40 if slanted else 0, ha="left" if slanted else "center",
                    va="bottom", rotation_mode="anchor",
                )  # fmt: skip
            if column == 0 and beside:
                axes.text(-0.15, 0.5, beside[row], transform=axes.transAxes, fontsize=7.5,
                          ha="right", va="center")  # fmt: skip
    entitle(figure, title, simulated)
    return figure


def _show(axes: Any, scene: UInt8[np.ndarray, "..."]) -> None:
    """A grey scene [height width], or one in colour [height width 3]."""
    axes.imshow(scene, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
