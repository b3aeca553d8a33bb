"""Units of an NWB file: names, regions and kinds at once, spike times one unit at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float64, Int64

from b2m_drive.files.refusals import naming
from b2m_drive.recordings.contents import SpikeUnits
from b2m_drive.recordings.readers.nwb_tables import text_values
from b2m_drive.recordings.recording import Unit

_NAME_COLUMNS = ("unit_name", "unit_id", "name")
_KIND_COLUMNS = ("unit_type", "quality", "cluster_quality", "group", "KSLabel")
_REGION_COLUMNS = ("location", "brain_region", "brain_area", "region")
_KINDS = {
    **dict.fromkeys(("good", "su", "single", "single unit", "single-unit"), "SU"),
    **dict.fromkeys(("mua", "mu", "multi", "multi unit", "multi-unit"), "MU"),
}


@dataclass(frozen=True)
class StoredSpikes:
    """Spike times of the units of a file, which is opened for each unit.

    Args:
        path: Of the file.
        place: Of the data set of all times in it.
        ends: Where each unit's times end in it.
    """

    path: Path
    place: str
    ends: Int64[np.ndarray, " unit"]

    def __call__(self, unit: int) -> Float64[np.ndarray, " spike"]:
        """Times [s] of the unit of this number."""
        start = int(self.ends[unit - 1]) if unit else 0
        with naming(self.path, "an NWB file, whole"), h5py.File(self.path, "r") as file:
            return np.asarray(file[self.place][start : int(self.ends[unit])], dtype=np.float64)


def spike_units_of(path: Path, table: Any, notes: list[str]) -> SpikeUnits | None:
    """The units of a file; None, with a note, if they have no spike times.

    Raises:
        ValueError: If the index of spike times does not fit them.
    """
    if table is None or not len(table):
        return None
    if "spike_times" not in table.colnames:
        notes.append(f"{len(table)} units left out: they have no spike times")
        return None
    index = table["spike_times"]
    ends = np.asarray(index.data[:]).astype(np.int64)
    stored = index.target.data
    steps = np.diff(ends, prepend=0)
    if len(ends) != len(table) or (steps < 0).any() or ends[-1] > len(stored):
        raise ValueError(
            f"{path}: units: expected an index of {len(table)} units into {len(stored)} spike "
            f"times, came one that does not fit"
        )
    if not isinstance(stored, h5py.Dataset):  # no spike of any unit
        notes.append(f"{len(table)} units left out: they have no spikes")
        return None
    return SpikeUnits(_units(table), StoredSpikes(path, stored.name, ends))


def recorded_of(table: Any) -> tuple[float, float] | None:
    """From when to when units were observed [s], where the file says so."""
    if table is None or "obs_intervals" not in table.colnames:
        return None
    intervals = np.asarray(table["obs_intervals"].target.data[:], dtype=np.float64)
    if intervals.ndim != 2 or not len(intervals) or not np.isfinite(intervals).all():
        return None
    return float(intervals.min()), float(intervals.max())


def _units(table: Any) -> tuple[Unit, ...]:
    names, regions, kinds = _names(table), _regions(table), _kinds(table)
    return tuple(Unit(*each) for each in zip(names, regions, kinds, strict=True))


def _names(table: Any) -> list[str]:
    for column in _NAME_COLUMNS:
        values = text_values(table, column)
        if values and len(set(values)) == len(values):
            return [each if not each.isdigit() else f"unit{each}" for each in values]
    return [f"unit{each}" for each in table.id[:]]


def _kinds(table: Any) -> list[str]:
    for column in _KIND_COLUMNS:
        values = text_values(table, column)
        if values and not all(each.replace(".", "").isdigit() for each in values):
            return [_KINDS.get(each.lower(), each or "unknown") for each in values]
    return ["unknown"] * len(table)


def _regions(table: Any) -> list[str]:
    """Where each unit's electrodes are, or its group of electrodes."""
    for column in _REGION_COLUMNS:
        values = text_values(table, column)
        if values:
            return [each or "unknown" for each in values]
    if "electrodes" in table.colnames:
        return _regions_of_electrodes(table["electrodes"], len(table))
    if "electrode_group" in table.colnames:
        groups = table["electrode_group"].data
        return [str(groups[k].location) for k in range(len(table))]
    return ["unknown"] * len(table)


def _regions_of_electrodes(column: Any, n_units: int) -> list[str]:
    from hdmf.common import VectorIndex

    if isinstance(column, VectorIndex):
        ends, region = np.asarray(column.data[:]).astype(np.int64), column.target
    else:
        ends, region = np.arange(1, n_units + 1), column
    rows = np.asarray(region.data[:]).astype(np.int64)
    places = text_values(region.table, "location")
    if places is None or len(ends) != n_units or (rows < 0).any() or (rows >= len(places)).any():
        return ["unknown"] * n_units
    starts = np.concatenate([[0], ends[:-1]])
    each = [sorted({places[k] for k in rows[a:b]}) for a, b in zip(starts, ends, strict=True)]
    return [", ".join(found) or "unknown" for found in each]
