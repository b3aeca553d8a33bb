"""Figures of many sessions: patients with their sessions, small multiples, what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from b2m_drive.comparisons.pooled_verdict import PooledDifference, PooledVerdict
from b2m_drive.comparisons.pooling import EstimateWithoutOne, SessionsRun
from b2m_drive.comparisons.study import summary_label
from b2m_drive.comparisons.verdict import closest_null
from b2m_drive.evidence.condition import ALONE, BRAIN, TransferMethod
from b2m_drive.evidence.statistics import rank_correlation
from b2m_drive.reports.charts import (
    ALL,
    BRAIN_COLOUR,
    CHANGED_COLOUR,
    CONTROL,
    EDGE,
    FAINT,
    Chart,
    Choice,
    chart_of,
    control_choice,
    rounded,
)
from b2m_drive.reports.curve_chart import (
    SESSION,
    CurveAxes,
    CurvePanel,
    chosen_panel_chart,
    small_multiples_chart,
)
from b2m_drive.reports.interval_chart import Row, interval_chart
from b2m_drive.reports.method_charts import Only, curve_axes, curves_of

_CURVES = (BRAIN, ALONE, "shuffled", "untrained_network")  # of the small multiples
_STEP = 24  # [px] a patient
_ON_SESSION = f"{SESSION}=='{ALL}'||datum.s=={SESSION}"


def session_choice(run: SessionsRun) -> Choice:
    """The choice among the sessions that were compared."""
    names = [session.name for session in run.sessions if session.name in run.runs]
    return Choice(SESSION, "Session", ((ALL, "all"), *((name, name) for name in names)))


def forest_charts(
    verdict: PooledVerdict, caption: str, session: Choice | None, only: Only = ()
) -> tuple[Chart, ...]:
    """Brain minus control by patient, sessions nested as small dots; the pooled interval below.

    One figure shows the student alone; the other, the control that is chosen, at first the
    closest null.
    """
    over = {**verdict.over_nulls, **verdict.over_probes}
    patients = _by_gain(verdict.over_nulls[ALONE])
    choice = control_choice(verdict.study, over, verdict.simulated)
    return (
        _forest(verdict, {ALONE: over[ALONE]}, patients, caption, "alone", (session, None), only),
        _forest(verdict, over, patients, caption, "chosen", (session, choice), only),
    )


def _forest(
    verdict: PooledVerdict,
    over: Mapping[str, PooledDifference],
    patients: Sequence[str],
    caption: str,
    name: str,
    choices: tuple[Choice | None, Choice | None],
    only: Only,
) -> Chart:
    study, mean = verdict.study, f"mean of {len(patients)} patients"
    _, others = headline_controls(verdict)
    control = choices[1]
    first = others if control else ALONE
    chosen = f"indexof({_keys(over)},{CONTROL})>=0?{CONTROL}:'{first}'" if control else f"'{first}'"
    labels = {key: study.label_of(key, verdict.simulated) for key in over}
    spec: dict[str, Any] = {
        "width": "container",
        "height": {"step": _STEP},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": [each.parameter for each in choices if each],
        "data": {"values": [row for key, each in over.items() for row in _forest_rows(key, each)]},
        "transform": [
            {"filter": f"datum.k==({chosen})"},
            {"calculate": f"datum.kind=='pooled'?'{mean}':datum.p", "as": "row"},
        ],
        "encoding": {
            "y": {
                "field": "row", "type": "nominal", "sort": [*patients, mean],
                "axis": {"title": None, "grid": True, "ticks": False, "domain": False},
            },
        },
        "layer": _forest_layers(
            f"{summary_label(verdict.metric, study)} ({study.curve_unit})",
            choices[0] is not None,
        ),
    }  # fmt: skip
    heading = "the chosen control (at first the closest null)" if control else labels[ALONE]
    return chart_of(
        f"{verdict.method.slug}-patients-{name}",
        caption,
        f"{verdict.method.label}\nbrain minus {heading}",
        spec,
        verdict.simulated,
        only,
    )


def _keys(names: Mapping[str, Any]) -> str:
    return "[" + ",".join(f"'{name}'" for name in names) + "]"


def _forest_rows(key: str, difference: PooledDifference) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, gain in difference.by_session.items():
        patient = difference.patient_of[name]
        rows.append({"kind": "session", "k": key, "p": patient, "s": name, "x": rounded(gain)})
    for patient, gain in difference.by_patient.items():
        rows.append({"kind": "patient", "k": key, "p": patient, "x": rounded(gain)})
    pooled = {"kind": "pooled", "k": key, "x": rounded(difference.mean)}
    pooled |= {"lo": rounded(difference.low), "hi": rounded(difference.high)}
    return [*rows, pooled]


def _forest_layers(axis: str, by_session: bool) -> list[dict[str, Any]]:
    across = {
        "field": "x", "type": "quantitative", "scale": {"zero": False, "padding": EDGE},
        "axis": {"title": axis, "tickCount": 5},
    }  # fmt: skip
    told = [
        {"field": "row", "type": "nominal", "title": "patient"},
        {"field": "s", "type": "nominal", "title": "session"},
        {"field": "x", "type": "quantitative", "format": "+.3f", "title": "brain minus control"},
        {"field": "lo", "type": "quantitative", "format": "+.3f", "title": "95 % from"},
        {"field": "hi", "type": "quantitative", "format": "+.3f", "title": "to"},
    ]
    faded = {"condition": {"test": _ON_SESSION, "value": 0.85}, "value": 0.12}

    def of(kind: str) -> list[dict[str, str]]:
        return [{"filter": f"datum.kind=='{kind}'"}]

    return [
        {
            "mark": {"type": "rule", "color": FAINT, "aria": False},
            "encoding": {"x": {"datum": 0}, "y": None},
        },
        {
            "transform": of("session"),
            "mark": {"type": "point", "filled": True, "size": 26, "color": FAINT},
            "encoding": {
                "x": across, "tooltip": told[:3],
                "opacity": faded if by_session else {"value": 0.7},
            },
        },
        {
            "transform": of("patient"),
            "mark": {"type": "point", "filled": True, "size": 85, "color": BRAIN_COLOUR,
                     "opacity": 0.85},
            "encoding": {"x": across, "tooltip": [told[0], told[2]]},
        },
        {
            "transform": of("pooled"),
            "mark": {"type": "rule", "strokeWidth": 2.5, "color": "black", "aria": False},
            "encoding": {"x": {**across, "field": "lo"}, "x2": {"field": "hi"}},
        },
        {
            "transform": of("pooled"),
            "mark": {"type": "point", "filled": True, "shape": "diamond", "size": 110,
                     "color": "black", "opacity": 1},
            "encoding": {"x": across, "tooltip": [told[0], *told[2:]]},
        },
    ]  # fmt: skip


def session_panels(run: SessionsRun, method: TransferMethod) -> list[CurvePanel]:
    """The curves of each session that was compared."""
    found = []
    for session in run.sessions:
        if session.name not in run.runs:
            continue
        one = run.runs[session.name]
        note = "" if session.pooled else ", not pooled"
        label = f"{session.name}\n{session.n_units} units{note}"
        curves = curves_of(one.curves, method, run.study, run.simulated)
        found.append(CurvePanel(session.name, label, curves, one.batch_size))
    return found


def session_charts(
    run: SessionsRun, method: TransferMethod, session: Choice, only: Only
) -> tuple[Chart, ...]:
    """Small figures of all sessions, and a large one of the session that is chosen."""
    panels, axes = session_panels(run, method), _axes(run)
    controls = dict.fromkeys(curve.key for panel in panels for curve in panel.curves)
    choice = control_choice(run.study, controls, run.simulated)
    label = f"{run.study.curve_label[0].upper()}{run.study.curve_label[1:]}"
    caption = (
        f"{label} over training in each session: means over seeds, with 95 % bands of the brain "
        "and the student alone. A control that is chosen above is drawn, too; a session that is "
        "chosen is drawn large."
    )
    name = f"{method.slug}-sessions"
    many = small_multiples_chart(
        name, caption, f"{method.label}: each session", panels, axes, run.simulated, choice,
        _CURVES, (*only, (SESSION, "all")),
    )  # fmt: skip
    one = chosen_panel_chart(
        f"{name}-chosen", caption, f"{method.label}: the chosen session", panels, axes,
        run.simulated, session, choice, (*only, (SESSION, "one")),
    )  # fmt: skip
    return many, one


def _axes(run: SessionsRun) -> CurveAxes:
    return curve_axes(run.study, run.config.batch_size)


def gain_charts(
    verdict: PooledVerdict,
    decoding: Mapping[str, float],
    caption: str,
    of_what: str,
    session: Choice,
    only: Only,
) -> tuple[Chart, ...]:
    """A session's gain over its item decoding, a dot a session; those of one patient joined.

    Args:
        verdict: On the pooled sessions.
        decoding: Item decoding of the sessions in which it is defined, or another figure.
        caption: What the figures show.
        of_what: What that figure is.
        session: The choice among sessions.
        only: As in `Chart`.
    """
    study = verdict.study
    charts = []
    for control in headline_controls(verdict):
        difference = verdict.over_nulls[control]
        shown = [name for name in difference.by_session if name in decoding]
        gains = np.array([difference.by_session[name] for name in shown])
        rho = rank_correlation(np.array([decoding[name] for name in shown]), gains)
        text = "undefined" if np.isnan(rho) else f"{rho:+.2f}".replace("-", "−")
        rows = [
            {
                "s": name, "p": difference.patient_of[name], "x": rounded(decoding[name]),
                "y": rounded(difference.by_session[name]),
            }
            for name in shown
        ]  # fmt: skip
        spec = _gain_spec(rows, of_what, summary_label(verdict.metric, study), session)
        charts.append(
            chart_of(
                f"{verdict.method.slug}-gain-by-decoding-{control.replace('_', '-')}",
                caption,
                f"{verdict.method.label}\nover {study.labels[control]}; Spearman's correlation "
                f"{text}, {len(shown)} sessions",
                spec,
                verdict.simulated,
                only,
            )
        )
    return tuple(charts)


def _gain_spec(
    rows: list[dict[str, Any]], of_what: str, metric: str, session: Choice
) -> dict[str, Any]:
    place = {
        "x": {"field": "x", "type": "quantitative", "scale": {"zero": False, "padding": EDGE},
              "axis": {"title": of_what.split("\n"), "tickCount": 5, "grid": False}},
        "y": {"field": "y", "type": "quantitative", "scale": {"zero": False, "padding": EDGE},
              "axis": {"title": ["brain minus control,", metric], "tickCount": 6}},
    }  # fmt: skip
    told = [
        {"field": "s", "type": "nominal", "title": "session"},
        {"field": "p", "type": "nominal", "title": "patient"},
        {"field": "x", "type": "quantitative", "format": ".3f", "title": "decoding"},
        {"field": "y", "type": "quantitative", "format": "+.3f", "title": "gain"},
    ]
    faded = {"condition": {"test": _ON_SESSION, "value": 0.75}, "value": 0.12}
    return {
        "width": "container",
        "height": 260,
        "params": [session.parameter],
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "rule", "color": FAINT, "aria": False},
                "encoding": {"y": {"datum": 0}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 0.8, "opacity": 0.5, "aria": False,
                         "color": BRAIN_COLOUR},
                "encoding": {**place, "detail": {"field": "p"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "color": BRAIN_COLOUR},
                "encoding": {**place, "opacity": faded, "tooltip": told},
            },
        ],
    }  # fmt: skip


def leave_one_out_charts(
    verdict: PooledVerdict,
    left: Sequence[EstimateWithoutOne],
    by: str,
    caption: str,
    only: Only,
) -> tuple[Chart, ...]:
    """The pooled intervals without each session or patient; orange where the grade changes."""
    metric = summary_label(verdict.metric, verdict.study)
    columns = (
        ("alone", verdict.over_nulls[ALONE], [each.over_alone for each in left]),
        (
            "the closest null",
            verdict.over_nulls[verdict.closest],
            [each.over_closest for each in left],
        ),
    )
    charts = []
    for words, whole, without in columns:
        rows = [Row("none left out", "#000000", whole.mean, whole.low, whole.high)]
        for each, one in zip(left, without, strict=True):
            colour = CHANGED_COLOUR if each.changes else BRAIN_COLOUR
            label = f"{each.name} (grade changes)" if each.changes else each.name
            rows.append(Row(label, colour, one.mean, one.low, one.high))
        charts.append(
            interval_chart(
                f"{verdict.method.slug}-without-each-{by}-{words.replace(' ', '-')}",
                caption,
                f"{verdict.method.label}: without each {by}",
                rows,
                f"brain minus {words} ({metric})",
                verdict.simulated,
                only=only,
            )
        )
    return tuple(charts)


def headline_controls(verdict: PooledVerdict) -> tuple[str, str]:
    """The student alone, and the closest other null: what the figures show first."""
    others = {name: gain for name, gain in verdict.over_nulls.items() if name != ALONE}
    return ALONE, closest_null(others)


def _by_gain(difference: PooledDifference) -> list[str]:
    """Patients, the one with the largest gain first."""
    return sorted(difference.by_patient, key=lambda name: -difference.by_patient[name])
