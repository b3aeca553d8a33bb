"""What EEG sensors say in windows of time: potential and band power, no filter across a pause."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from b2m_drive.recordings.sampling import Sampling, check_sampling, resampled, sampling_of

EEG_BANDS = {"theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 30.0)}  # [Hz]
_SLOWEST_POTENTIAL = 0.5  # [Hz] slower changes of a potential are drift
_LEAST_POWER = 1e-30  # [V2] under which a sensor is silent
_TIME_TOLERANCE = 1e-6  # [s]
_BLOCK = 16  # columns averaged at once, to save memory


def window_edges(
    time: Float64[np.ndarray, " sample"], start: Float64[np.ndarray, " window"], window: float
) -> tuple[Int64[np.ndarray, " window"], Int64[np.ndarray, " window"]]:
    """First sample of each window, and the first one after it."""
    first, last = (
        np.searchsorted(time, edge - _TIME_TOLERANCE) for edge in (start, start + window)
    )
    return first.astype(np.int64), last.astype(np.int64)


def means_of(
    values: Float[np.ndarray, "sample unit"],
    columns: Int64[np.ndarray, " chosen"],
    first: Int64[np.ndarray, " window"],
    last: Int64[np.ndarray, " window"],
) -> Float64[np.ndarray, "window chosen"]:
    """Mean of these columns over the samples of each window."""
    means = np.empty((len(first), len(columns)))
    for start in range(0, len(columns), _BLOCK):
        part = values[:, columns[start : start + _BLOCK]]
        total = np.zeros((len(part) + 1, part.shape[1]))
        np.cumsum(part, axis=0, dtype=np.float64, out=total[1:])
        means[:, start : start + _BLOCK] = (total[last] - total[first]) / (last - first)[:, None]
    return means


def sensor_means(
    session: str,
    time: Float64[np.ndarray, " sample"],
    potential: Float32[np.ndarray, "sample sensor"],
    start: Float64[np.ndarray, " window"],
    window: float,
) -> list[Float64[np.ndarray, "window sensor"]]:
    """Mean potential without drift, then log of the mean power in each of `EEG_BANDS`.

    Filters are causal and start anew after each pause, with a settling time of about 0.5 s. Samples
    that were lost in between are made up; of white noise that adds power, of what is slower than
    the band it changes little.

    Raises:
        ValueError: If fewer samples came than the bands need, or too many were lost.
    """
    sampling = sampling_of(time)
    check_sampling(sampling, f"EEG of {session}", 2 * max(high for _, high in EEG_BANDS.values()))
    grid = _grid_times(time, sampling)
    first, last = window_edges(grid, start, window)
    first = np.minimum(first, len(grid) - 1)
    last = np.maximum(last, first + 1)  # a window with a sample has one on the grid, or next to it
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("potential", *EEG_BANDS)}
    for begin in range(0, potential.shape[1], _BLOCK):
        block = potential[:, begin : begin + _BLOCK].astype(np.float64)
        every = np.arange(block.shape[1])
        for name, values in _filtered(block, sampling).items():
            parts[name].append(means_of(values, every, first, last))
    power = [
        np.log(np.maximum(np.concatenate(parts[name], axis=1), _LEAST_POWER)) for name in EEG_BANDS
    ]
    return [np.concatenate(parts["potential"], axis=1), *power]


def _filtered(
    potential: Float64[np.ndarray, "sample sensor"], sampling: Sampling
) -> dict[str, Float64[np.ndarray, "grid sensor"]]:
    """Potential without drift, and instantaneous power of each band, segment by segment."""
    from scipy.signal import butter, sosfilt

    slow = butter(1, _SLOWEST_POTENTIAL, "highpass", fs=sampling.rate, output="sos")
    bands = {
        name: butter(2, band, "bandpass", fs=sampling.rate, output="sos")
        for name, band in EEG_BANDS.items()
    }
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("potential", *EEG_BANDS)}
    for segment in range(sampling.n_segments):
        values = resampled(potential, sampling, segment)
        values = values - values[0]  # or the filters would ring from an offset
        parts["potential"].append(sosfilt(slow, values, axis=0))
        for name, sos in bands.items():
            parts[name].append(sosfilt(sos, values, axis=0) ** 2)
    return {name: np.concatenate(part) for name, part in parts.items()}


def _grid_times(
    time: Float64[np.ndarray, " sample"], sampling: Sampling
) -> Float64[np.ndarray, " grid"]:
    """When each sample that `resampled` gives is [s]; those that came keep their times."""
    if sampling.complete:
        return time
    times = []
    for segment in range(sampling.n_segments):
        inside = sampling.segment == segment
        position = sampling.position[inside]
        times.append(np.interp(np.arange(int(position[-1]) + 1), position, time[inside]))
    return np.concatenate(times)
