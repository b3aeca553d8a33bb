"""An evaluation as a picture: return, crash rate and lead of every driver, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from b2m_agents.drivers import CONSTANT_SPEED, HIGHWAY_ENV
from b2m_agents.evaluation import Evaluation
from b2m_agents.evaluation_scores import MARGIN, DriverScores
from b2m_drive.evidence.figures import (
    FAINT,
    NORMAL,
    SMALL,
    Row,
    blank_figure,
    draw_row,
    entitle,
    tidy,
)
from b2m_drive.evidence.statistics import Interval
from b2m_drive.files.writing import atomic_write

FIGURE_FILE = "evaluation.png"
_AGENT, _POOLED, _OTHER = "#0072B2", "#D55E00", "#555555"  # Okabe & Ito (2008), and a grey
_LABELS = {CONSTANT_SPEED: "constant speed", HIGHWAY_ENV: "highway-env's\ndriver model"}


def write_evaluation_figure(
    path: str | Path, evaluation: Evaluation, scores: Sequence[DriverScores]
) -> Path:
    """Draw an evaluation and write it as a PNG, whole or not at all.

    Raises:
        ValueError: If the path does not end in .png.
    """
    path = Path(path)
    check_figure_path(path)
    figure = evaluation_figure(evaluation, scores)
    with atomic_write(path) as draft:
        figure.savefig(draft, format="png", facecolor="white")
    return path


def check_figure_path(path: Path) -> None:
    """Refuse a path that no PNG can be at.

    Raises:
        ValueError: Names it.
    """
    if path.suffix.lower() != ".png" or path.is_dir():
        raise ValueError(f"{path}: expected a file ending in .png for the figure")


def evaluation_figure(evaluation: Evaluation, scores: Sequence[DriverScores]) -> Figure:
    """A row a driver; a panel each for return, crashes, and the lead on the driver model."""
    with_model = any(each.lead_on_model for each in scores)
    figure = blank_figure(3.2 + 2.9 * (2 + with_model), 1.9 + 0.42 * len(scores))
    panels = figure.subplots(1, 2 + with_model, sharey=True)
    _draw_returns(panels[0], scores)
    _draw_panel(panels[1], scores, lambda each: each.crash_rate)
    panels[1].set_xlabel("episodes that end in a crash (%)", fontsize=NORMAL)
    panels[1].xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    panels[1].set_xlim(-0.02, max(0.1, 1.05 * max(each.crash_rate.high for each in scores)))
    if with_model:
        _draw_leads(panels[2], scores)
    panels[0].set_yticks(
        range(len(scores)), [_LABELS.get(each.driver, each.driver) for each in scores]
    )
    panels[0].set_ylim(len(scores) - 0.4, -0.6)
    first = evaluation.of(evaluation.agents[0])
    title = f"{len(first)} held-out episodes, simulated by {first[0].engine}; bars: 95 % intervals"
    entitle(figure, title, simulated=False)
    return figure


def _draw_returns(axes: Any, scores: Sequence[DriverScores]) -> None:
    _draw_panel(axes, scores, lambda each: each.return_)
    middles = [each.return_middle.mean for each in scores]
    places = [place + 0.22 for place in range(len(scores))]
    axes.plot(middles, places, "D", color="white", markeredgecolor=FAINT, markersize=4.5)
    axes.set_xlabel(
        "return (rewards of an episode, summed)\ndot: mean; diamond: interquartile mean",
        fontsize=NORMAL,
    )


def _draw_leads(axes: Any, scores: Sequence[DriverScores]) -> None:
    _draw_panel(axes, scores, lambda each: each.lead_on_model)
    margin = scores[0].margin
    axes.axvline(0, color=FAINT, linewidth=0.9)
    axes.axvline(-margin, color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.text(-margin, 1.0, f"−{MARGIN:.0%} ", transform=axes.get_xaxis_transform(), ha="right",
              va="top", fontsize=SMALL, color=FAINT)  # fmt: skip
    axes.set_xlabel(
        "return minus the driver model's,\npaired by episode; dashed: the bound", fontsize=NORMAL
    )


def _draw_panel(
    axes: Any,
    scores: Sequence[DriverScores],
    interval_of: Callable[[DriverScores], Interval | None],
) -> None:
    for place, each in enumerate(scores):
        interval = interval_of(each)
        if interval is not None:
            colour = {0: _OTHER, 1: _AGENT}.get(each.n_trainings, _POOLED)
            row = Row(each.driver, colour, interval.mean, interval.low, interval.high)
            draw_row(axes, place, row)
    tidy(axes)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#e8e8e8", linewidth=0.7)
    axes.locator_params(axis="x", nbins=5)
