"""The report of many sessions, pooled by patient: one self-contained page, and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from b2m_drive.comparisons.pooled_verdict import PooledVerdict
from b2m_drive.comparisons.pooling import (
    EstimateWithoutOne,
    Session,
    SessionsRun,
    Unit,
    leave_one_out,
    pooled_verdict,
    pooled_verdicts,
    read_sessions,
    session_differences,
)
from b2m_drive.comparisons.study import summary_label
from b2m_drive.comparisons.verdict import closest_null, interval_text
from b2m_drive.evidence.condition import ALONE, BRAIN, STRATEGIES, TransferMethod
from b2m_drive.evidence.learning_curves import SUMMARIES
from b2m_drive.evidence.statistics import holm_corrected
from b2m_drive.reports import sessions_charts as drawn
from b2m_drive.reports.charts import Chart, Choice, control_choice
from b2m_drive.reports.memory_report import REFERENCES
from b2m_drive.reports.method_charts import (
    difference_charts,
    metric_choice,
    of_method,
    strategy_choice,
)
from b2m_drive.reports.page import render_sections, verdict_box
from b2m_drive.reports.report_parts import (
    Section,
    Table,
    figure_text,
    p_text,
    replace_figures,
    replace_page,
    setting_text,
)
from b2m_drive.reports.sessions_charts import session_choice

DECODING = "item_decoding"  # entry of a session's brain.json
BLT = "Brain2Model transfer: arXiv 2506.20834."
_SHOWN_ELSEWHERE = {
    "sessions",
    "limits",
    "readings",
    "versions",
    "study",
    "own",
    "name",
    "simulated",
}


def write_sessions_report(folder: Path) -> Path:
    """Write ``report.html`` and its figures into a folder of many sessions.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is broken, there are fewer than two patients, or a null is missing.
    """
    run = read_sessions(folder)
    verdicts = pooled_verdicts(run)
    parts = sections_of(run, verdicts)
    page = render_sections(
        _title(run),
        [verdict_box(verdict) for verdict in verdicts],
        f"Numbers are brain minus control in {summary_label(run.primary_metric, run.study)}: mean "
        "over patients [95 % interval over patients], a patient being the mean of the sessions "
        "and a session the mean of its seeds. A gain is specific to the brain when the interval "
        "lies above zero against every null; the closest null is that of the smallest lower "
        "bound.",
        parts,
        simulated=run.simulated,
        choices=_choices(run, verdicts),
        limits=run.config.limits,
        references=(BLT, *REFERENCES),
    )
    replace_figures(folder, parts)
    return replace_page(folder, page)


def sections_of(run: SessionsRun, verdicts: Sequence[PooledVerdict]) -> list[Section]:
    """All sections of the page, in order."""
    session = session_choice(run)
    return [
        Section("What was asked", intro=_question(run)),
        Section(
            "Patient by patient",
            charts=tuple(each for verdict in verdicts for each in _forest(run, verdict, session)),
            aside="Blue: a patient, the mean of the sessions (small dots). Black: the mean over "
            "patients with its 95 % interval.",
        ),
        *(_differences_section(run, verdict) for verdict in verdicts),
        *_leave_one_out_sections(run, verdicts),
        Section(
            "Learning curves, session by session",
            charts=tuple(each for method in run.methods for each in _curves(run, method, session)),
        ),
        Section(
            "Do brains that say more teach more?",
            charts=tuple(each for verdict in verdicts for each in _gains(run, verdict, session)),
            aside="Sessions of one patient are joined by a line. They are not independent, so the "
            "correlation is shown without a p-value.",
        ),
        Section("All sessions", tables=tuple(_session_table(run, t) for t in run.methods)),
        Section("What each condition means", tables=(_meanings(run, verdicts),)),
        Section("How it was done", intro=_how(run), tables=(_method_table(run),)),
    ]


def decoding_of(run: SessionsRun, figure: str = DECODING) -> dict[str, float]:
    """Item decoding, or another figure, of each session in which it is defined."""
    found = {name: one.brain.get(figure) for name, one in run.runs.items()}
    return {name: float(value) for name, value in found.items() if value is not None}


def _title(run: SessionsRun) -> str:
    kind = "simulated brains" if run.simulated else "recorded brains"
    return f"What {len(run.patients)} {kind} ({run.config.name}) taught a network"


def _question(run: SessionsRun) -> str:
    strategies = " and ".join(STRATEGIES[name] for name in run.config.strategies)
    budget = run.config.n_steps * run.config.batch_size
    others = len(run.sessions) - len(run.pooled)
    left = (
        f" {others} further {'session is' if others == 1 else 'sessions are'} shown but not pooled."
        if others
        else ""
    )
    return (
        f"Do brains teach a recurrent network to remember, beyond what every null teaches? Asked "
        f"of {strategies} in {len(run.pooled)} sessions of {len(run.patients)} patients, with "
        f"{len(run.config.seeds)} seeds and {budget:,} training trials for each student.{left}"
    )


def _choices(run: SessionsRun, verdicts: Sequence[PooledVerdict]) -> tuple[Choice, ...]:
    controls = {name: None for each in verdicts for name in (*each.over_nulls, *each.over_probes)}
    return (
        *strategy_choice(run.methods),
        session_choice(run),
        *metric_choice({name: summary_label(name, run.study) for name in SUMMARIES}),
        control_choice(run.study, controls, run.simulated),
    )


def _forest(run: SessionsRun, verdict: PooledVerdict, session: Choice) -> tuple[Chart, ...]:
    caption = (
        "Brain minus control by patient, ordered by the gain over the student alone. Right of "
        "zero: the brain taught more. Pooled sessions only."
    )
    return drawn.forest_charts(verdict, caption, session, of_method(verdict.method, run.methods))


def _differences_section(run: SessionsRun, verdict: PooledVerdict) -> Section:
    by_metric = {metric: pooled_verdict(run, verdict.method, metric) for metric in SUMMARIES}
    over = {name: {**each.over_nulls, **each.over_probes} for name, each in by_metric.items()}
    caption = (
        "Brain minus control, mean over patients with its 95 % interval. The nulls decide; the "
        "probes describe."
    )
    only = of_method(verdict.method, run.methods)
    figures = difference_charts(over, verdict.method, run.study, run.simulated, caption, only)
    return Section(
        f"Differences to every control: {verdict.method.label}",
        charts=figures,
        tables=(_difference_table(run, by_metric),),
        only=only,
        aside="The p-values are two-sided t-tests over patients, Holm-corrected over the controls "
        "of a column; the verdict does not use them.",
    )


def _difference_table(run: SessionsRun, by_metric: dict[str, PooledVerdict]) -> Table:
    header = ["brain minus"]
    columns: list[dict[str, tuple[str, str]]] = []
    for metric, verdict in by_metric.items():
        header += [f"{summary_label(metric, run.study)} [95\u00a0%]", "p (Holm)"]
        over = {**verdict.over_nulls, **verdict.over_probes}
        corrected = holm_corrected(np.array([each.p_value for each in over.values()]))
        columns.append(
            {
                name: (interval_text(each), p_text(float(p)))
                for (name, each), p in zip(over.items(), corrected, strict=True)
            }
        )
    rows = tuple(
        (run.study.labels[name], *(cell for column in columns for cell in column[name]))
        for name in columns[0]
    )
    return Table(tuple(header), rows)


def _leave_one_out_sections(run: SessionsRun, verdicts: Sequence[PooledVerdict]) -> list[Section]:
    units: tuple[tuple[Unit, str], ...] = (("patient", "patient"), ("session", "session"))
    return [_leave_one_out_section(run, verdicts, by, word) for by, word in units]


def _leave_one_out_section(
    run: SessionsRun, verdicts: Sequence[PooledVerdict], by: Unit, word: str
) -> Section:
    charts: list[Chart] = []
    tables, notes = [], []
    for verdict in verdicts:
        left = leave_one_out(run, verdict.method, by)
        caption = (
            f"The pooled differences without each {word}, with 95 % intervals over the remaining "
            "patients; orange where the grade changes."
        )
        only = of_method(verdict.method, run.methods)
        charts += drawn.leave_one_out_charts(verdict, left, word, caption, only)
        tables.append(_left_out_table(run, verdict, left, word))
        notes.append(_left_out_note(verdict, left, word))
    return Section(
        f"Without each {word}",
        intro=" ".join(notes),
        charts=tuple(charts),
        tables=tuple(tables),
    )


def _left_out_note(verdict: PooledVerdict, left: Sequence[EstimateWithoutOne], word: str) -> str:
    changing = [each.name for each in left if each.changes]
    if not changing:
        return (
            f"{verdict.method.label}: the grade, “{verdict.grade.value}”, stays whichever "
            f"{word} is left out."
        )
    return (
        f"{verdict.method.label}: the grade, “{verdict.grade.value}”, changes without "
        f"{', '.join(changing)}; it rests on single {word}s."
    )


def _left_out_table(
    run: SessionsRun, verdict: PooledVerdict, left: Sequence[EstimateWithoutOne], word: str
) -> Table:
    header = (f"{verdict.method.label}: without", "minus alone [95\u00a0%]",
              "minus the closest null [95\u00a0%]", "closest null", "grade")  # fmt: skip
    rows = tuple(
        (
            each.name,
            interval_text(each.over_alone),
            interval_text(each.over_closest),
            run.study.labels[each.closest],
            each.grade.value + (" (changed)" if each.changes else ""),
        )
        for each in left
    )
    return Table(header, rows)


def _curves(run: SessionsRun, method: TransferMethod, session: Choice) -> tuple[Chart, ...]:
    return drawn.session_charts(run, method, session, of_method(method, run.methods))


def _gains(run: SessionsRun, verdict: PooledVerdict, session: Choice) -> tuple[Chart, ...]:
    decoding, item, of_what = decoding_of(run), "shown", "item decoding"
    if not decoding:  # recordings of the delay only
        decoding, item, of_what = decoding_of(run, "memory_auc"), "held", "memory decoding"
    caption = (
        f"What a session's brain taught beyond the control, by how well the item {item} can be "
        "decoded from it; pooled sessions."
    )
    measure = "accuracy" if item == "shown" else "AUC"
    return drawn.gain_charts(
        verdict,
        decoding,
        caption,
        f"{of_what} of the session\n({measure}, held out)",
        session,
        of_method(verdict.method, run.methods),
    )


def _session_table(run: SessionsRun, method: TransferMethod) -> Table:
    header = (
        method.label, "patient", "units", "pooled", "item decoding",
        "brain minus alone [95\u00a0% over seeds]", "minus the closest null", "closest null",
    )  # fmt: skip
    return Table(header, tuple(_session_row(run, each, method) for each in run.sessions))


def _session_row(run: SessionsRun, session: Session, method: TransferMethod) -> tuple[str, ...]:
    pooled = "yes" if session.pooled else f"no: {session.why_not or 'not told'}"
    about = (session.name, session.subject, str(session.n_units), pooled)
    if session.name not in run.runs:
        return (*about, "—", "—", "—", "—")
    over = session_differences(run, session.name, method)
    closest = closest_null(over)
    decoding = figure_text(run.runs[session.name].brain.get(DECODING))
    gains = (interval_text(over[ALONE]), interval_text(over[closest]))
    return (*about, decoding, *gains, run.study.labels[closest])


def _meanings(run: SessionsRun, verdicts: Sequence[PooledVerdict]) -> Table:
    study = run.study
    probes = dict.fromkeys(name for verdict in verdicts for name in verdict.over_probes)
    roles = (("taught", (BRAIN,)), ("null", study.nulls), ("probe", tuple(probes)))
    rows = tuple(
        (study.labels[name], f"{role}. {study.meanings[name]}")
        for role, names in roles
        for name in names
    )
    return Table(("condition", "role and meaning"), rows)


def _how(run: SessionsRun) -> str:
    licence = (
        ""
        if run.simulated
        else " Where the licence asks to share alike, it covers results derived from the "
        "recordings, this report among them."
    )
    return (
        "Each session is compared on its own, with the same seeds, budget and settings; students "
        "without a teacher are shared where the task is the same. The difference of a session is "
        "the mean over seeds, that of a patient the mean over the patient's sessions, and the "
        "interval is over patients: sessions of one patient are no independent observations. What "
        "the seeds, the same in every session, have in common widens it. "
        f"Sessions of fewer than {run.config.least_units} units are shown but "
        f"not pooled.{licence}"
    )


def _method_table(run: SessionsRun) -> Table:
    rows = [
        (name.replace("_", " "), setting_text(value))
        for name, value in run.config.entries.items()
        if name not in _SHOWN_ELSEWHERE
    ]
    rows.append(("readings", setting_text(run.config.readout_names)))
    rows.append(("versions", setting_text(run.config.versions)))
    return Table(("setting", "value"), tuple(rows))
