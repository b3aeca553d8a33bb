"""Figures of the verdict's calibration: grades of known brains, and how close they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from b2m_drive.comparisons.calibration import NOMINAL, CalibrationRow
from b2m_drive.comparisons.verdict import Grade
from b2m_drive.reports.charts import FAINT, Chart, chart_of, rounded
from b2m_drive.reports.report_parts import percent
from b2m_drive.reports.runs_charts import GRADE_COLOURS, GRADE_MARKS

_JITTER = 0.28  # of a column's width, over which dots are spread


def bounds_chart(columns: Mapping[str, Sequence[CalibrationRow]], caption: str) -> Chart:
    """Lower bounds over the closest null of all brains, a column a kind and strategy."""
    rows = [
        {
            "b": label.replace(", ", "\n"), "j": rounded(float(place)), "g": each.grade,
            "y": rounded(float(each.closest_null_low)), "w": Grade[each.grade].value,
        }
        for label, own in columns.items()
        for each, place in zip(own, _spread(len(own)), strict=True)
    ]  # fmt: skip
    told = [
        {"field": "b", "type": "nominal", "title": "brains"},
        {"field": "y", "type": "quantitative", "format": "+.3f", "title": "lower bound"},
        {"field": "w", "type": "nominal", "title": "grade"},
    ]
    upwards = {
        "field": "y", "type": "quantitative",
        "axis": {"title": ["lower bound of brain minus the closest null",
                           "(area under the learning curve)"]},
    }  # fmt: skip
    spec: dict[str, Any] = {
        "width": "container",
        "height": 300,
        "data": {"values": [row for row in rows if row["y"] is not None]},
        "layer": [
            {
                "mark": {"type": "rule", "color": FAINT, "aria": False},
                "encoding": {"y": {"datum": 0}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 38, "opacity": 0.8},
                "encoding": {
                    "x": {"field": "b", "type": "nominal", "sort": None,
                          "axis": {"title": None, "labelAngle": 0,
                                   "labelExpr": "split(datum.label,'\\n')"}},
                    "xOffset": {"field": "j", "type": "quantitative",
                                "scale": {"domain": [-0.5, 0.5]}},
                    "y": upwards,
                    "color": _by_grade([GRADE_COLOURS[each] for each in Grade]),
                    "shape": _by_grade([GRADE_MARKS[each.name][0] for each in Grade]),
                    "tooltip": told,
                },
            },
        ],
    }  # fmt: skip
    return chart_of("lower-bounds", caption, "How close the verdict was", spec, simulated=True)


def grades_chart(columns: Mapping[str, Sequence[CalibrationRow]], caption: str) -> Chart:
    """Shares of grades as stacked bars, a bar a kind and strategy."""
    rows = [
        {
            "b": f"{label} (n = {len(own)})".replace(", ", "\n"), "g": grade.name, "o": order,
            "n": sum(each.grade == grade.name for each in own),
            "share": rounded(sum(each.grade == grade.name for each in own) / len(own)),
            "w": grade.value,
        }
        for label, own in columns.items()
        for order, grade in enumerate(Grade)
    ]  # fmt: skip
    bar: dict[str, Any] = {
        "y": {"field": "b", "type": "nominal", "sort": None,
              "axis": {"title": None, "ticks": False, "labelExpr": "split(datum.label,'\\n')"}},
        "x": {"field": "share", "type": "quantitative", "stack": "zero",
              "scale": {"domain": [0, 1]}, "axis": {"grid": False, "format": "%", "title":
              f"share of brains (dashed: {percent(NOMINAL)})"}},
        "order": {"field": "o", "type": "quantitative"},
    }  # fmt: skip
    told = [
        {"field": "b", "type": "nominal", "title": "brains"},
        {"field": "w", "type": "nominal", "title": "grade"},
        {"field": "n", "type": "quantitative", "title": "how many"},
    ]
    spec: dict[str, Any] = {
        "width": "container",
        "height": {"step": 42},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [row for row in rows if row["n"]]},
        "layer": [
            {
                "mark": {"type": "bar", "stroke": "white", "strokeWidth": 2},
                "encoding": {
                    **bar,
                    "color": _by_grade([GRADE_COLOURS[each] for each in Grade]),
                    "tooltip": told,
                },
            },
            {
                "mark": {"type": "text", "color": "white", "fontWeight": "bold", "aria": False},
                "encoding": {
                    **bar,
                    "x": {**bar["x"], "bandPosition": 0.5},
                    "text": {
                        "condition": {"test": "datum.share>=0.04", "field": "n"}, "value": "",
                    },
                    "detail": {"field": "g"},
                },
            },
            {
                "mark": {"type": "rule", "strokeDash": [4, 3], "aria": False},
                "encoding": {"x": {"datum": NOMINAL}},
            },
        ],
    }  # fmt: skip
    return chart_of("grades", caption, "Grades", spec, simulated=True)


def _by_grade(drawn: Sequence[str]) -> dict[str, Any]:
    words = {grade.name: grade.value for grade in Grade}
    return {
        "field": "g",
        "type": "nominal",
        "scale": {"domain": list(words), "range": list(drawn)},
        "legend": {
            "title": None,
            "orient": "bottom",
            "labelExpr": f"{words!r}[datum.value]",
            "columns": {"expr": "containerSize()[0]<460?1:2"},
        },
    }


def _spread(n: int) -> np.ndarray:
    """Places of dots beside each other, so that few overlap; the same for every page."""
    mixed = np.arange(n) * 0.6180339887498949 % 1.0
    return np.asarray(_JITTER * np.linspace(-1, 1, n)[np.argsort(np.argsort(mixed))])
