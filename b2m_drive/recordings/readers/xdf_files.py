"""LabRecorder's files (``.xdf``): streams of several devices, brought onto one clock."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.files.missing_packages import needing
from b2m_drive.files.refusals import naming, require_file
from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.readers.xdf_chunks import check_chunks
from b2m_drive.recordings.sampled_signal import SampledSignal, signal_from_times

_EXPECTED = "a recording of LabRecorder (XDF)"
_UNITS = {"microvolts": "µV", "microvolt": "µV", "uv": "µV", "μv": "µV", "µv": "µV",
          "millivolts": "mV", "millivolt": "mV", "mv": "mV", "volts": "V", "volt": "V", "v": "V",
          }  # fmt: skip
_MOST_OFF = 0.01  # of the nominal rate, that a note does not mention


def open_xdf(path: Path) -> Contents:
    """What lies in an XDF file: its streams by name, all times on the recorder's clock [s].

    Streams with a rate are signals, whose jitter is removed and whose interruptions are gaps; text
    and streams without a rate are tables with the columns ``onset`` and ``value`` (or the channels'
    names). The second stream of a name is ``NAME 2``. The file is read whole: the clocks can only
    be aligned with all of their measured offsets.

    Raises:
        FileNotFoundError: If there is no such file.
        MissingPackageError: If pyxdf is not installed.
        ValueError: If it is no XDF file or damaged. One that ends in the middle of a chunk, as when
            the recorder stopped, is read up to there, and a note says so.
    """
    require_file(path, _EXPECTED)
    with needing("an XDF file", "xdf"):
        import pyxdf
    with naming(path, _EXPECTED):
        cut_short = check_chunks(path)
        with _said_by(pyxdf.__name__) as faults:
            streams, _ = pyxdf.load_xdf(path, synchronize_clocks=True, dejitter_timestamps=True)
        if faults and not cut_short:
            raise ValueError(f"a damaged one: {faults[0]}")
        return _contents(path, streams, cut_short)


@contextmanager
def _said_by(library: str) -> Iterator[list[str]]:
    """What a library reports as errors while it goes on, and nothing else of what it says."""
    faults: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                faults.append(record.getMessage())

    logger, handler = logging.getLogger(library), Kept()
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield faults
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _contents(path: Path, streams: Sequence[dict[str, Any]], cut_short: bool) -> Contents:
    signals, tables, notes = [], [], []
    if cut_short:
        notes.append("the file ends in the middle of a chunk: what follows is lost")
    for name, stream in zip(_names(streams), streams, strict=True):
        times = np.asarray(stream["time_stamps"], dtype=np.float64)
        if not len(times):
            notes.append(f"stream {name} left out: no samples")
            continue
        notes += _clock_notes(name, stream)
        signal, why = _signal(name, stream, times)
        if signal is not None:
            signals.append(signal)
        else:
            tables.append(_table(name, stream, times))
            notes += [why] if why else []
    if not signals and not tables:
        raise ValueError(f"streams with samples, came none of {len(streams)}")
    return Contents(
        path,
        "XDF (Lab Streaming Layer)",
        signals=tuple(signals),
        tables=tuple(tables),
        clock="seconds of the recorder's clock",
        notes=tuple(notes),
    )


def _names(streams: Sequence[dict[str, Any]]) -> list[str]:
    """Of the streams; further ones of a name are numbered."""
    counted: Counter[str] = Counter()
    names: list[str] = []
    for stream in streams:
        name = _text(stream["info"], "name") or _text(stream["info"], "type") or "stream"
        counted[name] += 1
        shown = name if counted[name] == 1 else f"{name} {counted[name]}"
        while shown in names:
            shown += " again"
        names.append(shown)
    return names


def _signal(
    name: str, stream: dict[str, Any], times: np.ndarray
) -> tuple[SampledSignal | None, str]:
    """The stream as a signal, or why it is none although it has a rate."""
    info, values = stream["info"], stream["time_series"]
    if not isinstance(values, np.ndarray) or not float(_text(info, "nominal_srate") or 0) > 0:
        return None, ""
    labels, kinds, units = _channels(info, values.shape[1])
    known = {unit for unit in units if unit}
    about = {"unit": known.pop()} if len(known) == 1 else {}
    try:
        signal = signal_from_times(
            name, labels, times, lambda a, b: values[a:b], kinds=kinds, **about
        )
    except ValueError as error:
        return None, f"stream {name} is a table, no signal: {error}"
    return signal, f"stream {name}: channels in several units" if len(known) > 1 else ""


def _table(name: str, stream: dict[str, Any], times: np.ndarray) -> EventTable:
    values = stream["time_series"]
    if not isinstance(values, np.ndarray):
        values = np.array([list(row) for row in values], dtype=object).reshape(len(times), -1)
    labels, _, _ = _channels(stream["info"], values.shape[1])
    if values.shape[1] == 1:
        labels = ("value",)
    labels = tuple("onset of it" if label == "onset" else label for label in labels)
    columns = {label: values[:, k] for k, label in enumerate(labels)}
    return EventTable(name, {"onset": times, **columns}, "onset")


def _channels(
    info: dict[str, Any], count: int
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Name, kind and unit of each channel, as far as the stream describes them."""
    listed = _first(_first(_first(info, "desc"), "channels"), "channel", every=True)
    described = [each if isinstance(each, dict) else {} for each in listed]
    if len(described) != count:
        described = [{}] * count
    usual = _text(info, "type").upper() or "unknown"
    names = [_text(each, "label") or f"channel{k}" for k, each in enumerate(described)]
    if len(set(names)) < count:
        names = [f"{name} {k}" for k, name in enumerate(names)]
    kinds = [_text(each, "type").upper() or usual for each in described]
    units = [_text(each, "unit") for each in described]
    return tuple(names), tuple(kinds), tuple(_UNITS.get(unit.lower(), unit) for unit in units)


def _clock_notes(name: str, stream: dict[str, Any]) -> list[str]:
    """How far the stream's clock was off, and how fast it really was."""
    notes, info = [], stream["info"]
    offsets = np.asarray(stream["clock_values"], dtype=np.float64)
    if len(offsets):
        notes.append(
            f"stream {name}: clock corrected by {offsets.min():.6g} to {offsets.max():.6g} s "
            f"({len(offsets)} measurements)"
        )
    else:
        notes.append(f"stream {name}: no clock offsets were measured, its times are taken as given")
    nominal, effective = float(_text(info, "nominal_srate") or 0), float(info["effective_srate"])
    if nominal > 0 and effective > 0 and abs(effective / nominal - 1) > _MOST_OFF:
        notes.append(f"stream {name}: {effective:g} samples/s, said to be {nominal:g}")
    said = _text(_first(stream.get("footer"), "info"), "sample_count")
    if said.isdigit() and int(said) != len(stream["time_stamps"]):
        notes.append(f"stream {name}: {len(stream['time_stamps'])} of {said} samples are there")
    return notes


def _first(found: Any, name: str, every: bool = False) -> Any:
    """An entry of parsed XML, which is a list of what has that name."""
    values = found.get(name, []) if isinstance(found, dict) else []
    listed = values if isinstance(values, list) else [values]
    return listed if every else (listed[0] if listed else None)


def _text(found: Any, name: str) -> str:
    value = _first(found, name)
    return value.strip() if isinstance(value, str) else ""
