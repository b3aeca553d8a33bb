"""Activity cut out around what was seen: the one form in which any brain teaches any student."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from b2m_drive.recordings.event_clock import HARDLY_COVERED, clock_hint
from b2m_drive.recordings.given_arrays import as_column, as_ids, as_notes, as_numbers, require_known
from b2m_drive.recordings.pauses import crosses_pause
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.sampled_signal import SampledSignal

_TAKEN = (  # by `from_arrays`
    "values", "ids", "session", "start", "present", "subject", "source", "licence", "simulated",
    "measure", "notes",
)  # fmt: skip
_TOLERANCE = 1e-9  # [s]
_LEAST_SHARE = 0.5  # of the events; fewer that can be read: probably another clock or unit


@dataclass(frozen=True)
class Responses:
    """What a brain did at some times after each thing that it saw.

    Rows of one id are presentations of one thing. A time that a row does not have (the recording
    had ended) is absent: its values are 0 and count nowhere.

    Raises:
        ValueError: If shapes disagree, an axis is empty, nothing is present, a value that is there
            is not finite, or the times do not increase.
    """

    values: Float32[np.ndarray, "row time unit"]
    # Axes that a user may get wrong are `_` to the type checker: the checks below say more.
    ids: Int64[np.ndarray, " _"]  # [row] of what was seen
    start: Float64[np.ndarray, " _"]  # [time] [s] from its onset
    present: Bool[np.ndarray, "_ _"]  # [row time]
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
            raise ValueError(
                f"responses of {self.session}: {bad} of {self.values.size} values are NaN or "
                "infinite; mark times that a row lacks as not present"
            )
        if not self.present.any():
            raise ValueError(f"responses of {self.session}: expected some that are present")
        self._check_start()
        if not self.present.all():  # NaN would spread through every sum
            absent = np.where(self.present[..., None], self.values, np.float32(0))
            object.__setattr__(self, "values", absent)

    def __len__(self) -> int:
        return len(self.ids)

    def _check_start(self) -> None:
        if not np.isfinite(self.start).all() or not (np.diff(self.start) > 0).all():
            raise ValueError(
                f"responses of {self.session}: start: expected finite seconds, each later than "
                "the one before"
            )

    @classmethod
    def from_arrays(
        cls,
        values: Any,
        ids: Any,
        session: str = "arrays",
        start: Any = None,
        present: Any = None,
        **about: Any,
    ) -> Responses:
        """Responses that somebody cut out already.

        >>> import numpy as np
        >>> Responses.from_arrays(np.zeros((5, 3)), ids=[0, 1, 2, 3, 4]).values.shape
        (5, 1, 3)

        Args:
            values: (row, unit), or (row, time, unit).
            ids: What was seen in each row: whole numbers.
            session: A name for it.
            start: Of each time, from the onset of what was seen [s]; None: whole numbers from 0.
            present: Whether a row has that time, (row, time); None: all have all.
            about: ``subject``, ``source``, ``licence``, ``simulated``, ``measure`` or ``notes``.

        Raises:
            TypeError: If a keyword is none of these; says which was probably meant.
            ValueError: As the class.
        """
        require_known(about, _TAKEN)
        with np.errstate(over="ignore"):  # infinite then, and refused
            found = as_numbers(f"responses of {session}", values).astype(np.float32)
        if found.ndim == 2:
            found = found[:, None]
        if found.ndim != 3:
            raise ValueError(
                f"responses of {session}: expected (row, unit) or (row, time, unit), "
                f"came {found.shape}"
            )
        times = np.arange(found.shape[1], dtype=np.float64)
        if start is not None:
            times = as_column("start", np.atleast_1d(start))
        there = np.ones(found.shape[:2], bool) if present is None else np.asarray(present, bool)
        about["notes"] = as_notes(about.get("notes", ()))
        return cls(found, as_ids(ids), times, there, session, **about)

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
    signal is averaged over its samples, less the baseline of the recording's `window`. Events whose
    window the recording does not cover (it had not begun, had ended, or paused) are left out, and
    so are those that span more than its `window` allows; both are counted in the notes.

    Args:
        recording: What a brain did, and what happened when.
        start: From an event's onset to the first part [s].
        stop: To the end of the last part [s].
        n_times: Parts.

    Raises:
        ValueError: If the window is empty, there is no spike, or fewer than half of the events lie
            within the recording: leave the others out yourself (`Events.select`) if that is so.
            Also if most responses have no spike and events are in another unit of time.
    """
    return responses_and_rows(recording, start, stop, n_times)[0]


def responses_and_rows(
    recording: Recording, start: float, stop: float, n_times: int = 1
) -> tuple[Responses, Int64[np.ndarray, " row"]]:
    """As `responses_of`, and of which event each row is, by number.

    Raises:
        ValueError: As `responses_of`.
    """
    if not (np.isfinite([start, stop]).all() and start < stop) or n_times < 1:
        raise ValueError(
            f"window: expected a start before a stop and at least one part, came {start} s to "
            f"{stop} s in {n_times} parts"
        )
    baseline = np.array(recording.window.baseline)
    onset = recording.events.onset[:, None]
    edges = onset + np.linspace(start, stop, n_times + 1)
    inside, notes = _readable(recording, edges, onset + baseline)
    read = _counts if recording.spike_times is not None else _means
    values = read(recording, edges[inside])
    if len(baseline):
        values = values - read(recording, (onset + baseline)[inside])
    spikes = recording.spike_times is not None
    if spikes:
        _check_silence(recording, values)
    found = Responses(
        values,
        recording.events.ids[inside],
        np.linspace(start, stop, n_times + 1)[:-1],
        np.ones(values.shape[:2], dtype=bool),
        recording.session,
        f"square root of the number of {recording.measure}" if spikes else recording.measure,
        recording.subject,
        recording.source,
        recording.licence,
        recording.simulated,
        (*recording.notes, *notes),
    )
    return found, np.flatnonzero(inside)


def _readable(
    recording: Recording,
    edges: Float64[np.ndarray, "event edge"],
    baseline: Float64[np.ndarray, "event _"],
) -> tuple[Bool[np.ndarray, " event"], list[str]]:
    """Events whose window, and baseline if there is one, can be read; notes on the others."""
    ends = np.concatenate([edges, baseline], axis=1) - recording.events.onset[:, None]
    inside = _inside(recording, float(ends.min()), float(ends.max()))
    if recording.signal is not None:
        inside &= _sampled(recording, edges, inside)
        if baseline.shape[1]:
            inside &= _sampled(recording, baseline, inside)
    notes = []
    if not inside.all():
        notes.append(
            f"{int((~inside).sum())} of {len(inside)} events left out: their window is not within "
            "the recording, or it paused"
        )
    if recording.window.reject:
        inside, note = _within_span(recording, edges, inside)
        notes.append(note)
    return inside, notes


def _inside(recording: Recording, start: float, stop: float) -> Bool[np.ndarray, " event"]:
    """Events whose window lies between the start and the end of the recording."""
    first, last = recording.span
    if np.isnan(first):
        raise ValueError(f"{recording.session}: expected spikes, came none in any unit")
    onset = recording.events.onset
    inside = (onset + start >= first - _TOLERANCE) & (onset + stop <= last + _TOLERANCE)
    if inside.mean() < _LEAST_SHARE:
        raise ValueError(
            f"{recording.session}: expected events within the recording ({first:g} to {last:g} s), "
            f"came {int(inside.sum()) or 'none'} of {len(onset)} ({onset.min():g} to "
            f"{onset.max():g} s): another clock or unit of time?{_clock(recording)}"
        )
    return np.asarray(inside)


def _clock(recording: Recording) -> str:
    """What would make the events fit, behind a space; empty: nothing would."""
    onset = recording.events.onset
    activity = "spikes" if recording.signal is None else "samples"
    span = float(onset.min()), float(onset.max())
    hint = clock_hint(span, recording.span, "events", activity)
    return f" {hint}" if hint else ""


def _check_silence(recording: Recording, values: Float32[np.ndarray, "row time unit"]) -> None:
    """Refuse spikes in a smaller unit of time, which may overlap the events and be nearly absent.

    Raises:
        ValueError: If most responses have no spike, events take little of the recording, and
            another unit would make them fit.
    """
    onset, silent = recording.events.onset, float((values == 0).all((1, 2)).mean())
    covered = float(np.ptp(onset)) / recording.duration
    hint = _clock(recording)
    if silent >= _LEAST_SHARE and covered < HARDLY_COVERED and hint.startswith(" times"):
        raise ValueError(
            f"{recording.session}: expected spikes in the responses, came none in {silent:.0%} of "
            f"them, which take {covered:.2%} of the recording: another clock or unit of time?{hint}"
        )


def _within_span(
    recording: Recording,
    edges: Float64[np.ndarray, "event edge"],
    inside: Bool[np.ndarray, " event"],
) -> tuple[Bool[np.ndarray, " event"], str]:
    """Events in whose window no channel spans more than allowed, and a note on the others."""
    assert recording.signal is not None
    most, rows = recording.window.reject, np.flatnonzero(inside)
    first, last = _places(recording, edges[rows][:, [0, -1]]).T
    span = [
        np.ptp(recording.signal[int(a) : int(b)], axis=0).max()
        for a, b in zip(first, last, strict=True)
    ]
    kept = rows[np.array(span) <= most]
    if not len(kept):
        raise ValueError(
            f"{recording.session}: expected events whose signal spans {most:g} or less, came none "
            f"of {len(rows)} (the calmest spans {min(span):.3g} in {recording.measure})"
        )
    within = np.zeros(len(inside), dtype=bool)
    within[kept] = True
    return (
        within,
        f"{len(rows) - len(kept)} of {len(rows)} events rejected: they span over {most:g}",
    )


def _sampled(
    recording: Recording,
    edges: Float64[np.ndarray, "event edge"],
    inside: Bool[np.ndarray, " event"],
) -> Bool[np.ndarray, " event"]:
    """Events with samples in every part of their window, and no pause in it."""
    n_samples = np.diff(_places(recording, edges), axis=1)
    empty = n_samples[inside] < 1
    if (~empty.any(1)).mean() < _LEAST_SHARE:
        raise ValueError(
            f"{recording.session}: expected samples in every part of the window, came none in "
            f"{int(empty.sum())} of {empty.size}: widen it, or ask for fewer parts; or another "
            f"clock or unit of time?{_clock(recording)}"
        )
    paused = crosses_pause(recording, edges[:, 0], edges[:, -1])
    if paused[inside].mean() > 1 - _LEAST_SHARE:
        raise ValueError(
            f"{recording.session}: expected windows without a pause of the recording, came "
            f"{int((~paused[inside]).sum())} of {int(inside.sum())}: ask for shorter ones"
        )
    return np.asarray((n_samples > 0).all(1) & ~paused)


def _places(
    recording: Recording, edges: Float64[np.ndarray, "row edge"]
) -> Int64[np.ndarray, "row edge"]:
    """The first sample at or after each edge."""
    assert recording.time is not None
    return np.asarray(np.searchsorted(recording.time, edges - _TOLERANCE), dtype=np.int64)


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
    places = _places(recording, edges)
    if isinstance(recording.signal, SampledSignal):
        return _means_by_part(recording.signal, places)
    n_samples = np.diff(places, axis=1)
    centre = recording.signal.mean(0, dtype=np.float64)  # so that the sums lose no digits
    sums = np.concatenate(
        [np.zeros((1, len(centre))), np.cumsum(recording.signal - centre, axis=0, dtype=np.float64)]
    )
    means = np.diff(sums[places], axis=1) / n_samples[..., None] + centre
    return np.asarray(means, dtype=np.float32)


def _means_by_part(
    signal: SampledSignal, places: Int64[np.ndarray, "row edge"]
) -> Float32[np.ndarray, "row time unit"]:
    """The same of a signal that lies in a file: each row's samples are read alone."""
    means = np.empty((len(places), places.shape[1] - 1, signal.shape[1]), np.float32)
    for row in np.argsort(places[:, 0], kind="stable"):
        first, *rest = (int(place) for place in places[row])
        samples = signal[first : rest[-1]].astype(np.float64)
        bounds = [0, *(place - first for place in rest)]
        for k, (a, b) in enumerate(itertools.pairwise(bounds)):
            means[row, k] = samples[a:b].mean(0)
    return means
