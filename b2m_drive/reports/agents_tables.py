"""The tables of the agents' report: what was reached, and how conditions differ."""

from __future__ import annotations

import numpy as np

from b2m_drive.comparisons.agents_run import AgentsResult
from b2m_drive.comparisons.agents_study import (
    CLONED_ACCURACY,
    CLONED_BALANCED,
    CLONED_OFF_ROAD,
    CLONED_RETURN,
    CLONED_SAFE,
    DRIVERS,
    OFF_ROAD,
    RETURN,
    SAFE,
    SPEED,
    STUDIED,
    SUCCESS,
    VALIDATION,
    agent_label,
    cloned,
)
from b2m_drive.comparisons.verdict import interval_text
from b2m_drive.evidence.condition import ALONE, Condition
from b2m_drive.evidence.statistics import (
    Interval,
    holm_corrected,
    mean_interval,
    paired_difference,
)
from b2m_drive.reports.report_parts import Table, interval_plain, p_text

_MEASURED = {  # beside what is judged, where a run has it
    SPEED: "speed (m/s)",
    OFF_ROAD: "off the road (share of steps)",
    SUCCESS: "goal reached (share of episodes)",
}


def reached_table(result: AgentsResult) -> Table:
    """What each condition and driver reached, with intervals."""
    measured = {name: result.by_seed(name) for name in _MEASURED}
    shown = [name for name, values in measured.items() if values]
    rows = []
    for condition in (*result.with_encoder, *result.beside):
        cells: list[Interval | None] = [
            mean_interval(result.summary(judged, condition)) for judged in STUDIED
        ]
        cells += [mean_interval(measured[name][condition]) for name in shown]
        rows.append(_level_row(condition, cells, result))
    for driver in DRIVERS:
        found = [result.driver(metric, driver) for metric in (*STUDIED, *shown)]
        rows.append(_level_row(Condition(driver), found, result))
    header = ("", "return", "without a crash", "mean return over training")
    return Table((*header, *(_MEASURED[name] for name in shown)), tuple(rows))


def _level_row(
    condition: Condition, intervals: list[Interval | None], result: AgentsResult
) -> tuple[str, ...]:
    cells = [interval_plain(each, 2) if each else "—" for each in intervals]
    return (agent_label(condition, result.simulated), *cells)


def minus_alone_table(result: AgentsResult) -> Table:
    """Each condition minus the encoder alone, p-values corrected within a column."""
    shown = [name for name in (*result.with_encoder, *result.beside) if name != Condition(ALONE)]
    columns = {
        judged: [result.over(judged, condition) for condition in shown] for judged in STUDIED
    }
    header = ["minus encoder alone"]
    cells: list[list[str]] = []
    for judged, found in columns.items():
        header += [short_label(judged), "p (Holm)"]
        corrected = holm_corrected(np.array([each.p_value for each in found]))
        cells.append([interval_text(each) for each in found])
        cells.append([p_text(float(p)) for p in corrected])
    labels = [agent_label(condition, result.simulated) for condition in shown]
    return Table(tuple(header), tuple(zip(labels, *cells, strict=True)))


def cloning_table(result: AgentsResult, count: int) -> Table:
    """What clones of so many frames reached, and by how much more than on the encoder alone."""
    metrics = {
        "return": (cloned(CLONED_RETURN, count), 2),
        "without a crash": (cloned(CLONED_SAFE, count), 2),
        "off the road": (cloned(CLONED_OFF_ROAD, count), 2),
        "accuracy": (cloned(CLONED_ACCURACY, count), 3),
        "balanced accuracy": (cloned(CLONED_BALANCED, count), 3),
    }
    values = {name: result.by_seed(metric) for name, (metric, _) in metrics.items()}
    metrics = {name: each for name, each in metrics.items() if values[name]}
    rows = []
    for condition in (*result.with_encoder, *result.beside):
        row = [agent_label(condition, result.simulated)]
        row += [
            interval_plain(mean_interval(values[name][condition]), digits)
            for name, (_, digits) in metrics.items()
        ]
        for name in ("return", "balanced accuracy"):
            own, alone = values[name][condition], values[name][Condition(ALONE)]
            is_alone = condition.control == ALONE
            row.append("—" if is_alone else interval_text(paired_difference(own, alone)))
        rows.append(tuple(row))
    differences = ("return minus alone", "balanced accuracy minus alone")
    header = (f"{count:,} frames", *metrics, *differences)
    return Table(header, tuple(rows))


def short_label(judged: str) -> str:
    """What is judged, as the head of a column."""
    return {
        RETURN: "return [95\u00a0%]",
        SAFE: "without a crash [95\u00a0%]",
        VALIDATION: "mean return over training [95\u00a0%]",
    }[judged]
