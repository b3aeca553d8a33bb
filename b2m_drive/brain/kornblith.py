"""Read the sessions of Kornblith et al. 2017: human medial temporal lobe neurons.

Each trial showed three or four images for 0.2 s each, then, after 2.4-2.6 s, two probes, of which
one had been shown. One HDF5 file a session, with spike times by channel and a table of trials.
Kornblith, Quian Quiroga, Koch, Fried & Mormann (2017), "Persistent single-neuron activity during
working memory in the human medial temporal lobe", Current Biology 27:1026.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float64

from b2m_drive.brain.binning import DEFAULT_BIN_WIDTH, bin_spikes, trial_bins
from b2m_drive.brain.recording import (
    LEFT,
    RIGHT,
    BrainRecording,
    DecisionTrials,
    SpikeSession,
    Unit,
)

SOURCE = "Kornblith et al. 2017, doi 10.1016/j.cub.2017.02.013"
LICENCE = "ODbL 1.0"
UNIT_KINDS = ("SU", "MU")
_ARTEFACT = "A"
_TRIAL_FIELDS = (
    "correct", "isi", "probe1", "probe2", "stimuli", "onsets", "offsets", "maint", "probes",
)  # fmt: skip


@dataclass(frozen=True)
class _File:
    """A session file as it is, before anything is chosen."""

    spike_times: list[Float64[np.ndarray, " _"]]
    units: list[Unit]
    trials: DecisionTrials


def read_kornblith(
    path: str | Path,
    *,
    unit_kinds: Collection[str] = UNIT_KINDS,
    regions: Collection[str] | None = None,
    min_rate: float = 0.0,
    include_errors: bool = False,
    bin_width: float = DEFAULT_BIN_WIDTH,
    smoothing: float = 0.0,
) -> BrainRecording:
    """Read one session as binned activity, aligned to each trial's own events.

    Args:
        path: The HDF5 file.
        unit_kinds: ``"SU"`` single units, ``"MU"`` multi-units. Artefacts are always left out.
        regions: Sites as in the file (``"LA"``) or without the side (``"A"``); None: all.
        min_rate: Units below this mean rate [Hz] over the session are left out.
        include_errors: Keep the trials that the person answered wrongly.
        bin_width: [s].
        smoothing: Standard deviation [s] of a Gaussian kernel; 0: none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not such a session or nothing is left after the selection;
            names the file and the field.
    """
    session = read_spikes(
        path,
        unit_kinds=unit_kinds,
        regions=regions,
        min_rate=min_rate,
        include_errors=include_errors,
    )
    return bin_spikes(session, trial_bins(session.trials.n_items, bin_width), smoothing)


def read_spikes(
    path: str | Path,
    *,
    unit_kinds: Collection[str] = UNIT_KINDS,
    regions: Collection[str] | None = None,
    min_rate: float = 0.0,
    include_errors: bool = False,
) -> SpikeSession:
    """Read one session's spike times; arguments and errors as `read_kornblith`."""
    path = Path(path)
    unknown = set(unit_kinds) - set(UNIT_KINDS)
    if unknown or not unit_kinds:
        raise ValueError(f"unit_kinds: expected some of {UNIT_KINDS}, came {list(unit_kinds)}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a session file (HDF5), found none")
    try:
        with h5py.File(path, "r") as file:
            content = _read_file(path, file)
    except OSError as error:
        raise ValueError(
            f"{path}: expected an HDF5 file of a session, came one that cannot be read "
            f"(not HDF5, or cut short): {error}"
        ) from error
    chosen, unit_notes = _choose_units(path, content, unit_kinds, regions, min_rate)
    trials, trial_note = _choose_trials(path, content.trials, include_errors)
    return SpikeSession(
        tuple(content.spike_times[k] for k in chosen),
        tuple(content.units[k] for k in chosen),
        trials,
        subject=path.name[:3],
        session=path.stem,
        source=SOURCE,
        licence=LICENCE,
        simulated=False,
        notes=(*unit_notes, trial_note),
    )


def _read_file(path: Path, file: Any) -> _File:
    for name in ("channels", "sites", "trials"):
        if name not in file:
            raise ValueError(f"{path}: expected a field {name!r}, came {sorted(file)}")
    sites = [_text(site) for site in file["sites"][()]]
    spike_times, units = [], []
    numbers = sorted(int(name[2:-12]) for name in file["channels"] if name.endswith("_spike_times"))
    for number in numbers:
        times, kinds = (
            _field(path, file["channels"], f"ch{number}_{part}")
            for part in ("spike_times", "unit_types")
        )
        if len(times) != len(kinds) or not 1 <= number <= len(sites):
            raise ValueError(
                f"{path}: channels/ch{number}: expected one unit type a unit and a site, came "
                f"{len(times)} units, {len(kinds)} types and {len(sites)} sites"
            )
        for index, (spikes, kind) in enumerate(zip(times, kinds, strict=True)):
            name = f"ch{number}_{index + 1}"
            spike_times.append(_checked_spikes(path, name, spikes))
            units.append(Unit(name, sites[number - 1], _text(kind)))
    return _File(spike_times, units, _read_trials(path, file["trials"]))


def _field(path: Path, group: Any, name: str) -> np.ndarray:
    if name not in group:
        raise ValueError(f"{path}: expected a field {group.name}/{name}, found none")
    return np.asarray(group[name][()])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _checked_spikes(path: Path, name: str, spikes: Any) -> Float64[np.ndarray, " spike"]:
    times = np.asarray(spikes, dtype=np.float64).ravel()
    if not np.isfinite(times).all():
        raise ValueError(f"{path}: spike times of {name}: expected finite seconds, came NaN")
    if (np.diff(times) < 0).any():
        raise ValueError(f"{path}: spike times of {name}: expected ascending times")
    return times


def _read_trials(path: Path, group: Any) -> DecisionTrials:
    field = {name: _field(path, group, name) for name in _TRIAL_FIELDS}
    counts = {name: len(values) for name, values in field.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"{path}: trials: expected fields of equal length, came {counts}")
    for name in ("stimuli", "onsets", "offsets"):
        if field[name].ndim != 2 or field[name].shape != field["stimuli"].shape:
            raise ValueError(
                f"{path}: trials/{name}: expected (trial, item) like trials/stimuli "
                f"{field['stimuli'].shape}, came {field[name].shape}"
            )
    for name in ("isi", "onsets", "offsets", "maint", "probes"):
        broken = np.flatnonzero(~np.isfinite(field[name].reshape(len(field[name]), -1)).all(1))
        if len(broken):
            raise ValueError(
                f"{path}: trials/{name}: expected finite seconds, came NaN in trial {broken[0]}"
            )
    _check_stimuli(path, field)
    shown = {
        side: _was_shown(field[f"probe{side + 1}"], field["stimuli"]) for side in (LEFT, RIGHT)
    }
    ambiguous = np.flatnonzero(shown[LEFT] == shown[RIGHT])
    if len(ambiguous):
        raise ValueError(
            f"{path}: trials/probe1, probe2: expected exactly one of them among the items of a "
            f"trial, came both or none in trial {ambiguous[0]}"
        )
    every = np.concatenate([field[n].ravel() for n in ("stimuli", "probe1", "probe2")])
    return DecisionTrials(
        trial_id=np.arange(len(field["isi"]), dtype=np.int64),
        stimulus=field["stimuli"].astype(np.int64) - 1,
        item_onset=field["onsets"].astype(np.float64),
        maintenance_onset=field["maint"].astype(np.float64),
        probe_onset=field["probes"].astype(np.float64),
        inter_stimulus_interval=field["isi"].astype(np.float64),
        probe_left=field["probe1"].astype(np.int64) - 1,
        probe_right=field["probe2"].astype(np.int64) - 1,
        target_side=np.where(shown[LEFT], LEFT, RIGHT).astype(np.int64),
        answered_correctly=field["correct"].astype(bool),
        n_stimuli=int(every.max()),
    )


def _check_stimuli(path: Path, field: dict[str, np.ndarray]) -> None:
    for name in ("stimuli", "probe1", "probe2"):
        if not np.issubdtype(field[name].dtype, np.integer) or field[name].min(initial=1) < 1:
            raise ValueError(
                f"{path}: trials/{name}: expected stimulus indices from 1, came "
                f"{field[name].min(initial=1)} ({field[name].dtype})"
            )
    highest = int(field["stimuli"].max(initial=0))
    for name in ("probe1", "probe2"):
        if field[name].max(initial=0) > highest:
            raise ValueError(
                f"{path}: trials/{name}: expected stimulus indices up to {highest}, the highest "
                f"ever shown, came {field[name].max()}"
            )


def _was_shown(probe: np.ndarray, stimuli: np.ndarray) -> np.ndarray:
    return np.asarray((stimuli == probe[:, None]).any(1))


def _choose_units(
    path: Path,
    content: _File,
    unit_kinds: Collection[str],
    regions: Collection[str] | None,
    min_rate: float,
) -> tuple[list[int], list[str]]:
    sites = {unit.region for unit in content.units}
    if regions is not None:
        unknown = set(regions) - sites - {site[1:] for site in sites}
        if unknown:
            raise ValueError(
                f"regions: {path.name} has {sorted(sites)} (or without the side), "
                f"came {sorted(unknown)}"
            )
    rates = [_rate(times) for times in content.spike_times]
    chosen = [
        k
        for k, unit in enumerate(content.units)
        if unit.kind in unit_kinds
        and (regions is None or unit.region in regions or unit.region[1:] in regions)
        and rates[k] >= min_rate
    ]
    kinds = Counter(unit.kind for unit in content.units)
    if not chosen:
        raise ValueError(
            f"{path}: expected units of kind {sorted(unit_kinds)}, regions "
            f"{sorted(regions) if regions else 'any'} and at least {min_rate} Hz, came none "
            f"(the file has {dict(kinds)} in {sorted(sites)})"
        )
    notes = [f"{kinds[_ARTEFACT]} artefact units left out"]
    other = len(content.units) - len(chosen) - kinds[_ARTEFACT]
    if other:
        notes.append(f"{other} further units left out by kind, region or rate")
    return chosen, notes


def _rate(times: np.ndarray) -> float:
    return len(times) / float(times[-1] - times[0]) if len(times) > 1 else 0.0


def _choose_trials(
    path: Path, trials: DecisionTrials, include_errors: bool
) -> tuple[DecisionTrials, str]:
    wrong = int((~trials.answered_correctly).sum())
    if include_errors:
        return trials, f"{wrong} error trials kept"
    if wrong == len(trials):
        raise ValueError(f"{path}: expected trials answered correctly, came none of {wrong}")
    kept = trials.select(trials.answered_correctly)
    return kept, f"{wrong} error trials left out of {len(trials)}"
