"""Dots with their 95 % intervals, a row each, as a figure that a reader explores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.statistics import Interval
from b2m_drive.reports.charts import (
    ALL,
    CHOSEN,
    EDGE,
    FAINT,
    Chart,
    Choice,
    chart_of,
    looked_up,
    role_of,
    rounded,
    wrapped,
)

_STEP, _LINE = 24, 14  # [px] between rows of one line, and for each further line
_RATIO_TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20)
ROLES = {"null": ("circle", "null, decides"), "probe": ("diamond", "probe, describes")}


@dataclass(frozen=True)
class Row:
    """One line: a name, its colour and interval, and which choice of a reader it belongs to."""

    label: str
    colour: str
    mean: float
    low: float
    high: float
    note: str = ""  # in place of the dot
    key: str = ""
    role: str = ""  # null or probe, which have marks of their own


def row_of_control(name: str, interval: Interval, study: Study, simulated: bool) -> Row:
    """The row of a control, or of what is compared with it."""
    return Row(
        study.label_of(name, simulated),
        study.style_of(name)[0],
        interval.mean,
        interval.low,
        interval.high,
        key=name,
        role=role_of(name, study),
    )


def interval_chart(
    name: str,
    caption: str,
    title: str,
    rows: Sequence[Row],
    axis: str,
    simulated: bool,
    *,
    zero: float | None = 0.0,
    logarithmic: bool = False,
    limits: tuple[float, float] | None = None,
    choice: Choice | None = None,
    only: tuple[tuple[str, str], ...] = (),
    roles: Mapping[str, tuple[str, str]] = ROLES,
) -> Chart:
    """A dot and an interval a row.

    Args:
        name: Of the figure.
        caption: What it shows.
        title: Above it.
        rows: From above; each needs a name of its own.
        axis: What is drawn to the right.
        simulated: Whether the brain is.
        zero: Where a line stands; None: nowhere.
        logarithmic: For ratios.
        limits: Of the axis; what lies outside is not drawn.
        choice: Among the rows' keys and roles; the others fade.
        only: As in `Chart`.
        roles: Mark and words of each role of a row; others are circles.
    """
    values = [_values(place, row) for place, row in enumerate(rows)]
    n_further = max((each["r"].count("\n") for each in values), default=0)
    spec: dict[str, Any] = {
        "width": "container",
        "height": {"step": _STEP + _LINE * n_further},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": values},
        "encoding": {
            "y": {
                "field": "r", "type": "nominal", "sort": [each["r"] for each in values],
                "axis": {
                    "title": None, "grid": False, "ticks": False, "domain": False,
                    "labelExpr": "split(datum.label,'\\n')",
                },
            },
        },
        "layer": [
            *_line(zero),
            *_interval_layers(axis, logarithmic, limits, rows, roles),
            *_notes(rows),
        ],
    }  # fmt: skip
    if choice is not None:
        spec["params"] = [choice.parameter]
        faded = {"condition": {"test": CHOSEN, "value": 1}, "value": 0.18}
        spec["encoding"]["opacity"] = faded
    return chart_of(name, caption, title, spec, simulated, only)


def _values(place: int, row: Row) -> dict[str, Any]:
    told = {"r": wrapped(row.label), "l": row.label, "c": row.colour, "k": row.key or str(place)}
    told |= {"g": row.role or ALL}
    if row.note or not math.isfinite(row.mean):
        return told | {"n": row.note or "undefined"}
    whole = math.isfinite(row.low) and math.isfinite(row.high)
    bounds = f" [{_text(row.low)}, {_text(row.high)}]" if whole else " (one only: no interval)"
    numbers = {"x": row.mean, "lo": row.low, "hi": row.high} if whole else {"x": row.mean}
    return told | {key: rounded(v) for key, v in numbers.items()} | {"t": _text(row.mean) + bounds}


def _text(value: float) -> str:
    return f"{value:.3f}".replace("-", "−") if abs(value) < 100 else f"{value:,.0f}"


def _line(zero: float | None) -> list[dict[str, Any]]:
    if zero is None:
        return []
    return [
        {
            "mark": {"type": "rule", "color": FAINT, "aria": False},
            "encoding": {"x": {"datum": zero}, "y": None, "opacity": {"value": 1}},
        }
    ]


def _interval_layers(
    axis: str,
    logarithmic: bool,
    limits: tuple[float, float] | None,
    rows: Sequence[Row],
    roles: Mapping[str, tuple[str, str]],
) -> list[dict[str, Any]]:
    scale: dict[str, Any] = {"type": "log"} if logarithmic else {"zero": False, "padding": EDGE}
    drawn: dict[str, Any] = {"title": wrapped(axis, 34).split("\n"), "tickCount": 5}
    if logarithmic:
        low, high = _ratio_limits(rows)
        scale |= {"domain": [low, high], "nice": False}
        drawn["values"] = [tick for tick in _RATIO_TICKS if low <= tick <= high]
        drawn["format"] = "~g"
    elif limits is not None:
        scale = {"zero": False, "domain": list(limits), "nice": False}
    place = {"field": "x", "type": "quantitative", "scale": scale, "axis": drawn}
    colour = {"field": "c", "type": "nominal", "scale": None}
    told = [
        {"field": "l", "type": "nominal", "title": "condition"},
        {"field": "t", "type": "nominal", "title": "mean [95 %]"},
    ]
    dot: dict[str, Any] = {"x": place, "color": colour, "tooltip": told}
    shown = {role: each for role, each in roles.items() if any(row.role == role for row in rows)}
    if shown:
        dot["shape"] = _shapes(shown)
    return [
        {
            "mark": {"type": "rule", "strokeWidth": 2.5, "aria": False, "clip": True},
            "encoding": {
                "x": {**place, "field": "lo"}, "x2": {"field": "hi"}, "color": colour,
                "tooltip": told,
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 85, "opacity": 1, "clip": True},
            "encoding": dot,
        },
    ]  # fmt: skip


def _shapes(roles: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """A mark for each role, and their words below the figure."""
    words = {role: name for role, (_, name) in roles.items()}
    legend = {
        "title": None, "orient": "bottom", "values": list(roles), "symbolFillColor": FAINT,
        "labelExpr": looked_up(words, "datum.value"),
        "columns": {"expr": "containerSize()[0]<460?1:0"},
    }  # fmt: skip
    marks = [mark for mark, _ in roles.values()]
    scale = {"domain": [*roles, ALL], "range": [*marks, "circle"]}
    return {"field": "g", "type": "nominal", "scale": scale, "legend": legend}


def _notes(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Words in the place of dots that there are not."""
    if all(not row.note and math.isfinite(row.mean) for row in rows):
        return []
    return [
        {
            "mark": {"type": "text", "color": FAINT, "fontSize": 11, "align": "left"},
            "encoding": {"x": {"value": 8}, "text": {"field": "n"}},
        }
    ]


def _ratio_limits(rows: Sequence[Row]) -> tuple[float, float]:
    """Limits about all rows, and about 1."""
    drawn = np.array([value for row in rows for value in (row.low, row.mean, row.high)])
    drawn = drawn[np.isfinite(drawn) & (drawn > 0)]
    return 0.92 * min(0.7, drawn.min(initial=1.0)), 1.08 * max(1.4, drawn.max(initial=1.0))
