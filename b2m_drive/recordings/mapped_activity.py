"""The activity that a mapping names: spikes of units, or a signal that stays in its file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from b2m_drive.recordings.activity_arrays import signal_of_array, spikes_of_arrays
from b2m_drive.recordings.contents import Contents
from b2m_drive.recordings.mapping import SPIKES_OF_UNITS, ActivityMapping, Preprocessing
from b2m_drive.recordings.preprocessing import preprocessed
from b2m_drive.recordings.recording import SPIKES, Unit
from b2m_drive.recordings.response_window import AS_IT_IS, ResponseWindow
from b2m_drive.recordings.sampled_signal import SampledSignal, Segment, of_file
from b2m_drive.recordings.voltage import check_voltage

BRAIN_KINDS = ("EEG", "ECOG", "SEEG", "DBS", "MAG", "GRAD", "HBO", "HBR", "LFP", "CSD")


@dataclass(frozen=True)
class MappedActivity:
    """What a brain did, as `Recording` takes it."""

    units: tuple[Unit, ...]
    measure: str
    spike_times: tuple[Float64[np.ndarray, " _"], ...] | None = None
    signal: SampledSignal | None = None
    time: Float64[np.ndarray, " _"] | None = None
    notes: tuple[str, ...] = ()
    window: ResponseWindow = AS_IT_IS


def activity_of(
    contents: Contents, mapping: ActivityMapping, steps: Preprocessing
) -> MappedActivity:
    """The activity that a mapping names, after its preprocessing.

    Raises:
        ValueError: If the file has none of that name, or several and none is named; if spikes are
            to be filtered; if values cannot be in their unit.
    """
    if mapping.spike_times:
        return _spikes(spikes_of_arrays(contents, mapping), mapping, steps)
    chosen = mapping.signal or _only_one(contents)
    if chosen == SPIKES_OF_UNITS:
        if contents.spikes is None:
            raise ValueError(f"{contents.path}: expected units with spike times, came none")
        units = contents.spikes.units
        times = [(unit, contents.spikes.read(k)) for k, unit in enumerate(units)]
        return _spikes(times, mapping, steps)
    return _signal(contents, chosen, mapping, steps)


def _only_one(contents: Contents) -> str:
    names = [each.name for each in contents.signals]
    of_brains = [each.name for each in contents.signals if set(each.kinds) & set(BRAIN_KINDS)]
    if len(of_brains) == 1:  # beside a thermometer, say
        names = of_brains
    if contents.spikes is not None:
        names.append(SPIKES_OF_UNITS)
    if len(names) != 1:
        there = ", ".join(names or contents.arrays) or "none"
        raise ValueError(f"{contents.path}: expected activity.signal, one of {there}; came none")
    return names[0]


def _spikes(
    found: list[tuple[Unit, Float64[np.ndarray, " _"]]],
    mapping: ActivityMapping,
    steps: Preprocessing,
) -> MappedActivity:
    unfit = [
        name
        for name in ("find_bad", "reference", "notch", "high_pass", "low_pass", "power_window",
                     "resample", "baseline", "reject")
        if getattr(steps, name)
    ]  # fmt: skip
    if unfit:
        raise ValueError(
            f"mapping: preprocessing.{unfit[0]}: expected a signal, came spike times, which have "
            "nothing to filter"
        )
    found = _named_units(found, mapping.channels, steps.bad_channels)
    times = tuple(np.sort(np.asarray(each, np.float64) * mapping.seconds) for _, each in found)
    left_out = steps.bad_channels
    note = (f"units left out as bad: {', '.join(left_out)}",) if left_out else ()
    return MappedActivity(tuple(unit for unit, _ in found), SPIKES, spike_times=times, notes=note)


def _named_units(
    found: list[tuple[Unit, Float64[np.ndarray, " _"]]],
    chosen: tuple[str, ...],
    bad: tuple[str, ...],
) -> list[tuple[Unit, Float64[np.ndarray, " _"]]]:
    names = [unit.name for unit, _ in found]
    _require("units", (*chosen, *bad), names)
    kept = [pair for pair in found if pair[0].name in (chosen or names)]
    kept = [pair for pair in kept if pair[0].name not in bad]
    if not kept:
        raise ValueError("mapping: expected a unit that is left, came none")
    return kept


def _signal(
    contents: Contents, name: str, mapping: ActivityMapping, steps: Preprocessing
) -> MappedActivity:
    in_arrays = name in contents.arrays and name not in [each.name for each in contents.signals]
    signal = signal_of_array(contents, mapping) if in_arrays else contents.signal(name)
    signal, notes = _chosen_channels(signal, mapping)
    signal = _in_unit(signal, mapping, 1.0 if in_arrays else mapping.seconds)
    made, steps_done, window = preprocessed(signal, steps)
    made = of_file(made, contents.path)
    check_voltage(made, powers=bool(steps.power_window))
    units = tuple(
        Unit(channel, region, f"{kind} power" if steps.power_window else kind)
        for channel, region, kind in zip(made.channels, made.regions, made.kinds, strict=True)
    )
    if made.gaps:
        lost = sum(end - begin for begin, end in made.gaps)
        notes.append(f"{len(made.gaps)} gaps in the recording, {lost:g} s in all")
    return MappedActivity(
        units,
        f"{_quantity(made, steps)} [{made.unit}]",
        signal=made,
        time=made.times,
        notes=(*notes, *steps_done),
        window=window,
    )


def _quantity(signal: SampledSignal, steps: Preprocessing) -> str:
    if steps.power_window:
        return "power"
    return "potential" if signal.unit.lower() in ("v", "mv", "µv", "uv") else signal.name


def _chosen_channels(
    signal: SampledSignal, mapping: ActivityMapping
) -> tuple[SampledSignal, list[str]]:
    """The channels named, or those that measure a brain; others are counted in a note."""
    kinds = (mapping.kind,) * len(signal.channels) if mapping.kind else signal.kinds
    signal = replace(signal, kinds=kinds)
    if mapping.channels:
        _require(f"channels of {signal.name}", mapping.channels, list(signal.channels))
        return signal.select([signal.channels.index(name) for name in mapping.channels]), []
    brain = [k for k, kind in enumerate(kinds) if kind.upper() in BRAIN_KINDS]
    if not brain or len(brain) == len(kinds):
        return signal, []
    others = [f"{signal.channels[k]} ({kinds[k]})" for k in range(len(kinds)) if k not in brain]
    shown = ", ".join(others[:8]) + (", ..." if len(others) > 8 else "")
    return signal.select(brain), [f"{len(others)} channels of other kinds left out: {shown}"]


def _require(what: str, chosen: tuple[str, ...], names: list[str]) -> None:
    unknown = [name for name in chosen if name not in names]
    if unknown:
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise ValueError(f"mapping: {what}: expected some of {shown}; came {', '.join(unknown)}")


def _in_unit(signal: SampledSignal, mapping: ActivityMapping, seconds: float) -> SampledSignal:
    scale = mapping.scale
    if not (np.isfinite(scale) and scale):
        raise ValueError(f"mapping: activity.scale: expected a number other than 0, came {scale}")
    unit = mapping.unit or signal.unit
    if scale == 1 and seconds == 1:
        return replace(signal, unit=unit)

    def changed(segment: Segment) -> Segment:
        return Segment(
            segment.n_samples,
            segment.start * seconds,
            segment.rate / seconds,
            lambda a, b: np.asarray(segment.read(a, b), dtype=np.float64) * scale,
        )

    return replace(signal, unit=unit, segments=tuple(map(changed, signal.segments)))
