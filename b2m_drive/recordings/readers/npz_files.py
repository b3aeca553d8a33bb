"""NumPy's archives of arrays (``.npz``), in a layout of ours or in any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.files.array_files import ArrayEntry, list_arrays, read_entry, read_slices
from b2m_drive.files.names import inside
from b2m_drive.recordings.activity_arrays import signal_of_array, spikes_of_arrays
from b2m_drive.recordings.contents import Contents, EventTable, SpikeUnits, StoredArray, label_of
from b2m_drive.recordings.mapping import ActivityMapping, EventMapping, RecordingMapping
from b2m_drive.recordings.recording import Unit
from b2m_drive.recordings.sampled_signal import SampledSignal

_EXPECTED = "arrays saved by NumPy (.npz)"
_ABOUT = ("subject", "session", "source", "licence")
_OF_ACTIVITY = {"signal", "time", "rate", "start", "spike_times", "spike_unit", "names", "kinds",
                "regions", "unit", "recorded", "simulated", *_ABOUT}  # fmt: skip
_TABLE = "events"


def open_npz(path: Path) -> Contents:
    """What lies in an ``.npz`` file; only headers and what is small are read.

    A file in this layout says all by itself, and needs no mapping. Activity is ``signal`` [sample
    channel] with ``time`` [sample] (or ``rate``, and ``start`` if that is not 0), or
    ``spike_times`` [spike] with ``spike_unit`` [spike]; what was seen is ``onset`` [event] and
    ``ids`` [event].
    Optional: ``duration`` [event] or one for all; ``names``, ``kinds``, ``regions`` [channel or
    unit]; ``unit`` of the signal; ``recorded``, the start and end of the spikes' recording;
    ``subject``, ``session``, ``source``, ``licence``, ``simulated``; and any further array [event].
    Times are seconds. Arrays of other names are there for a mapping.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds Python objects or names that lead out of a folder,
            promises more than it can hold, or what has a name of the layout does not fit.
    """
    entries = list_arrays(path, _EXPECTED)
    for name in entries:
        inside(path, name.replace("\\", "/"))
    plain = {name: entry for name, entry in entries.items() if entry.dtype.names is None}
    arrays = {name: _stored(path, entry) for name, entry in plain.items()}
    bare = Contents(path, "NumPy archive (.npz)", arrays=arrays)
    events = _events(bare)
    signal, spikes = _signal(bare), _spikes(bare)
    about: dict[str, Any] = {name: _text(arrays, name) for name in _ABOUT if name in arrays}
    complete = events is not None and (signal is None) != (spikes is None)
    return Contents(
        path,
        bare.format,
        signals=() if signal is None else (signal,),
        spikes=spikes,
        tables=() if events is None else (events,),
        arrays=arrays,
        recorded=_recorded(bare),
        simulated="simulated" in arrays and _text(arrays, "simulated") not in ("0", "False"),
        notes=tuple(
            f"{name} left out: rows of several fields" for name in set(entries) - set(plain)
        ),
        mapping=_layout(events) if complete and events is not None else None,
        **about,
    )


def _layout(events: EventTable) -> RecordingMapping:
    """What the names of the layout mean."""
    keep = tuple(name for name in events.columns if name not in ("onset", "ids", "duration"))
    return RecordingMapping(
        ActivityMapping(), EventMapping(table=_TABLE, stimulus="ids", keep=keep)
    )


def _stored(path: Path, entry: ArrayEntry) -> StoredArray:
    def slices(start: int, stop: int) -> np.ndarray:
        return read_slices(path, entry, start, stop, _EXPECTED)

    direct = entry.start is not None and entry.shape != ()
    return StoredArray(
        entry.shape,
        str(entry.dtype),
        lambda: read_entry(path, entry, _EXPECTED),
        part=slices if direct and (not entry.in_columns or len(entry.shape) == 1) else None,
        columns=slices if direct and entry.in_columns and len(entry.shape) == 2 else None,
    )


def _events(bare: Contents) -> EventTable | None:
    """The table of onset and ids, with every array that has a value for each of them."""
    if not {"onset", "ids"} <= set(bare.arrays):
        return None
    shape = bare.array("onset").shape
    names = [
        name for name, each in bare.arrays.items()
        if name not in _OF_ACTIVITY and each.shape == shape
    ]  # fmt: skip
    columns = {name: bare.array(name).read() for name in names}
    for name in ("onset", "ids"):
        if name not in columns or columns[name].ndim != 1:
            raise ValueError(
                f"{bare.path}: {name}: expected one value an event, as many as onset and ids have, "
                f"came {bare.array('onset').shape} and {bare.array('ids').shape}"
            )
    if "duration" in bare.arrays and "duration" not in columns:
        lasts = bare.array("duration").read()
        if lasts.size != 1:
            raise ValueError(
                f"{bare.path}: duration: expected one for all or for each of {shape[0]} events, "
                f"came the shape {lasts.shape}"
            )
        columns["duration"] = np.repeat(lasts.ravel(), shape[0])
    return EventTable(_TABLE, columns, "onset", "duration" if "duration" in columns else "")


def _signal(bare: Contents) -> SampledSignal | None:
    if "signal" not in bare.arrays or not {"time", "rate"} & set(bare.arrays):
        return None
    has_time = "time" in bare.arrays
    mapping = ActivityMapping(
        signal="signal",
        time="time" if has_time else "",
        rate=0.0 if has_time else _number(bare, "rate"),
        start=_number(bare, "start") if "start" in bare.arrays else 0.0,
        names="names" if "names" in bare.arrays else "",
    )
    found = signal_of_array(bare, mapping)
    count = len(found.channels)
    return SampledSignal(
        "signal",
        found.channels,
        found.segments,
        _text(bare.arrays, "unit") if "unit" in bare.arrays else found.unit,
        _labels(bare, "kinds", count),
        _labels(bare, "regions", count),
    )


def _spikes(bare: Contents) -> SpikeUnits | None:
    if not {"spike_times", "spike_unit"} <= set(bare.arrays):
        return None
    mapping = ActivityMapping(
        spike_times="spike_times",
        spike_unit="spike_unit",
        names="names" if "names" in bare.arrays else "",
    )
    found = spikes_of_arrays(bare, mapping)
    kinds, regions = (_labels(bare, name, len(found)) for name in ("kinds", "regions"))
    units = tuple(
        Unit(unit.name, region, kind)
        for (unit, _), region, kind in zip(found, regions, kinds, strict=True)
    )
    return SpikeUnits(units, lambda k: found[k][1])


def _recorded(bare: Contents) -> tuple[float, float] | None:
    if "recorded" not in bare.arrays:
        return None
    span = bare.array("recorded").read().ravel()
    if len(span) != 2 or span.dtype.kind not in "iuf":
        raise ValueError(f"{bare.path}: recorded: expected a start and an end [s], came {span}")
    return float(span[0]), float(span[1])


def _labels(bare: Contents, name: str, count: int) -> tuple[str, ...]:
    if name not in bare.arrays:
        return ("unknown",) * count
    labels = [label_of(value) for value in np.ravel(bare.array(name).read())]
    if len(labels) == 1:
        labels = labels * count
    if len(labels) != count:
        raise ValueError(f"{bare.path}: {name}: expected {count}, came {len(labels)}")
    return tuple(labels)


def _number(bare: Contents, name: str) -> float:
    value = bare.array(name).read()
    if value.size != 1 or value.dtype.kind not in "iuf":
        raise ValueError(
            f"{bare.path}: {name}: expected a number, came {value.dtype} {value.shape}"
        )
    return float(value.ravel()[0])


def _text(arrays: Mapping[str, StoredArray], name: str) -> str:
    return ", ".join(label_of(value) for value in np.ravel(arrays[name].read()))
