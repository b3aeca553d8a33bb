"""A recording with events as a picture: what its units do over time, and what they tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from b2m_drive.files.writing import atomic_write
from b2m_drive.teachers.event_quality import EventQuality

_COLOUR = "#0072B2"
_MOST_NAMES = 40


def draw_event_quality(found: EventQuality, path: Path) -> None:
    """Write a PNG: responses over the session, variance explained by unit, decoding and chance."""
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    over_time, by_unit, decoding = figure.subplots(1, 3, width_ratios=(1.8, 1, 1))
    _draw_responses(over_time, found)
    _draw_units(by_unit, found)
    _draw_decoding(decoding, found)
    recording = found.recording
    kind = "SIMULATED" if recording.simulated else "recorded"
    figure.suptitle(
        f"{recording.session} ({kind}): {len(recording.units)} units or channels, "
        f"{found.quality.n_rows} responses from {found.window[0]:g} to {found.window[1]:g} s"
    )
    with atomic_write(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def _draw_responses(axes: Axes, found: EventQuality) -> None:
    mean = found.responses.values.mean(1).T.astype(np.float64)
    spread = mean.std(1, keepdims=True)
    z = (mean - mean.mean(1, keepdims=True)) / np.where(spread > 0, spread, np.inf)
    picture = axes.imshow(z, aspect="auto", cmap="RdBu_r", vmin=-3, vmax=3, interpolation="none")
    axes.set(xlabel="event, in the order of time", ylabel="unit or channel")
    axes.set_title("mean response (drift shows as a change of colour)", loc="left", fontsize=10)
    assert axes.figure is not None
    axes.figure.colorbar(picture, ax=axes, label="z-scored by unit", shrink=0.8)


def _draw_units(axes: Axes, found: EventQuality) -> None:
    explained = found.quality.explainable
    names = [unit.name for unit in found.recording.units]
    if np.isnan(explained).all():
        why = "undefined:\nnothing was seen twice, or nothing varies"
        axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    axes.barh(range(len(names)), np.nan_to_num(explained), color=_COLOUR)
    axes.axvline(0, color="k", lw=0.8)
    if len(names) <= _MOST_NAMES:
        axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="share of variance that the id explains", ylabel="unit or channel")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_decoding(axes: Axes, found: EventQuality) -> None:
    bars = found.quality.decoding
    if not bars:
        axes.text(0.5, 0.5, "decoding undefined:\nno label was seen four times", ha="center",
                  va="center", transform=axes.transAxes)  # fmt: skip
        axes.set_axis_off()
        return
    for place, each in enumerate(bars):
        axes.bar(place, each.score, color=_COLOUR, width=0.6)
        axes.plot([place - 0.4, place + 0.4], [each.chance] * 2, "k--", lw=1.2)
        axes.plot([place - 0.4, place + 0.4], [each.chance_high] * 2, "k:", lw=1.0)
        axes.text(place, each.score + 0.02, f"{each.score:.2f}", ha="center", fontsize=9)
    axes.set_xticks(range(len(bars)), [f"{b.variable}\n({b.n_labels})" for b in bars], fontsize=8)
    axes.set(ylim=(0, 1.05), ylabel="balanced accuracy, held out")
    axes.set_title("dashed: chance, dotted: 95 % of it", loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
