"""What a brain did while something was seen: spikes or sampled signals, and a table of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from b2m_drive.recordings.events import Events
from b2m_drive.recordings.recording import Unit

SPIKES = "spikes"


@dataclass(frozen=True)
class Recording:
    """One session of one brain, simulated or not, in whatever was measured.

    Either ``spike_times`` are there, one array a unit, or ``signal`` with the ``time`` of each of
    its samples. `from_arrays` makes one; a reader makes one from a file.

    Raises:
        ValueError: If neither or both are there, shapes disagree, time does not increase, or there
            is no unit or no event.
    """

    units: tuple[Unit, ...]
    events: Events
    session: str
    measure: str  # what was measured, with its unit: "spikes", "potential [V]"
    spike_times: tuple[Float64[np.ndarray, " _"], ...] | None = None  # [s], sorted
    signal: Float32[np.ndarray, "sample unit"] | None = None
    time: Float64[np.ndarray, " sample"] | None = None  # [s], increasing
    subject: str = "unknown"
    source: str = "unknown"
    licence: str = "unknown"
    simulated: bool = False
    notes: tuple[str, ...] = ()

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

    @classmethod
    def from_arrays(
        cls,
        *,
        onset: Any,
        ids: Any,
        duration: Any = 0.0,
        signal: Any = None,
        time: Any = None,
        spike_times: Sequence[Any] | None = None,
        session: str = "arrays",
        unit_names: Sequence[str] | None = None,
        measure: str | None = None,
        **about: Any,
    ) -> Recording:
        """A recording from arrays in memory.

        >>> import numpy as np
        >>> Recording.from_arrays(
        ...     signal=np.zeros((100, 2)), time=np.arange(100) / 50, onset=[0.5, 1.0], ids=[3, 4]
        ... ).duration
        1.98

        Args:
            onset: When each thing was seen [s], on the clock of the activity.
            ids: What was seen then: whole numbers, paired with those of the student's batches.
            duration: How long it was seen [s], one for all or one each.
            signal: Samples in rows, channels in columns.
            time: Of each sample [s].
            spike_times: An array of times [s] for each unit, in any order.
            session: A name for it.
            unit_names: Of units or channels.
            measure: What ``signal`` is, with its unit.
            about: ``subject``, ``source``, ``licence``, ``simulated`` or ``notes``.

        Raises:
            ValueError: As the class.
        """
        spikes = None
        if spike_times is not None:
            spikes = tuple(
                np.sort(np.asarray(each, dtype=np.float64).ravel()) for each in spike_times
            )
        samples = None if signal is None else np.asarray(signal, dtype=np.float32)
        if samples is not None and samples.ndim == 1:
            samples = samples[:, None]
        count = len(spikes) if spikes is not None else 0 if samples is None else samples.shape[1]
        names = [f"unit{k}" for k in range(count)] if unit_names is None else list(unit_names)
        return cls(
            tuple(Unit(name, "unknown", "unknown") for name in names),
            Events.of(onset, ids, duration),
            session,
            measure or (SPIKES if spikes is not None else "signal [unit unknown]"),
            spikes,
            samples,
            None if time is None else np.asarray(time, dtype=np.float64),
            **about,
        )

    @property
    def span(self) -> tuple[float, float]:
        """First and last moment of the activity [s]; NaN without a spike."""
        if self.time is not None:
            return float(self.time[0]), float(self.time[-1])
        assert self.spike_times is not None
        every = [times for times in self.spike_times if len(times)]
        if not every:
            return float("nan"), float("nan")
        return float(min(each[0] for each in every)), float(max(each[-1] for each in every))

    @property
    def duration(self) -> float:
        """Seconds from the first to the last moment of the activity."""
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

    def _check_signal(self) -> None:
        assert self.signal is not None
        if self.time is None or self.signal.shape != (len(self.time), len(self.units)):
            came = None if self.time is None else len(self.time)
            raise ValueError(
                f"{self.session}: signal: expected (sample, unit) with a time a sample and "
                f"{len(self.units)} units, came {self.signal.shape} and {came} times"
            )
        if not np.isfinite(self.time).all() or not (np.diff(self.time) > 0).all():
            raise ValueError(
                f"{self.session}: time: expected finite seconds, each later than the one before"
            )
        if not np.isfinite(self.signal).all():
            bad = int((~np.isfinite(self.signal)).sum())
            raise ValueError(f"{self.session}: signal: {bad} values are NaN or infinite")
