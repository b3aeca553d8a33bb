"""Scores by a number that was varied, as a figure that a reader explores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from b2m_drive.comparisons.study import Study
from b2m_drive.comparisons.variations import VariedNumber
from b2m_drive.evidence.condition import ALONE, Condition
from b2m_drive.evidence.statistics import Interval
from b2m_drive.reports.charts import FAINT, Chart, chart_of, looked_up, rounded

_CROWDED = 0.055  # of the axis' length between ticks that can be read beside each other
_SHAPES = {"regression": "circle", "contrastive": "square"}


@dataclass(frozen=True)
class VariationPanel:
    """One pair of axes: the intervals of each condition by value."""

    score: str  # what is drawn upwards
    points: Mapping[Condition, Mapping[float, Interval]]  # condition -> value -> interval
    level: Interval | None  # of the student alone, where the number does not touch it


def variation_chart(
    name: str,
    caption: str,
    title: str,
    panel: VariationPanel,
    number: VariedNumber,
    study: Study,
    simulated: bool,
    only: tuple[tuple[str, str], ...] = (),
) -> Chart:
    """Scores by a number that was varied, a line a condition.

    A band is the student alone where the number does not touch it, such as the brain's signal.
    A value without limit is drawn at the right, behind a gap.
    """
    values = sorted({value for each in panel.points.values() for value in each})
    place_of = _places(values, number.logarithmic)
    names = {str(base): study.long_label_of(base, simulated) for base in panel.points}
    rows = [
        _row(str(base), value, place_of[value], each)
        for base, points in panel.points.items()
        for value, each in points.items()
    ]
    spec: dict[str, Any] = {
        "width": "container",
        "height": 270,
        "data": {"values": rows},
        "transform": [{"calculate": looked_up(names, "datum.k"), "as": "c"}],
        "layer": [
            *_level(panel.level, study),
            *_gap(place_of, number.logarithmic),
            *_lines(panel, number, place_of, names, study),
        ],
    }
    return chart_of(name, caption, title, spec, simulated, only)


def _row(key: str, value: float, place: float, each: Interval) -> dict[str, Any]:
    whole = np.isfinite(each.low) and np.isfinite(each.high)
    bounds = f" [{each.low:.3f}, {each.high:.3f}]" if whole else ""
    row = {"k": key, "v": _value_text(value), "x": place, "y": rounded(each.mean)}
    if whole:
        row |= {"lo": rounded(each.low), "hi": rounded(each.high)}
    return row | {"t": f"{each.mean:.3f}{bounds}".replace("-", "−")}


def _lines(
    panel: VariationPanel,
    number: VariedNumber,
    place_of: Mapping[float, float],
    names: Mapping[str, str],
    study: Study,
) -> list[dict[str, Any]]:
    keys = list(names)
    conditions = list(panel.points)
    strategies = [base.method.strategy if base.method else "" for base in conditions]
    dashes = [[6, 3] if each == "contrastive" else [1, 0] for each in strategies]
    shapes = [_SHAPES.get(each, "diamond") for each in strategies]
    legend = {
        "title": None, "orient": "bottom", "labelExpr": looked_up(names, "datum.value"),
        "columns": {"expr": "containerSize()[0]<500?1:2"},
    }  # fmt: skip
    colours = [study.style_of(base.control)[0] for base in conditions]
    colour = _scaled(keys, colours, legend)
    across = {
        "field": "x", "type": "quantitative",
        "scale": {"type": "log" if number.logarithmic else "linear", "zero": False, "nice": False,
                  "padding": 12},
        "axis": _axis(place_of, number),
    }  # fmt: skip
    upwards: dict[str, Any] = {
        "field": "y", "type": "quantitative", "scale": {"zero": False},
        "axis": {"title": panel.score.split("\n"), "tickCount": 6},
    }  # fmt: skip
    told = [
        {"field": "c", "type": "nominal", "title": "condition"},
        {"field": "v", "type": "nominal", "title": number.label},
        {"field": "t", "type": "nominal", "title": "mean [95 %]"},
    ]
    return [
        {
            "mark": {"type": "rule", "aria": False, "opacity": 0.6},
            "encoding": {
                "x": across, "y": {**upwards, "field": "lo"}, "y2": {"field": "hi"},
                "color": colour,
            },
        },
        {
            "mark": {"type": "line", "aria": False},
            "encoding": {
                "x": across, "y": upwards, "color": colour,
                "strokeDash": _scaled(keys, dashes, legend),
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
            "encoding": {
                "x": across, "y": upwards, "color": colour, "tooltip": told,
                "shape": _scaled(keys, shapes, legend),
            },
        },
        {
            "mark": {"type": "rule", "color": FAINT, "strokeDash": [2, 3], "aria": False},
            "encoding": {"y": {"datum": study.floor}},
        },
    ]  # fmt: skip


def _scaled(keys: list[str], drawn: list[Any], legend: Mapping[str, Any]) -> dict[str, Any]:
    scale = {"domain": keys, "range": drawn}
    return {"field": "k", "type": "nominal", "scale": scale, "legend": legend}


def _level(level: Interval | None, study: Study) -> list[dict[str, Any]]:
    """The student alone, which the number does not touch."""
    if level is None:
        return []
    colour = study.style_of(ALONE)[0]
    told = f"{study.labels[ALONE]}: {level.mean:.3f}"
    found: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "color": colour, "strokeWidth": 1.6, "tooltip": told},
            "encoding": {"y": {"datum": level.mean}},
        }
    ]
    if np.isfinite(level.low):
        band = {"type": "rect", "color": colour, "opacity": 0.08, "aria": False}
        between = {"y": {"datum": level.low}, "y2": {"datum": level.high}}
        found.append({"mark": band, "encoding": between})
    return found


def _places(values: list[float], logarithmic: bool) -> dict[float, float]:
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


def _axis(place_of: Mapping[float, float], number: VariedNumber) -> dict[str, Any]:
    """A tick at each value; of values too close to be read side by side, the first."""
    scaled = {
        value: float(np.log(place)) if number.logarithmic else place
        for value, place in place_of.items()
    }
    span = max(scaled.values()) - min(scaled.values()) or 1.0
    shown: list[float] = []
    for value in sorted(place_of):
        if not shown or scaled[value] - scaled[shown[-1]] >= _CROWDED * span:
            shown.append(value)
    words = [_value_text(value) for value in shown]
    places = [place_of[value] for value in shown]
    nearest = f"indexof({places},datum.value)"
    return {
        "title": number.label, "values": places, "grid": False,
        "labelExpr": f"{words!r}[{nearest}]",
    }  # fmt: skip


def _gap(place_of: Mapping[float, float], logarithmic: bool) -> list[dict[str, Any]]:
    """A line before the value without limit."""
    finite = [place for value, place in place_of.items() if np.isfinite(value)]
    if not finite or len(finite) == len(place_of):
        return []
    beyond, last = place_of[np.inf], max(finite)
    gap = (beyond * last) ** 0.5 if logarithmic else (beyond + last) / 2
    mark = {"type": "rule", "color": FAINT, "strokeDash": [4, 3], "aria": False}
    return [{"mark": mark, "encoding": {"x": {"datum": gap}}}]


def _value_text(value: float) -> str:
    return f"{value:,g}" if np.isfinite(value) else "no limit"
