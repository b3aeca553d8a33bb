"""Average paths of brain and students through two latents, as a figure that a reader explores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from b2m_drive.comparisons.run_folder import Trajectory
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import BRAIN, SHORT_STRATEGIES, Condition
from b2m_drive.reports.charts import Chart, chart_of, csv_data, looked_up
from b2m_drive.reports.charts import wrapped as on_lines
from b2m_drive.reports.curve_chart import as_wide_as_the_page

_GROUPS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#888888")
_COLUMNS = ("p", "group", "step", "time", "x", "y")
_CELL = 190  # [px] of a panel
_BETWEEN = 30  # [px]


def trajectory_chart(
    trajectories: Mapping[str, Trajectory], study: Study, simulated: bool
) -> Chart:
    """Average paths through the first two latents; a circle marks the start, a triangle the end."""
    first = next(iter(trajectories.values()))
    span = f"{first.time[0]:.1f} to {first.time[-1]:.1f} s".replace("-", "−")
    rows = [
        (panel, str(group), step, float(trajectory.time[step]), float(x), float(y))
        for panel, trajectory in trajectories.items()
        for group, path in enumerate(trajectory.values)
        for step, (x, y) in enumerate(path)
    ]
    names = {name: on_lines(trajectory_label(name, study, simulated), 30) for name in trajectories}
    last = {name: len(each.time) - 1 for name, each in trajectories.items()}
    spec: dict[str, Any] = {
        "data": csv_data(_COLUMNS, rows, _COLUMNS[2:]),
        "facet": {
            "field": "p", "type": "nominal", "sort": list(trajectories),
            "header": {
                "labelExpr": f"split({looked_up(names, 'datum.value')},'\\n')", "title": None,
            },
        },
        "columns": 3,
        "spacing": _BETWEEN,
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
        "spec": {"width": _CELL, "height": _CELL, "layer": _layers(last)},
        "usermeta": as_wide_as_the_page(_CELL + _BETWEEN + 40, 10),
    }  # fmt: skip
    return chart_of(
        "trajectories",
        "Latents averaged over groups of trials, one colour a group, in the brain and in students. "
        "Axes differ between panels: only shapes can be compared.",
        f"Average paths by group of trials, {span}; ● start, ▲ end",
        spec,
        simulated,
    )


def _layers(last: Mapping[str, int]) -> list[dict[str, Any]]:
    axis = {"grid": False, "tickCount": 3}
    colour = {"field": "group", "type": "nominal", "scale": {"range": _GROUPS}, "legend": None}
    place = {
        "x": {"field": "x", "type": "quantitative", "scale": {"zero": False},
              "axis": {**axis, "title": "latent 1 (a.u.)"}},
        "y": {"field": "y", "type": "quantitative", "scale": {"zero": False},
              "axis": {**axis, "title": "latent 2 (a.u.)"}},
        "color": colour,
    }  # fmt: skip
    told = [
        {"field": "group", "type": "nominal", "title": "group"},
        {"field": "time", "type": "quantitative", "title": "time (s)", "format": ".2f"},
    ]
    at_end = f"datum.step=={looked_up({k: str(v) for k, v in last.items()}, 'datum.p')}"
    return [
        {
            "mark": {"type": "line", "aria": False, "strokeWidth": 1.6},
            "encoding": {**place, "order": {"field": "step", "type": "quantitative"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 45, "opacity": 0, "aria": False},
            "encoding": {**place, "tooltip": told},
        },
        {
            "transform": [{"filter": "datum.step==0"}],
            "mark": {"type": "point", "filled": True, "size": 45, "shape": "circle"},
            "encoding": {**place, "tooltip": told},
        },
        {
            "transform": [{"filter": at_end}],
            "mark": {"type": "point", "filled": True, "size": 75, "shape": "triangle-up"},
            "encoding": {**place, "tooltip": told},
        },
    ]


def trajectory_label(name: str, study: Study, simulated: bool) -> str:
    """What a reader calls a panel: the brain itself, or a student by its condition."""
    if name == BRAIN:
        return study.label_of(BRAIN, simulated)
    condition = Condition.parse(name)
    label = study.label_of(condition.control, simulated)
    if condition.method:
        return f"student, {SHORT_STRATEGIES[condition.method.strategy]}, {label}"
    return f"student, {label}"
