"""The report of a search: all candidates of the selection half, and the one test of the chosen.

``config.json`` names the patients of both halves, the candidates with their folders, and the
chosen one; each folder holds many sessions, as `pooling` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.comparisons.configuration import read_object
from b2m_drive.comparisons.pooled_verdict import PooledVerdict
from b2m_drive.comparisons.pooling import SessionsRun, pooled_verdict, read_sessions
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.search import RankedCandidate, rank_candidates
from b2m_drive.comparisons.study import summary_label
from b2m_drive.comparisons.verdict import interval_text
from b2m_drive.evidence.condition import ALONE, SHORT_STRATEGIES, TransferMethod
from b2m_drive.files.names import inside
from b2m_drive.files.refusals import naming
from b2m_drive.files.typed_entries import entries_as
from b2m_drive.reports.charts import BRAIN_COLOUR, CHANGED_COLOUR, Chart
from b2m_drive.reports.interval_chart import Row, interval_chart
from b2m_drive.reports.memory_report import REFERENCES
from b2m_drive.reports.page import VerdictBox, render_sections, verdict_box
from b2m_drive.reports.report_parts import (
    Section,
    Table,
    figure_text,
    plain,
    replace_figures,
    replace_page,
    setting_text,
)
from b2m_drive.reports.sessions_charts import forest_charts
from b2m_drive.reports.sessions_report import BLT

_SHOWN_ELSEWHERE = {"study", "candidates", "chosen", "limits", "fingerprints", "simulated"}
_UNITS = {"concept": "selective units", "rest": "all but selective units"}  # else the name
_MOST_DRAWN = 40  # candidates in the figure


@dataclass(frozen=True)
class CandidateEntries:
    """One way to read recordings, as the configuration names it."""

    name: str
    folder: str
    units: str
    windows: str


@dataclass(frozen=True)
class ChosenEntries:
    """The candidate that was tested, and how it teaches."""

    name: str
    strategy: str
    latents: str
    pairing: str


@dataclass(frozen=True)
class SearchConfiguration:
    """The configuration of a search."""

    study: str
    selection_patients: tuple[str, ...]
    test_patients: tuple[str, ...]
    candidates: tuple[CandidateEntries, ...]
    test_folder: str
    chosen: ChosenEntries | None = None
    not_searched: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    entries: Mapping[str, Any] = field(default_factory=dict)  # the file's, all of them

    def candidate(self, name: str) -> CandidateEntries:
        """The candidate of this name."""
        return next(each for each in self.candidates if each.name == name)


@dataclass(frozen=True)
class SearchRun:
    """A search, as its folder holds it."""

    folder: Path
    config: SearchConfiguration
    ranked: list[RankedCandidate]  # on the selection half
    chosen: RankedCandidate | None
    test: PooledVerdict | None  # of the chosen one, on the other half

    @property
    def simulated(self) -> bool:
        """Whether the brains are simulated."""
        return any(each.verdict.simulated for each in self.ranked)


def read_search(folder: Path) -> SearchRun:
    """Read a search's folder and judge its candidates, and the chosen one on the test half.

    Raises:
        FileNotFoundError: If a file or folder is missing.
        ValueError: If one is broken, a patient stands in both halves, or the chosen candidate is
            none of the candidates.
    """
    with naming(folder / CONFIG, "the configuration of a search"):
        return _read_search(folder)


def _read_search(folder: Path) -> SearchRun:
    path = folder / CONFIG
    entries = read_object(path)
    config = entries_as(SearchConfiguration, {**entries, "entries": entries}, path)
    runs = {each.name: read_sessions(inside(folder, each.folder)) for each in config.candidates}
    for name, run in runs.items():
        _require_patients(path, name, run, config.selection_patients, config.test_patients)
    ranked = rank_candidates(runs)
    chosen = _chosen(path, config.chosen, ranked)
    if chosen is None:
        return SearchRun(folder, config, ranked, None, None)
    test = read_sessions(inside(folder, config.test_folder))
    _require_patients(path, "the test", test, config.test_patients, config.selection_patients)
    return SearchRun(folder, config, ranked, chosen, pooled_verdict(test, chosen.method))


def write_search_report(folder: Path) -> Path:
    """Write ``report.html`` and its figures into a search's folder.

    Raises:
        FileNotFoundError: If a file or folder is missing.
        ValueError: As `read_search`.
    """
    search = read_search(folder)
    parts = _sections(search)
    page = render_sections(
        "A search for what is specific to the brain",
        [_box(search)],
        "The verdict is that of the one chosen reading on patients who took no part in choosing "
        "it; its closest null is that of the smallest lower bound. Everything else on this page is "
        "selection: the best of many is flattered by having been picked, and its intervals there "
        "prove nothing.",
        parts,
        simulated=search.simulated,
        limits=search.config.limits,
        references=(BLT, *REFERENCES),
    )
    replace_figures(folder, parts)
    return replace_page(folder, page)


def _box(search: SearchRun) -> VerdictBox:
    if search.test is None or search.chosen is None:
        return VerdictBox(
            f"{len(search.ranked)} readings on the selection half",
            "no-gain",
            "Nothing was chosen, nothing was tested",
            "No reading was taken to the test half, so there is no verdict.",
        )
    about = f"on the test half: {_candidate_label(search, search.chosen)} · "
    return verdict_box(search.test, about)


def _sections(search: SearchRun) -> list[Section]:
    return [
        Section("What was searched", intro=_question(search)),
        *_test_sections(search),
        Section(
            "All candidates, on the selection half",
            intro="Ranked by the smallest z score over the nulls: the one-sided p-value of brain "
            "minus null over patients, as a standard normal score, against the null that is beaten "
            "least surely, called the hardest. Selection, not evidence.",
            charts=_ranking_charts(search),
            tables=(_ranking_table(search),),
        ),
        Section("How it was done", tables=(_method_table(search),)),
    ]


def _question(search: SearchRun) -> str:
    config = search.config
    n_readings = len(search.ranked)
    text = (
        f"Is there a reading of these recordings whose gain is specific to the brain? {n_readings} "
        f"combinations of units, windows, latents and strategy were compared in "
        f"{len(config.selection_patients)} patients; the other {len(config.test_patients)} "
        "were set aside for one test."
    )
    if left_out := config.not_searched:
        text += f" Left out, as too few patients have units enough: {', '.join(left_out)}."
    if search.chosen is None:
        return f"{text} None was chosen."
    rank = search.chosen.rank
    place = "the first of the ranking" if rank == 1 else f"number {rank} of the ranking"
    return f"{text} Chosen was {place}: {_long_label(search, search.chosen)}."


def _test_sections(search: SearchRun) -> list[Section]:
    if search.test is None:
        return []
    verdict = search.test
    rows = tuple(
        (verdict.study.labels[name], interval_text(gain), figure_text(gain.z_score))
        for name, gain in {**verdict.over_nulls, **verdict.over_probes}.items()
    )
    header = ("chosen reading, test half: brain minus", "[95\u00a0% over patients]", "z")
    charts = forest_charts(
        verdict, "The chosen reading on the test half: brain minus control by patient.", None
    )
    return [
        Section("The one test", charts=charts, tables=(Table(header, rows),)),
    ]


def _ranking_charts(search: SearchRun) -> tuple[Chart, ...]:
    shown = search.ranked[:_MOST_DRAWN]
    left = len(search.ranked) - len(shown)
    more = f"; {left} more in the table" if left else ""
    metric = summary_label(shown[0].verdict.metric, shown[0].verdict.study)
    caption = (
        "Brain minus alone, and minus the hardest null (of the smallest z score), of each "
        "candidate on the selection half, the surest first; orange: the chosen one."
    )
    return tuple(
        interval_chart(
            f"candidates-{name}",
            caption,
            f"Candidates on the selection half{more}",
            [_ranking_dot(search, each, name) for each in shown],
            f"brain minus {words} ({metric})",
            search.simulated,
        )
        for name, words in (("alone", "alone"), ("hardest", "the hardest null"))
    )


def _ranking_dot(search: SearchRun, each: RankedCandidate, over: str) -> Row:
    gain = each.verdict.over_nulls[ALONE if over == "alone" else each.hardest]
    chosen = each is search.chosen
    label = f"{each.rank}. {_long_label(search, each)}{' (chosen)' if chosen else ''}"
    colour = CHANGED_COLOUR if chosen else BRAIN_COLOUR
    return Row(label, colour, gain.mean, gain.low, gain.high)


def _ranking_table(search: SearchRun) -> Table:
    header = (
        "rank", "units", "windows", "teaching", "smallest z", "hardest null",
        "brain minus it [95\u00a0%]", "brain minus alone [95\u00a0%]", "patients",
    )  # fmt: skip
    return Table(header, tuple(_ranking_row(search, each) for each in search.ranked))


def _ranking_row(search: SearchRun, each: RankedCandidate) -> tuple[str, ...]:
    entries, over = search.config.candidate(each.name), each.verdict.over_nulls
    return (
        f"{each.rank}{' (chosen)' if each is search.chosen else ''}",
        _units_label(entries.units),
        _windows_label(entries.windows),
        _method_label(each.method),
        "undefined" if np.isnan(each.criterion) else plain(each.criterion, 2),
        each.verdict.study.labels[each.hardest],
        interval_text(over[each.hardest]),
        interval_text(over[ALONE]),
        str(each.verdict.n_patients),
    )


def _method_table(search: SearchRun) -> Table:
    rows = tuple(
        (name.replace("_", " "), setting_text(value))
        for name, value in search.config.entries.items()
        if name not in _SHOWN_ELSEWHERE
    )
    return Table(("setting", "value"), rows)


def _long_label(search: SearchRun, each: RankedCandidate) -> str:
    return f"{_candidate_label(search, each)}; {_method_label(each.method)}"


def _candidate_label(search: SearchRun, each: RankedCandidate) -> str:
    entries = search.config.candidate(each.name)
    return f"{_units_label(entries.units)}, {_windows_label(entries.windows)}"


def _units_label(units: str) -> str:
    return _UNITS.get(units, f"{units} units")


def _windows_label(windows: str) -> str:
    return f"{windows} windows"


def _method_label(method: TransferMethod) -> str:
    return f"{SHORT_STRATEGIES[method.strategy]}, {method.readout_label}"


def _chosen(
    path: Path, chosen: ChosenEntries | None, ranked: Sequence[RankedCandidate]
) -> RankedCandidate | None:
    if chosen is None:
        return None
    method = TransferMethod(chosen.strategy, chosen.latents, chosen.pairing)
    for each in ranked:
        if (each.name, each.method) == (chosen.name, method):
            return each
    raise ValueError(f"{path}: chosen: expected one of the candidates, came {chosen!r}")


def _require_patients(
    path: Path, name: str, run: SessionsRun, own: Sequence[str], other: Sequence[str]
) -> None:
    """Every patient stands in one half, and no session of the other half was used."""
    both = sorted(set(own) & set(other))
    if both:
        raise ValueError(
            f"{path}: expected each patient in one half, came {', '.join(both)} in both"
        )
    strange = sorted({session.subject for session in run.sessions} - set(own))
    if strange:
        raise ValueError(
            f"{path}: {name}: expected sessions of {', '.join(own)}, came {', '.join(strange)}"
        )
