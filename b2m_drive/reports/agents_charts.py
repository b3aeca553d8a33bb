"""Figures of the agents' comparison: learning curves, differences, cloning, and reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from b2m_drive.comparisons.agents_run import AgentsResult
from b2m_drive.comparisons.agents_study import (
    AGENTS,
    BESIDE_LABELS,
    CLONED_BALANCED,
    CLONED_RETURN,
    DRIVER_LABELS,
    DRIVERS,
    RETURN,
    SAFE,
    STUDIED,
    VALIDATION,
    agent_label,
    agent_style,
    cloned,
    strategy_label,
)
from b2m_drive.evidence.condition import ALONE, BRAIN, Condition, TransferMethod
from b2m_drive.evidence.statistics import Interval, mean_interval
from b2m_drive.reports.charts import (
    ALL,
    CONTROL,
    METRIC,
    Chart,
    Choice,
    chart_of,
    looked_up,
    role_of,
    rounded,
)
from b2m_drive.reports.curve_chart import Curve, CurveAxes, curve_chart
from b2m_drive.reports.interval_chart import Row, interval_chart
from b2m_drive.reports.method_charts import metric_choice, of_method, strategy_choice

_BESIDE = "beside"  # role of agents without an encoder
_SHORT_TITLES = {
    RETURN: "return, held-out episodes",
    SAFE: "share without a crash",
    VALIDATION: "mean return over training",
}


def agents_choices(result: AgentsResult) -> tuple[Choice, ...]:
    """What a reader chooses on the page: strategy, metric, control."""
    return (
        *strategy_choice(result.methods),
        *metric_choice(_SHORT_TITLES),
        _control_choice(result),
    )


def _control_choice(result: AgentsResult) -> Choice:
    own = (*AGENTS.nulls, *AGENTS.probes)
    options = [(ALL, "all"), ("null", "nulls, which decide"), ("probe", "probes, which describe")]
    if result.beside:
        options.append((_BESIDE, "agents without an encoder"))
    options += [(name, AGENTS.labels[name]) for name in own]
    options += [(each.control, BESIDE_LABELS[each.control]) for each in result.beside]
    return Choice(CONTROL, "Control", tuple(options))


def learning_chart(result: AgentsResult, method: TransferMethod, caption: str) -> Chart:
    """Return over training of a strategy's conditions, and of agents without an encoder."""
    names = (BRAIN, *AGENTS.nulls, *AGENTS.probes)
    shown = {each: role_of(each.control, AGENTS) for each in map(method.condition, names)}
    shown |= dict.fromkeys(result.beside, _BESIDE)
    curves = [
        Curve(
            condition.control,
            agent_label(Condition(condition.control), result.simulated),
            role,
            agent_style(condition),
            result.curves[VALIDATION][condition],
        )
        for condition, role in shown.items()
        if condition in result.curves[VALIDATION]
    ]
    lowest, highest = _shown_returns(result)
    drivers = {DRIVER_LABELS[name]: result.driver(VALIDATION, name) for name in DRIVERS}
    levels = {name: each.mean for name, each in drivers.items() if each and each.mean >= lowest}
    axes = CurveAxes(
        AGENTS.sample_label,
        "return, validation episodes",
        limits=(lowest, highest),
        levels=levels,
    )
    return curve_chart(
        f"learning-{method.slug}",
        caption,
        f"{strategy_label(method)}: learning to drive on frozen encoders",
        curves,
        axes,
        result.simulated,
        _control_choice(result),
        of_method(method, result.methods),
    )


def level_charts(result: AgentsResult, caption: str) -> tuple[Chart, ...]:
    """What every condition reached, with its interval; drivers below."""
    charts = []
    for judged in STUDIED:
        conditions = (*result.with_encoder, *result.beside)
        rows = [_row(each, mean_interval(result.summary(judged, each)), result)
                for each in conditions]  # fmt: skip
        n_agents = len(rows)
        for driver in DRIVERS:
            interval = result.driver(judged, driver)
            if interval is not None:
                rows.append(_row(Condition(driver), interval, result))
        # Constant speed is far below, and would press the others together.
        limits = _about(rows[: n_agents + 1])
        charts.append(_chart(f"reached-{judged}", caption, judged, rows, result, None, limits))
    return tuple(charts)


def difference_charts(result: AgentsResult, caption: str) -> tuple[Chart, ...]:
    """Every condition minus the encoder alone, paired by seed."""
    shown = [name for name in (*result.with_encoder, *result.beside) if name != Condition(ALONE)]
    return tuple(
        _chart(
            f"minus-alone-{judged}",
            caption,
            judged,
            [_row(condition, result.over(judged, condition), result) for condition in shown],
            result,
            0.0,
            words="minus the encoder alone",
        )
        for judged in STUDIED
    )


def brain_charts(result: AgentsResult, method: TransferMethod, caption: str) -> tuple[Chart, ...]:
    """Brain minus each control, paired by seed: what the verdict is computed from."""
    study, brain = STUDIED[RETURN], method.condition(BRAIN)
    controls = [method.condition(name) for name in (*study.nulls, *study.probes)]
    return tuple(
        _chart(
            f"{method.slug}-brain-{judged}",
            caption,
            judged,
            [_row(other, result.over(judged, brain, other), result) for other in controls],
            result,
            0.0,
            words="brain minus control",
        )
        for judged in STUDIED
    )


def cloning_charts(result: AgentsResult, caption: str) -> tuple[Chart, ...]:
    """Accuracy and closed-loop return of heads that were cloned from few frames."""
    shown = (*result.with_encoder, *result.beside)
    measures = {CLONED_RETURN: "return in closed loop", CLONED_BALANCED: "balanced accuracy"}
    charts = []
    for metric, words in measures.items():
        of_count = {}
        for count in result.config.demonstrations:
            values = result.by_seed(cloned(metric, count))
            of_count[count] = [_row(each, mean_interval(values[each]), result) for each in shown]
        limits = _about([row for rows in of_count.values() for row in rows])
        charts += [
            interval_chart(
                f"cloning-{metric.replace('_', '-')}-{count}",
                caption,
                f"Cloned from {count:,} frames",
                rows,
                words,
                result.simulated,
                zero=None,
                limits=limits,
                choice=_control_choice(result),
            )
            for count, rows in of_count.items()
        ]
    return tuple(charts)


@dataclass(frozen=True)
class StateR2AndReturns:
    """Beside what can be read from each encoder, what was reached on it; a value a seed."""

    r2: Mapping[Condition, Float64[np.ndarray, " seed"]]
    reached: Mapping[str, Mapping[Condition, Float64[np.ndarray, " seed"]]]  # by what, by condition


def state_r2_charts(
    result: AgentsResult, found: StateR2AndReturns, caption: str
) -> tuple[Chart, ...]:
    """R² of the state from an encoder, and the return on it; large marks are conditions' means."""
    return tuple(
        chart_of(
            f"reading-{place}",
            caption,
            f"Does a better encoder drive better?\n{title}",
            _state_r2_spec(list(_state_r2_rows(found.r2, reached)), found.r2, result),
            result.simulated,
        )
        for place, (title, reached) in enumerate(found.reached.items())
    )


def _state_r2_rows(
    r2: Mapping[Condition, Float64[np.ndarray, " seed"]],
    reached: Mapping[Condition, Float64[np.ndarray, " seed"]],
) -> Iterable[dict[str, Any]]:
    for condition, read in r2.items():
        key = {"k": condition.control, "d": str(condition), "g": role_of(condition.control, AGENTS)}
        for x, y in zip(read, reached[condition], strict=True):
            yield {**key, "x": rounded(float(x)), "y": rounded(float(y)), "of": "agent"}
        means = {"x": rounded(float(read.mean())), "y": rounded(float(reached[condition].mean()))}
        yield {**key, **means, "of": "mean"}


def _state_r2_spec(
    rows: list[dict[str, Any]], conditions: Iterable[Condition], result: AgentsResult
) -> dict[str, Any]:
    known = {str(each): each for each in conditions}
    names = {key: agent_label(each, result.simulated) for key, each in known.items()}
    contrastive = [each.method is not None and each.method.strategy == "contrastive"
                   for each in known.values()]  # fmt: skip
    legend = {
        "title": None, "orient": "bottom", "labelExpr": looked_up(names, "datum.value"),
        "columns": {"expr": "containerSize()[0]<500?1:2"},
    }  # fmt: skip

    def axis(field: str, title: str) -> dict[str, Any]:
        drawn = {"title": title, "tickCount": 5}
        return {"field": field, "type": "quantitative", "scale": {"zero": False}, "axis": drawn}

    def by_condition(drawn: Sequence[str]) -> dict[str, Any]:
        scale = {"domain": list(known), "range": list(drawn)}
        return {"field": "d", "type": "nominal", "scale": scale, "legend": legend}

    chosen = f"{CONTROL}=='{ALL}'||datum.k=={CONTROL}||datum.g=={CONTROL}"
    return {
        "width": "container",
        "height": 300,
        "params": [_control_choice(result).parameter],
        "data": {"values": rows},
        "transform": [{"calculate": looked_up(names, "datum.d"), "as": "c"}],
        "mark": {"type": "point", "filled": True},
        "encoding": {
            "x": axis("x", "R² of the scene's state from the latents"),
            "y": axis("y", "return, held-out episodes"),
            "color": by_condition([agent_style(each)[0] for each in known.values()]),
            "shape": by_condition(["square" if each else "circle" for each in contrastive]),
            "size": {"condition": {"test": "datum.of=='mean'", "value": 150}, "value": 22},
            "opacity": {
                "condition": [
                    {"test": f"!({chosen})", "value": 0.08},
                    {"test": "datum.of=='mean'", "value": 1},
                ],
                "value": 0.45,
            },
            "tooltip": [
                {"field": "c", "type": "nominal", "title": "condition"},
                {"field": "x", "type": "quantitative", "format": ".3f", "title": "R²"},
                {"field": "y", "type": "quantitative", "format": ".3f", "title": "return"},
                {"field": "of", "type": "nominal", "title": "of"},
            ],
        },
    }


def _chart(
    name: str,
    caption: str,
    judged: str,
    rows: Sequence[Row],
    result: AgentsResult,
    zero: float | None,
    limits: tuple[float, float] | None = None,
    words: str = "",
) -> Chart:
    return interval_chart(
        name.replace("_", "-"),
        caption,
        f"{_SHORT_TITLES[judged]}\n{words}",
        rows,
        f"{_SHORT_TITLES[judged]}{f', {words}' if words else ''}",
        result.simulated,
        zero=zero,
        limits=limits,
        choice=_control_choice(result),
        only=((METRIC, judged),),
    )


def _row(condition: Condition, interval: Interval, result: AgentsResult) -> Row:
    return Row(
        agent_label(condition, result.simulated),
        agent_style(condition)[0],
        interval.mean,
        interval.low,
        interval.high,
        key=condition.control,
        role=_BESIDE if condition in result.beside else role_of(condition.control, AGENTS),
    )


def _shown_returns(result: AgentsResult) -> tuple[float, float]:
    """Limits of the curves' axis: from half of the best, for all start low; bands may be wider."""
    means = [curve.value.mean(0) for curve in result.curves[VALIDATION].values()]
    drivers = [result.driver(VALIDATION, driver) for driver in DRIVERS]
    best = max(max(float(each.max()) for each in means), *(d.mean for d in drivers if d))
    lowest = min(float(each.min()) for each in means)
    lowest = max(lowest, 0.5 * best)
    return lowest, best + 0.08 * (best - lowest)


def _about(rows: Sequence[Row]) -> tuple[float, float] | None:
    """Limits about these rows; None if none has an interval."""
    ends = np.array([(row.low, row.high) for row in rows])
    ends = ends[np.isfinite(ends).all(1)]
    if not len(ends):
        return None
    low, high = float(ends.min()), float(ends.max())
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room
