"""Scores over training with their 95 % bands, as figures that a reader explores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from b2m_drive.evidence.condition import ALONE, BRAIN
from b2m_drive.evidence.learning_curves import LearningCurve
from b2m_drive.evidence.statistics import mean_interval
from b2m_drive.reports.charts import (
    ALL,
    CHOSEN,
    CONTROL,
    FAINT,
    Chart,
    Choice,
    chart_of,
    csv_data,
    dash_of,
    looked_up,
)

HEIGHT = 300  # [px]
SESSION = "session"  # name of the choice among sessions
_ROOM = 0.5  # of the curves' range, that bands have above and below
_FACTOR = 1.5  # of the lowest and highest mean, the same on a logarithmic axis
_COLUMNS = ("k", "g", "x", "y", "lo", "hi")
_NUMBERS = ("x", "y", "lo", "hi")
_LEADING = f"datum.k=='{BRAIN}'||datum.k=='{ALONE}'"
_CELL_WIDTH, _CELL_HEIGHT = 118, 92  # [px] of a small multiple
_BETWEEN = 14  # [px]
_BESIDE = 62  # [px] that axis and numbers take


@dataclass(frozen=True)
class Curve:
    """A condition's scores over training, and how they are drawn."""

    key: str
    label: str
    role: str  # null, probe, or none
    style: tuple[str, Any]  # colour and Matplotlib's line style
    curve: LearningCurve


@dataclass(frozen=True)
class CurveAxes:
    """What curves are drawn over, and how."""

    across: str
    upwards: str
    per_step: int = 1  # samples a training step
    factor: float = 1.0
    ceiling: float = np.inf  # the highest score there is
    logarithmic: bool = False
    limits: tuple[float, float] | None = None
    levels: Mapping[str, float] | None = None  # named horizontal lines


def curve_chart(
    name: str,
    caption: str,
    title: str,
    curves: Sequence[Curve],
    axes: CurveAxes,
    simulated: bool,
    choice: Choice | None = None,
    only: tuple[tuple[str, str], ...] = (),
) -> Chart:
    """One pair of axes with all curves; the choice leaves the brain, alone and what is chosen."""
    rows = [row for curve in curves for row in _rows(curve, axes)]
    axes = _limited(axes, rows)
    layers = _layers(curves, axes)
    spec: dict[str, Any] = {
        "width": "container",
        "height": HEIGHT,
        "data": csv_data(_COLUMNS, rows, _NUMBERS),
        "transform": _transforms(curves, choice),
        "params": [choice.parameter] if choice else [],
        "layer": [*_level_layers(axes), *layers, _hover_layer(curves, axes)],
    }
    return chart_of(name, caption, title, spec, simulated, only)


@dataclass(frozen=True)
class CurvePanel:
    """One of many small figures: a session, or a run."""

    key: str
    label: str
    curves: Sequence[Curve]
    per_step: int


def small_multiples_chart(
    name: str,
    caption: str,
    title: str,
    panels: Sequence[CurvePanel],
    axes: CurveAxes,
    simulated: bool,
    choice: Choice | None = None,
    first: Sequence[str] = (BRAIN, ALONE),
    only: tuple[tuple[str, str], ...] = (),
) -> Chart:
    """A small figure a panel, as many beside each other as there is room for.

    Args:
        name: Of the figure.
        caption: What it shows.
        title: Above it.
        panels: In order.
        axes: Of all; the samples a step are each panel's own.
        simulated: Whether the brains are.
        choice: Among the controls.
        first: Conditions that are shown whatever is chosen.
        only: As in `Chart`.
    """
    curves, rows = _every_curve(panels), _panel_rows(panels, axes)
    axes = _limited(axes, rows)
    wide = as_wide_as_the_page(_CELL_WIDTH + _BETWEEN, _BESIDE)
    spec: dict[str, Any] = {
        "data": csv_data((*_COLUMNS, "p"), rows, _NUMBERS),
        "transform": [*_few_first(first, choice), *_transforms(curves, None)],
        "params": [choice.parameter] if choice else [],
        "facet": {
            "field": "p", "type": "nominal", "sort": [each.key for each in panels],
            "header": {
                "labelExpr": f"split({looked_up({p.key: p.label for p in panels}, 'datum.value')}"
                ",'\\n')",
                "title": None,
            },
        },
        "columns": 4,
        "spacing": _BETWEEN,
        "spec": {
            "width": _CELL_WIDTH,
            "height": _CELL_HEIGHT,
            "layer": [
                *_layers(curves, axes, small=True, named=_named(curves, first, choice)),
                _hover_layer(curves, axes),
            ],
        },
        "usermeta": wide,
    }  # fmt: skip
    return chart_of(name, caption, title, spec, simulated, only)


def chosen_panel_chart(
    name: str,
    caption: str,
    title: str,
    panels: Sequence[CurvePanel],
    axes: CurveAxes,
    simulated: bool,
    of: Choice,
    choice: Choice | None = None,
    only: tuple[tuple[str, str], ...] = (),
) -> Chart:
    """The one panel that is chosen, large."""
    curves, rows = _every_curve(panels), _panel_rows(panels, axes)
    axes = _limited(axes, rows)
    spec: dict[str, Any] = {
        "width": "container",
        "height": HEIGHT,
        "data": csv_data((*_COLUMNS, "p"), rows, _NUMBERS),
        "transform": [{"filter": f"datum.p=={of.name}"}, *_transforms(curves, choice)],
        "params": [of.parameter, *([choice.parameter] if choice else [])],
        "layer": [
            *_level_layers(axes),
            *_layers(curves, axes),
            _hover_layer(curves, axes),
        ],
    }
    return chart_of(name, caption, title, spec, simulated, only)


def as_wide_as_the_page(column: int, beside: int) -> dict[str, Any]:
    """What the page's script needs to set as many small figures in a row as there is room for.

    Args:
        column: Width of one with what is between two [px].
        beside: Width that the axis takes once [px].
    """
    return {"column": column, "beside": beside}


def _few_first(first: Sequence[str], choice: Choice | None) -> list[dict[str, Any]]:
    """Of many small figures, few curves: the first, and what is chosen."""
    kept = "||".join(f"datum.k=={name!r}" for name in first)
    if choice is None:
        return [{"filter": kept}]
    return [{"filter": f"{kept}||({CONTROL}!='{ALL}'&&({CHOSEN}))"}]


def _named(
    curves: Sequence[Curve], first: Sequence[str], choice: Choice | None
) -> Mapping[str, str] | None:
    """Which curves the legend of small figures names: those that are drawn."""
    if choice is None:
        return None
    keys = [each.key for each in curves]
    shown = [key for key in keys if key in first]
    more = ",".join([*(f"'{key}'" for key in shown), CONTROL])
    one = f"indexof({keys},{CONTROL})<0?{keys}:indexof({shown},{CONTROL})<0?[{more}]:{shown}"
    return {"expr": f"{CONTROL}=='{ALL}'?{shown}:{one}"}


def _every_curve(panels: Sequence[CurvePanel]) -> list[Curve]:
    """A curve of each condition that any panel has, for names and styles."""
    found: dict[str, Curve] = {}
    for panel in panels:
        for each in panel.curves:
            found.setdefault(each.key, each)
    return list(found.values())


def _panel_rows(panels: Sequence[CurvePanel], axes: CurveAxes) -> list[tuple[Any, ...]]:
    return [
        (*row, panel.key)
        for panel in panels
        for curve in panel.curves
        for row in _rows(curve, axes, panel.per_step)
    ]


def _rows(curve: Curve, axes: CurveAxes, per_step: int | None = None) -> Iterable[tuple[Any, ...]]:
    """Place, mean and band of each evaluation."""
    samples = curve.curve.step * (axes.per_step if per_step is None else per_step)
    for place, values in zip(samples, curve.curve.value.T, strict=True):
        each = mean_interval(values)
        high = min(each.high, axes.ceiling)
        numbers = (axes.factor * float(value) for value in (each.mean, each.low, high))
        if axes.logarithmic:
            numbers = (value if value > 0 else float("nan") for value in numbers)
        yield (curve.key, curve.role, int(place), *numbers)


def _limited(axes: CurveAxes, rows: Sequence[tuple[Any, ...]]) -> CurveAxes:
    return replace(axes, limits=axes.limits or _about_the_means(rows, axes))


def _about_the_means(
    rows: Sequence[tuple[Any, ...]], axes: CurveAxes
) -> tuple[float, float] | None:
    """Limits about the curves: bands of few seeds are wider and would press them together."""
    levels = list((axes.levels or {}).values())
    numbers = np.array([row[3:6] for row in rows], np.float64)
    numbers = numbers[np.isfinite(numbers[:, 0])] if len(numbers) else numbers.reshape(0, 3)
    if not len(numbers):
        return None
    if axes.logarithmic:
        return float(numbers[:, 0].min() / _FACTOR), float(numbers[:, 0].max() * _FACTOR)
    means = np.array([*numbers[:, 0], *levels])
    lowest, highest = float(means.min()), float(means.max())
    room = _ROOM * (highest - lowest) or 1.0
    low = max(lowest - room, np.nanmin([lowest, *numbers[:, 1][np.isfinite(numbers[:, 1])]]))
    high = min(highest + room, np.nanmax([highest, *numbers[:, 2][np.isfinite(numbers[:, 2])]]))
    edge_room = 0.03 * (high - low) or 0.05
    return float(low - edge_room), float(high + edge_room)


def _transforms(curves: Sequence[Curve], choice: Choice | None) -> list[dict[str, Any]]:
    names = {each.key: each.label for each in curves}
    mean = "format(datum.y,'.3~f')+(isValid(datum.lo)&&isValid(datum.hi)?' ['+"
    text = f"{mean}format(datum.lo,'.3~f')+', '+format(datum.hi,'.3~f')+']':'')"
    told = [
        {"calculate": looked_up(names, "datum.k"), "as": "c"},
        {"calculate": text, "as": "t"},
    ]
    if choice is None:
        return told
    return [{"filter": f"{_LEADING}||{CHOSEN}"}, *told]


def _upwards(axes: CurveAxes, field: str, small: bool = False) -> dict[str, Any]:
    scale: dict[str, Any] = {"type": "log"} if axes.logarithmic else {"zero": False}
    if axes.limits:
        scale |= {"domain": list(axes.limits), "nice": False}
    title = None if small else axes.upwards.split("\n")
    axis = {"title": title, "tickCount": 3 if small else 6}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def _colour(curves: Sequence[Curve]) -> dict[str, Any]:
    names = {each.key: each.label for each in curves}
    shown = {
        "title": None, "orient": "bottom", "symbolType": "stroke", "symbolStrokeWidth": 2.5,
        "symbolSize": 300, "symbolOpacity": 1, "labelExpr": looked_up(names, "datum.value"),
        "columns": {"expr": "containerSize()[0]<460?1:containerSize()[0]<800?2:3"},
    }  # fmt: skip
    return {
        "field": "k",
        "type": "nominal",
        "scale": {"domain": [c.key for c in curves], "range": [c.style[0] for c in curves]},
        "legend": shown,
    }


def _dash(curves: Sequence[Curve]) -> dict[str, Any]:
    dashes = [dash_of(c.style[1]) or [1, 0] for c in curves]
    scale = {"domain": [c.key for c in curves], "range": dashes}
    return {"field": "k", "type": "nominal", "scale": scale}


def _layers(
    curves: Sequence[Curve],
    axes: CurveAxes,
    small: bool = False,
    named: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Bands of the brain, of the student alone and of what is chosen; lines of all."""
    colour = _colour(curves)
    if named:
        colour["legend"]["values"] = named
    title = None if small else axes.across
    across_axis = {"title": title, "format": "~s", "grid": False, "tickCount": 2 if small else 6}
    across = {"field": "x", "type": "quantitative", "axis": across_axis}
    alone = max((len(each.curve.step) for each in curves), default=0) < 2
    mark = {"type": "line", "aria": False, "clip": bool(axes.limits), "point": alone}
    wide = {"condition": {"test": _LEADING, "value": 2 if small else 2.8}, "value": 1.5}
    return [
        {
            "transform": [{"filter": f"isValid(datum.lo)&&isValid(datum.hi)&&({_LEADING})"}],
            "mark": {
                "type": "area", "opacity": 0.15, "aria": False, "tooltip": None,
                "clip": bool(axes.limits),
            },
            "encoding": {
                "x": across,
                "y": _upwards(axes, "lo", small),
                "y2": {"field": "hi"},
                "color": colour,
            },
        },
        {
            "mark": mark,
            "encoding": {
                "x": across,
                "y": _upwards(axes, "y", small),
                "color": colour,
                "strokeDash": {**_dash(curves), "legend": colour["legend"]},
                "strokeWidth": wide,
            },
        },
    ]  # fmt: skip


def _level_layers(axes: CurveAxes) -> list[dict[str, Any]]:
    """Named horizontal lines, such as chance."""
    found: list[dict[str, Any]] = []
    for name, level in (axes.levels or {}).items():
        upwards = {"datum": level, "type": "quantitative"}
        rule = {"type": "rule", "color": FAINT, "strokeDash": [2, 3], "aria": False}
        text = {"type": "text", "align": "right", "baseline": "bottom", "dy": -3, "color": FAINT}
        place = {"value": {"expr": "width"}}
        found += [
            {"mark": rule, "encoding": {"y": upwards}},
            {
                "data": {"values": [{"name": name}]},
                "mark": text,
                "encoding": {"x": place, "y": upwards, "text": {"field": "name"}},
            },
        ]
    return found


def _hover_layer(curves: Sequence[Curve], axes: CurveAxes) -> dict[str, Any]:
    """The evaluation nearest to the pointer, and its figures."""
    near = {
        "name": "near",
        "select": {"type": "point", "nearest": True, "on": "pointerover", "clear": "pointerout"},
    }
    return {
        "params": [near],
        "mark": {"type": "point", "filled": True, "size": 70, "aria": False},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
            "color": _colour(curves),
            "opacity": {"condition": {"param": "near", "empty": False, "value": 1}, "value": 0},
            "tooltip": [
                {"field": "c", "type": "nominal", "title": "condition"},
                {"field": "x", "type": "quantitative", "format": ",", "title": axes.across},
                {"field": "t", "type": "nominal", "title": "mean [95 %]"},
            ],
        },
    }
