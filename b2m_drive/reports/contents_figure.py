"""What lies in a file as a picture: a stretch of its signal or spikes, and its events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from b2m_drive.files.writing import atomic_write
from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.mapping import RecordingMapping
from b2m_drive.recordings.sampled_signal import SampledSignal

_SECONDS = 8.0  # of the signal that are shown
_CHANNELS = 12
_UNITS = 40
_KINDS = 12  # rows of events
_COLOUR = "#0072B2"


def draw_contents(contents: Contents, mapping: RecordingMapping, path: Path) -> None:
    """Write a PNG of the mapped signal or units, and of the mapped events over all the recording.

    Args:
        contents: Of the file.
        mapping: Which signal and table are drawn; as proposed, or one's own.
        path: Of the picture.
    """
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(1.7, 1))
    table = _table(contents, mapping)
    start = _first_onset(table)
    signal = _signal(contents, mapping)
    if signal is not None:
        _draw_signal(above, signal, start)
    elif contents.spikes is not None:
        _draw_spikes(above, contents, start)
    else:
        _say(above, "no signal and no units to draw before a mapping names arrays")
    if table is None or not len(table):
        _say(below, "no table of events")
    else:
        _draw_events(below, table, mapping)
        if signal is not None:
            below.set_xlim(*signal.span)
    figure.suptitle(f"{contents.path.name}: {contents.format}")
    with atomic_write(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def _signal(contents: Contents, mapping: RecordingMapping) -> SampledSignal | None:
    name = mapping.activity.signal
    named = [each for each in contents.signals if each.name == name]
    if named:
        return named[0]
    alone = len(contents.signals) == 1 and contents.spikes is None
    return contents.signals[0] if alone else None


def _table(contents: Contents, mapping: RecordingMapping) -> EventTable | None:
    section = mapping.trials or mapping.events
    name = section.table if section is not None else ""
    named = [table for table in contents.tables if table.name == name]
    return named[0] if named else next(iter(contents.tables), None)


def _first_onset(table: EventTable | None) -> float | None:
    if table is None or not table.onset or not len(table):
        return None
    onset = np.asarray(table.column(table.onset), dtype=np.float64)
    onset = onset[np.isfinite(onset)]
    return float(onset.min()) if len(onset) else None


def _draw_signal(axes: Axes, signal: SampledSignal, start: float | None) -> None:
    """Channels below each other, each less its mean, at one scale."""
    times = signal.times
    begin = signal.span[0] if start is None else max(start - 1.0, signal.span[0])
    first = min(int(np.searchsorted(times, begin)), max(len(times) - 2, 0))
    last = min(first + max(int(_SECONDS * signal.rate), 2), len(times))
    step = max(len(signal.channels) // _CHANNELS, 1)
    shown = list(range(0, len(signal.channels), step))[:_CHANNELS]
    values = signal[first:last][:, shown].astype(np.float64)
    values -= values.mean(0)
    spread = float(np.median(values.std(0))) or float(np.abs(values).max()) or 1.0
    apart = 6 * spread
    for row in range(len(shown)):
        axes.plot(times[first:last], values[:, row] - row * apart, lw=0.6, color=_COLOUR)
    axes.set_yticks([-row * apart for row in range(len(shown))],
                    [signal.channels[k] for k in shown], fontsize=8)  # fmt: skip
    axes.set_ylim(-len(shown) * apart, apart)
    left_out = f" ({len(shown)} of {len(signal.channels)} channels)" if step > 1 else ""
    scale = f"rows {_with_prefix(apart, signal.unit)} apart"
    axes.set_title(f"signal {signal.name}{left_out}: {scale}", fontsize=10, loc="left")
    axes.set_xlabel("time [s]")
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)


def _with_prefix(value: float, unit: str) -> str:
    """A size with its unit, small volts and teslas as papers write them."""
    for prefix, factor in (("", 1.0), ("m", 1e-3), ("µ", 1e-6), ("n", 1e-9), ("f", 1e-15)):
        if unit in ("V", "T") and value >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def _draw_spikes(axes: Axes, contents: Contents, start: float | None) -> None:
    assert contents.spikes is not None
    shown = range(min(len(contents.spikes.units), _UNITS))
    times = [contents.spikes.read(k) for k in shown]
    first = [each.min() for each in times if len(each)]
    begin = (min(first) if first else 0.0) if start is None else start - 1.0
    inside = [each[(each >= begin) & (each <= begin + _SECONDS)] for each in times]
    axes.eventplot(inside, colors=_COLOUR, linewidths=0.7)
    axes.set(xlim=(begin, begin + _SECONDS), xlabel="time [s]", ylabel="unit")
    axes.set_yticks(list(shown), [contents.spikes.units[k].name for k in shown], fontsize=7)
    axes.set_title(
        f"spikes of {len(shown)} of {len(contents.spikes.units)} units", fontsize=10, loc="left"
    )
    axes.spines[["top", "right"]].set_visible(False)


def _draw_events(axes: Axes, table: EventTable, mapping: RecordingMapping) -> None:
    onset_name = table.onset or (mapping.events.onset if mapping.events else "")
    if not onset_name and mapping.trials:
        onset_name = mapping.trials.items[0] if mapping.trials.items else ""
    if onset_name not in table.columns:
        _say(axes, f"table {table.name}: no column of seconds")
        return
    onset = np.asarray(table.column(onset_name), dtype=np.float64)
    stimulus = mapping.events.stimulus if mapping.events else ""
    labels = table.labels(stimulus) if stimulus in table.columns else np.full(len(onset), "row")
    kinds, counts = np.unique(labels.astype(str), return_counts=True)
    kinds = kinds[np.argsort(-counts)]
    shown = list(kinds[:_KINDS])
    rows = [onset[(labels == kind) & np.isfinite(onset)] for kind in shown]
    axes.eventplot(rows, colors=_COLOUR, linewidths=0.8, linelengths=0.8)
    axes.set_yticks(range(len(shown)), [kind[:24] for kind in shown], fontsize=8)
    more = f", {len(kinds) - len(shown)} kinds not shown" if len(kinds) > len(shown) else ""
    of = f" by {stimulus}" if stimulus else ""
    axes.set_title(
        f"table {table.name}, whole recording: {len(table)} rows{of}{more}", fontsize=10, loc="left"
    )
    axes.set_xlabel("time [s]")
    axes.spines[["top", "right"]].set_visible(False)


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()
