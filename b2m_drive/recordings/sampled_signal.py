"""A sampled signal that lies in a file and is read by the part."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from b2m_drive.files.refusals import naming
from b2m_drive.recordings.sampling import sampling_of

BLOCK_VALUES = 4_000_000  # numbers read at once: 32 MB of them
_NAMED = 5  # channels, in a message
_MOST_JITTER = 0.2  # of an interval, where it is still one rate
_MOST_LOST = 0.2  # of the samples: each loss begins a new stretch

# Samples from the first number to before the second, all channels: (sample, channel).
ReadSamples = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class Segment:
    """A stretch of a signal without a pause, sampled at one rate.

    Args:
        n_samples: How many samples it has.
        start: Time of the first sample [s].
        rate: Samples a second [Hz].
        read: Samples from one number to before another.
    """

    n_samples: int
    start: float  # [s]
    rate: float  # [Hz]
    read: ReadSamples

    @property
    def times(self) -> Float64[np.ndarray, " sample"]:
        """Of each sample [s]."""
        times = np.arange(self.n_samples, dtype=np.float64)
        times /= self.rate  # in place: of hours at 2 kHz each copy is 100 MB and more
        times += self.start
        return times


@dataclass(frozen=True)
class SampledSignal:
    """Samples of some channels in one unit, in stretches between which nothing was recorded.

    It looks like an array (sample, channel) to whoever takes rows of it (``signal[3:7]``), and
    reads from the file what is asked for.

    Args:
        name: Of the signal in its file.
        channels: Their names.
        segments: In the order of time.
        unit: Of the values, such as "V".
        kinds: What each channel is, such as "EEG".
        regions: Where each channel is.
    """

    name: str
    channels: tuple[str, ...]
    segments: tuple[Segment, ...]
    unit: str = "unit unknown"
    kinds: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    _starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.channels or not self.segments or not all(s.n_samples for s in self.segments):
            raise ValueError(
                f"signal {self.name}: expected channels and samples, came {len(self.channels)} "
                f"channels and {sum(s.n_samples for s in self.segments)} samples"
            )
        rates = {round(segment.rate, 9) for segment in self.segments}
        if len(rates) > 1 or not all(np.isfinite(rate) and rate > 0 for rate in rates):
            raise ValueError(
                f"signal {self.name}: expected one rate above 0 Hz, came {sorted(rates)}"
            )
        for name in ("kinds", "regions"):
            given = getattr(self, name) or ("unknown",) * len(self.channels)
            if len(given) != len(self.channels):
                raise ValueError(
                    f"signal {self.name}: {name}: expected {len(self.channels)}, came {len(given)}"
                )
            object.__setattr__(self, name, tuple(given))
        ends = np.cumsum([0, *(segment.n_samples for segment in self.segments)])
        object.__setattr__(self, "_starts", tuple(int(end) for end in ends))
        repeated = sorted({c for c in self.channels if self.channels.count(c) > 1})
        if repeated:
            raise ValueError(
                f"signal {self.name}: expected each channel's name once, came "
                f"{', '.join(repeated[:_NAMED])} several times"
            )

    @property
    def rate(self) -> float:
        """Samples a second [Hz]."""
        return self.segments[0].rate

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and channels."""
        return self._starts[-1], len(self.channels)

    @property
    def times(self) -> Float64[np.ndarray, " sample"]:
        """Of each sample [s]."""
        if len(self.segments) == 1:
            return self.segments[0].times
        return np.concatenate([segment.times for segment in self.segments])

    @property
    def span(self) -> tuple[float, float]:
        """First and last sample [s]."""
        last = self.segments[-1]
        return self.segments[0].start, last.start + (last.n_samples - 1) / last.rate

    @property
    def gaps(self) -> tuple[tuple[float, float], ...]:
        """From when to when nothing was recorded [s]."""
        pairs = zip(self.segments[:-1], self.segments[1:], strict=True)
        return tuple((a.start + a.n_samples / a.rate, b.start) for a, b in pairs)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Float32[np.ndarray, "sample channel"]:
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError(f"signal {self.name}: expected a step of 1, came {step}")
        return self.read(start, stop)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.read(0, len(self)), dtype=dtype)

    def read(self, start: int, stop: int) -> Float32[np.ndarray, "sample channel"]:
        """Samples from one number to before another.

        Raises:
            ValueError: If a value among them is NaN or infinite; names the channels.
        """
        parts = [np.zeros((0, len(self.channels)), np.float32)]
        first = max(bisect_right(self._starts, start) - 1, 0)
        for number in range(first, len(self.segments)):
            offset = self._starts[number]
            if offset >= stop:
                break
            a, b = max(start - offset, 0), min(stop - offset, self.segments[number].n_samples)
            parts.append(self._finite(self.segments[number], a, b))
        return np.concatenate(parts)

    def blocks(self) -> Iterator[Float32[np.ndarray, "sample channel"]]:
        """The whole signal, in parts that fit into memory."""
        step = max(BLOCK_VALUES // len(self.channels), 1)
        for start in range(0, len(self), step):
            yield self.read(start, min(start + step, len(self)))

    def select(self, chosen: Sequence[int]) -> SampledSignal:
        """These channels only, by number."""
        rows = list(chosen)

        def part(segment: Segment) -> Segment:
            return Segment(
                segment.n_samples,
                segment.start,
                segment.rate,
                lambda a, b: segment.read(a, b)[:, rows],
            )

        return SampledSignal(
            self.name,
            tuple(self.channels[k] for k in rows),
            tuple(part(segment) for segment in self.segments),
            self.unit,
            tuple(self.kinds[k] for k in rows),
            tuple(self.regions[k] for k in rows),
        )

    def _finite(self, segment: Segment, a: int, b: int) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # not finite then, and refused
            values = np.asarray(segment.read(a, b)).astype(np.float32)
        if values.shape != (b - a, len(self.channels)):
            raise ValueError(
                f"signal {self.name}: expected {(b - a, len(self.channels))} values, came "
                f"{values.shape}: a file cut short?"
            )
        bad = ~np.isfinite(values)
        if bad.any():
            names = [self.channels[k] for k in np.flatnonzero(bad.any(0))]
            raise ValueError(
                f"signal {self.name}: expected finite values, came {int(bad.sum())} of {bad.size} "
                f"from {segment.start + a / segment.rate:g} s on are NaN or infinite, in "
                f"{len(names)} of {len(self.channels)} channels ({', '.join(names[:_NAMED])}"
                f"{', ...' if len(names) > _NAMED else ''}): name them as bad channels, or "
                "leave that time out"
            )
        return values


def signal_from_times(
    name: str,
    channels: tuple[str, ...],
    times: Float64[np.ndarray, " sample"],
    read: ReadSamples,
    **about: Any,
) -> SampledSignal:
    """A signal whose samples each have a time: in stretches where the clock is steady.

    Args:
        name: Of the signal.
        channels: Their names.
        times: Of the samples [s].
        read: Samples from one number to before another.
        about: ``unit``, ``kinds``, ``regions``.

    Raises:
        ValueError: If times do not increase, or follow no clock (a fifth of an interval off).
    """
    if len(times) < 2 or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        bad = int((np.diff(times) <= 0).sum()) if len(times) > 1 else 0
        raise ValueError(
            f"signal {name}: time: expected two or more finite seconds, each later than the one "
            f"before, came {len(times)} of which {bad} are not later"
        )
    sampling = sampling_of(times)
    if sampling.jitter > _MOST_JITTER or sampling.lost > _MOST_LOST:
        raise ValueError(
            f"signal {name}: expected samples at one rate, came {sampling.text}: resample it "
            "first, or give spike times or events if that is what these are"
        )
    edges = np.flatnonzero(_broken(times, sampling.rate)) + 1
    bounds = [0, *(int(edge) for edge in edges), len(times)]
    return SampledSignal(
        name,
        channels,
        tuple(
            Segment(b - a, float(times[a]), sampling.rate, _Shifted(read, a))
            for a, b in itertools.pairwise(bounds)
        ),
        **about,
    )


def of_file(signal: SampledSignal, path: Path) -> SampledSignal:
    """The same signal; whatever is wrong when it is read names this file."""
    read, starts = _OfFile(signal, path), np.cumsum([0, *(s.n_samples for s in signal.segments)])
    segments = zip(signal.segments, starts[:-1], strict=True)
    return replace(
        signal,
        segments=tuple(replace(each, read=_Shifted(read, int(start))) for each, start in segments),
    )


def _broken(times: np.ndarray, rate: float) -> np.ndarray:
    """Whether something is missing between a sample and the next."""
    return np.asarray(np.diff(times) * rate > 1.5)


@dataclass(frozen=True)
class _Shifted:
    """Samples counted from another one than the first."""

    read: ReadSamples
    offset: int

    def __call__(self, start: int, stop: int) -> np.ndarray:
        return self.read(self.offset + start, self.offset + stop)


@dataclass(frozen=True)
class _OfFile:
    """Samples of a signal, read so that an error names its file."""

    signal: SampledSignal
    path: Path

    def __call__(self, start: int, stop: int) -> np.ndarray:
        with naming(self.path, "samples that can be read"):
            return self.signal.read(start, stop)
