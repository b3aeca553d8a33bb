"""The data set ``sternberg_maintenance``: human single units in the delay of a Sternberg task.

Two MATLAB files, each a struct array ``neural_data`` with an entry a unit. Each trial showed one to
three of five pictures and then, after 2.5 s, one probe. There is activity of the maintenance period
only, already smoothed, of units that were *selected*: for firing at a time of the delay
(``time_cells.mat``, 154 units of 20 patients) or for one of the pictures (``concept_cells.mat``,
119 units of 17 patients). So no figure made from them speaks of units as they are met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped

from b2m_drive.recordings.datasets.data_set import DataSet
from b2m_drive.recordings.datasets.struct_arrays import (
    has_variable,
    read_struct_array,
    whole_numbers,
)
from b2m_drive.recordings.decision_trials import (
    LEFT,
    MAINTENANCE,
    NO_STIMULUS,
    RIGHT,
    DecisionTrials,
)
from b2m_drive.recordings.recording import Unit
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import Window

NAME = "sternberg_maintenance"
TASK = "sternberg"
_REPOSITORY = "Time-Cells-in-the-Human-Brain-Support-Working-Memory-Maintenance"
_COMMIT = "0a5385d1"
SOURCE = "made from DANDI 000469, Kyzar et al. 2024, doi 10.1038/s41597-024-02943-8"
LICENCE = "CC BY 4.0 (DANDI 000469), MIT (the files made from it)"
DATA_SET = DataSet(
    name=NAME,
    title="Human single units in the delay of a Sternberg task, selected cells",
    task="Sternberg task, loads of 1 to 3 pictures, delay of 2.5 s only; 154 time cells of 20 "
    "patients, 119 concept cells of 17 (python/TC_raw.mat, python/CC_raw.mat)",
    citation=SOURCE,
    licence=LICENCE,
    page=f"https://github.com/noahxiaowork-coder/{_REPOSITORY}",
    command=(
        f"git clone https://github.com/noahxiaowork-coder/{_REPOSITORY}.git",
        f"git -C {_REPOSITORY} checkout {_COMMIT}",
    ),
    environment="B2M/Sternberg-v0",
)
LEAST_UNITS = 1  # of a session that is pooled: there are few units a patient, all of them selected

BIN_WIDTH = 0.1  # [s]
N_BINS = 25  # from the onset of the maintenance period
_VARIABLE = "neural_data"
_NEEDED = ("patient_id", "unit_id", "firing_rates", "trial_correctness", "brain_region",
           "trial_imageIDs")  # fmt: skip
_MOST_UNITS = 100_000
_MOST_STIMULI = 1_000
_MOST_SPIKES = 1_000  # a bin
# Of a trial that nobody timed [s]; a pause keeps trials apart
_ITEM, _INTERVAL, _BEFORE_MAINTENANCE, _PAUSE = 0.2, 0.2, 0.4, 3.0
_TIMES = ("item_onset", "maintenance_onset", "probe_onset", "inter_stimulus_interval")


@dataclass(frozen=True)
class _Selection:
    """What the units of a file were selected for, told by the field that says so."""

    kind: str
    smoothing: float  # [s] standard deviation of the kernel in which lone spikes come


_SELECTED = {
    "time_field": _Selection("time cells, for firing at a time of the delay", 0.15),
    "preferred_image": _Selection("concept cells, for one of the pictures", 0.2),
}


@dataclass(frozen=True)
class _UnitEntry:
    """One entry of the struct array, checked."""

    patient: int
    unit: Unit
    activity: Float32[np.ndarray, "trial bin"]
    stimulus: Int64[np.ndarray, "trial item"]
    correct: Bool[np.ndarray, " trial"]
    probe_in: Bool[np.ndarray, " trial"] | None  # None: the file does not say

    @property
    def table(self) -> tuple[Any, ...]:
        """What tells the trials of one session from those of another."""
        answers = b"" if self.probe_in is None else self.probe_in.tobytes()
        return (
            self.patient,
            self.stimulus.shape,
            self.stimulus.tobytes(),
            self.correct.tobytes(),
            answers,
        )


def read_sternberg_maintenance(
    path: str | Path, *, include_errors: bool = False
) -> tuple[TrialResponses, ...]:
    """Read one of the two files: a session for each patient (and table of trials).

    The files hold no times and no identity of the probe, ``concept_cells.mat`` no answer either.
    These columns of the trials are nominal, and `DecisionTrials.nominal` names them: times of
    `b2m_envs`' usual course; as probe one of the items where it was *in*, another picture where it
    was *out*, in turn.

    Args:
        path: ``time_cells.mat`` or ``concept_cells.mat``.
        include_errors: Keep the trials that the person answered wrongly.

    Returns:
        Sessions by patient number; ``subject`` is ``"08"``, ``session`` ``"time_cells-08"``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, is cut short, or holds what cannot be right; names the
            file, the unit and the field.
    """
    path = Path(path)
    array = read_struct_array(path, _VARIABLE, _NEEDED, _MOST_UNITS)
    selection = _selection(path, array)
    sessions: dict[tuple[Any, ...], list[_UnitEntry]] = {}
    for index, raw in enumerate(array):
        entry = _entry(f"{path}: unit {index + 1}", raw)
        sessions.setdefault(entry.table, []).append(entry)
    by_patient = sorted(sessions.values(), key=lambda units: units[0].patient)
    n_stimuli = int(max(units[0].stimulus.max() for units in by_patient)) + 1
    names = _session_names(path, by_patient)
    return tuple(
        _session(name, units, selection, n_stimuli, include_errors)
        for name, units in zip(names, by_patient, strict=True)
    )


def holds_many(path: Path) -> bool:
    """Whether this is a file of the data set, by the name of its variable: many sessions in one."""
    return path.is_file() and path.suffix.lower() == ".mat" and has_variable(path, _VARIABLE)


def _selection(path: Path, array: Shaped[np.ndarray, " unit"]) -> _Selection:
    fields = array.dtype.names or ()
    found = [selection for field, selection in _SELECTED.items() if field in fields]
    if len(found) != 1:
        raise ValueError(
            f"{path}: {_VARIABLE}: expected one of the fields {', '.join(_SELECTED)}, which say "
            f"what the units were selected for, came {', '.join(fields)}"
        )
    return found[0]


def _entry(where: str, raw: Any) -> _UnitEntry:
    rates = np.asarray(raw["firing_rates"])
    if rates.dtype.kind not in "fiu" or rates.ndim != 2 or rates.shape[1] != N_BINS:
        raise ValueError(
            f"{where}: firing_rates: expected numbers (trial, {N_BINS} bins), came {rates.dtype} "
            f"{rates.shape}"
        )
    if not np.isfinite(rates).all() or (rates < 0).any() or (rates > _MOST_SPIKES).any():
        raise ValueError(
            f"{where}: firing_rates: expected 0 to {_MOST_SPIKES:,} spikes a bin, came others, "
            "negative, NaN or infinite ones among them"
        )
    n_trials, fields = len(rates), raw.dtype.names or ()
    stimulus = _stimuli(where, raw, n_trials)
    correct = _flags(where, raw, "trial_correctness", n_trials)
    if "trial_load" in fields:
        load = whole_numbers(where, raw, "trial_load").ravel()
        if not np.array_equal(load, (stimulus != NO_STIMULUS).sum(1)):
            raise ValueError(f"{where}: trial_load: expected the number of items of each trial")
    asked = "trial_probe_in_out" in fields
    return _UnitEntry(
        int(_single(where, raw, "patient_id")),
        Unit(f"unit{_single(where, raw, 'unit_id')}", _region(where, raw), "SU"),
        rates.astype(np.float32),
        stimulus,
        correct,
        _flags(where, raw, "trial_probe_in_out", n_trials) if asked else None,
    )


def _stimuli(where: str, raw: Any, n_trials: int) -> Int64[np.ndarray, "trial item"]:
    """Pictures from 0, those of a trial first; the file counts from 1, and 0 is none."""
    ids = whole_numbers(where, raw, "trial_imageIDs")
    if ids.ndim != 2 or ids.shape[0] != n_trials or not 1 <= ids.shape[1] <= 9:
        raise ValueError(
            f"{where}: trial_imageIDs: expected (trial, item) of {n_trials} trials, came "
            f"{ids.shape}"
        )
    if ids.min() < 0 or ids.max() > _MOST_STIMULI:
        raise ValueError(
            f"{where}: trial_imageIDs: expected numbers from 0 (none) to {_MOST_STIMULI}, came "
            f"{ids.min()} to {ids.max()}"
        )
    shown = ids > 0
    if not shown[:, 0].all() or (np.diff(shown.astype(int), axis=1) > 0).any():
        raise ValueError(f"{where}: trial_imageIDs: expected the items of each trial before its 0s")
    twice = [len(set(row[row > 0])) < (row > 0).sum() for row in ids]
    if any(twice):
        raise ValueError(
            f"{where}: trial_imageIDs: expected each picture once a trial, came one twice in "
            f"{sum(twice)} trials"
        )
    return np.where(shown, ids - 1, NO_STIMULUS)


def _flags(where: str, raw: Any, name: str, n_trials: int) -> Bool[np.ndarray, " trial"]:
    values = whole_numbers(where, raw, name).ravel()
    if values.shape != (n_trials,) or not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"{where}: {name}: expected 0 or 1 for each of {n_trials} trials, came "
            f"{len(values)} values from {np.unique(values)[:5]}"
        )
    return np.asarray(values == 1)


def _single(where: str, raw: Any, name: str) -> int:
    values = whole_numbers(where, raw, name)
    if values.size != 1 or values.min() < 0:
        raise ValueError(f"{where}: {name}: expected one number from 0, came {values.shape}")
    return int(values.ravel()[0])


def _region(where: str, raw: Any) -> str:
    values = np.asarray(raw["brain_region"])
    if values.dtype.kind != "U" or values.size != 1:
        raise ValueError(f"{where}: brain_region: expected a text, came {values.dtype}")
    return str(values.ravel()[0])


def _session_names(path: Path, sessions: Sequence[list[_UnitEntry]]) -> list[str]:
    """A name for each; a patient whose units had different trials has several."""
    patients = [units[0].patient for units in sessions]
    names = []
    for place, patient in enumerate(patients):
        nth = patients[:place].count(patient) + 1
        again = f"-{nth}" if patients.count(patient) > 1 else ""
        names.append(f"{path.stem}-{patient:02d}{again}")
    return names


def _session(
    name: str, units: list[_UnitEntry], selection: _Selection, n_stimuli: int, include_errors: bool
) -> TrialResponses:
    trials = _trials(units[0], n_stimuli)
    wrong = int((~trials.answered_correctly).sum())
    if wrong == len(trials) and not include_errors:
        raise ValueError(f"{name}: expected trials answered correctly, came none of {wrong}")
    errors = "kept" if include_errors else f"left out of {len(trials)}"
    responses = TrialResponses(
        values=np.stack([each.activity for each in units], axis=-1),
        session=name,
        measure="spikes",
        subject=f"{units[0].patient:02d}",
        source=SOURCE,
        licence=LICENCE,
        notes=(
            f"units were selected by their authors ({selection.kind}): figures do not speak of "
            "units as they are met",
            "activity of the maintenance period only, smoothed by its authors: lone spikes come "
            f"as a Gaussian of {selection.smoothing:g} s",
            f"{wrong} error trials {errors}",
        ),
        trials=trials,
        windows=tuple(
            Window(MAINTENANCE, k * BIN_WIDTH, (k + 1) * BIN_WIDTH) for k in range(N_BINS)
        ),
        units=tuple(each.unit for each in units),
        smoothing=selection.smoothing,
    )
    return responses if include_errors else responses.select(trials.answered_correctly)


def _trials(entry: _UnitEntry, n_stimuli: int) -> DecisionTrials:
    """The trials of a session; what the file does not hold is nominal."""
    n_trials, n_items = entry.stimulus.shape
    trial = np.arange(n_trials, dtype=np.int64)
    known = entry.probe_in is not None
    shown_before = entry.probe_in if entry.probe_in is not None else trial % 2 == 0
    first, lag = _PAUSE + trial * _length(n_items), _ITEM + _INTERVAL
    maintenance = first + (n_items - 1) * lag + _BEFORE_MAINTENANCE
    onset = first[:, None] + np.arange(n_items) * lag
    return DecisionTrials(
        trial_id=trial,
        stimulus=entry.stimulus,
        item_onset=np.where(entry.stimulus == NO_STIMULUS, np.nan, onset),
        maintenance_onset=maintenance,
        probe_onset=maintenance + N_BINS * BIN_WIDTH,
        inter_stimulus_interval=np.full(n_trials, _INTERVAL),
        probe_left=_nominal_probes(entry.stimulus, shown_before, n_stimuli),
        probe_right=np.full(n_trials, NO_STIMULUS, dtype=np.int64),
        target_side=np.where(shown_before, LEFT, RIGHT).astype(np.int64),
        answered_correctly=entry.correct,
        n_stimuli=n_stimuli,
        task="sternberg",
        nominal=(*_TIMES, "probe_left", *(() if known else ("target_side",))),
    )


def _length(n_items: int) -> float:
    """Of a nominal trial, with the pause after it [s]."""
    return (n_items - 1) * (_ITEM + _INTERVAL) + _BEFORE_MAINTENANCE + N_BINS * BIN_WIDTH + _PAUSE


def _nominal_probes(
    stimulus: Int64[np.ndarray, "trial item"],
    shown_before: Bool[np.ndarray, " trial"],
    n_stimuli: int,
) -> Int64[np.ndarray, " trial"]:
    """One of a trial's items where the probe was in, a picture that it did not show where out."""
    probe = np.empty(len(stimulus), dtype=np.int64)
    for row, items in enumerate(stimulus):
        shown = items[items != NO_STIMULUS]
        choices = shown if shown_before[row] else np.setdiff1d(np.arange(n_stimuli), shown)
        if not len(choices):
            raise ValueError(
                f"trial {row}: expected fewer items than the {n_stimuli} pictures, so that a probe "
                "can be new"
            )
        probe[row] = choices[row // 2 % len(choices)]
    return probe
