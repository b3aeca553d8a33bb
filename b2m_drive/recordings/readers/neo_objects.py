"""Neo's objects in memory as recordings; the library itself is not needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.files.refusals import prefixed
from b2m_drive.recordings.contents import Contents, EventTable, SpikeUnits, label_of
from b2m_drive.recordings.mapping import RecordingMapping
from b2m_drive.recordings.readers.table import mapped
from b2m_drive.recordings.recording import Recording, Unit
from b2m_drive.recordings.sampled_signal import SampledSignal, Segment

_REGIONS = ("region", "location", "area", "brain_area", "structure")  # as annotations are called


def from_neo(
    segment: Any,
    mapping: RecordingMapping | str | Path | Sequence[str] | None = None,
    session: str = "neo",
) -> Recording:
    """A recording from a ``Segment`` of neo, which its readers of many formats give.

    Its analog signals are signals by name, its spike trains are units, and its events and epochs
    are tables by name, with the columns ``onset``, ``label`` (of epochs also ``duration``) and
    their array annotations. Several of one name are numbered, and what has no name is called after
    its kind: ``signal``, ``unit``, ``event``, ``epoch``. What neo reads lazily is loaded.

    Args:
        segment: Of neo, one stretch on one clock.
        mapping: What of that was seen, as for `read_recording`.
        session: A name for it.

    Raises:
        ValueError: If it is no segment, or the mapping is missing or does not fit.
    """
    place = Path(f"{session} (in memory)")
    with prefixed(place):
        if not all(hasattr(segment, each) for each in ("analogsignals", "spiketrains", "epochs")):
            raise ValueError(f"expected a Segment of neo, came {type(segment).__name__}")
        signals, spikes = _signals(segment), _spikes(segment)
        contents = Contents(
            place,
            "objects of neo",
            signals=signals,
            spikes=spikes,
            tables=(*_tables(segment.events, "event"), *_tables(segment.epochs, "epoch")),
            clock="neo's seconds",
            recorded=_recorded(segment),
            session=session,
        )
        return mapped(contents, mapping)


def _loaded(objects: Any) -> list[Any]:
    return [each.load() if hasattr(each, "load") else each for each in objects]


def _seconds(quantity: Any) -> np.ndarray:
    return np.atleast_1d(np.asarray(quantity.rescale("s").magnitude, dtype=np.float64))


def _names(objects: Sequence[Any], usual: str) -> list[str]:
    """Of objects; those without one are called after their kind, and all of a name are numbered."""
    names = [str(each.name) if each.name else usual for each in objects]
    counts, seen = Counter(names), Counter[str]()
    shown = []
    for name in names:
        shown.append(f"{name}{seen[name]}" if counts[name] > 1 else name)
        seen[name] += 1
    return shown


def _signals(segment: Any) -> tuple[SampledSignal, ...]:
    found = _loaded(segment.analogsignals)
    return tuple(map(_signal, _names(found, "signal"), found))


def _signal(name: str, signal: Any) -> SampledSignal:
    notes = signal.array_annotations
    labels = [label_of(each) for each in notes.get("channel_names", ())]
    count = signal.shape[1]
    if len(set(labels)) != count:
        labels = [f"channel{k}" for k in range(count)]
    rate, start = float(signal.sampling_rate.rescale("Hz")), float(_seconds(signal.t_start)[0])
    return SampledSignal(
        name,
        tuple(labels),
        (Segment(len(signal), start, rate, _rows(np.asarray(signal.magnitude))),),
        str(signal.dimensionality.string),
        regions=_region_each(notes, count),
    )


def _rows(values: np.ndarray) -> Callable[[int, int], np.ndarray]:
    return lambda a, b: values[a:b]


def _region_each(notes: Any, count: int) -> tuple[str, ...]:
    name = next((each for each in _REGIONS if each in notes), None)
    return () if name is None else tuple(label_of(each) for each in notes[name])[:count]


def _spikes(segment: Any) -> SpikeUnits | None:
    trains = _loaded(segment.spiketrains)
    if not trains:
        return None
    units = tuple(
        Unit(name, _region(train.annotations), str(train.annotations.get("kind", "unknown")))
        for name, train in zip(_names(trains, "unit"), trains, strict=True)
    )
    return SpikeUnits(units, lambda k: _seconds(trains[k].times) if len(trains[k]) else np.zeros(0))


def _region(annotations: Any) -> str:
    return next(
        (label_of(annotations[each]) for each in _REGIONS if each in annotations), "unknown"
    )


def _recorded(segment: Any) -> tuple[float, float] | None:
    """From the first start of a spike train to the last stop [s]."""
    trains = segment.spiketrains
    if not len(trains):
        return None
    starts, stops = ([float(_seconds(getattr(t, name))[0]) for t in trains]
                     for name in ("t_start", "t_stop"))  # fmt: skip
    return min(starts), max(stops)


def _tables(objects: Any, usual: str) -> tuple[EventTable, ...]:
    found = _loaded(objects)
    return tuple(map(_table, _names(found, usual), found))


def _table(name: str, events: Any) -> EventTable:
    onset = _seconds(events.times) if len(events) else np.zeros(0)
    notes = {str(key): np.asarray(values) for key, values in events.array_annotations.items()}
    columns = {**notes, "onset": onset}
    if len(events.labels) == len(onset):
        columns["label"] = np.asarray(events.labels)
    lasts = getattr(events, "durations", None)
    if lasts is None or not len(onset):
        return EventTable(name, columns, "onset")
    return EventTable(name, {**columns, "duration": _seconds(lasts)}, "onset", "duration")
