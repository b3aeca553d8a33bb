"""Pynapple's objects in memory as recordings; the library itself is not needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.files.refusals import prefixed
from b2m_drive.recordings.contents import Contents, EventTable, SpikeUnits, label_of
from b2m_drive.recordings.mapping import EventMapping, RecordingMapping
from b2m_drive.recordings.readers.table import mapped
from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.sampled_signal import SampledSignal, signal_from_times

_EVENTS = "events"
_REGIONS = ("region", "location", "area", "brain_area", "structure")  # as columns are called


def from_pynapple(
    activity: Any,
    events: Any,
    mapping: RecordingMapping | str | Path | Sequence[str] | None = None,
    session: str = "pynapple",
) -> Recording:
    """A recording from pynapple's objects.

    Args:
        activity: A ``TsGroup`` of spike times, or a ``TsdFrame`` or ``Tsd`` of samples.
        events: What was seen, as the table ``events``: a ``Tsd`` (``onset``, ``value``), whose
            whole numbers are ids if there is no mapping; an ``IntervalSet`` (``onset``,
            ``duration`` and its metadata); a ``Ts`` (``onset``). A dictionary of them has a table
            for each.
        mapping: What of that was seen, as for `read_recording`.
        session: A name for it.

    Raises:
        ValueError: If an object is of none of these kinds, or the mapping is missing or does not
            fit.
    """
    place = Path(f"{session} (in memory)")
    with prefixed(place):
        signals, spikes = _activity(activity)
        given = events if isinstance(events, dict) else {_EVENTS: events}
        tables = tuple(_table(str(name), each) for name, each in given.items())
        by_value = not isinstance(events, dict) and "value" in tables[0].columns
        contents = Contents(
            place,
            "objects of pynapple",
            signals=signals,
            spikes=spikes,
            tables=tables,
            clock="pynapple's seconds",
            recorded=_support(activity) if spikes is not None else None,
            mapping=RecordingMapping(events=EventMapping(table=_EVENTS, stimulus="value"))
            if by_value
            else None,
            session=session,
        )
        return mapped(contents, mapping)


def _activity(activity: Any) -> tuple[tuple[SampledSignal, ...], SpikeUnits | None]:
    if _is(activity, "TsGroup"):
        keys = list(activity.keys())
        regions = _regions(activity, len(keys))
        units = tuple(
            Unit(f"unit{key}", region, "unknown") for key, region in zip(keys, regions, strict=True)
        )
        return (), SpikeUnits(units, lambda k: np.asarray(activity[keys[k]].t, dtype=np.float64))
    if _is(activity, "TsdFrame") or _is(activity, "Tsd"):
        values = np.asarray(activity.values).reshape(len(activity), -1)
        names = [label_of(each) for each in getattr(activity, "columns", ["channel"])]
        numbered = tuple(f"channel{name}" if name.isdigit() else name for name in names)
        times = np.asarray(activity.t, dtype=np.float64)
        return (signal_from_times("signal", numbered, times, lambda a, b: values[a:b]),), None
    raise ValueError(
        f"activity: expected a TsGroup, TsdFrame or Tsd of pynapple, came {type(activity).__name__}"
    )


def _is(given: Any, kind: str) -> bool:
    """Whether it is of pynapple's class of this name."""
    return any(
        each.__name__ == kind and each.__module__.split(".")[0] == "pynapple"
        for each in type(given).__mro__
    )


def _metadata(given: Any) -> Mapping[str, np.ndarray]:
    names = [str(name) for name in getattr(given, "metadata_columns", ())]
    return {name: np.asarray(given.get_info(name)) for name in names if name != "rate"}


def _regions(activity: Any, count: int) -> list[str]:
    found = _metadata(activity)
    name = next((each for each in _REGIONS if each in found), None)
    return ["unknown"] * count if name is None else [label_of(each) for each in found[name]]


def _support(activity: Any) -> tuple[float, float]:
    """From when to when it was recorded [s], pauses included."""
    support = activity.time_support
    return float(support.start[0]), float(support.end[-1])


def _table(name: str, events: Any) -> EventTable:
    if _is(events, "IntervalSet"):
        onset = np.asarray(events.start, dtype=np.float64)
        lasts = np.asarray(events.end, dtype=np.float64) - onset
        return EventTable(
            name, {**_metadata(events), "onset": onset, "duration": lasts}, "onset", "duration"
        )
    if _is(events, "Tsd"):
        return EventTable(name, {"onset": events.t, "value": np.asarray(events.values)}, "onset")
    if _is(events, "Ts"):
        return EventTable(name, {"onset": np.asarray(events.t)}, "onset")
    raise ValueError(
        f"events: expected an IntervalSet, Tsd or Ts of pynapple, came {type(events).__name__}"
    )
