"""Time series of an NWB file: signals that are read by the part, or tables of events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float64

from b2m_drive.files.refusals import naming
from b2m_drive.recordings.contents import EventTable
from b2m_drive.recordings.readers.nwb_tables import MOST_ROWS, column_values, text_values
from b2m_drive.recordings.sampled_signal import SampledSignal, Segment, signal_from_times

_UNITS = {"volts": "V", "volt": "V", "v": "V", "millivolts": "mV", "microvolts": "µV", "mv": "mV",
          "uv": "µV", "µv": "µV"}  # fmt: skip
_KINDS = (("lfp", "LFP"), ("ecog", "ECOG"), ("seeg", "SEEG"), ("ieeg", "SEEG"), ("eeg", "EEG"),
          ("field potential", "LFP"))  # fmt: skip
_EVENTS = ("AnnotationSeries", "IntervalSeries", "IndexSeries")  # whose samples are moments
_CHANNEL_COLUMNS = ("channel_name", "label", "electrode_name", "name")
_MOST_CHANNELS = 20_000
_MOST_TIMES = 30_000_000  # samples that each have a time; they are read at once
_LEAST_SAMPLES = 3  # of a signal with times; fewer follow no clock


@dataclass(frozen=True)
class StoredSamples:
    """Samples of a data set of an HDF5 file, in the series' unit.

    Args:
        path: Of the file, which is opened for each part.
        place: Of the data set in it.
        factor: What stored numbers are multiplied by, one for all or one a channel.
        offset: What is added then.
    """

    path: Path
    place: str
    factor: Float64[np.ndarray, " _"]
    offset: float = 0.0

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """Samples from one number to before another, (sample, channel)."""
        with naming(self.path, "an NWB file, whole"), h5py.File(self.path, "r") as file:
            stored = file[self.place][start:stop]
        stored = stored.reshape(len(stored), -1)
        if self.offset == 0 and (self.factor == 1).all():
            return np.asarray(stored)
        return np.asarray(stored * self.factor + self.offset)


def series_contents(
    path: Path, series: Any, name: str, notes: list[str]
) -> list[SampledSignal | EventTable]:
    """A time series as the signal or the table of events that it is; none, with a note, if neither.

    A series that holds text, indices, intervals, or numbers at moments that follow no clock, is a
    table with the columns ``timestamp`` and ``data``.
    """
    data = series.data
    shape = tuple(getattr(data, "shape", None) or np.shape(data))
    kind = type(series).__name__
    if not isinstance(_dataset(data), h5py.Dataset) or len(shape) not in (1, 2) or 0 in shape:
        notes.append(f"series {name} left out: {kind} of the shape {shape}")
        return []
    if kind in _EVENTS or _dataset(data).dtype.kind not in "iuf":
        return _event_table(series, name, shape, notes)
    channels = 1 if len(shape) == 1 else shape[1]
    if channels > _MOST_CHANNELS:
        notes.append(f"series {name} left out: {channels} channels")
        return []
    try:
        return [_signal(path, series, name, shape[0], channels)]
    except ValueError as error:
        if len(shape) == 1 and series.timestamps is not None and shape[0] <= MOST_ROWS:
            return _event_table(series, name, shape, notes)
        notes.append(f"series {name} left out: {error}")
        return []


def _signal(path: Path, series: Any, name: str, n_samples: int, channels: int) -> SampledSignal:
    electrodes = _Electrodes.of(series, channels)
    read = StoredSamples(path, _dataset(series.data).name, _factors(series, channels),
                         float(series.offset or 0.0))  # fmt: skip
    about: dict[str, Any] = {
        "unit": _UNITS.get(str(series.unit).lower(), str(series.unit) or "unit unknown"),
        "kinds": (_kind(series),) * channels,
        "regions": electrodes.regions,
    }
    if series.timestamps is None:
        start = float(series.starting_time or 0.0)
        segment = Segment(n_samples, start, float(series.rate), read)
        return SampledSignal(name, electrodes.names, (segment,), **about)
    return signal_from_times(name, electrodes.names, _times(series, name, n_samples), read, **about)


def _times(series: Any, name: str, n_samples: int) -> Float64[np.ndarray, " sample"]:
    stamps = series.timestamps
    if len(stamps) != n_samples or not _LEAST_SAMPLES <= n_samples <= _MOST_TIMES:
        raise ValueError(
            f"signal {name}: expected {_LEAST_SAMPLES} to {_MOST_TIMES} samples with a time each, "
            f"came {n_samples} with {len(stamps)}"
        )
    return np.asarray(stamps[:], dtype=np.float64)


def _factors(series: Any, channels: int) -> Float64[np.ndarray, " _"]:
    """The product of both conversions, of the series and of each channel."""
    factor = np.full(1, float(1.0 if series.conversion is None else series.conversion))
    own = getattr(series, "channel_conversion", None)
    if own is None:
        return factor
    each = np.asarray(own[:], dtype=np.float64)
    if each.shape != (channels,):
        raise ValueError(f"channel_conversion: expected {channels} numbers, came {each.shape}")
    return np.asarray(factor * each)


def _kind(series: Any) -> str:
    """What the channels measure, as the series' place, name and description tell."""
    if type(series).__name__ not in ("ElectricalSeries", "SpikeEventSeries"):
        return "unknown"
    if type(series.parent).__name__ == "LFP":
        return "LFP"
    told = f"{series.name} {series.description}".lower()
    return next((kind for word, kind in _KINDS if word in told), "unknown")


@dataclass(frozen=True)
class _Electrodes:
    names: tuple[str, ...]
    regions: tuple[str, ...]

    @classmethod
    def of(cls, series: Any, channels: int) -> _Electrodes:
        """Names and regions from the table of electrodes; numbered, where a series has none."""
        region = getattr(series, "electrodes", None)
        numbered = cls(tuple(f"{series.name}{k}" for k in range(channels)), ("unknown",) * channels)
        if region is None:
            return numbered
        rows = np.asarray(region.data[:], dtype=np.int64)
        table = region.table
        if len(rows) != channels or (rows < 0).any() or (rows >= len(table)).any():
            raise ValueError(
                f"electrodes: expected a row of the table of {len(table)} for each of {channels} "
                f"channels, came {len(rows)} rows"
            )
        regions = text_values(table, "location")
        where = numbered.regions if regions is None else tuple(regions[k] for k in rows)
        return cls(_channel_names(table, rows), where)


def _channel_names(table: Any, rows: np.ndarray) -> tuple[str, ...]:
    for column in _CHANNEL_COLUMNS:
        values = text_values(table, column)
        if values is not None:
            chosen = tuple(values[k] for k in rows)
            if len(set(chosen)) == len(chosen) and all(chosen):
                return chosen
    ids = table.id[:]
    return tuple(f"electrode{ids[k]}" for k in rows)


def _event_table(
    series: Any, name: str, shape: tuple[int, ...], notes: list[str]
) -> list[SampledSignal | EventTable]:
    values = column_values(series.data) if len(shape) == 1 and shape[0] <= MOST_ROWS else None
    if values is None:
        notes.append(f"series {name} left out: {type(series).__name__} of the shape {shape}")
        return []
    if series.timestamps is not None:
        times = np.asarray(series.timestamps[:], dtype=np.float64)
    else:
        times = float(series.starting_time or 0.0) + np.arange(shape[0]) / float(series.rate)
    if len(times) != len(values):
        notes.append(f"series {name} left out: {len(values)} values and {len(times)} times")
        return []
    return [EventTable(name, {"timestamp": times, "data": values}, onset="timestamp")]


def _dataset(data: Any) -> Any:
    """The data set itself, where pynwb wraps it."""
    return getattr(data, "dataset", data)
