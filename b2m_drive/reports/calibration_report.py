"""The report of the verdict's calibration: shares of "specific", and the bounds behind them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.comparisons.calibration import (
    KINDS,
    NOMINAL,
    VERDICTS,
    CalibrationRow,
    Kind,
    Share,
    read_rows,
    share_interval,
    share_text,
    shares,
)
from b2m_drive.comparisons.configuration import read_object, study_named_in
from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.verdict import Grade
from b2m_drive.evidence.condition import SHORT_STRATEGIES, STRATEGIES
from b2m_drive.reports.calibration_charts import bounds_chart, grades_chart
from b2m_drive.reports.page import VerdictBox, mark_of, render_sections
from b2m_drive.reports.report_parts import (
    Section,
    Table,
    percent,
    plain,
    replace_figures,
    replace_page,
    setting_text,
)

_WANTED = percent(NOMINAL)
_EXCLUDED_ABOVE = 0.06  # upper bound of null brains' share that counts as no more than nominal
_BAR = 0.8  # share of ideal brains that must be called specific
_BAR_BRAINS = 20  # ideal brains from which on a share is judged
_REFERENCE = (
    "Exact interval of a share: Clopper & Pearson (1934), Biometrika 26, doi 10.2307/2331986."
)
_SHOWN_ELSEWHERE = {"study", "limits", "name", "simulated"}


def write_calibration_report(folder: Path) -> Path:
    """Write ``report.html`` and its figures into a calibration's folder.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is broken, or there are no verdicts.
    """
    config = read_object(folder / CONFIG)
    study_named_in(folder / CONFIG)  # there must be one
    rows = read_rows(folder / VERDICTS)
    if not rows:
        raise ValueError(f"{folder / VERDICTS}: expected at least one verdict, came none")
    parts = _sections(config, rows)
    page = render_sections(
        "How often the verdict is right about brains that are known",
        [_box(share) for share in shares(rows)],
        "Shares of brains that the verdict called specific, with exact 95 % intervals. Null brains "
        f"know nothing of the trials: at most {_WANTED} of them may be called specific. Ideal "
        f"brains say everything: at least {percent(_BAR)} of them should be.",
        parts,
        simulated=True,
        limits=[*_limits(config), *config.get("limits", [])],
        references=(_REFERENCE,),
    )
    replace_figures(folder, parts)
    return replace_page(folder, page)


def _box(share: Share) -> VerdictBox:
    """Blue where a share is as it should be, orange where it is not, grey where few cannot tell."""
    grade, said = _of_null(share) if share.kind == "null" else _of_ideal(share)
    return VerdictBox(
        f"SIMULATED · {STRATEGIES[share.strategy]}, {share.kind} brains",
        mark_of(grade),
        share_text(share),
        said,
    )


def _of_null(share: Share) -> tuple[Grade, str]:
    upper = f"{share.high * 100:.1f} %"
    if share.low > NOMINAL:
        return Grade.HARM, f"More than {_WANTED}: the verdict finds what is not there."
    if share.high > _EXCLUDED_ABOVE:
        return (
            Grade.NO_GAIN,
            f"Too few brains to tell: the interval contains {_WANTED}, but up to {upper} cannot be "
            "excluded.",
        )
    return Grade.SPECIFIC, f"About {_WANTED} or less: more than {upper} can be excluded."


def _of_ideal(share: Share) -> tuple[Grade, str]:
    bar = f"{percent(_BAR)} that were asked for"
    if share.n < _BAR_BRAINS and share.high >= _BAR:
        return Grade.NO_GAIN, f"Too few brains to tell: {_BAR_BRAINS} or more are needed."
    if share.share >= _BAR:
        return Grade.SPECIFIC, f"At least the {bar}: the verdict finds what is there."
    return Grade.HARM, f"Fewer than the {bar}: the verdict misses what is there."


def _limits(config: dict[str, Any]) -> list[str]:
    """What was calibrated, as the configuration tells it, and what was not."""
    student = config.get("student", {})
    readings = [" ".join(each.values()) for each in config.get("readings", [])]
    told = {
        "strategies": [STRATEGIES.get(each, each) for each in config.get("strategies", [])],
        "readings (latents, pairing)": readings,
        "hidden units of a student": config.get("hidden_size", student.get("hidden_size")),
        "training steps": config.get("n_steps"),
        "trials a step": config.get("batch_size"),
        "students of a condition": len(config.get("seeds", [])),
    }
    said = "; ".join(f"{name} {setting_text(value)}" for name, value in told.items() if value)
    return [
        "One session a brain, small students and short training"
        f"{f': {said}' if said else ''}. Of other settings the shares say nothing.",
        "The verdict of one session was calibrated, not the pooled verdict over patients.",
        "Null brains are simulated ones with a share of signal of 0. Brains that carry information "
        "about labels only are not among them.",
    ]


def _sections(config: dict[str, Any], rows: Sequence[CalibrationRow]) -> list[Section]:
    columns = {_column_label(*key): own for key, own in _columns(rows).items()}
    bounds = bounds_chart(
        columns,
        "Lower bound of the 95 % interval of brain minus the closest null, the one of the smallest "
        "lower bound; a dot a brain. Above zero, the verdict says specific.",
    )
    grades = grades_chart(columns, "Grades of all brains, by kind and strategy.")
    settings = tuple(
        (name.replace("_", " "), setting_text(value))
        for name, value in config.items()
        if name not in _SHOWN_ELSEWHERE
    )
    return [
        Section("What the verdict said", charts=(grades,), tables=(_grade_table(rows),)),
        Section("How close it was", charts=(bounds,), tables=(_closest_table(rows),)),
        Section(
            "How it was done",
            intro="Every brain has trials, students and seeds of its own, and went through the "
            "verdict of every comparison, on this small preset. Where a brain did not beat the "
            "student alone it cannot be called specific: the students of the other nulls were then "
            "not trained, and its bound above is that over the student alone.",
            tables=(Table(("setting", "value"), settings),),
        ),
    ]


def _columns(rows: Sequence[CalibrationRow]) -> dict[tuple[Kind, str], list[CalibrationRow]]:
    strategies = dict.fromkeys(row.strategy for row in rows)
    found = {
        (kind, strategy): [row for row in rows if (row.kind, row.strategy) == (kind, strategy)]
        for kind in KINDS
        for strategy in strategies
    }
    return {key: own for key, own in found.items() if own}


def _column_label(kind: Kind, strategy: str) -> str:
    return f"{kind} brains, {SHORT_STRATEGIES[strategy]}"


def _grade_table(rows: Sequence[CalibrationRow]) -> Table:
    header = ("brains", "n", *(grade.value for grade in Grade), "specific [95\u00a0%]")
    table = []
    by_key = {(each.kind, each.strategy): each for each in shares(rows)}
    for key, own in _columns(rows).items():
        counts = (str(sum(row.grade == grade.name for row in own)) for grade in Grade)
        share = by_key[key]
        label = _column_label(*key)
        table.append((label, str(len(own)), *counts, share_interval(share)))
    return Table(header, tuple(table))


def _closest_table(rows: Sequence[CalibrationRow]) -> Table:
    """How often each null was the closest, and the mean difference to it."""
    table = []
    for key, own in _columns(rows).items():
        for null in MEMORY.nulls:
            among = [row for row in own if row.closest_null == null]
            if among:
                mean = float(np.mean([row.closest_null_mean for row in among]))
                name = f"{_column_label(*key)}: {MEMORY.labels[null]}"
                table.append((name, str(len(among)), plain(mean, 3)))
    return Table(("closest null", "brains", "brain minus it, mean"), tuple(table))
