"""A recording with events, before it teaches: its responses' quality, its hum, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from b2m_drive.recordings.line_noise import LineNoise, line_noise
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.responses import Responses, responses_and_rows
from b2m_drive.recordings.sampled_signal import SampledSignal
from b2m_drive.teachers.response_quality import (
    AIM,
    DRIFTS_ABOVE,
    ResponseQuality,
    response_quality,
)

WINDOW = (0.1, 0.5)  # [s] after an onset, where the next one is not sooner
_MOST_LABELS = 0.25  # of the events: more different ids are not decoded
_SHOWN = 8


@dataclass(frozen=True)
class EventQuality:
    """What a recording beside events says of itself."""

    recording: Recording
    responses: Responses
    window: tuple[float, float]  # [s]
    quality: ResponseQuality
    hum: LineNoise | None


def event_quality(recording: Recording) -> EventQuality:
    """Cut responses out of a recording and look at them.

    Raises:
        ValueError: As `responses_of`.
    """
    window = _window_of(recording)
    responses, rows = responses_and_rows(recording, *window)
    signal = recording.signal
    hum = line_noise(signal) if isinstance(signal, SampledSignal) else None
    quality = response_quality(responses, _variables(recording, responses, rows))
    return EventQuality(recording, responses, window, quality, hum)


def quality_text(found: EventQuality) -> str:
    """All figures, a line each."""
    recording, quality = found.recording, found.quality
    lines = [
        f"{recording.session}: subject {recording.subject}, "
        f"{'SIMULATED' if recording.simulated else 'recorded'}",
        f"{recording.source}; licence {recording.licence}",
        *recording.notes,
        "",
        f"{len(recording.units)} units or channels, {recording.measure}, {recording.duration:,.6g}"
        f" s; {len(recording.events)} events",
        f"responses from {found.window[0]:g} to {found.window[1]:g} s after an onset: "
        f"{quality.n_rows} of {quality.n_ids} ids, {quality.n_repeated} of them repeated",
        *[note for note in found.responses.notes if note not in recording.notes],
        f"split-half reliability {_number(quality.reliability)}; {aim_text(quality)}",
        f"variance of a response that its id explains: median {_median(quality.explainable)}, "
        f"best {_best(quality.explainable)}",
    ]
    lines += [each.text for each in quality.decoding] or [
        "decoding: no variable whose labels were seen four times"
    ]
    lines += unit_lines([unit.name for unit in recording.units], quality)
    if found.hum is not None:
        lines.append(f"mains: {found.hum.text}")
    return "\n".join(lines)


def unit_lines(names: Sequence[str], quality: ResponseQuality) -> list[str]:
    """How many units never vary, carry nothing and drift, with some of their names."""
    lines = []
    nothing = ~quality.flat & (np.nan_to_num(quality.explainable, nan=1.0) <= 0)
    drifting = np.nan_to_num(quality.drift) > DRIFTS_ABOVE
    known = not np.isnan(quality.explainable).all()
    for what, chosen in (
        ("never vary", quality.flat),
        *([("carry nothing of what was seen (explained variance 0 or less)", nothing)] * known),
        (f"drift (a straight line explains over {DRIFTS_ABOVE:.0%} of their variance)", drifting),
    ):
        some = [names[int(k)] for k in np.flatnonzero(chosen)]
        shown = ", ".join(some[:_SHOWN]) + (", ..." if len(some) > _SHOWN else "")
        lines.append(f"{len(some)} of {len(names)} {what}{f': {shown}' if some else ''}")
    return lines


def aim_text(quality: ResponseQuality) -> str:
    """How many presentations would make the mean responses reliable, or why that is not known."""
    if np.isnan(quality.reliability):
        seen = (
            "fewer than two things were seen twice" if quality.n_repeated < 2 else "nothing varies"
        )
        return f"{seen}, so no ceiling can be told"
    if np.isnan(quality.rows_for_aim):
        return f"no number of presentations is known to make the means' reliability {AIM:g}"
    return (
        f"about {max(round(quality.rows_for_aim), 1):,} presentations would make the reliability "
        f"of the means {AIM:g}"
    )


def _window_of(recording: Recording) -> tuple[float, float]:
    """The usual window, or less where the next event is sooner; whole samples of a signal."""
    onset = np.unique(recording.events.onset)
    apart = float(np.median(np.diff(onset))) if len(onset) > 1 else np.inf
    if apart >= WINDOW[1]:
        return WINDOW
    return (0.0, apart)


def _variables(
    recording: Recording, responses: Responses, rows: Int64[np.ndarray, " row"]
) -> dict[str, np.ndarray]:
    """The ids if they repeat enough, and what was kept beside the events, row by row."""
    variables: dict[str, np.ndarray] = {}
    if len(np.unique(responses.ids)) <= _MOST_LABELS * len(responses.ids):
        variables["id"] = responses.ids
    kept = {k: v for k, v in recording.events.columns.items() if k != "label"}
    return variables | {name: np.asarray(values)[rows] for name, values in kept.items()}


def _number(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.2f}"


def _median(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return f"{np.median(known):.2f}" if len(known) else "undefined"


def _best(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return f"{known.max():.2f}" if len(known) else "undefined"
