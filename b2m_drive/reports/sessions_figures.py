"""Figures of many sessions: patients with their sessions, small multiples, what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from b2m_drive.comparisons.pooled_verdict import PooledDifference, PooledVerdict
from b2m_drive.comparisons.pooling import EstimateWithoutOne, SessionsRun
from b2m_drive.comparisons.study import summary_label
from b2m_drive.comparisons.verdict import closest_null
from b2m_drive.evidence.condition import ALONE, BRAIN, TransferMethod
from b2m_drive.evidence.statistics import rank_correlation
from b2m_drive.reports.figures import (
    BRAIN_COLOUR,
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

_CURVES = ("untrained_network", "shuffled", ALONE, BRAIN)  # of the small multiples
_COLUMNS = 6  # small multiples beside each other
_CHANGED = "#D55E00"
_NOT_POOLED = "#f0f0f0"  # behind a session that is shown but not pooled
_NESTED = 0.22  # of a row's height, over which a patient's sessions are spread


def forest_figure(verdict: PooledVerdict, controls: Sequence[str]) -> Figure:
    """Brain minus control by patient, sessions nested as small dots; the pooled interval below."""
    patients = _by_gain(verdict.over_nulls[controls[0]])
    figure = blank_figure(2.2 + 4.2 * len(controls), 1.9 + 0.27 * len(patients))
    panels = figure.subplots(1, len(controls), sharey=True, squeeze=False)[0]
    for axes, control in zip(panels, controls, strict=True):
        difference = verdict.over_nulls[control]
        axes.axvline(0, color=FAINT, linewidth=0.9)
        for place, patient in enumerate(patients):
            nested = difference.sessions_of(patient)
            spread = np.linspace(-_NESTED, _NESTED, len(nested)) if len(nested) > 1 else [0.0]
            axes.plot(nested, place + np.array(spread), "o", color=FAINT, markersize=2.8,
                      alpha=0.65)  # fmt: skip
            axes.plot(difference.by_patient[patient], place, "o", color=BRAIN_COLOUR,
                      markersize=6.5, alpha=0.85)  # fmt: skip
        below = len(patients) + 0.4
        axes.plot([difference.low, difference.high], [below, below], color="black", linewidth=2)
        axes.plot(difference.mean, below, "D", color="black", markersize=7)
        axes.axhline(len(patients) - 0.3, color=FAINT, linewidth=0.7, linestyle=(0, (1, 2)))
        axes.set_title(f"brain minus {verdict.study.labels[control]}", loc="left", fontsize=NORMAL)
        axes.set_xlabel(
            f"{summary_label(verdict.metric, verdict.study)} ({verdict.study.curve_unit})",
            fontsize=NORMAL,
        )
        tidy(axes)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color="#e8e8e8", linewidth=0.7)
    names = [*patients, f"mean of {len(patients)} patients"]
    panels[0].set_yticks([*range(len(patients)), len(patients) + 0.4], names)
    panels[0].set_ylim(len(patients) + 1.0, -0.7)
    entitle(figure, f"{verdict.method.label}: patients, and their sessions", verdict.simulated)
    return figure


def session_curves_figure(run: SessionsRun, method: TransferMethod) -> Figure:
    """Learning curves of each session, a panel a session; what is not pooled, on grey."""
    shown = [session for session in run.sessions if session.name in run.runs]
    n_columns = min(_COLUMNS, len(shown))
    n_rows = -(-len(shown) // n_columns)
    figure = blank_figure(2.15 * n_columns + 0.4, 1.75 * n_rows + 0.9)
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    panels = list(grid.ravel())
    for axes, session in zip(panels, shown, strict=False):
        one = run.runs[session.name]
        for name in _CURVES:
            curve = one.curves.get(method.condition(name))
            if curve is not None:
                label = run.study.label_of(name, run.simulated)
                draw_curve(axes, curve, one.batch_size, name, run.study.style_of(name), label)
        axes.axhline(run.study.floor, color=FAINT, linewidth=0.7, linestyle=(0, (1, 2)))
        note = "" if session.pooled else " · not pooled"
        axes.set_title(f"{session.name}\n{session.n_units} units{note}", loc="left", fontsize=6)
        if not session.pooled:
            axes.set_facecolor(_NOT_POOLED)
        axes.xaxis.set_major_formatter(FuncFormatter(thousands))
        tidy(axes)
        axes.tick_params(labelsize=7)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    figure.supxlabel(run.study.sample_label, fontsize=NORMAL)
    figure.supylabel(f"{run.study.curve_label}, held out", fontsize=NORMAL)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower right", ncols=len(labels),
                  fontsize=SMALL, frameon=False)  # fmt: skip
    entitle(figure, f"{method.label}: each session", run.simulated)
    return figure


def gain_figure(
    verdict: PooledVerdict,
    decoding: Mapping[str, float],
    controls: Sequence[str],
    of_what: str = "item decoding of the session (accuracy, held out)",
) -> Figure:
    """A session's gain over its item decoding, a dot a session; those of one patient joined.

    Args:
        verdict: On the pooled sessions.
        decoding: Item decoding of the sessions in which it is defined, or another figure.
        controls: A panel each.
        of_what: What that figure is.
    """
    figure = blank_figure(1.2 + 4.2 * len(controls), 3.9)
    panels = figure.subplots(1, len(controls), squeeze=False)[0]
    for axes, control in zip(panels, controls, strict=True):
        difference = verdict.over_nulls[control]
        gains, patient_of = difference.by_session, difference.patient_of
        shown = [name for name in gains if name in decoding]
        axes.axhline(0, color=FAINT, linewidth=0.9)
        for patient in dict.fromkeys(patient_of[name] for name in shown):
            own = sorted(
                (decoding[name], gains[name]) for name in shown if patient_of[name] == patient
            )
            axes.plot(*zip(*own, strict=True), "o-", color=BRAIN_COLOUR, markersize=5,
                      linewidth=0.7, alpha=0.65)  # fmt: skip
        rho = rank_correlation(
            np.array([decoding[name] for name in shown]), np.array([gains[name] for name in shown])
        )
        text = "undefined" if np.isnan(rho) else f"{rho:+.2f}".replace("-", "−")
        axes.set_title(
            f"over {verdict.study.labels[control]}\nSpearman's correlation {text}, "
            f"{len(shown)} sessions",
            loc="left",
            fontsize=NORMAL,
        )
        axes.set_xlabel(of_what, fontsize=NORMAL)
        tidy(axes)
    panels[0].set_ylabel(
        f"brain minus control,\n{summary_label(verdict.metric, verdict.study)}", fontsize=NORMAL
    )
    entitle(figure, f"{verdict.method.label}: gain by what can be decoded", verdict.simulated)
    return figure


def leave_one_out_figure(
    verdict: PooledVerdict, left: Sequence[EstimateWithoutOne], by: str
) -> Figure:
    """The pooled intervals without each session or patient; orange where the grade changes."""
    black, blue = "#000000", BRAIN_COLOUR
    closest = verdict.over_nulls[verdict.closest]
    columns: list[list[Row]] = []
    for whole, without in (
        (verdict.over_nulls[ALONE], [each.over_alone for each in left]),
        (closest, [each.over_closest for each in left]),
    ):
        rows = [Row("none", black, whole.mean, whole.low, whole.high)]
        for each, one in zip(left, without, strict=True):
            colour = _CHANGED if each.changes else blue
            rows.append(Row(each.name, colour, one.mean, one.low, one.high))
        columns.append(rows)
    metric = summary_label(verdict.metric, verdict.study)
    titles = [f"brain minus alone\n({metric})", f"brain minus the closest null\n({metric})"]
    figure = dot_plot(titles, columns, zero=0.0)
    figure.axes[0].set_ylabel(f"{by} left out", fontsize=NORMAL)
    entitle(figure, f"{verdict.method.label}: without each {by}", verdict.simulated)
    return figure


def headline_controls(verdict: PooledVerdict) -> tuple[str, str]:
    """The student alone, and the closest other null: what the figures show first."""
    others = {name: gain for name, gain in verdict.over_nulls.items() if name != ALONE}
    return ALONE, closest_null(others)


def _by_gain(difference: PooledDifference) -> list[str]:
    """Patients, the one with the largest gain first."""
    return sorted(difference.by_patient, key=lambda name: -difference.by_patient[name])
