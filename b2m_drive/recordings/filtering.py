"""Filters over a signal in a file, block by block: each value as if all had been read at once.

All filters have finite impulse responses, so a value depends on no more than half a filter's length
of samples to either side. Beyond the ends of a stretch its first and last samples are repeated; no
filter crosses a gap. Filters are linear in phase and applied without a delay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from jaxtyping import Float64
from scipy.signal import firwin, oaconvolve, resample_poly

from b2m_drive.files.missing_packages import needing
from b2m_drive.recordings.sampled_signal import SampledSignal, Segment

_LARGEST_FACTOR = 2000  # of a change of rate, up or down
_POLYPHASE_REACH = 10  # samples of the slower rate to either side, as `resample_poly` designs it


@dataclass(frozen=True)
class _Filtered:
    base: Segment
    taps: Float64[np.ndarray, " tap"]  # odd in number

    def __call__(self, start: int, stop: int) -> np.ndarray:
        if start >= stop:
            return np.asarray(self.base.read(start, start), dtype=np.float64)
        half = len(self.taps) // 2
        padded = _padded(self.base, start - half, stop + half)
        return np.asarray(oaconvolve(padded, self.taps[:, None], mode="valid", axes=0))


@dataclass(frozen=True)
class _Resampled:
    base: Segment
    up: int
    down: int

    def __call__(self, start: int, stop: int) -> np.ndarray:
        reach = _POLYPHASE_REACH * max(self.up, self.down) // self.up + self.down
        first = (start // self.up) * self.down - reach // self.down * self.down - self.down
        last = -(-stop * self.down // self.up) + reach
        made = resample_poly(_padded(self.base, first, last), self.up, self.down, axis=0)
        offset = start - first * self.up // self.down
        return np.asarray(made[offset : offset + stop - start])


def band_limited(signal: SampledSignal, low: float | None, high: float | None) -> SampledSignal:
    """Keep what changes between ``low`` and ``high`` [Hz]; None leaves that side open.

    The filter is MNE's default design (`mne.filter.create_filter`): Hamming window, transitions of
    a quarter of each edge, 2 Hz at least.

    Raises:
        ValueError: If an edge is not above 0 and below half of the rate, or the low one not below
            the high one.
    """
    _check_edges(signal, low, high)
    return _with_taps(signal, _designed(signal.rate, low, high))


def without_line(signal: SampledSignal, line: float, width: float = 2.0) -> SampledSignal:
    """Take out a frequency [Hz] and its multiples up to half of the rate.

    Args:
        signal: Of a rate above twice the line's.
        line: Of the mains: 50 or 60 Hz.
        width: What is taken out around each [Hz], transitions of half of it included.

    Raises:
        ValueError: If the frequency is not above the width, or not as far below half of the rate.
    """
    if not width < line < signal.rate / 2 - width:
        raise ValueError(
            f"notch: expected over {width:g} Hz and under half of {signal.rate:g} Hz less "
            f"{width:g} Hz, came {line:g} Hz"
        )
    lines = np.arange(line, signal.rate / 2 - width, line)
    edges = [edge for each in lines for edge in (each - width / 2, each + width / 2)]
    n_taps = round(3.3 * signal.rate / (width / 2)) | 1
    taps = firwin(n_taps, edges, fs=signal.rate, pass_zero=True, window="hamming")
    return _with_taps(signal, taps)


def resampled_to(signal: SampledSignal, rate: float) -> SampledSignal:
    """The signal at another rate [Hz], low-passed first where that is lower (polyphase).

    Raises:
        ValueError: If the rate is not above 0, or no ratio of small numbers from the present one.
    """
    if not (np.isfinite(rate) and rate > 0):
        raise ValueError(f"resample: expected a rate above 0 Hz, came {rate}")
    ratio = Fraction(rate / signal.rate).limit_denominator(_LARGEST_FACTOR)
    if not ratio or max(ratio.numerator, ratio.denominator) > _LARGEST_FACTOR:
        raise ValueError(f"resample: expected a rate near {signal.rate:g} Hz, came {rate:g}")
    if abs(float(ratio) * signal.rate / rate - 1) > 1e-9:
        near = float(ratio) * signal.rate
        raise ValueError(
            f"resample: {rate:g} Hz is no simple part of {signal.rate:g} Hz; the nearest is "
            f"{near:.6g} Hz"
        )
    if ratio == 1:
        return signal
    up, down = ratio.numerator, ratio.denominator
    return _changed(
        signal,
        lambda segment: Segment(
            -(-segment.n_samples * up // down),
            segment.start,
            segment.rate * up / down,
            _Resampled(segment, up, down),
        ),
    )


def smoothed_power(signal: SampledSignal, window: float) -> SampledSignal:
    """Mean of the square over a window [s] around each sample: the power, in the unit's square.

    Raises:
        ValueError: If the window holds no sample.
    """
    n_taps = round(window * signal.rate) | 1
    if not window > 0:
        raise ValueError(f"power window: expected more than 0 s, came {window}")
    squared = _pointwise(signal, np.square)
    return replace(_with_taps(squared, np.full(n_taps, 1 / n_taps)), unit=f"{signal.unit}²")


def referenced(signal: SampledSignal, to: Sequence[str] | None) -> SampledSignal:
    """Subtract the mean of some channels from all; None: of all channels (average reference).

    Channels that serve as the reference stay, unless one alone does: it would be 0.

    Raises:
        ValueError: If a channel is not among the signal's, or there is but one channel.
    """
    names = list(signal.channels) if to is None else list(to)
    unknown = sorted(set(names) - set(signal.channels))
    if unknown or not names:
        raise ValueError(
            f"reference: expected some of the channels {', '.join(signal.channels[:20])}, came "
            f"{', '.join(unknown) or 'none'}"
        )
    if len(signal.channels) < 2:
        raise ValueError("reference: expected two channels or more, came one: it would be 0")
    rows = [signal.channels.index(name) for name in names]
    made = _pointwise(signal, lambda values: values - values[:, rows].mean(1, keepdims=True))
    if len(rows) > 1:
        return made
    return made.select([k for k in range(len(signal.channels)) if k != rows[0]])


def _designed(rate: float, low: float | None, high: float | None) -> Float64[np.ndarray, " tap"]:
    with needing("a band-pass filter", "eeg"):
        from mne.filter import create_filter
    taps = create_filter(None, rate, low, high, verbose="error")
    return np.asarray(taps, dtype=np.float64)


def _check_edges(signal: SampledSignal, low: float | None, high: float | None) -> None:
    for name, edge in (("high-pass", low), ("low-pass", high)):
        if edge is not None and not 0 < edge < signal.rate / 2:
            raise ValueError(
                f"{name}: expected above 0 and below {signal.rate / 2:g} Hz (half of the rate), "
                f"came {edge:g}"
            )
    if low is not None and high is not None and low >= high:
        raise ValueError(f"band-pass: expected a low edge below the high one, came {low}, {high}")
    if low is None and high is None:
        raise ValueError("band-pass: expected an edge or two, came none")


def _with_taps(signal: SampledSignal, taps: Float64[np.ndarray, " tap"]) -> SampledSignal:
    return _changed(signal, lambda segment: replace(segment, read=_Filtered(segment, taps)))


def _pointwise(signal: SampledSignal, function) -> SampledSignal:  # type: ignore[no-untyped-def]
    def made(segment: Segment) -> Segment:
        return replace(
            segment,
            read=lambda a, b: function(np.asarray(segment.read(a, b), dtype=np.float64)),
        )

    return _changed(signal, made)


def _changed(signal: SampledSignal, change) -> SampledSignal:  # type: ignore[no-untyped-def]
    return replace(signal, segments=tuple(change(segment) for segment in signal.segments))


def _padded(base: Segment, start: int, stop: int) -> Float64[np.ndarray, "sample channel"]:
    """Samples of a stretch; before its first and after its last one, these are repeated."""
    inside = base.read(min(max(start, 0), base.n_samples - 1), max(min(stop, base.n_samples), 1))
    before, after = max(-start, 0), max(stop - base.n_samples, 0)
    return np.pad(np.asarray(inside, dtype=np.float64), ((before, after), (0, 0)), mode="edge")
