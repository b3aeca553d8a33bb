"""The report of a comparison: one self-contained HTML file, and its figures in files.

Every number in it is read from the run's folder or computed from its score table. What is shown
of every study stands here; `memory_report` and `driving_report` add what is their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from b2m_drive.comparisons.agents_study import AGENTS_STUDY
from b2m_drive.comparisons.configuration import study_named_in
from b2m_drive.comparisons.run_folder import Run, read_run
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.study import Study, summary_label
from b2m_drive.comparisons.verdict import Verdict, differences, interval_text, verdicts_of
from b2m_drive.evidence.condition import BRAIN, TransferMethod
from b2m_drive.evidence.learning_curves import (
    FINAL_EVALUATIONS,
    SUMMARIES,
    trials_to_criterion,
    values_by_seed,
)
from b2m_drive.evidence.statistics import (
    Interval,
    RestrictedRatio,
    holm_corrected,
    mean_interval,
    restricted_ratio,
)
from b2m_drive.files.locks import claim
from b2m_drive.files.refusals import naming
from b2m_drive.reports.agents_report import write_agents_report
from b2m_drive.reports.calibration_report import write_calibration_report
from b2m_drive.reports.charts import Chart
from b2m_drive.reports.clips import clips_section
from b2m_drive.reports.comparison_report import comparison_pages
from b2m_drive.reports.condition_tables import ALIGNMENT_LABELS, accuracy_table, speed_table
from b2m_drive.reports.driving_report import driving_pages
from b2m_drive.reports.memory_report import memory_pages
from b2m_drive.reports.method_charts import (
    alignment_charts,
    difference_charts,
    learning_chart,
    of_method,
    ratio_charts,
    run_choices,
)
from b2m_drive.reports.page import render_page, verdict_box
from b2m_drive.reports.report_parts import (
    Section,
    StudyPages,
    Table,
    p_text,
    plain,
    replace_figures,
    replace_page,
    setting_text,
)
from b2m_drive.reports.search_report import write_search_report
from b2m_drive.reports.sessions_report import write_sessions_report

MakeSection: TypeAlias = Callable[[Run], Section]

PAGES = {"memory": memory_pages, "driving": driving_pages, "comparison": comparison_pages}
REPORTS = {  # of studies that hold more than one comparison
    "memory_sessions": write_sessions_report,
    "memory_search": write_search_report,
    "memory_calibration": write_calibration_report,
    AGENTS_STUDY: write_agents_report,
}


@dataclass(frozen=True)
class TeachingSection:
    """What the report shows of one strategy and reading."""

    learning: Chart
    differences: Section
    ratios: Section | None  # None: the study times no criterion
    alignment: tuple[Chart, ...]

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All of its figures, in order."""
        ratios = self.ratios.charts if self.ratios else ()
        return (self.learning, *self.differences.charts, *ratios, *self.alignment)


def write_report(run_folder: str | Path, sections: Sequence[MakeSection] = ()) -> Path:
    """Write ``report.html`` and its figures into a run's folder; returns the former.

    The configuration names the study, and thereby the report: of one brain, of many sessions, of
    a search among readings, of the verdict's calibration, or of agents. Page and figures are made
    beside their places and moved there, so a failure leaves what was there before.

    Args:
        run_folder: Of a finished run.
        sections: Further sections of the user's own, each a function of the run; they stand after
            the project's own. For the comparison of one brain only.

    Raises:
        FileNotFoundError: If a file of the run is missing.
        ValueError: If one is broken, or a condition that a verdict needs has no scores.
    """
    run_folder = Path(run_folder)
    study = _study_of(run_folder)
    whole = naming(run_folder, "a finished run whose files are whole")
    if study in REPORTS and sections:
        raise ValueError(f"{run_folder}: sections: expected none for {study}, which holds many")
    with claim(run_folder, "a report"), whole:
        if study in REPORTS:
            return REPORTS[study](run_folder)
        return _write_comparison_report(run_folder, sections)


def _study_of(run_folder: Path) -> str:
    if not run_folder.is_dir():
        raise FileNotFoundError(f"{run_folder}: expected the folder of a run, found none")
    path = run_folder / CONFIG
    study = study_named_in(path)
    if study not in (*PAGES, *REPORTS):
        known = ", ".join((*PAGES, *REPORTS))
        raise ValueError(f"{path}: study: expected one of {known}, came {study!r}")
    return study


def _write_comparison_report(run_folder: Path, own: Sequence[MakeSection]) -> Path:
    """The report of one brain."""
    run = read_run(run_folder)
    verdicts = verdicts_of(run)
    sections = [_method_section(run, method) for method in run.methods]
    pages = PAGES[run.study.name](run)
    pages = replace(pages, results=(*pages.results, *(_own_section(run, make) for make in own)))
    clips = clips_section(run_folder)
    page = _render(run, verdicts, sections, pages, clips)
    taught = Section("", charts=tuple(each for part in sections for each in part.charts))
    replace_figures(run_folder, [taught, *pages.about_brain, *pages.results])
    return replace_page(run_folder, page)


def _own_section(run: Run, make: MakeSection) -> Section:
    name = getattr(make, "__name__", repr(make))
    try:
        section = make(run)
    except Exception as error:  # whatever a user's function does
        raise ValueError(f"section {name}: {type(error).__name__}: {error}") from error
    if not isinstance(section, Section):
        raise ValueError(f"section {name}: expected a Section, came {type(section).__name__}")
    return section


def _render(
    run: Run,
    verdicts: Sequence[Verdict],
    sections: Sequence[TeachingSection],
    pages: StudyPages,
    clips: Section | None,
) -> str:
    metrics = {name: summary_label(name, run.study) for name in SUMMARIES}
    return render_page(
        "report.html.jinja",
        choices=run_choices(run, metrics),
        clips=clips,
        simulated=run.simulated,
        limits=[*run.config.limits, *run.losses],
        note=run.config.note,
        verdicts=[verdict_box(verdict) for verdict in verdicts],
        metric_label=summary_label(run.primary_metric, run.study),
        title=_title(run),
        pages=pages,
        brain_table=_brain_table(run),
        sections=sections,
        accuracy_table=accuracy_table(run),
        speed_table=speed_table(run) if run.study.criteria else None,
        meanings=_meanings(run),
        method_table=_method_table(run),
        budget=f"{_budget(run):,} {run.study.samples}",
        curve_label=run.study.curve_label,
        final_evaluations=FINAL_EVALUATIONS,
    )


def _meanings(run: Run) -> list[tuple[str, str, str]]:
    study = run.study
    shown = {condition.control for condition in run.curves}
    probes = tuple(name for name in study.probes if name in shown)
    roles = (("taught", (BRAIN,)), ("null", study.nulls), ("probe", probes))
    return [
        (study.labels[name], role, study.meanings[name]) for role, names in roles for name in names
    ]


def _title(run: Run) -> str:
    kind = "a simulated brain" if run.simulated else "a recorded brain"
    return f"What {kind} ({run.config.brain.name}) taught a network"


def _budget(run: Run) -> int:
    return run.config.n_steps * run.batch_size


def _brain_table(run: Run) -> Table:
    brain = run.config.brain
    preset = f", preset {brain.preset}" if brain.preset else ""
    regions = ", ".join(f"{name} {count}" for name, count in brain.regions.items())
    rows = [
        ("kind", f"SIMULATED{preset}" if run.simulated else "recorded"),
        ("session", brain.session),
        ("subject", brain.subject),
        ("units", f"{brain.n_units} ({regions})" if regions else str(brain.n_units)),
        (
            run.study.samples,
            f"{brain.n_teaching:,} teach, {brain.n_held_out:,} held out",
        ),
        ("source", brain.source),
        ("licence", brain.licence),
        *(("note", str(note)) for note in brain.notes),
    ]
    return Table(("the brain", ""), tuple(rows))


def _method_section(run: Run, method: TransferMethod) -> TeachingSection:
    study, only = run.study, of_method(method, run.methods)
    controls = [n for n in (*study.nulls, *study.probes) if method.condition(n) in run.curves]
    by_metric = {name: differences(run.curves, method, name, controls) for name in SUMMARIES}
    caption = (
        "Brain minus control, paired by seed, with 95 % intervals. Right of zero: the brain taught "
        "more."
    )
    drawn = difference_charts(by_metric, method, study, run.simulated, caption, only)
    table = _difference_table(by_metric, study)
    return TeachingSection(
        learning_chart(run, method),
        Section(method.label, charts=drawn, tables=(table,), only=only),
        _ratio_section(run, method, controls) if study.criteria else None,
        _alignment(run, method),
    )


def _ratio_section(run: Run, method: TransferMethod, controls: Sequence[str]) -> Section:
    study, samples = run.study, run.study.samples
    ratios = {
        criterion: {name: _ratio(run, method, name, criterion) for name in controls}
        for criterion in study.criteria
    }
    caption = (
        f"Training {samples} until a level is first reached, brain divided by control, with 95 % "
        f"intervals. Students that never reached it count at the budget of {_budget(run):,} "
        f"{samples}."
    )
    return Section(
        f"{method.label}: how soon",
        charts=ratio_charts(ratios, method, run, caption),
        tables=(_ratio_table(ratios, study),),
        only=of_method(method, run.methods),
    )


def _ratio(run: Run, method: TransferMethod, control: str, criterion: float) -> RestrictedRatio:
    brain, other = (
        trials_to_criterion(run.curves[method.condition(name)], criterion, run.batch_size)
        for name in (BRAIN, control)
    )
    return restricted_ratio(brain, other)


def _difference_table(by_metric: Mapping[str, Mapping[str, Any]], study: Study) -> Table:
    """Differences, and t-tests corrected over the controls of each metric (Holm)."""
    corrected = {
        metric: dict(
            zip(
                each,
                holm_corrected(np.array([d.p_value for d in each.values()])),
                strict=True,
            )
        )
        for metric, each in by_metric.items()
    }
    header = ["brain minus"]
    for metric in by_metric:
        header += [f"{summary_label(metric, study)} [95\u00a0%]", "p (Holm)"]
    controls = next(iter(by_metric.values()))
    rows = []
    for name in controls:
        row = [study.labels[name]]
        for metric, each in by_metric.items():
            row += [interval_text(each[name]), p_text(corrected[metric][name])]
        rows.append(tuple(row))
    return Table(tuple(header), tuple(rows))


def _ratio_table(
    by_criterion: Mapping[float, Mapping[str, RestrictedRatio]], study: Study
) -> Table:
    header = ["brain ÷"]
    for criterion in by_criterion:
        header += [f"{study.samples_to(criterion)} [95\u00a0%]", "not reached: brain, control"]
    controls = next(iter(by_criterion.values()))
    rows = []
    for name in controls:
        row = [study.labels[name]]
        for ratios in by_criterion.values():
            row += list(_ratio_text(ratios[name]))
        rows.append(tuple(row))
    return Table(tuple(header), tuple(rows))


def _ratio_text(ratio: RestrictedRatio) -> tuple[str, str]:
    censored = f"{ratio.n_censored_treated}, {ratio.n_censored_control} of {ratio.n}"
    if not ratio.observed:
        return "—", censored
    bounds = f"[{plain(ratio.low, 2)}, {plain(ratio.high, 2)}]"
    return f"{ratio.ratio:.2f} {bounds}", censored


def _alignment(run: Run, method: TransferMethod) -> tuple[Chart, ...]:
    by_measure: dict[str, dict[str, Interval]] = {}
    for metric, label in ALIGNMENT_LABELS.items():
        values = values_by_seed(run.scores, metric)
        found = {
            name: mean_interval(values[method.condition(name)])
            for name in (BRAIN, *run.study.nulls, *run.study.probes)
            if method.condition(name) in values
        }
        if found:
            by_measure[label] = found
    caption = (
        f"Alignment of the students' activity with the brain's, on {run.study.samples} whose "
        "responses taught nobody. Dots are means over seeds, lines 95 % intervals. Following the "
        "course of events alone gives some alignment: compare with the students that had no "
        "teacher."
    )
    return alignment_charts(by_measure, method, run, caption)


def _method_table(run: Run) -> Table:
    shown_elsewhere = {
        "brain", "limits", "note", "readings", "versions", "study", "own", "controls", "words",
        "left_out", "nulls_left_out",
    }  # fmt: skip
    rows = [
        (name.replace("_", " "), setting_text(value))
        for name, value in run.config.entries.items()
        if name not in shown_elsewhere
    ]
    rows.append(("readings", setting_text(run.config.readout_names)))
    rows.append(("versions", setting_text(run.config.versions)))
    return Table(("setting", "value"), tuple(rows))
