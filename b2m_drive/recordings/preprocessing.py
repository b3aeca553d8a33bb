"""Steps of preprocessing on a signal in a file, each said in words for result and report."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from b2m_drive.recordings.filtering import (
    band_limited,
    referenced,
    resampled_to,
    smoothed_power,
    without_line,
)
from b2m_drive.recordings.mapping import Preprocessing
from b2m_drive.recordings.response_window import ResponseWindow
from b2m_drive.recordings.sampled_signal import SampledSignal
from b2m_drive.recordings.voltage import check_reject

AVERAGE = "average"
_SHOWN = 12


def preprocessed(
    signal: SampledSignal, steps: Preprocessing
) -> tuple[SampledSignal, tuple[str, ...], ResponseWindow]:
    """The signal after all steps that are named, a sentence on each, and what is left to the cut.

    Raises:
        ValueError: If a step does not fit the signal; no channel is left.
    """
    signal, notes = _without_bad(signal, steps)
    if steps.reference:
        average = steps.reference == (AVERAGE,)
        signal = referenced(signal, None if average else steps.reference)
        what = "the average of all channels" if average else ", ".join(steps.reference)
        notes.append(f"reference: {what}")
    if steps.notch:
        signal = without_line(signal, steps.notch)
        notes.append(f"notch: {steps.notch:g} Hz and its multiples, 2 Hz wide each (linear phase)")
    if steps.high_pass or steps.low_pass:
        signal = band_limited(signal, steps.high_pass or None, steps.low_pass or None)
        notes.append(f"{_band(steps.high_pass, steps.low_pass)} (linear phase, Hamming window)")
    if steps.power_window:
        signal = smoothed_power(signal, steps.power_window)
        notes.append(f"power: mean square over {steps.power_window:g} s")
    if steps.resample:
        before = signal.rate
        signal = resampled_to(signal, steps.resample)
        notes.append(f"resampled: {before:g} to {signal.rate:g} Hz (polyphase)")
    if steps.baseline:
        notes.append(f"baseline: mean from {steps.baseline[0]:g} to {steps.baseline[-1]:g} s")
    if steps.reject:
        check_reject(signal, steps.reject)
        notes.append(f"reject: what spans over {steps.reject:g} {signal.unit}")
    notes = [f"preprocessing: {note}" for note in notes] or ["preprocessing: none"]
    return signal, tuple(notes), ResponseWindow(steps.baseline, steps.reject)


def _band(low: float, high: float) -> str:
    if low and high:
        return f"band-pass: {low:g} to {high:g} Hz"
    return f"high-pass: {low:g} Hz" if low else f"low-pass: {high:g} Hz"


def channel_spread(signal: SampledSignal) -> Float64[np.ndarray, " channel"]:
    """Standard deviation of each channel over the whole signal, read in parts."""
    count, mean, square = 0, 0.0, 0.0
    for block in signal.blocks():
        values = block.astype(np.float64)
        delta = values.mean(0) - mean
        total = count + len(values)
        square = square + values.var(0) * len(values) + delta**2 * count * len(values) / total
        mean = mean + delta * len(values) / total
        count = total
    return np.asarray(np.sqrt(square / count))


def bad_channels_of(signal: SampledSignal, factor: float) -> dict[str, str]:
    """Channels that are flat, or vary so many times as much or as little as the median one.

    Raises:
        ValueError: If the factor is not above 1.
    """
    if not factor > 1:
        raise ValueError(f"bad_factor: expected more than 1, came {factor}")
    spread = channel_spread(signal)
    alive = spread[spread > 0]
    usual = float(np.median(alive)) if len(alive) else 0.0
    found = {}
    for name, each in zip(signal.channels, spread, strict=True):
        if each == 0:
            found[name] = "flat"
        elif not usual / factor <= each <= usual * factor:
            found[name] = f"{each / usual:.3g} times the median channel's spread"
    return found


def _without_bad(signal: SampledSignal, steps: Preprocessing) -> tuple[SampledSignal, list[str]]:
    unknown = sorted(set(steps.bad_channels) - set(signal.channels))
    if unknown:
        raise ValueError(
            f"mapping: preprocessing.bad_channels: expected channels of {signal.name}, came "
            f"{', '.join(unknown)}"
        )
    bad = dict.fromkeys(steps.bad_channels, "given")
    signal = _left(signal, bad)
    notes = []
    if steps.find_bad:
        found = bad_channels_of(signal, steps.bad_factor)
        signal, bad = _left(signal, found), {**bad, **found}
    if bad:
        shown = ", ".join(f"{name} ({why})" for name, why in list(bad.items())[:_SHOWN])
        notes.append(f"bad channels left out: {shown}{', ...' if len(bad) > _SHOWN else ''}")
    elif steps.find_bad:
        notes.append("bad channels: none found")
    return signal, notes


def _left(signal: SampledSignal, bad: dict[str, str]) -> SampledSignal:
    if not bad:
        return signal
    kept = [k for k, name in enumerate(signal.channels) if name not in bad]
    if not kept:
        raise ValueError(
            f"signal {signal.name}: expected a channel that is left, came {len(bad)} bad ones"
        )
    return signal.select(kept)
