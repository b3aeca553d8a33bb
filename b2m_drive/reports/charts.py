"""Figures that a reader explores: Vega-Lite specifications, what chooses among them, their look.

Colours are those of Okabe & Ito (2008), distinguishable with any colour vision; conditions differ
in line style, mark or position besides. A figure says in its own title that a brain is simulated.
"""

from __future__ import annotations

import csv
import io
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import BRAIN
from b2m_drive.files.names import safe_name

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
ALL = "all"  # the option that leaves nothing out
CONTROL = "control"  # name of the choice among controls
STRATEGY, METRIC = "strategy", "metric"  # choices that hide what belongs to another option
FAINT = "#555555"
BRAIN_COLOUR = "#0072B2"  # where nothing else is drawn
CHANGED_COLOUR = "#D55E00"
CHOSEN = f"{CONTROL}=='{ALL}'||datum.k=={CONTROL}||datum.g=={CONTROL}"  # in Vega's expressions
EDGE = 10  # [px] between an axis' ends and the first and last mark
WRAP = 26  # characters of a row's name
_TITLE_WRAP = 42  # characters, so that a title fits on a telephone
_DASHES = {"-": (), "--": (6, 3), ":": (1, 2), "-.": (6, 2, 1, 2)}
_LINE_WIDTH = 1.5  # [px], by which Matplotlib's dashes are multiplied
_CONFIG: dict[str, Any] = {
    "font": '"Source Sans 3","Segoe UI","Liberation Sans","DejaVu Sans",Arial,sans-serif',
    "background": "white",
    "view": {"stroke": None},
    "title": {"anchor": "start", "frame": "bounds", "fontSize": 12, "offset": 10},
    "axis": {
        "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal",
        "gridColor": "#e4e4e4", "domainColor": "#888888", "labelLimit": 240,
    },
    "legend": {"labelFontSize": 11, "titleFontSize": 12, "labelLimit": 320},
    "header": {"labelFontSize": 11, "labelAnchor": "start", "labelLimit": 170, "title": None},
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """Something that a reader chooses above figures, as a list to select from."""

    name: str  # of the parameter in the figures, letters alone
    label: str
    options: tuple[tuple[str, str], ...]  # value and words; the first one is chosen at first

    @property
    def binding(self) -> dict[str, Any]:
        """The list as Vega makes it where a figure stands by itself."""
        values, words = zip(*self.options, strict=True)
        return {"input": "select", "options": values, "labels": words, "name": f"{self.label} "}

    @property
    def parameter(self) -> dict[str, Any]:
        """The parameter of a figure that follows the choice."""
        return {"name": self.name, "value": self.options[0][0], "bind": self.binding}


@dataclass(frozen=True)
class Chart:
    """A figure that a reader explores: a Vega-Lite specification with its data inside.

    `only` names, for a choice of the page, the option that it belongs to; it is hidden where
    another one is chosen. A parameter of the specification that is called as a choice of the page
    follows that one.
    """

    name: str
    caption: str
    spec: Mapping[str, Any]
    only: tuple[tuple[str, str], ...] = ()

    @property
    def file_name(self) -> str:
        """Of the specification among the figures of a run."""
        return f"{safe_name(self.name)}.vl.json"

    @property
    def text(self) -> str:
        """The specification by itself, as any tool that knows Vega-Lite reads it."""
        return as_json(self.spec)


def chart_of(
    name: str,
    caption: str,
    title: str,
    spec: Mapping[str, Any],
    simulated: bool,
    only: tuple[tuple[str, str], ...] = (),
) -> Chart:
    """A chart with the reports' look and a title, which calls a simulated brain so."""
    heading = f"SIMULATED BRAIN · {title}" if simulated else title
    lines = [line for part in heading.split("\n") for line in textwrap.wrap(part, _TITLE_WRAP)]
    whole: dict[str, Any] = {
        "$schema": SCHEMA,
        "description": f"{heading}. {caption}".replace("\n", ", "),
        "title": {"text": lines},
        "config": _CONFIG,
        **spec,
    }
    named = {"embedOptions": {"downloadFileName": safe_name(name)}}
    whole["usermeta"] = {**whole.get("usermeta", {}), **named}
    return Chart(name, caption, whole, only)


def control_choice(study: Study, names: Iterable[str], simulated: bool) -> Choice:
    """The choice among the controls of a study that these are."""
    shown = [name for name in names if name != BRAIN]
    kinds = (
        ("null", "nulls, which decide", study.nulls),
        ("probe", "probes, which describe", study.probes),
    )
    options = [(ALL, "all")]
    options += [(kind, words) for kind, words, of in kinds if set(of) & set(shown)]
    options += [(name, study.label_of(name, simulated)) for name in shown]
    return Choice(CONTROL, "Control", tuple(options))


def role_of(name: str, study: Study) -> str:
    """Whether a control decides or describes; empty of the brain and of what a study lacks."""
    return "null" if name in study.nulls else "probe" if name in study.probes else ""


def dash_of(line: Any) -> list[float]:
    """A Matplotlib line style as lengths of dash and gap [px]."""
    if isinstance(line, str):
        return [float(length) for length in _DASHES.get(line, ())]
    return [round(_LINE_WIDTH * float(length), 2) for length in line[1]]


def wrapped(label: str, width: int = WRAP) -> str:
    """A name on several lines."""
    return "\n".join(textwrap.wrap(label, width)) or label


def csv_data(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[str]
) -> dict[str, Any]:
    """Rows as the data of a specification, in a third of the room that JSON takes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([rounded(value) for value in row] for row in rows)
    parse = {name: "number" for name in numbers}
    return {"values": text.getvalue(), "format": {"type": "csv", "parse": parse}}


def rounded(value: Any) -> Any:
    """A number to five digits; what is no finite number, as nothing."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.5g}") if math.isfinite(value) else None


def looked_up(words: Mapping[str, str], field: str) -> str:
    """A Vega expression: the words for a value."""
    return f"{json.dumps(dict(words))}[{field}]"


def as_json(value: Any) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
