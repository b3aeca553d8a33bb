"""Files of Neurodata Without Borders (NWB 2) as contents: units, signals, tables, who and when.

`pynwb` says what lies where; spikes and samples are then read by their place in the file, which is
opened anew for each part and never held. So contents can be kept, copied and sent to workers.
"""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import h5py

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.files.missing_packages import needing
from b2m_drive.files.refusals import naming
from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.readers.nwb_series import series_contents
from b2m_drive.recordings.readers.nwb_tables import table_of
from b2m_drive.recordings.readers.nwb_units import recorded_of, spike_units_of
from b2m_drive.recordings.sampled_signal import SampledSignal

_EXPECTED = "an NWB file"
_NO_EVENTS = ("electrodes", "units")  # tables that describe channels and units
_LONGEST = 200  # characters of a description, in a note


def open_nwb(path: Path) -> Contents:
    """What lies in an NWB file: sound is checked first, samples and spikes stay in the file.

    Times are seconds from the file's `timestamps_reference_time`. What cannot be shown as a
    signal, a table or units is named in the notes.

    Raises:
        FileNotFoundError: If there is no such file.
        MissingPackageError: If pynwb is not installed.
        ValueError: If it is no NWB 2 file, is cut short or damaged, links to another file, or
            promises more than it can hold.
    """
    with opened_hdf5(path, _EXPECTED) as file:
        version = _version_of(path, file)
    with needing("reading NWB", "nwb"):
        import pynwb
    with naming(path, f"{_EXPECTED}, whole"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of schemas older than pynwb's, and of what it would tidy
        with pynwb.NWBHDF5IO(str(path), "r") as io:
            return _contents(path, version, io.read())


def _version_of(path: Path, file: h5py.File) -> str:
    version = file.attrs.get("nwb_version")
    if version is None:
        version = file["nwb_version"][()] if "nwb_version" in file else None
    if version is None:
        raise ValueError(f"{path}: expected {_EXPECTED}, came HDF5 of another kind")
    text = version.decode() if isinstance(version, bytes) else str(version)
    if not text.startswith("2"):
        raise ValueError(f"{path}: expected {_EXPECTED} of version 2, came version {text}")
    return text


def _contents(path: Path, version: str, nwb: Any) -> Contents:
    from hdmf.common import DynamicTable
    from pynwb import TimeSeries

    notes: list[str] = []
    objects = [each for each in nwb.objects.values() if each.parent is not None]
    series = [each for each in objects if isinstance(each, TimeSeries)]
    tables = [each for each in objects if isinstance(each, DynamicTable)]
    tables = [each for each in tables if each.name not in _NO_EVENTS]
    names = _names([*series, *tables])
    found: list[EventTable | SampledSignal] = []
    for each in series:
        found += series_contents(path, each, names[id(each)], notes)
    found += [t for each in tables if (t := table_of(each, names[id(each)], notes)) is not None]
    return Contents(
        path,
        f"NWB {version}",
        signals=tuple(each for each in found if isinstance(each, SampledSignal)),
        spikes=spike_units_of(path, nwb.units, notes),
        tables=tuple(each for each in found if isinstance(each, EventTable)),
        clock=f"seconds from {_moment(nwb.timestamps_reference_time)}",
        recorded=recorded_of(nwb.units),
        subject=_text(getattr(nwb.subject, "subject_id", None)) or "unknown",
        session=_text(nwb.session_id) or path.stem,
        source=_source(nwb),
        notes=(*_about(nwb), *notes),
    )


def _names(objects: list[Any]) -> dict[int, str]:
    """Each object's own name where no other has it, else the way to it."""
    counts = Counter(each.name for each in objects)
    return {
        id(each): each.name if counts[each.name] == 1 else "/".join(_way_to(each))
        for each in objects
    }


def _way_to(found: Any) -> list[str]:
    way = [found.name]
    while found.parent is not None and found.parent.parent is not None:
        found = found.parent
        way.insert(0, found.name)
    return way


def _source(nwb: Any) -> str:
    published = ", ".join(map(str, nwb.related_publications or ()))
    return f"NWB file {nwb.identifier}{f' ({published})' if published else ''}"


def _about(nwb: Any) -> list[str]:
    started = f"NWB file {nwb.identifier}, session started {_moment(nwb.session_start_time)}"
    described = (_text(nwb.experiment_description) or _text(nwb.session_description))[:_LONGEST]
    return [started, *([f"described as: {described}"] if described else [])]


def _moment(when: Any) -> str:
    return when.isoformat() if when is not None else "an unknown moment"


def _text(value: Any) -> str:
    return " ".join(str(value).split()) if value is not None else ""
