"""Activity cut out around what was seen: the one form in which any brain teaches any student."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from b2m_drive.recordings.brain_recording import Recording
from b2m_drive.recordings.events import whole_ids

_TOLERANCE = 1e-9  # [s]


@dataclass(frozen=True)
class Responses:
    """What a brain did at some times after each thing that it saw.

    Rows of one id are presentations of one thing. A time that a row does not have (the recording
    had ended) is absent: its values are 0 and count nowhere.

    Raises:
        ValueError: If shapes disagree, an axis is empty, or a value that is there is not finite.
    """

    values: Float32[np.ndarray, "row time unit"]
    ids: Int64[np.ndarray, " row"]  # of what was seen
    start: Float64[np.ndarray, " time"]  # [s] from its onset
    present: Bool[np.ndarray, "row time"]
    session: str
    measure: str = "activity"  # what the values are, with their unit
    subject: str = "unknown"
    source: str = "unknown"
    licence: str = "unknown"
    simulated: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = self.values.shape
        if 0 in shape:
            raise ValueError(
                f"responses of {self.session}: expected rows, times, units, came {shape}"
            )
        for name, expected in (("ids", shape[:1]), ("start", shape[1:2]), ("present", shape[:2])):
            if getattr(self, name).shape != expected:
                raise ValueError(
                    f"responses of {self.session}: {name}: expected {expected}, "
                    f"came {getattr(self, name).shape}"
                )
        bad = int((~np.isfinite(self.values[self.present])).sum())
        if bad:
            raise ValueError(f"responses of {self.session}: {bad} values are NaN or infinite")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_arrays(
        cls, values: Any, ids: Any, session: str = "arrays", start: Any = None, **about: Any
    ) -> Responses:
        """Responses that somebody cut out already.

        >>> import numpy as np
        >>> Responses.from_arrays(np.zeros((5, 3)), ids=[0, 1, 2, 3, 4]).values.shape
        (5, 1, 3)

        Args:
            values: (row, unit), or (row, time, unit).
            ids: What was seen in each row: whole numbers.
            session: A name for it.
            start: Of each time, from the onset of what was seen [s].
            about: ``subject``, ``source``, ``licence``, ``simulated``, ``measure`` or ``notes``.

        Raises:
            ValueError: As the class.
        """
        found = np.asarray(values, dtype=np.float32)
        if found.ndim == 2:
            found = found[:, None]
        if found.ndim != 3:
            raise ValueError(
                f"responses of {session}: expected (row, unit) or (row, time, unit), "
                f"came {found.shape}"
            )
        times = np.zeros(found.shape[1]) if start is None else np.asarray(start, dtype=np.float64)
        present = np.ones(found.shape[:2], dtype=bool)
        return cls(found, whole_ids(ids), times, present, session, **about)

    def select(self, rows: np.ndarray) -> Responses:
        """These rows only, by row number or mask."""
        return replace(
            self, values=self.values[rows], ids=self.ids[rows], present=self.present[rows]
        )

    def with_values(self, values: Float32[np.ndarray, "row time _"]) -> Responses:
        """Other activity at the same rows and times; absent ones are 0."""
        kept = np.where(self.present[..., None], values, 0).astype(np.float32)
        return replace(self, values=kept)


def responses_of(
    recording: Recording, start: float = 0.1, stop: float = 0.5, n_times: int = 1
) -> Responses:
    """Activity from ``start`` to ``stop`` after the onset of each event, in equal parts.

    Spikes are counted and the counts' square root is taken, which evens out their variance; a
    signal is averaged over its samples. Events whose window the recording does not cover to the
    end are left out, and counted in the notes.

    Args:
        recording: What a brain did, and what happened when.
        start: From an event's onset to the first part [s].
        stop: To the end of the last part [s].
        n_times: Parts.

    Raises:
        ValueError: If the window is empty, or no event lies within the recording.
    """
    if not (np.isfinite([start, stop]).all() and start < stop) or n_times < 1:
        raise ValueError(
            f"window: expected a start before a stop and at least one part, came {start} s to "
            f"{stop} s in {n_times} parts"
        )
    first, last = recording.span
    onset = recording.events.onset
    inside = (onset + start >= first - _TOLERANCE) & (onset + stop <= last + _TOLERANCE)
    if not inside.any():
        raise ValueError(
            f"{recording.session}: expected events within the recording ({first:g} to {last:g} s), "
            f"came none of {len(onset)} ({onset.min():g} to {onset.max():g} s): another clock or "
            "unit of time?"
        )
    edges = onset[inside, None] + np.linspace(start, stop, n_times + 1)
    values = _counts(recording, edges) if recording.spike_times else _means(recording, edges)
    left_out = int((~inside).sum())
    note = f"{left_out} of {len(onset)} events left out: their window is not within the recording"
    return Responses(
        values,
        recording.events.ids[inside],
        np.linspace(start, stop, n_times + 1)[:-1],
        np.ones(values.shape[:2], dtype=bool),
        recording.session,
        f"square root of the number of {recording.measure}"
        if recording.spike_times
        else recording.measure,
        recording.subject,
        recording.source,
        recording.licence,
        recording.simulated,
        (*recording.notes, note) if left_out else recording.notes,
    )


def _counts(
    recording: Recording, edges: Float64[np.ndarray, "row edge"]
) -> Float32[np.ndarray, "row time unit"]:
    assert recording.spike_times is not None
    counts = [np.diff(np.searchsorted(times, edges), axis=1) for times in recording.spike_times]
    roots: Float32[np.ndarray, "row time unit"] = np.sqrt(
        np.stack(counts, axis=-1), dtype=np.float32
    )
    return roots


def _means(
    recording: Recording, edges: Float64[np.ndarray, "row edge"]
) -> Float32[np.ndarray, "row time unit"]:
    assert recording.signal is not None
    assert recording.time is not None
    places = np.searchsorted(recording.time, edges - _TOLERANCE)
    n_samples = np.diff(places, axis=1)
    if (n_samples < 1).any():
        raise ValueError(
            f"{recording.session}: expected samples in every part of the window, came none in "
            f"{int((n_samples < 1).sum())} of {n_samples.size}: widen it, or ask for fewer parts"
        )
    centre = recording.signal.mean(0, dtype=np.float64)  # so that the sums lose no digits
    sums = np.concatenate(
        [np.zeros((1, len(centre))), np.cumsum(recording.signal - centre, axis=0, dtype=np.float64)]
    )
    means = np.diff(sums[places], axis=1) / n_samples[..., None] + centre
    return np.asarray(means, dtype=np.float32)
