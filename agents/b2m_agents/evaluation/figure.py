"""An evaluation as a picture: every driver's return, failures and lead, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from b2m_agents.drivers.drivers import CONSTANT_SPEED, HIGHWAY_ENV
from b2m_agents.evaluation.evaluate import Evaluation
from b2m_agents.evaluation.scores import MARGIN, DriverScores
from b2m_drive.evidence.statistics import Interval
from b2m_drive.files.writing import atomic_write
from b2m_drive.reports.figures import (
    FAINT,
    NORMAL,
    SMALL,
    Row,
    blank_figure,
    draw_row,
    entitle,
    tidy,
)

FIGURE_FILE = "evaluation.png"
_AGENT, _POOLED, _OTHER = "#0072B2", "#D55E00", "#555555"  # Okabe & Ito (2008), and a grey
_SHARES: tuple[tuple[Callable[[DriverScores], Interval | None], str], ...] = (
    (lambda each: each.crash_rate, "episodes that end in a crash (%)"),
    (
        lambda each: each.off_road,
        "steps off the road (%), where\nneither gap nor time to collision is measured",
    ),
    (lambda each: each.success_rate, "episodes that reach the goal (%)"),
)
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
    """A row a driver; a panel each for return, failures, success, and the lead on the model."""
    shares = [(of, label) for of, label in _SHARES if any(of(each) is not None for each in scores)]
    with_model = any(each.lead_on_model for each in scores)
    n_panels = 1 + len(shares) + with_model
    figure = blank_figure(3.2 + 2.9 * n_panels, 1.9 + 0.42 * len(scores))
    panels = figure.subplots(1, n_panels, sharey=True)
    _draw_returns(panels[0], scores)
    for axes, (of, label) in zip(panels[1:], shares, strict=False):
        _draw_shares(axes, scores, of, label)
    if with_model:
        _draw_leads(panels[-1], scores)
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


def _draw_shares(
    axes: Any,
    scores: Sequence[DriverScores],
    interval_of: Callable[[DriverScores], Interval | None],
    label: str,
) -> None:
    intervals = [each for each in map(interval_of, scores) if each is not None]
    _draw_panel(axes, scores, interval_of)
    axes.set_xlabel(label, fontsize=NORMAL)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    axes.set_xlim(-0.02, max(0.1, 1.05 * max(each.high for each in intervals)))


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
