"""Pages of reports: one layout, filled from templates, that needs no file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from b2m_drive.comparisons.verdict import Grade
from b2m_drive.reports.charts import METRIC, STRATEGY, Chart, Choice, as_json
from b2m_drive.reports.report_parts import Section

_SCRIPTS = ("vega/vega.min.js", "vega/vega-lite.min.js", "vega/vega-embed.min.js", "figures.js")
_LICENCES = "vega/LICENSES"

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


def render_page(
    template: str, *, drawn: bool = True, choices: Sequence[Choice] = (), **content: Any
) -> str:
    """Fill a template of this package; every text is escaped, a missing one an error.

    Args:
        template: Its file.
        drawn: Whether there are figures to draw, so that the page needs Vega.
        choices: What a reader chooses for all figures.
        content: What else the template shows.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["for_page"] = lambda chart: Markup(_for_page(chart, choices))
    return environment.get_template(template).render(
        simulated_note=SIMULATED_NOTE,
        drawn=drawn,
        choices=choices,
        narrowing=(STRATEGY, METRIC),
        scripts=[Markup(_template(name)) for name in _SCRIPTS] if drawn else [],
        licences=Markup(_template(_LICENCES)) if drawn else "",
        **content,
    )


def _for_page(chart: Chart, choices: Sequence[Choice]) -> str:
    """A specification whose parameters follow the page's choices, as text inside a script."""
    spec = dict(chart.spec)
    names = {each.name for each in choices}
    if "params" in spec:
        spec["params"] = [
            {**each, "bind": {"element": f"#choose-{each['name']}", "event": "change"}}
            if each["name"] in names
            else each
            for each in spec["params"]
        ]
    return as_json(spec).replace("<", "\\u003c")


def render_sections(
    title: str,
    verdicts: Sequence[VerdictBox],
    verdict_note: str,
    parts: Sequence[Section],
    *,
    simulated: bool,
    choices: Sequence[Choice] = (),
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
        choices=choices,
        limits=limits,
        references=references,
    )


def _template(name: str) -> str:
    return files("b2m_drive.reports").joinpath(name).read_text(encoding="utf-8")
