"""One page about any set of runs: verdicts in a table, forest plots, curves side by side."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from b2m_drive.comparisons.agents_study import AGENTS_STUDY
from b2m_drive.comparisons.finished_verdicts import finished_verdicts
from b2m_drive.comparisons.run_folder import Run, read_run
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.run_summaries import RunSummary, run_folders, summary_of
from b2m_drive.comparisons.verdict import Verdict, closest_null, interval_text
from b2m_drive.evidence.condition import ALONE
from b2m_drive.files.refusals import said
from b2m_drive.files.writing import write_text
from b2m_drive.reports.charts import CONTROL
from b2m_drive.reports.page import render_page
from b2m_drive.reports.report_parts import REPORT
from b2m_drive.reports.runs_charts import (
    JudgedRun,
    ReadRun,
    controls_of,
    curve_charts,
    forest_charts,
)

HEADER = (
    "run", "study", "brain", "student", "method", "metric", "gain over alone",
    "closest null", "gain over it", "grade",
)  # fmt: skip

SEVERAL = ("memory_sessions", "memory_search", "memory_calibration")  # studies of many runs
_READING = (
    "A gain is specific to the brain where its whole interval lies right of zero. Colour "
    "and mark tell the grade."
)


@dataclass(frozen=True)
class OverviewRow:
    """One verdict, or the reason why a run has none."""

    run: str
    link: str  # to the run's own report, from the page; empty: it has none
    cells: tuple[str, ...]  # those after the first
    reason: str = ""


def write_runs_report(runs: Sequence[str | Path], out: str | Path) -> Path:
    """Write one self-contained HTML page about any set of runs, of any studies.

    Args:
        runs: Folders of runs, or folders that runs lie below.
        out: The file to write, whole or not at all.

    Raises:
        ValueError: If no run is given.
    """
    out = Path(out)
    folders = expanded(runs)
    if not folders:
        raise ValueError(f"runs: expected at least one, came none in {', '.join(map(str, runs))}")
    if out.is_dir():
        raise ValueError(f"{out}: expected a file to write the page in, came a folder")
    names = run_names(folders)
    rows: list[OverviewRow] = []
    judged: list[JudgedRun] = []
    read: list[ReadRun] = []
    for name, folder in zip(names, folders, strict=True):
        summary = summary_of(folder)
        verdicts, reason = _judged(folder, summary)
        judged += [JudgedRun(name, each) for each in verdicts]
        read += [ReadRun(name, run) for run in _of_one_brain(folder, summary, verdicts)]
        rows += _rows(name, _link(folder, out), summary, verdicts, reason)
    write_text(out, _page(folders, rows, judged, read))
    return out


def expanded(runs: Iterable[str | Path]) -> list[Path]:
    """The runs given, and those below given folders that are no runs; each once."""
    found: dict[Path, Path] = {}
    for each in map(Path, runs):
        inner = [each] if (each / CONFIG).is_file() else list(run_folders(each))
        for folder in inner or [each]:  # what holds none stands in the table with the reason
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def run_names(folders: Sequence[Path]) -> list[str]:
    """The folders' paths below what they have in common."""
    if len(folders) == 1:
        return [folders[0].resolve().name]
    common = os.path.commonpath([each.resolve().parent for each in folders])
    return [os.path.relpath(each.resolve(), common) for each in folders]


def _judged(folder: Path, summary: RunSummary) -> tuple[Sequence[Verdict], str]:
    """The verdicts, or why there are none."""
    if not (folder / CONFIG).is_file():
        return (), "no run lies there"
    if summary.state not in ("done", "running", "failed"):
        return (), summary.problem or f"it is {summary.state}; its scores are not all there"
    try:
        return finished_verdicts(folder), ""
    except Exception as error:  # whatever damage makes of a file
        unfinished = f"it is {summary.state}; " if summary.state != "done" else ""
        return (), unfinished + said(error).removeprefix(f"{folder}: ")


def _of_one_brain(folder: Path, summary: RunSummary, verdicts: Sequence[Verdict]) -> list[Run]:
    """The run itself, where it has learning curves of its own."""
    judged_alone = summary.study not in (AGENTS_STUDY, *SEVERAL)
    return [read_run(folder)] if verdicts and judged_alone else []


def _rows(
    name: str, link: str, summary: RunSummary, verdicts: Sequence[Verdict], reason: str
) -> list[OverviewRow]:
    simulated = " (SIMULATED)" if summary.simulated else ""
    about = (summary.study, f"{summary.brain}{simulated}", summary.student)
    if reason:
        return [OverviewRow(name, link, about, reason)]
    return [OverviewRow(name, link, (*about, *_cells(each))) for each in verdicts]


def _cells(verdict: Verdict) -> tuple[str, ...]:
    closest = closest_null(verdict.over_nulls)
    label = JudgedRun("", verdict).panel
    return (
        verdict.method.label,
        f"{label[1]} ({label[2]}), over {verdict.over_nulls[ALONE].n} {label[3]}",
        interval_text(verdict.over_nulls[ALONE]),
        verdict.study.labels[closest],
        interval_text(verdict.over_nulls[closest]),
        " ".join(part for part in (verdict.grade.value, *_beside(verdict)) if part),
    )


def _beside(verdict: Verdict) -> tuple[str, ...]:
    """What must not be read without: a floor not passed, failures, nulls that were left out."""
    left_out = verdict.nulls_left_out
    return (
        "·" if verdict.weak or verdict.failures or left_out else "",
        verdict.weak,
        verdict.failures,
        f"Not held against {', '.join(left_out)}." if left_out else "",
    )


def _link(folder: Path, out: Path) -> str:
    report = folder.resolve() / REPORT
    if not report.is_file():
        return ""
    return quote(Path(os.path.relpath(report, out.resolve().parent)).as_posix())


def _page(
    folders: Sequence[Path],
    rows: Sequence[OverviewRow],
    judged: Sequence[JudgedRun],
    read: Sequence[ReadRun],
) -> str:
    choice = controls_of(read, CONTROL)
    gains, curves = forest_charts(judged, _READING), curve_charts(read, choice)
    n_not = sum(bool(row.reason) for row in rows)
    return render_page(
        "runs.html.jinja",
        title=f"{len(folders)} runs side by side",
        simulated=bool(judged) and all(each.verdict.simulated for each in judged),
        counted=_counted(len(folders), len(judged), n_not, judged),
        header=HEADER,
        rows=rows,
        gains=gains,
        curves=curves,
        drawn=bool(gains or curves),
        choices=(choice,) if choice else (),
    )


def _counted(n_runs: int, n_verdicts: int, n_not: int, judged: Sequence[JudgedRun]) -> str:
    n_simulated = sum(each.verdict.simulated for each in judged)
    some = 0 < n_simulated < n_verdicts
    mixed = f" {n_simulated} of the verdicts are about simulated brains." if some else ""
    return f"{n_runs} runs, {n_verdicts} verdicts; {n_not} runs cannot be judged.{mixed}"
