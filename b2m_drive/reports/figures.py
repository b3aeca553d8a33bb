"""What figures in files, which are pictures, have in common: rows of dots, titles, axes.

Figures of reports are charts, see `b2m_drive.reports.charts`. None of these touches global state.
Colours are those of Okabe & Ito (2008), distinguishable with any colour vision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from b2m_drive.reports.charts import FAINT as FAINT
from b2m_drive.reports.interval_chart import Row as Row

RESOLUTION = 150  # [dots per inch]
SMALL, NORMAL = 8.5, 9.5  # [points]


def blank_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, that no global state knows."""
    figure = Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def entitle(figure: Figure, title: str, simulated: bool) -> None:
    """The figure's title; a simulated brain is called so."""
    prefix = "SIMULATED BRAIN · " if simulated else ""
    figure.suptitle(f"{prefix}{title}", x=0.01, ha="left", fontsize=10.5, fontweight="bold")


def tidy(axes: Any) -> None:
    """Thin lines, small numbers, a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.7)
    axes.set_axisbelow(True)


def draw_row(axes: Any, place: int, row: Row) -> None:
    """A dot and its interval, or in its place a note."""
    if row.note:
        axes.text(0.5, place, row.note, transform=axes.get_yaxis_transform(), ha="center",
                  va="center", fontsize=SMALL, color=FAINT, backgroundcolor="white")  # fmt: skip
        return
    axes.plot(row.mean, place, "o", color=row.colour, markersize=6)
    if np.isfinite([row.low, row.high]).all():
        axes.plot([row.low, row.high], [place, place], color=row.colour, linewidth=2)
