"""Pieces that reports are made of: pictures, tables, numbers as text, files replaced whole."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from b2m_drive.evidence.statistics import Interval
from b2m_drive.files.names import safe_name
from b2m_drive.files.writing import atomic_folder, write_text
from b2m_drive.reports.charts import Chart

REPORT = "report.html"
FIGURES = "figures"


@dataclass(frozen=True)
class Picture:
    """A figure, drawn: its file name, caption and PNG."""

    name: str
    caption: str
    png: bytes

    @property
    def source(self) -> str:
        """The image itself, as an address that needs no file."""
        return _png_source(self.png)


@dataclass(frozen=True)
class Clip:
    """A video: its file name, caption, type and content."""

    name: str
    caption: str
    media_type: str
    content: bytes

    @property
    def source(self) -> str:
        """The video itself, as an address that needs no file."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Table:
    """Text in rows and columns; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SceneStrip:
    """A row of scenes under one name, such as what one student makes of each."""

    name: str
    png: bytes

    @property
    def source(self) -> str:
        """The image itself, as an address that needs no file."""
        return _png_source(self.png)


@dataclass(frozen=True)
class FlippedScenes:
    """Scenes, and what each student makes of them, which a reader lays over the original."""

    caption: str
    original: SceneStrip
    made: tuple[SceneStrip, ...]

    @property
    def strips(self) -> tuple[SceneStrip, ...]:
        """The original, and what each student makes of it."""
        return (self.original, *self.made)


@dataclass(frozen=True)
class Section:
    """A part of the report: what it shows, and how to read it."""

    title: str
    intro: str = ""
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    aside: str = ""
    charts: tuple[Chart, ...] = ()
    scenes: FlippedScenes | None = None
    clips: tuple[Clip, ...] = ()
    only: tuple[tuple[str, str], ...] = ()  # as in `Chart`


@dataclass(frozen=True)
class StudyPages:
    """What the report of one study has that others have not."""

    question: str
    about_brain: tuple[Section, ...]
    results: tuple[Section, ...]
    how: str
    references: tuple[str, ...]


def _png_source(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def setting_text(value: Any) -> str:
    """A setting as a reader wants it: no brackets, no underscores."""
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {setting_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(setting_text(each) for each in value)
    if value is None:
        return "none"
    return str(value)


def figure_text(value: Any, why_undefined: str | None = None) -> str:
    """A figure of the brain, or that it is undefined and why."""
    if value is None:
        return f"undefined: {why_undefined}" if why_undefined else "undefined for this recording"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return str(value) if isinstance(value, int) else plain(value, 3)


def interval_plain(interval: Interval, digits: int) -> str:
    """A number and its interval, without signs."""
    bounds = f"[{plain(interval.low, digits)}, {plain(interval.high, digits)}]"
    return f"{plain(interval.mean, digits)} {bounds}"


def plain(value: float, digits: int) -> str:
    """A number with true minus and infinity signs."""
    return f"{value:,.{digits}f}".replace("-", "−").replace("inf", "∞")


def percent(share: float) -> str:
    """A share as a whole number of per cent."""
    return f"{share * 100:.0f} %"


def p_text(p_value: float) -> str:
    """A p-value as journals print it."""
    return "< .001" if p_value < 0.001 else f"{p_value:.3f}".removeprefix("0")


def picture_of(figure: Any, name: str, caption: str) -> Picture:
    """A matplotlib figure as a picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", facecolor="white")
    return Picture(f"{safe_name(name)}.png", caption, buffer.getvalue())


def replace_figures(folder: Path, parts: Sequence[Section]) -> None:
    """Write the figures into a run's folder in place of those before, whole or not at all.

    Pictures are PNG, charts Vega-Lite specifications with their data inside.
    """
    with atomic_folder(folder / FIGURES) as draft:
        for part in parts:
            for picture in part.pictures:
                (draft / picture.name).write_bytes(picture.png)
            for place, strip in enumerate(part.scenes.strips if part.scenes else ()):
                (draft / f"scenes-{place:02d}-{safe_name(strip.name)}.png").write_bytes(strip.png)
            for chart in part.charts:
                write_text(draft / chart.file_name, chart.text)


def replace_page(folder: Path, page: str) -> Path:
    """Write the page, whole or not at all."""
    write_text(folder / REPORT, page)
    return folder / REPORT
