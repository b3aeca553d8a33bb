"""What lies in a `mne.io.Raw`: its channels by unit, its annotations and codes as tables."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from b2m_drive.files.missing_packages import needing
from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.readers.stimulus_codes import code_table
from b2m_drive.recordings.sampled_signal import BLOCK_VALUES, SampledSignal, Segment

_QUANTITIES = {
    **dict.fromkeys(("EEG", "EOG", "ECG", "EMG", "ECOG", "SEEG", "DBS", "BIO"), ("potential", "V")),
    **dict.fromkeys(("MAG", "REF_MEG"), ("magnetic field", "T")),
    "GRAD": ("magnetic gradient", "T/m"),
    **dict.fromkeys(("HBO", "HBR"), ("hemoglobin", "M")),
    "CSD": ("current source density", "V/m²"),
}  # of a kind of channel: what it measures, and the unit that MNE gives it in
_VOLTS = re.compile(r"[nµμum]?V")
_NO_UNITS = ("", "n/a", "NA")
_SCALED = {"µS": "S", "uS": "S", "n/a": ""}
_LABELLED = re.compile(r"(EEG|EOG|ECG|EMG|ECOG|SEEG|DBS)(?=[^A-Za-z]|$)", re.IGNORECASE)
_SKIP = "BAD_ACQ_SKIP"
_CUTS = ("edge boundary", "bad boundary", "boundary", "new segment/")
_SHARE_OF_SAMPLE = 1e-3  # by which the time of a cut may miss its sample
_SHOWN = 12  # channels, in a note
_EXPECTED = ("does not conform to MNE naming", "Number of records from the header")


@dataclass(frozen=True)
class _Samples:
    """Samples of some channels of a `mne.io.Raw`, which may stay in its file."""

    raw: Any
    picks: tuple[int, ...]
    path: Path

    def __call__(self, start: int, stop: int) -> Float64[np.ndarray, "sample channel"]:
        if start >= stop:
            return np.zeros((0, len(self.picks)))
        import mne

        with warnings.catch_warnings(), mne.use_log_level("warning"), refused(self.path):
            # A warning while samples are read is about samples that are not those of the file.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)
            return np.asarray(self.raw[list(self.picks), start:stop][0].T)


@contextmanager
def heard() -> Iterator[list[str]]:
    """What MNE warns of within, as sentences; nothing of it is printed."""
    with needing("EEG files", "eeg"):
        import mne

    said: list[str] = []
    with warnings.catch_warnings(record=True) as found, mne.use_log_level("warning"):
        warnings.simplefilter("always")
        yield said
    for each in found:
        text = " ".join(str(each.message).split())
        if issubclass(each.category, RuntimeWarning | UserWarning) and not any(
            expected in text for expected in _EXPECTED
        ):
            said.append(f"MNE: {text}")


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Whatever MNE fails with on a broken file, as one sentence that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: expected all files of a recording: {error}") from error
    except ModuleNotFoundError:
        raise
    except Exception as error:  # of any kind, from deep within
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        text = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: expected a recording, came what MNE cannot read: {text}") from (
            error
        )


def contents_of_raw(
    raws: Sequence[Any],
    path: Path,
    file_format: str,
    notes: Sequence[str] = (),
    said_units: Mapping[str, str] | None = None,
    code_bits: int = -1,
) -> Contents:
    """What lies in a `mne.io.Raw`, whose samples stay where they are.

    Seconds count from the first sample. Channels of one unit are one signal.

    Args:
        raws: One, or several of the same file, each with the channels of one rate.
        path: Of the file.
        file_format: Its name in words.
        notes: On how it was opened.
        said_units: Of channels' values by name, where MNE does not know them.
        code_bits: Bits of stimulus channels that are codes; -1: all.

    Raises:
        ValueError: If there is no channel or no sample.
    """
    first = raws[0]
    if not first.n_times or not any(len(raw.ch_names) for raw in raws):
        raise ValueError(f"{path}: expected channels and samples, came none")
    annotations = _annotations(first)
    units = [_units(raw, said_units) for raw in raws]
    signals = [each for raw, unit in zip(raws, units, strict=True)
               for each in _signals(raw, path, unit, annotations)]  # fmt: skip
    codes = [found for raw in raws for found in _codes(raw, path, code_bits)]
    date, subject = first.info["meas_date"], first.info["subject_info"] or {}
    named = str(subject.get("his_id", "") or "").strip()
    return Contents(
        path,
        file_format,
        signals=tuple(_told_apart(signals)),
        tables=(*([annotations] if len(annotations) else []), *(table for table, _ in codes)),
        clock="seconds from the first sample" + (f", {date:%Y-%m-%d %H:%M:%S} UTC" if date else ""),
        line_frequency=first.info["line_freq"],
        subject=named if named not in ("", "X", "0") else "unknown",
        source=f"{file_format} file",
        notes=(
            *notes,
            *_notes(raws, units, annotations),
            *(note for _, more in codes for note in more),
        ),
        bad_channels=tuple(dict.fromkeys(name for raw in raws for name in raw.info["bads"])),
    )


def _units(raw: Any, said: Mapping[str, str] | None) -> tuple[str, ...]:
    """Of each channel's values as MNE gives them; "": the file says none."""
    found = (getattr(raw, "_orig_units", None) or {}) if said is None else said
    return tuple(_unit(raw, str(found.get(name) or "").strip()) for name in raw.ch_names)


def _unit(raw: Any, unit: str) -> str:
    if type(raw).__name__ == "RawBrainVision":  # MNE has multiplied the values
        return "V" if _VOLTS.fullmatch(unit) else _SCALED.get(unit, unit)
    return "" if unit in _NO_UNITS else unit


def _kinds(raw: Any, units: tuple[str, ...]) -> tuple[str, ...]:
    """What each channel is, such as ``EEG``; one whose unit is none of potentials is ``MISC``.

    EDF and BDF name the kind in a channel's label, if anywhere.
    """
    in_labels = type(raw).__name__ in ("RawEDF", "RawBDF", "RawGDF")
    found = []
    for name, kind, unit in zip(raw.ch_names, raw.get_channel_types(), units, strict=True):
        label = _LABELLED.match(name) if in_labels and kind == "eeg" else None
        upper = label[1].upper() if label else kind.upper()
        other = unit and not _VOLTS.fullmatch(unit)
        found.append("MISC" if _is_potential(upper) and other else upper)
    return tuple(found)


def _is_potential(kind: str) -> bool:
    return _QUANTITIES.get(kind, ("", ""))[1] == "V"


def _signals(
    raw: Any, path: Path, units: tuple[str, ...], annotations: EventTable
) -> list[SampledSignal]:
    groups: dict[tuple[str, str], list[int]] = {}
    kinds = _kinds(raw, units)
    for k, (kind, unit) in enumerate(zip(kinds, units, strict=True)):
        if kind != "STIM":
            quantity, usual = _QUANTITIES.get(kind, (kind.lower(), "unit unknown"))
            own = unit if usual in ("V", "unit unknown") else ""
            groups.setdefault((quantity, own or usual), []).append(k)
    stretches = _stretches(raw, annotations)
    if not stretches:
        raise ValueError(f"{path}: expected samples, came a recording that is one pause ({_SKIP})")
    return [
        SampledSignal(
            quantity,
            tuple(raw.ch_names[k] for k in picks),
            _segments(_Samples(raw, tuple(picks), path), stretches, float(raw.info["sfreq"])),
            unit,
            kinds=tuple(kinds[k] for k in picks),
        )
        for (quantity, unit), picks in groups.items()
    ]


def _told_apart(signals: list[SampledSignal]) -> Iterator[SampledSignal]:
    """Signals of one name by their unit or rate, too."""
    names = [each.name for each in signals]
    taken: set[str] = set()
    for each in signals:
        name = each.name
        if names.count(name) > 1:
            name = f"{name} [{each.unit}]" if each.unit not in ("V", "unit unknown") else name
            name = f"{name} at {each.rate:g} Hz" if name in taken or each.unit == "V" else name
        while name in taken:
            name += " (further)"
        taken.add(name)
        yield replace(each, name=name)


def _segments(
    samples: _Samples, stretches: list[tuple[int, int]], rate: float
) -> tuple[Segment, ...]:
    def shifted(first: int) -> Any:
        return lambda a, b: samples(first + a, first + b)

    return tuple(Segment(b - a, a / rate, rate, shifted(a)) for a, b in stretches)


def _stretches(raw: Any, annotations: EventTable) -> list[tuple[int, int]]:
    """From which sample to before which the recording runs without a pause or a cut."""
    rate, n_samples = float(raw.info["sfreq"]), int(raw.n_times)
    there = np.ones(n_samples + 1, dtype=bool)
    there[-1] = False
    edges = {0, n_samples}
    for onset, duration, what in zip(
        *(annotations.column(name) for name in ("onset", "duration", "description")), strict=True
    ):
        first = int(np.clip(np.ceil(onset * rate - _SHARE_OF_SAMPLE), 0, n_samples))
        if str(what).upper().startswith(_SKIP):
            last = int(np.clip(np.round((onset + duration) * rate), first, n_samples))
            there[first:last] = False
            edges |= {first, last}
        elif str(what).lower() in _CUTS:
            edges.add(first)
    bounds = itertools.pairwise(sorted(edges))
    return [(a, b) for a, b in bounds if there[a]]


def _annotations(raw: Any) -> EventTable:
    """Annotations on the clock that starts with the first sample."""
    found = raw.annotations
    columns = {
        "onset": np.asarray(found.onset, np.float64) - raw.first_time,
        "duration": np.asarray(found.duration, np.float64),
        "description": np.array([str(each) for each in found.description], dtype=object),
    }
    return EventTable("annotations", columns, onset="onset", duration="duration")


def _codes(raw: Any, path: Path, bits: int) -> list[tuple[EventTable, tuple[str, ...]]]:
    """A table of codes for each stimulus channel."""
    picks = [k for k, kind in enumerate(raw.get_channel_types()) if kind == "stim"]
    if not picks:
        return []
    samples, n_samples = _Samples(raw, tuple(picks), path), int(raw.n_times)
    step = max(BLOCK_VALUES // len(raw.ch_names), 1)
    blocks = [
        samples(a, min(a + step, n_samples)).astype(np.int32) for a in range(0, n_samples, step)
    ]
    rate = float(raw.info["sfreq"])
    return [
        code_table(raw.ch_names[k], [block[:, j] for block in blocks], rate, bits)
        for j, k in enumerate(picks)
    ]


def _notes(
    raws: Sequence[Any], units: Sequence[tuple[str, ...]], annotations: EventTable
) -> Iterator[str]:
    info = raws[0].info
    if info["highpass"] > 0 or info["lowpass"] < info["sfreq"] / 2:
        yield f"filtered before: {info['highpass']:g} to {info['lowpass']:g} Hz, as the file says"
    if info["projs"] and not all(each["active"] for each in info["projs"]):
        yield f"{len(info['projs'])} projections of the file are not applied"
    for what, names in _peculiar(raws, units).items():
        if names:
            shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            yield f"{len(names)} channels {what}: {shown}"
    bad = [str(each) for each in annotations.column("description")
           if str(each).upper().startswith("BAD") and str(each).upper() != _SKIP
           and str(each).lower() not in _CUTS]  # fmt: skip
    if bad:
        yield f"{len(bad)} stretches are marked bad ({', '.join(sorted(set(bad)))}): not left out"


def _peculiar(raws: Sequence[Any], units: Sequence[tuple[str, ...]]) -> dict[str, list[str]]:
    """Channels that the file marks as bad, or gives no unit for."""
    unitless = [
        name
        for raw, found in zip(raws, units, strict=True)
        for name, kind, unit in zip(raw.ch_names, _kinds(raw, found), found, strict=True)
        if getattr(raw, "_orig_units", None) and _is_potential(kind) and not unit
    ]
    return {
        "marked bad in the file": [name for raw in raws for name in raw.info["bads"]],
        "without a unit in the file, taken for volts": unitless,
    }
