"""Activity out of arrays that have no meaning of their own, as MATLAB and NumPy write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64

from b2m_drive.recordings.contents import Contents, StoredArray, label_of
from b2m_drive.recordings.given_arrays import as_column
from b2m_drive.recordings.mapping import ActivityMapping
from b2m_drive.recordings.recording import Unit
from b2m_drive.recordings.sampled_signal import ReadSamples, SampledSignal, signal_from_times


def spikes_of_arrays(
    contents: Contents, mapping: ActivityMapping
) -> list[tuple[Unit, Float64[np.ndarray, " _"]]]:
    """One array of times and one of units, or a list (a cell array) with the times of each unit.

    Raises:
        ValueError: If an array is not there, holds no numbers, or lengths disagree.
    """
    name = mapping.spike_times
    values = contents.array(name).read()
    if mapping.spike_unit:
        return _by_label(contents, mapping, _column(name, values))
    each = [values] if values.dtype != object else list(values.ravel())
    names = _names(contents, mapping, "unit", len(each))
    return [
        (Unit(names[k], "unknown", "unknown"), _column(f"{name} of {names[k]}", times))
        for k, times in enumerate(each)
    ]


def signal_of_array(contents: Contents, mapping: ActivityMapping) -> SampledSignal:
    """An array (sample, channel) or (channel, sample), told by which fits the times.

    Raises:
        ValueError: If it is no such array, or fits no times.
    """
    stored, name = contents.array(mapping.signal), mapping.signal
    shape = stored.shape if len(stored.shape) == 2 else (*stored.shape, 1)[:2]
    if len(stored.shape) not in (1, 2) or 0 in shape or np.dtype(stored.dtype).kind not in "biuf":
        raise ValueError(
            f"{contents.path}: {name}: expected numbers (sample, channel), came {stored.dtype} "
            f"{stored.shape}"
        )
    times = _times(contents, mapping, shape)
    turned = shape[0] != len(times) or (shape[1] == len(times) and mapping.transpose)
    if turned and shape[1] != len(times):
        raise ValueError(
            f"{contents.path}: {name}: expected a sample for each of {len(times)} times, came the "
            f"shape {stored.shape}"
        )
    channels = _names(contents, mapping, name, shape[0] if turned else shape[1])
    return signal_from_times(name, channels, times, _samples(stored, shape, turned))


def _by_label(
    contents: Contents, mapping: ActivityMapping, times: Float64[np.ndarray, " _"]
) -> list[tuple[Unit, Float64[np.ndarray, " _"]]]:
    labels = np.array([label_of(each) for each in _flat(contents, mapping.spike_unit)], object)
    if len(labels) != len(times):
        raise ValueError(
            f"{contents.path}: {mapping.spike_unit}: expected the unit of each of {len(times)} "
            f"spikes, came {len(labels)}"
        )
    units = sorted(set(labels), key=lambda label: (len(label), label))
    names = [f"unit{label}" if label.isdigit() else label for label in units]
    if mapping.names:
        names = list(_names(contents, mapping, "unit", len(units)))
    return [
        (Unit(name, "unknown", "unknown"), times[labels == label])
        for name, label in zip(names, units, strict=True)
    ]


def _flat(contents: Contents, name: str) -> np.ndarray:
    return np.ravel(contents.array(name).read())


def _column(name: str, values: Any) -> Float64[np.ndarray, " _"]:
    """Times; a unit may have none, which MATLAB writes as an empty matrix."""
    return as_column(name, np.atleast_1d(values)) if np.size(values) else np.zeros(0)


def _names(contents: Contents, mapping: ActivityMapping, usual: str, count: int) -> tuple[str, ...]:
    """Of channels or units: those of the array that the mapping names, or numbers."""
    if not mapping.names:
        return tuple(f"{usual}{k}" for k in range(count))
    names = tuple(label_of(each) for each in _flat(contents, mapping.names))
    if len(names) != count or len(set(names)) != count:
        raise ValueError(
            f"{contents.path}: {mapping.names}: expected {count} different names, came "
            f"{len(set(names))} among {len(names)}"
        )
    return names


def _samples(stored: StoredArray, shape: tuple[int, ...], turned: bool) -> ReadSamples:
    """Samples by the part where the file allows it, else of the whole array, read once."""
    part, columns = stored.part, stored.columns
    if not turned and part is not None:
        return lambda a, b: np.asarray(part(a, b)).reshape(b - a, shape[1])
    if turned and columns is not None:
        return lambda a, b: np.asarray(columns(a, b)).reshape(shape[0], b - a).T
    whole: list[np.ndarray] = []

    def read(a: int, b: int) -> np.ndarray:
        if not whole:
            whole.append(np.asarray(stored.read()).reshape(shape))
        return whole[0][:, a:b].T if turned else whole[0][a:b]

    return read


def _times(
    contents: Contents, mapping: ActivityMapping, shape: tuple[int, ...]
) -> Float64[np.ndarray, " sample"]:
    """Of each sample [s]: read, or made of the rate."""
    if mapping.time:
        times = as_column(mapping.time, contents.array(mapping.time).read())
        return np.asarray(times * mapping.seconds)
    if not (np.isfinite(mapping.rate) and mapping.rate > 0):
        raise ValueError(
            f"{contents.path}: {mapping.signal}: expected activity.time (the array of seconds) or "
            "activity.rate [Hz], came neither"
        )
    samples, channels = (shape[1], shape[0]) if mapping.transpose else shape
    if 1 in shape:
        samples, channels = max(shape), 1
    if channels > samples:
        raise ValueError(
            f"{contents.path}: {mapping.signal}: expected (sample, channel), came the shape "
            f"{shape} of more channels than samples: activity.transpose=true?"
        )
    return np.asarray(mapping.start + np.arange(samples) / mapping.rate)
