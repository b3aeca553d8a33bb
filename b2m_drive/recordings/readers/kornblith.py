"""Read the sessions of Kornblith et al. 2017: human medial temporal lobe neurons.

Each trial showed three or four images for 0.2 s each, then, after 2.4-2.6 s, two probes, of which
one had been shown. One HDF5 file a session, with spike times by channel and a table of trials.
Kornblith, Quian Quiroga, Koch, Fried & Mormann (2017), "Persistent single-neuron activity during
working memory in the human medial temporal lobe", Current Biology 27:1026.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float64

from b2m_drive.files.hdf5_files import opened_hdf5
from b2m_drive.recordings.binning import FIXATION_DURATION, PROBE_DURATION
from b2m_drive.recordings.decision_trials import LEFT, RIGHT, DecisionTrials
from b2m_drive.recordings.recording import SPIKES, Recording, Unit, recorded_span
from b2m_drive.recordings.recording_quality import FEWEST_TRIALS, bad_trials

SOURCE = "Kornblith et al. 2017, doi 10.1016/j.cub.2017.02.013"
LICENCE = "ODbL 1.0"
UNIT_KINDS = ("SU", "MU")
_ARTEFACT = "A"
_TRIAL_FIELDS = (
    "correct", "isi", "probe1", "probe2", "stimuli", "onsets", "offsets", "maint", "probes",
)  # fmt: skip
_TRIAL_BY_ITEM_FIELDS = ("stimuli", "onsets", "offsets")
_TIME_FIELDS = ("isi", "onsets", "offsets", "maint", "probes")
_SPIKES_NAME = re.compile(r"ch(\d+)_spike_times")


@dataclass(frozen=True)
class _File:
    """A session file as it is, before anything is chosen."""

    spike_times: list[Float64[np.ndarray, " _"]]
    units: list[Unit]
    field: dict[str, np.ndarray]  # of the trials, by name


def read_kornblith(
    path: str | Path,
    *,
    unit_kinds: Collection[str] = UNIT_KINDS,
    regions: Collection[str] | None = None,
    min_rate: float = 0.0,
    include_errors: bool = False,
) -> Recording:
    """Read one session: its spike times, its trials, and an event for each item that was shown.

    Args:
        path: The HDF5 file.
        unit_kinds: ``"SU"`` single units, ``"MU"`` multi-units. Artefacts are always left out.
        regions: Sites as in the file (``"LA"``) or without the side (``"A"``); None: all.
        min_rate: Units below this mean rate [Hz] are left out. The rate is taken over the whole
            recording, from the first spike of any unit to the last.
        include_errors: Keep the trials that the person answered wrongly.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not such a session or nothing is left after the selection;
            names the file and the field.
    """
    path = Path(path)
    unknown = set(unit_kinds) - set(UNIT_KINDS)
    if unknown or not unit_kinds:
        raise ValueError(f"unit_kinds: expected some of {UNIT_KINDS}, came {list(unit_kinds)}")
    if not (np.isfinite(min_rate) and min_rate >= 0):
        raise ValueError(f"min_rate: expected 0 Hz or more, came {min_rate}")
    with opened_hdf5(path, "a session file (HDF5)") as file:
        content = _read_file(path, file)
    span = _recorded_span(content.spike_times)
    chosen, unit_notes = _choose_units(path, content, unit_kinds, regions, min_rate, span)
    trials, trial_notes = _choose_trials(path, content.field, include_errors, span)
    shown_for = (content.field["offsets"] - content.field["onsets"])[trials.trial_id]
    return Recording(
        tuple(content.units[k] for k in chosen),
        trials.item_events(shown_for),
        measure=SPIKES,
        spike_times=tuple(content.spike_times[k] for k in chosen),
        trials=trials,
        subject=path.name[:3],
        session=path.stem,
        source=SOURCE,
        licence=LICENCE,
        simulated=False,
        notes=(*unit_notes, *trial_notes),
        recorded=_known_span(content.spike_times),
    )


def _known_span(spike_times: list[np.ndarray]) -> tuple[float, float] | None:
    """From when to when the file's units were recorded [s]; None: a spike or two do not tell."""
    span = recorded_span(spike_times)
    return span if span is not None and span[0] < span[1] else None


def _read_file(path: Path, file: Any) -> _File:
    channels, trials = (_group(path, file, name) for name in ("channels", "trials"))
    sites = [_text(site) for site in _field(path, file, "sites")]
    spike_times, units = [], []
    matches = [_SPIKES_NAME.fullmatch(name) for name in channels]
    for number in sorted(int(match[1]) for match in matches if match):
        times, kinds = (
            _field(path, channels, f"ch{number}_{part}") for part in ("spike_times", "unit_types")
        )
        if len(times) != len(kinds) or not 1 <= number <= len(sites):
            raise ValueError(
                f"{path}: channels/ch{number}: expected one unit type a unit and a site, came "
                f"{len(times)} units, {len(kinds)} types and {len(sites)} sites"
            )
        for index, (spikes, kind) in enumerate(zip(times, kinds, strict=True)):
            name = f"ch{number}_{index + 1}"
            spike_times.append(_checked_spikes(path, name, spikes))
            units.append(Unit(name, sites[number - 1], _checked_kind(path, name, kind)))
    return _File(spike_times, units, _read_trial_fields(path, trials))


def _group(path: Path, file: Any, name: str) -> Any:
    group = file.get(name)
    if not isinstance(group, h5py.Group):
        raise ValueError(
            f"{path}: expected a group {name!r}, as a session of Kornblith et al. 2017 has, came "
            f"{group} in {sorted(file)}{_other_recording(file)}"
        )
    return group


def _other_recording(file: Any) -> str:
    """What else the file may be, and what reads that."""
    if {"activity", "time", "frame_id"} <= set(file):
        return ": a recording made beside scenes? b2m-drive compare driving --recording reads those"
    return ""


def _field(path: Path, group: Any, name: str) -> np.ndarray:
    """A data set with one row a channel, unit or trial."""
    label = f"{group.name.strip('/')}/{name}".strip("/")
    if name not in group:
        raise ValueError(f"{path}: expected a field {label}, found none")
    if not isinstance(group[name], h5py.Dataset) or not group[name].shape:
        raise ValueError(f"{path}: {label}: expected an array, came {group[name]}")
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


def _checked_kind(path: Path, name: str, kind: Any) -> str:
    known = (*UNIT_KINDS, _ARTEFACT)
    if _text(kind) not in known:
        raise ValueError(f"{path}: unit type of {name}: expected one of {known}, came {kind!r}")
    return _text(kind)


def _read_trial_fields(path: Path, group: Any) -> dict[str, np.ndarray]:
    """The fields of all trials: of one length, with stimuli and answers that make sense."""
    field = {name: _field(path, group, name) for name in _TRIAL_FIELDS}
    counts = {name: len(values) for name, values in field.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"{path}: trials: expected fields of equal length, came {counts}")
    if counts["isi"] < FEWEST_TRIALS:
        raise ValueError(
            f"{path}: trials: expected at least {FEWEST_TRIALS} trials, came {counts['isi']}"
        )
    for name, values in field.items():
        axes = 2 if name in _TRIAL_BY_ITEM_FIELDS else 1
        if values.ndim != axes or (axes == 2 and values.shape != field["stimuli"].shape):
            expected = "(trial, item) like trials/stimuli" if axes == 2 else "(trial,) as"
            raise ValueError(
                f"{path}: trials/{name}: expected {expected} "
                f"{field['stimuli'].shape[:axes]}, came {values.shape}"
            )
        if not np.issubdtype(values.dtype, np.number):
            raise ValueError(f"{path}: trials/{name}: expected numbers, came {values.dtype}")
    if not np.isin(field["correct"], (0, 1)).all():
        raise ValueError(
            f"{path}: trials/correct: expected 0 or 1, came {np.unique(field['correct'])}"
        )
    _check_stimuli(path, field)
    return field


def _senseless(field: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which trials of the file cannot be right, by what is wrong with them."""
    wrong = {}
    for name in _TIME_FIELDS:
        lacking = ~np.isfinite(field[name].reshape(len(field[name]), -1)).all(1)
        wrong[f"trials/{name}: expected finite seconds, came NaN or infinity"] = lacking
    early = (field["offsets"] <= field["onsets"]).any(1)
    wrong["trials/offsets: expected each item to end after its onset, came others"] = early
    left, right = (_was_shown(field[name], field["stimuli"]) for name in ("probe1", "probe2"))
    wrong[
        "trials/probe1, probe2: expected exactly one of them among the items of a trial, came "
        "both or none"
    ] = left == right
    return wrong


def _leave_out_senseless(
    path: Path, field: dict[str, np.ndarray], trials: DecisionTrials
) -> tuple[DecisionTrials, list[str]]:
    """These trials without those that cannot be right, and what was wrong with how many.

    Raises:
        ValueError: If half of them or more are wrong alike.
    """
    notes, right = [], np.ones(len(trials), dtype=bool)
    for what, wrong in _senseless(field).items():
        finding = bad_trials(wrong[trials.trial_id], trials.trial_id, what)
        if finding is None:
            continue
        if finding.severe:
            raise ValueError(f"{path}: {finding.text}")
        notes.append(finding.text)
        right[finding.trials] = False
    return trials.select(right), notes


def _decision_trials(field: dict[str, np.ndarray]) -> DecisionTrials:
    """All trials of the file; the stimuli, which it counts from 1, count from 0 here."""
    left_shown = _was_shown(field["probe1"], field["stimuli"])
    return DecisionTrials(
        trial_id=np.arange(len(field["isi"]), dtype=np.int64),
        stimulus=field["stimuli"].astype(np.int64) - 1,
        item_onset=field["onsets"].astype(np.float64),
        maintenance_onset=field["maint"].astype(np.float64),
        probe_onset=field["probes"].astype(np.float64),
        inter_stimulus_interval=field["isi"].astype(np.float64),
        probe_left=field["probe1"].astype(np.int64) - 1,
        probe_right=field["probe2"].astype(np.int64) - 1,
        target_side=np.where(left_shown, LEFT, RIGHT).astype(np.int64),
        answered_correctly=field["correct"].astype(bool),
        n_stimuli=int(field["stimuli"].max()),
    )


def _check_stimuli(path: Path, field: dict[str, np.ndarray]) -> None:
    for name in ("stimuli", "probe1", "probe2"):
        if not np.issubdtype(field[name].dtype, np.integer) or field[name].min() < 1:
            raise ValueError(
                f"{path}: trials/{name}: expected stimulus indices from 1, came "
                f"{field[name].min()} ({field[name].dtype})"
            )
    highest = int(field["stimuli"].max())
    if (field["stimuli"] == highest).all():
        raise ValueError(
            f"{path}: trials/stimuli: expected different items, came only item {highest}: there is "
            "nothing to tell apart"
        )
    for name in ("probe1", "probe2"):
        if field[name].max() > highest:
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
    span: tuple[float, float],
) -> tuple[list[int], list[str]]:
    sites = {unit.region for unit in content.units}
    if regions is not None:
        unknown = set(regions) - sites - {site[1:] for site in sites}
        if unknown:
            raise ValueError(
                f"regions: {path.name} has {sorted(sites)} (or without the side), "
                f"came {sorted(unknown)}"
            )
    fewest_spikes = min_rate * (span[1] - span[0])
    chosen = [
        k
        for k, unit in enumerate(content.units)
        if unit.kind in unit_kinds
        and (regions is None or unit.region in regions or unit.region[1:] in regions)
        and len(content.spike_times[k]) >= fewest_spikes
    ]
    kinds = Counter(unit.kind for unit in content.units)
    if not chosen:
        wanted = "any" if regions is None else sorted(regions)
        raise ValueError(
            f"{path}: expected units of kind {sorted(unit_kinds)}, regions {wanted} and at least "
            f"{min_rate} Hz, came none (the file has {dict(kinds)} in {sorted(sites)})"
        )
    notes = [f"{kinds[_ARTEFACT]} artefact units left out"]
    other = len(content.units) - len(chosen) - kinds[_ARTEFACT]
    if other:
        notes.append(f"{other} further units left out by kind, region or rate")
    return chosen, notes


def _recorded_span(spike_times: list[np.ndarray]) -> tuple[float, float]:
    """First and last spike of any unit [s]."""
    spiking = [times for times in spike_times if len(times)]
    if not spiking:
        return 0.0, 0.0
    return float(min(times[0] for times in spiking)), float(max(times[-1] for times in spiking))


def _choose_trials(
    path: Path, field: dict[str, np.ndarray], include_errors: bool, span: tuple[float, float]
) -> tuple[DecisionTrials, list[str]]:
    trials = _decision_trials(field)
    wrong = int((~trials.answered_correctly).sum())
    if wrong == len(trials) and not include_errors:
        raise ValueError(f"{path}: expected trials answered correctly, came none of {wrong}")
    kept = trials if include_errors else trials.select(trials.answered_correctly)
    kept, senseless = _leave_out_senseless(path, field, kept)
    notes = [
        f"{wrong} error trials kept"
        if include_errors
        else f"{wrong} error trials left out of {len(trials)}",
        *senseless,
    ]
    first, last = kept.item_onset[:, 0], kept.probe_onset
    reaches_out = (first - FIXATION_DURATION < span[0]) | (last + PROBE_DURATION > span[1])
    inside_in_part = (last >= span[0]) & (first <= span[1])
    outside = int((reaches_out & inside_in_part).sum())
    if outside:
        notes.append(f"{outside} trials kept that reach outside the recorded spikes")
    return kept, notes
