"""A memory session before it teaches: drift, units that carry nothing, chance as it is measured."""

from __future__ import annotations

import numpy as np

from b2m_drive.recordings.responses import Responses
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.unasked import reads_items
from b2m_drive.teachers.event_quality import aim_text, unit_lines
from b2m_drive.teachers.response_counts import evened, in_order, item_counts
from b2m_drive.teachers.response_quality import ResponseQuality, response_quality


def item_quality(recording: TrialResponses) -> ResponseQuality | None:
    """Quality of the responses to items, trial after trial; None: no item is recorded.

    Each presentation of an item is a row, its stimulus the id.
    """
    if not reads_items(recording):
        return None
    recording = in_order(recording)
    counts, stimulus, _ = item_counts(recording)
    responses = Responses.from_arrays(
        evened(recording, counts), stimulus, recording.session, measure=recording.measure
    )
    return response_quality(responses, {"item shown": stimulus})


def item_quality_text(recording: TrialResponses, quality: ResponseQuality) -> str:
    """The figures, a line each."""
    lines = [
        f"{quality.n_rows} presentations of {quality.n_ids} items; {aim_text(quality)}",
        *(each.text for each in quality.decoding),
        *unit_lines([unit.name for unit in recording.units], quality),
    ]
    known = quality.explainable[~np.isnan(quality.explainable)]
    if len(known):
        lines.append(f"variance that the item explains: best unit {known.max():.2f}")
    return "\n".join(lines)
