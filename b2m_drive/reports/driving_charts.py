"""Figures of the driving study: reconstruction error, variables, the delay of the brain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from b2m_drive.comparisons.run_folder import Run
from b2m_drive.evidence.condition import Condition, TransferMethod
from b2m_drive.evidence.learning_curves import LearningCurve
from b2m_drive.reports.charts import (
    BRAIN_COLOUR,
    FAINT,
    Chart,
    chart_of,
    control_choice,
    rounded,
)
from b2m_drive.reports.curve_chart import CurveAxes, curve_chart
from b2m_drive.reports.method_charts import curves_of, of_method

_LOWEST_SHARE, _LEAST_HIGH_SHARE = -0.2, 0.5  # of variance, on the axis of vehicles' pixels
_WIDE = 640  # [px] from which on numbers fit into a heat map


def error_chart(
    curves: Mapping[Condition, LearningCurve], method: TransferMethod, run: Run
) -> Chart:
    """Reconstruction error over training, of the brain and of all its controls."""
    own = curves_of(curves, method, run.study, run.simulated)
    axes = CurveAxes(
        run.study.sample_label,
        "reconstruction error, held out\n(squared grey level × 1,000)",
        run.batch_size,
        factor=1000.0,
        logarithmic=True,
    )
    return curve_chart(
        f"{method.slug}-reconstruction",
        "Error of the whole scene's reconstruction on held-out frames over training. Lower is "
        "better. What a teacher does for reconstruction is told as plainly as what it does for "
        "the state.",
        f"{method.label}\nreconstruction error",
        own,
        axes,
        run.simulated,
        control_choice(run.study, [each.key for each in own], run.simulated),
        of_method(method, run.methods),
    )


def vehicle_chart(
    curves: Mapping[Condition, LearningCurve], method: TransferMethod, run: Run
) -> Chart:
    """Share of the vehicle pixels' variance explained over training, as `error_chart`."""
    own = curves_of(curves, method, run.study, run.simulated)
    highest = max(float(each.value.mean(0).max()) for each in curves.values())
    axes = CurveAxes(
        run.study.sample_label,
        "vehicle pixels explained, held out\n(share of variance)",
        run.batch_size,
        # Before training it may be far below zero, which would flatten all that comes after.
        limits=(_LOWEST_SHARE, min(1.0, max(_LEAST_HIGH_SHARE, 1.1 * highest))),
        levels={"one picture for all": 0.0},
    )
    return curve_chart(
        f"{method.slug}-vehicles",
        "How much of the variance of other vehicles' pixels the reconstruction explains on "
        "held-out frames, over training. 0 is one picture for all scenes, a road without "
        "vehicles; what lies below the axis is not shown.",
        f"{method.label}\nvehicle pixels explained",
        own,
        axes,
        run.simulated,
        control_choice(run.study, [each.key for each in own], run.simulated),
        of_method(method, run.methods),
    )


def variable_chart(
    table: Mapping[str, Mapping[Condition, float]],
    conditions: Sequence[Condition],
    run: Run,
    caption: str,
) -> Chart:
    """A heat map of R² by variable (columns) and condition (rows)."""
    labels = [run.study.long_label_of(each, run.simulated) for each in conditions]
    rows = [
        {"v": variable, "c": label, "r2": rounded(float(of[condition])),
         "t": f"{of[condition]:.2f}".replace("-", "−")}
        for variable, of in table.items()
        for condition, label in zip(conditions, labels, strict=True)
        if condition in of
    ]  # fmt: skip
    place = {
        "x": {"field": "v", "type": "nominal", "sort": list(table),
              "axis": {"title": None, "labelAngle": -40, "ticks": False}},
        "y": {"field": "c", "type": "nominal", "sort": labels,
              "axis": {"title": None, "ticks": False,
                       "labelLimit": {"expr": f"containerSize()[0]<{_WIDE}?130:300"}}},
    }  # fmt: skip
    told = [
        {"field": "c", "type": "nominal", "title": "condition"},
        {"field": "v", "type": "nominal", "title": "variable"},
        {"field": "t", "type": "nominal", "title": "R²"},
    ]
    colour = {
        "field": "r2", "type": "quantitative",
        "scale": {"scheme": "viridis", "domain": [0, 1], "clamp": True},
        "legend": {"title": "R² (share of variance)", "orient": "bottom", "gradientLength": 160},
    }  # fmt: skip
    spec: dict[str, Any] = {
        "width": "container",
        "height": {"step": 19},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": rows},
        "layer": [
            {"mark": "rect", "encoding": {**place, "color": colour, "tooltip": told}},
            {
                "mark": {"type": "text", "fontSize": 10, "aria": False,
                         "opacity": {"expr": f"containerSize()[0]<{_WIDE}?0:1"}},
                "encoding": {
                    **place,
                    "text": {"field": "t"},
                    "color": {
                        "condition": {"test": "datum.r2<0.6", "value": "white"}, "value": "black",
                    },
                    "tooltip": told,
                },
            },
        ],
    }  # fmt: skip
    title = "What can be read from the latents"
    return chart_of("variables", caption, title, spec, run.simulated)


def delay_chart(
    candidates: Sequence[float],
    scores: Sequence[float],
    chosen: float,
    simulated: bool,
    caption: str,
) -> Chart:
    """What can be read from the brain by delay, the chosen one marked."""
    rows = [
        {"x": rounded(float(x)), "y": rounded(float(y))}
        for x, y in zip(candidates, scores, strict=True)
    ]
    across = {
        "field": "x", "type": "quantitative",
        "axis": {"title": "delay from the frame to the response (s)", "grid": False},
    }  # fmt: skip
    upwards = {
        "field": "y", "type": "quantitative", "scale": {"zero": False},
        "axis": {"title": "R² of the scene's state", "tickCount": 5},
    }  # fmt: skip
    told = [
        {"field": "x", "type": "quantitative", "title": "delay (s)"},
        {"field": "y", "type": "quantitative", "format": ".3f", "title": "R²"},
    ]
    mark = {"data": {"values": [{"text": f"chosen: {chosen:.2f} s"}]}}
    spec: dict[str, Any] = {
        "width": "container",
        "height": 210,
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "rule", "color": FAINT, "strokeDash": [5, 3]},
                "encoding": {"x": {"datum": chosen}},
            },
            {
                **mark,
                "mark": {"type": "text", "align": "left", "dx": 5, "color": FAINT},
                "encoding": {
                    "x": {"datum": chosen}, "y": {"value": {"expr": "height-8"}},
                    "text": {"field": "text"},
                },
            },
            {
                "mark": {"type": "line", "color": BRAIN_COLOUR, "aria": False},
                "encoding": {"x": across, "y": upwards},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 55, "color": BRAIN_COLOUR},
                "encoding": {"x": across, "y": upwards, "tooltip": told},
            },
        ],
    }  # fmt: skip
    return chart_of("delay", caption, "Delay of the brain", spec, simulated)
