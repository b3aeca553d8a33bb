"""What a brain did while something was seen: spikes or sampled signals, and a table of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.events import Events
from b2m_drive.recordings.given_arrays import as_column, as_notes, as_numbers, require_known
from b2m_drive.recordings.response_window import AS_IT_IS, ResponseWindow
from b2m_drive.recordings.sampled_signal import SampledSignal

SPIKES = "spikes"
_TAKEN = (  # by `from_arrays`
    "onset", "ids", "duration", "signal", "time", "spike_times", "session", "unit_names", "measure",
    "trials", "subject", "source", "licence", "simulated", "notes", "recorded",
)  # fmt: skip
_SPIKES_PERHAPS_MISSING = 10  # a recording may run on for as long as these take, without one


@dataclass(frozen=True)
class Unit:
    """One recorded (or simulated) neuron or cluster of neurons."""

    name: str
    region: str
    kind: str  # "SU" single unit, "MU" multi-unit, "simulated"


@dataclass(frozen=True, repr=False)
class Recording:
    """One session of one brain, simulated or not, in whatever was measured.

    Either ``spike_times`` are there, one array a unit, or ``signal`` with the ``time`` of each of
    its samples: an array, or a `SampledSignal` that stays in its file and is read by the part.
    `from_arrays` makes one; a reader makes one from a file.

    Raises:
        ValueError: If neither or both are there, shapes disagree, time does not increase, spikes
            are not sorted, a value is not finite, or there is no unit or no event.
    """

    units: tuple[Unit, ...]
    events: Events
    session: str
    measure: str  # what was measured, with its unit: "spikes", "potential [V]"
    spike_times: tuple[Float64[np.ndarray, " _"], ...] | None = None  # [s], sorted
    signal: Float32[np.ndarray, "sample unit"] | SampledSignal | None = None
    time: Float64[np.ndarray, " _"] | None = None  # [sample] [s], increasing
    subject: str = "unknown"
    source: str = "unknown"
    licence: str = "unknown"
    simulated: bool = False
    notes: tuple[str, ...] = ()
    # [s] from when to when it was recorded; None: from the first to the last sample, or as
    # `recorded_span` tells from spikes
    recorded: tuple[float, float] | None = None
    trials: DecisionTrials | None = None  # of a memory task, whose items the events are
    window: ResponseWindow = AS_IT_IS  # what is done to each response when it is cut out

    def __repr__(self) -> str:
        simulated = "simulated, " if self.simulated else ""
        return (
            f"Recording({self.session!r}, {simulated}{self.measure}, {len(self.units)} units, "
            f"{len(self.events)} events, {self.duration:g} s)"
        )

    def __post_init__(self) -> None:
        if not self.units or not len(self.events):
            raise ValueError(
                f"{self.session}: expected units and events, came {len(self.units)} and "
                f"{len(self.events)}"
            )
        if (self.spike_times is None) == (self.signal is None):
            raise ValueError(f"{self.session}: expected spike_times or signal, one of the two")
        if self.spike_times is not None:
            self._check_spikes(self.spike_times)
        else:
            self._check_signal()
        self._check_recorded()

    @classmethod
    def from_arrays(
        cls,
        *,
        onset: Any = None,
        ids: Any = None,
        duration: Any = 0.0,
        signal: Any = None,
        time: Any = None,
        spike_times: Any = None,
        session: str = "arrays",
        unit_names: Any = None,
        unit_regions: Any = "unknown",
        unit_kinds: Any = "unknown",
        measure: str | None = None,
        trials: DecisionTrials | None = None,
        **about: Any,
    ) -> Recording:
        """A recording from arrays in memory.

        >>> import numpy as np
        >>> Recording.from_arrays(
        ...     signal=np.zeros((100, 2)), time=np.arange(100) / 50, onset=[0.5, 1.0], ids=[3, 4]
        ... ).duration
        1.98

        Args:
            onset: When each thing was seen [s], on the clock of the activity; may be left out where
                there are ``trials``, whose items are then the events.
            ids: What was seen then: whole numbers, paired with those of the student's batches.
            duration: How long it was seen [s], one for all or one each (of items: one each trial
                and item).
            signal: Samples in rows, channels in columns.
            time: Of each sample [s].
            spike_times: An array of times [s] for each unit, in any order; a unit may be silent.
            session: A name for it.
            unit_names: Of units or channels.
            unit_regions: Where each was, one for all or one each.
            unit_kinds: What each is, one for all or one each: ``"SU"`` or ``"MU"`` for single and
                multi-units, ``"EEG"`` for a sensor whose band power is to be read, too.
            measure: What ``signal`` is, with its unit.
            trials: Of a memory task, which the memory study needs.
            about: ``subject``, ``source``, ``licence``, ``simulated``, ``notes``, or ``recorded``:
                from when to when spikes were recorded [s].

        Raises:
            TypeError: If a keyword is none of these; says which was probably meant.
            ValueError: As the class; also if something is no number.
        """
        require_known(about, _TAKEN)
        spikes = None if spike_times is None else _sorted_spikes(spike_times)
        samples = None if signal is None else _samples(signal)
        times = None if time is None else as_column("time", time)
        count = len(spikes) if spikes is not None else 0 if samples is None else samples.shape[1]
        names = [f"unit{k}" for k in range(count)] if unit_names is None else list(unit_names)
        regions = _one_each("unit_regions", unit_regions, len(names))
        kinds = _one_each("unit_kinds", unit_kinds, len(names))
        notes = as_notes(about.pop("notes", ()))
        if onset is None and trials is not None:
            events, notes = trials.item_events(duration), (*notes, *_items_lost(trials))
        else:
            events = Events.of(onset, ids, duration)
        return cls(
            tuple(
                Unit(str(name), *place) for name, *place in zip(names, regions, kinds, strict=True)
            ),
            events,
            session,
            measure or (SPIKES if spikes is not None else "signal [unit unknown]"),
            spikes,
            samples,
            times,
            notes=notes,
            trials=trials,
            **about,
        )

    @property
    def span(self) -> tuple[float, float]:
        """First and last moment that was recorded [s], or what the spikes tell of them.

        Without a spike they are NaN.
        """
        if self.recorded is not None:
            return self.recorded
        if self.time is not None:
            return float(self.time[0]), float(self.time[-1])
        assert self.spike_times is not None
        return recorded_span(self.spike_times) or (float("nan"), float("nan"))

    def in_memory(self) -> Recording:
        """The same recording with its signal read into an array, where it lies in a file."""
        if not isinstance(self.signal, SampledSignal):
            return self
        return replace(self, signal=self.signal[:])

    @property
    def duration(self) -> float:
        """Seconds from the first to the last moment that was recorded."""
        first, last = self.span
        return last - first

    def _check_spikes(self, spike_times: tuple[Float64[np.ndarray, " _"], ...]) -> None:
        if len(spike_times) != len(self.units):
            raise ValueError(
                f"{self.session}: spike_times: expected one array for each of {len(self.units)} "
                f"units, came {len(spike_times)}"
            )
        for unit, times in zip(self.units, spike_times, strict=True):
            if not np.isfinite(times).all():
                raise ValueError(f"{self.session}: {unit.name}: expected finite spike times [s]")
            if (np.diff(times) < 0).any():
                raise ValueError(
                    f"{self.session}: {unit.name}: expected spike times in the order of time"
                )

    def _check_signal(self) -> None:
        assert self.signal is not None
        if self.time is None or self.signal.shape != (len(self.time), len(self.units)):
            times = "no time" if self.time is None else f"{len(self.time)} times"
            turned = self.time is not None and self.signal.shape[-1:] == (len(self.time),)
            raise ValueError(
                f"{self.session}: signal: expected samples in rows, units in columns and the time "
                f"of each sample, came the shape {self.signal.shape}, {len(self.units)} units and "
                f"{times}{'; transpose the signal' if turned else ''}"
            )
        if not np.isfinite(self.time).all() or not (np.diff(self.time) > 0).all():
            raise ValueError(
                f"{self.session}: time: expected finite seconds, each later than the one before"
            )
        if isinstance(self.signal, SampledSignal):
            return  # which looks at what it reads
        if not np.isfinite(self.signal).all():
            bad = ~np.isfinite(self.signal)
            names = [u.name for u, b in zip(self.units, bad.any(0), strict=True) if b]
            raise ValueError(
                f"{self.session}: signal: {int(bad.sum())} of {bad.size} values are NaN or "
                f"infinite, in {len(names)} of {len(self.units)} units ({', '.join(names[:5])}"
                f"{', ...' if len(names) > 5 else ''}): leave those units or samples out"
            )

    def _check_recorded(self) -> None:
        if self.recorded is None:
            return
        first, last = self.recorded
        times = [self.time] if self.time is not None else list(self.spike_times or ())
        inside = all(first <= each[0] and each[-1] <= last for each in times if len(each))
        if not (np.isfinite([first, last]).all() and first < last and inside):
            raise ValueError(
                f"{self.session}: recorded: expected a start and an end [s] with all activity "
                f"between them, came {self.recorded}"
            )


def recorded_span(
    spike_times: Sequence[Float64[np.ndarray, " _"]],
) -> tuple[float, float] | None:
    """When a recording began and ended [s], as far as its spikes tell; None: there is no spike.

    From the first spike of any unit to the last, widened by the time that ten spikes take on
    average: for so long it may well have run on without one.
    """
    spiking = [times for times in spike_times if len(times)]
    if not spiking:
        return None
    first, last = min(times.min() for times in spiking), max(times.max() for times in spiking)
    silent = _SPIKES_PERHAPS_MISSING * (last - first) / sum(map(len, spiking))
    return float(first - silent), float(last + silent)


def _sorted_spikes(spike_times: Any) -> tuple[Float64[np.ndarray, " _"], ...]:
    """Each unit's spike times in the order of time."""
    every = list(spike_times)
    for unit, times in enumerate(every):
        if np.ndim(times) == 0:
            raise ValueError(
                f"spike_times: expected an array of times for each unit, came {times!r} for unit "
                f"{unit}; put the times of a single unit into a list"
            )
    return tuple(
        np.sort(as_numbers(f"spike_times of unit {unit}", times).ravel())
        for unit, times in enumerate(every)
    )


def _items_lost(trials: DecisionTrials) -> tuple[str, ...]:
    """A note about items that are no events, if there are some."""
    lost, shown = trials.n_without_onset, int(trials.item_count.sum())
    return (f"{lost} of {shown} items left out: their onset is unknown",) if lost else ()


def _one_each(name: str, values: Any, n_units: int) -> list[str]:
    """A text for each unit; one alone is that of all."""
    if isinstance(values, str):
        return [values] * n_units
    each = [str(value) for value in values]
    if len(each) != n_units:
        raise ValueError(f"{name}: expected one for each of {n_units} units, came {len(each)}")
    return each


def _samples(signal: Any) -> Float32[np.ndarray, "sample unit"]:
    found = as_numbers("signal", signal)
    if found.ndim not in (1, 2):
        raise ValueError(f"signal: expected (sample, unit), came the shape {found.shape}")
    with np.errstate(over="ignore"):  # infinite then, and refused
        samples: Float32[np.ndarray, "sample unit"] = found.astype(np.float32)
    return samples[:, None] if samples.ndim == 1 else samples
