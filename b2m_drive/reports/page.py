"""Pages of reports: one layout, filled from templates, that needs no file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from b2m_drive.comparisons.verdict import Grade
from b2m_drive.reports.report_parts import Section

SIMULATED_NOTE = (
    "SIMULATED brain. Every score below comes from simulated activity; it can show that "
    "information was transferred, not that brains add what labels would not."
)


@dataclass(frozen=True)
class VerdictBox:
    """A verdict as the top of a page shows it."""

    of: str  # what was judged
    mark: str  # class that colours it
    heading: str
    text: str


def verdict_box(verdict: Any, prefix: str = "") -> VerdictBox:
    """The box of a `verdict.Verdict` or a `pooled_verdict.PooledVerdict`."""
    simulated = "SIMULATED · " if verdict.simulated else ""
    text = " ".join(part for part in (verdict.finding, verdict.about_labels) if part)
    return VerdictBox(
        f"{simulated}{prefix}{verdict.method.label}",
        mark_of(verdict.grade),
        verdict.grade.value,
        text,
    )


def mark_of(grade: Grade) -> str:
    """The class of a grade in the layout, which gives it its colour."""
    return grade.name.lower().replace("_", "-")


def render_page(template: str, **content: Any) -> str:
    """Fill a template of this package; every text is escaped, a missing one an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(simulated_note=SIMULATED_NOTE, **content)


def render_sections(
    title: str,
    verdicts: Sequence[VerdictBox],
    verdict_note: str,
    parts: Sequence[Section],
    *,
    simulated: bool,
    limits: Sequence[str] = (),
    references: Sequence[str] = (),
) -> str:
    """A page of verdicts first and sections after."""
    return render_page(
        "sections.html.jinja",
        title=title,
        verdicts=verdicts,
        verdict_note=verdict_note,
        parts=parts,
        simulated=simulated,
        limits=limits,
        references=references,
    )


def _template(name: str) -> str:
    return files("b2m_drive.reports").joinpath(name).read_text(encoding="utf-8")
