"""The trials of a memory task from a table: one row a trial, or one row an event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_drive.recordings.contents import Contents, EventTable, chosen_rows
from b2m_drive.recordings.decision_trials import LEFT, NO_STIMULUS, RIGHT, DecisionTrials
from b2m_drive.recordings.event_file import table_beside
from b2m_drive.recordings.given_arrays import as_column
from b2m_drive.recordings.mapped_table import table_of_arrays
from b2m_drive.recordings.mapping import TrialMapping

_SHOWN = 8
_NO_ANSWER = ("", "n/a", "na", "nan")
_SHOWN_NUMBERS = 12  # labels, in a note


@dataclass(frozen=True)
class _Columns:
    """Of each trial: times, labels and answers, as text and seconds."""

    items: Float64[np.ndarray, "trial item"]  # [s]
    stimuli: np.ndarray  # (trial, item) of labels
    maintenance: Float64[np.ndarray, " trial"]  # [s]
    probe: Float64[np.ndarray, " trial"]  # [s]
    probe_left: np.ndarray  # labels
    probe_right: np.ndarray | None
    correct: np.ndarray | None


def trials_of(contents: Contents, mapping: TrialMapping) -> tuple[DecisionTrials, tuple[str, ...]]:
    """The trials that a mapping makes of a table, and notes on what was left out.

    Raises:
        ValueError: If a column is missing, trials have no time, or nothing is left.
    """
    _check(contents, mapping)
    table = chosen_rows(contents, _table_of(contents, mapping), mapping.where)
    found = _of_events(contents, table, mapping) if mapping.phase else _of_rows(table, mapping)
    return _decision_trials(contents, mapping, found)


def _table_of(contents: Contents, mapping: TrialMapping) -> EventTable:
    if mapping.file:
        return table_beside(contents.path, mapping.file)
    if not mapping.table and len(contents.tables) == 1:
        return contents.tables[0]
    if not mapping.table and contents.arrays:
        return _table_of_arrays(contents, mapping)
    return contents.table(mapping.table)


def _table_of_arrays(contents: Contents, mapping: TrialMapping) -> EventTable:
    names = (
        *mapping.items, *mapping.stimuli, mapping.probe_left, mapping.probe_right, mapping.correct,
        mapping.phase, mapping.onset, *mapping.where,
        *(() if mapping.phase else (mapping.maintenance, mapping.probe)),
    )  # fmt: skip
    return table_of_arrays(contents, [name for name in names if name])


def _check(contents: Contents, mapping: TrialMapping) -> None:
    """What every mapping of trials has to name."""
    needed = {"stimuli": mapping.stimuli, "probe": mapping.probe, "probe_left": mapping.probe_left}
    if mapping.phase:
        needed["item"] = (mapping.item,) if mapping.item else ()
    else:
        needed["items"] = mapping.items
    if mapping.task == "memory_decision":
        needed["probe_right"] = mapping.probe_right
    if not mapping.delay_after_item:
        needed["maintenance"] = mapping.maintenance
    missing = [f"trials.{name}" for name, value in needed.items() if not value]
    if missing:
        raise ValueError(f"{contents.path}: mapping: expected {', '.join(missing)}, came none")
    if not mapping.phase and len(mapping.items) != len(mapping.stimuli):
        raise ValueError(
            f"{contents.path}: mapping: expected as many trials.stimuli as trials.items, came "
            f"{len(mapping.stimuli)} and {len(mapping.items)}"
        )
    if mapping.phase and len(mapping.stimuli) != 1:
        raise ValueError(
            f"{contents.path}: mapping: trials.stimuli: expected one column where a row is an "
            f"event, came {len(mapping.stimuli)}"
        )


def _seconds(table: EventTable, name: str, mapping: TrialMapping) -> Float64[np.ndarray, " row"]:
    return as_column(f"table {table.name}: {name}", table.column(name)) * mapping.seconds


def _of_rows(table: EventTable, mapping: TrialMapping) -> _Columns:
    items = np.stack([_seconds(table, name, mapping) for name in mapping.items], axis=1)
    stimuli = np.stack([table.labels(name) for name in mapping.stimuli], axis=1)
    probes = [table.labels(name) for name in (mapping.probe_left, mapping.probe_right) if name]
    stimuli = _without_fillers(stimuli, items, np.concatenate(probes), _none_of(mapping)[0])
    items = np.where(np.isin(stimuli.astype(str), _none_of(mapping)), np.nan, items)
    maintenance = (
        _seconds(table, mapping.maintenance, mapping)
        if mapping.maintenance
        else _latest(items) + mapping.delay_after_item
    )
    return _Columns(
        items,
        stimuli,
        maintenance,
        _seconds(table, mapping.probe, mapping),
        table.labels(mapping.probe_left),
        table.labels(mapping.probe_right) if mapping.probe_right else None,
        table.labels(mapping.correct) if mapping.correct else None,
    )


def _of_events(contents: Contents, table: EventTable, mapping: TrialMapping) -> _Columns:
    """Rows in the order of time; a trial is items, the delay, then a probe."""
    onset = _seconds(table, mapping.onset or table.onset, mapping)
    order = _order_of_time(contents, table, onset, mapping)
    table, onset = table.select(order), onset[order]
    phase = table.labels(mapping.phase)
    for name in (mapping.item, mapping.maintenance, mapping.probe):
        if name and name not in phase:
            raise ValueError(
                f"{contents.path}: table {table.name}: {mapping.phase}: expected {name!r} among "
                f"its values, came {', '.join(sorted(set(phase))[:_SHOWN])}"
            )
    rows = _rows_of_trials(phase, mapping)
    if not rows:
        raise ValueError(
            f"{contents.path}: table {table.name}: expected items, then a probe, came no such order"
        )
    return _gathered(table, onset, rows, mapping)


def _order_of_time(
    contents: Contents,
    table: EventTable,
    onset: Float64[np.ndarray, " row"],
    mapping: TrialMapping,
) -> Int64[np.ndarray, " row"]:
    """Rows by onset; one without a time stays behind the row above it, so that its trial has it.

    Raises:
        ValueError: If rows of trials have no time in a table that is not in the order of time.
    """
    known = np.isfinite(onset)
    of_trials = np.isin(
        table.labels(mapping.phase).astype(str),
        [name for name in (mapping.item, mapping.maintenance, mapping.probe) if name],
    )
    lacking = int((of_trials & ~known).sum())
    if lacking and (np.diff(onset[known]) < 0).any():
        raise ValueError(
            f"{contents.path}: table {table.name}: expected the onset of every item, delay and "
            f"probe, came {lacking} rows without one, in a table that is not in the order of time: "
            "their trials cannot be told"
        )
    if lacking:
        onset = np.maximum.accumulate(np.where(known, onset, -np.inf))
    return np.argsort(onset, kind="stable")


def _rows_of_trials(
    phase: np.ndarray, mapping: TrialMapping
) -> list[tuple[list[int], int | None, int]]:
    """Of each whole trial: rows of the items, row of the delay (if rows say it), of the probe."""
    trials: list[tuple[list[int], int | None, int]] = []
    items: list[int] = []
    delay: int | None = None
    for row, what in enumerate(phase):
        if what == mapping.item:
            if delay is not None:  # a trial that never came to its probe
                items, delay = [], None
            items.append(row)
        elif mapping.maintenance and what == mapping.maintenance and items:
            delay = row
        elif what == mapping.probe:
            if items and (delay is not None or not mapping.maintenance):
                trials.append((items, delay, row))
            items, delay = [], None
    return trials


def _gathered(
    table: EventTable,
    onset: Float64[np.ndarray, " row"],
    rows: list[tuple[list[int], int | None, int]],
    mapping: TrialMapping,
) -> _Columns:
    width = max(len(items) for items, _, _ in rows)
    label = table.labels(mapping.stimuli[0])
    times = np.full((len(rows), width), np.nan)
    stimuli = np.full((len(rows), width), _none_of(mapping)[0], object)
    for k, (items, _, _) in enumerate(rows):
        times[k, : len(items)] = onset[items]
        stimuli[k, : len(items)] = label[items]
    probes = np.array([probe for _, _, probe in rows])
    delays = np.array([np.nan if delay is None else onset[delay] for _, delay, _ in rows])
    if not mapping.maintenance:
        delays = _latest(times) + mapping.delay_after_item
    return _Columns(
        times,
        stimuli,
        delays,
        onset[probes],
        table.labels(mapping.probe_left)[probes],
        table.labels(mapping.probe_right)[probes] if mapping.probe_right else None,
        table.labels(mapping.correct)[probes] if mapping.correct else None,
    )


def _decision_trials(
    contents: Contents, mapping: TrialMapping, found: _Columns
) -> tuple[DecisionTrials, tuple[str, ...]]:
    whole, notes = _whole(found, mapping)
    answered, kept, note = _answers(contents, mapping, found, whole)
    notes.append(note)
    if not kept.any():
        raise ValueError(
            f"{contents.path}: expected trials with times, answers and probes, came none of "
            f"{len(kept)} ({'; '.join(notes)})"
        )
    number = _StimulusNumbers(found, _none_of(mapping))
    stimulus = _left_aligned(number(found.stimuli), found.items)
    left, right = (_probes(number, labels, len(whole)) for labels in
                   (found.probe_left, found.probe_right))  # fmt: skip
    items = np.take_along_axis(found.items, _order(found.items), axis=1)
    trials = DecisionTrials(
        trial_id=np.arange(len(whole), dtype=np.int64),
        stimulus=stimulus,
        item_onset=items,
        maintenance_onset=found.maintenance,
        probe_onset=found.probe,
        inter_stimulus_interval=_intervals(items),
        probe_left=left,
        probe_right=right,
        target_side=np.where((stimulus == left[:, None]).any(1), LEFT, RIGHT).astype(np.int64),
        answered_correctly=answered,
        n_stimuli=number.count,
        task=mapping.task,
        nominal=() if mapping.correct else ("answered_correctly",),
    )
    return trials.select(kept), (*notes, number.note)


def _answers(
    contents: Contents, mapping: TrialMapping, found: _Columns, whole: Bool[np.ndarray, " trial"]
) -> tuple[Bool[np.ndarray, " trial"], Bool[np.ndarray, " trial"], str]:
    """What was answered correctly, the trials that are kept for it, and a note."""
    if found.correct is None:
        unknown = "answers unknown: all trials are kept, as if answered correctly"
        return np.ones(len(whole), dtype=bool), whole.copy(), unknown
    known = ~np.isin(np.char.lower(found.correct.astype(str)), _NO_ANSWER)
    answered = np.isin(found.correct.astype(str), mapping.correct_values)
    if not answered.any():
        raise ValueError(
            f"{contents.path}: {mapping.correct}: expected one of trials.correct_values "
            f"{list(mapping.correct_values)}, came {sorted(set(found.correct))[:_SHOWN]}"
        )
    wrong = int((~answered & known & whole).sum())
    kept = whole & known & (mapping.errors | answered)
    note = f"{wrong} error trials {'kept' if mapping.errors else 'left out'} of {len(answered)}"
    lost = int((whole & ~known).sum())
    return answered, kept, f"{note}; {lost} without an answer left out" if lost else note


def _probes(
    number: _StimulusNumbers, labels: np.ndarray | None, n_trials: int
) -> Int64[np.ndarray, " trial"]:
    if labels is None:
        return np.full(n_trials, NO_STIMULUS, dtype=np.int64)
    return np.asarray(number(labels[:, None])[:, 0])


def _latest(items: Float64[np.ndarray, "trial item"]) -> Float64[np.ndarray, " trial"]:
    """The last of the known onsets [s], minus infinity where none is known."""
    return np.asarray(np.where(np.isfinite(items), items, -np.inf).max(axis=1))


def _whole(found: _Columns, mapping: TrialMapping) -> tuple[Bool[np.ndarray, " trial"], list[str]]:
    """Trials whose times and labels are all known, and why the others are left out, counted."""
    timed, named = np.isfinite(found.items), _named(found.stimuli, mapping)
    probes = [each for each in (found.probe_left, found.probe_right) if each is not None]
    unfit = {
        "a time is missing": ~timed.any(1)
        | (named & ~timed).any(1)
        | ~(np.isfinite(found.maintenance) & np.isfinite(found.probe)),
        "an item or a probe is not named": (timed & ~named).any(1)
        | ~np.all([_named(each, mapping) for each in probes], axis=0),
    }
    if found.probe_right is not None:
        shown = [(found.stimuli == each[:, None]).any(1) for each in probes]
        unfit["not exactly one of the probes was an item"] = np.sum(shown, axis=0) != 1
    whole, notes = np.ones(len(timed), dtype=bool), []
    for why, rows in unfit.items():
        lost = int((rows & whole).sum())
        notes += [f"{lost} trials left out: {why}"] if lost else []
        whole &= ~rows
    return whole, notes


def _named(labels: np.ndarray, mapping: TrialMapping) -> Bool[np.ndarray, "*label"]:
    return np.asarray(~np.isin(labels.astype(str), _none_of(mapping)))


def _none_of(mapping: TrialMapping) -> tuple[str, ...]:
    """Labels of no stimulus; there is always one, to fill the rows of trials with fewer items."""
    return mapping.no_item or ("",)


def _without_fillers(
    stimuli: np.ndarray, items: Float64[np.ndarray, "trial item"], probes: np.ndarray, none: str
) -> np.ndarray:
    """Labels less those that only fill positions without an item.

    Such a label stands in several trials, and never beside an onset or as a probe.
    """
    untimed = ~np.isfinite(items)
    labels, counts = np.unique(stimuli[untimed].astype(str), return_counts=True)
    shown = {*stimuli[~untimed], *probes}
    fillers = [each for each, n in zip(labels, counts, strict=True) if n > 1 and each not in shown]
    return np.where(untimed & np.isin(stimuli.astype(str), fillers), none, stimuli)


class _StimulusNumbers:
    """Labels of stimuli as indices from 0, the same for items and probes; none is NO_STIMULUS."""

    def __init__(self, found: _Columns, no_item: tuple[str, ...]) -> None:
        shown = [found.stimuli.ravel(), found.probe_left]
        if found.probe_right is not None:
            shown.append(found.probe_right)
        labels = sorted(set(np.concatenate(shown)) - set(no_item), key=_as_sorted)
        self._index = {label: k for k, label in enumerate(labels)}
        self.count = len(labels)

    @property
    def note(self) -> str:
        """Which number each label has."""
        pairs = [f"{label} = {k}" for label, k in self._index.items()]
        more = ", ..." if len(pairs) > _SHOWN_NUMBERS else ""
        return f"numbers of stimuli: {', '.join(pairs[:_SHOWN_NUMBERS])}{more}"

    def __call__(self, labels: np.ndarray) -> Int64[np.ndarray, "trial item"]:
        flat = [self._index.get(label, NO_STIMULUS) for label in labels.ravel()]
        return np.array(flat, dtype=np.int64).reshape(labels.shape)


def _as_sorted(label: str) -> tuple[int, float, str]:
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label


def _order(items: Float64[np.ndarray, "trial item"]) -> Int64[np.ndarray, "trial item"]:
    """Items that were shown first, as `DecisionTrials` has them."""
    return np.argsort(~np.isfinite(items), axis=1, kind="stable")


def _left_aligned(
    stimulus: Int64[np.ndarray, "trial item"], items: Float64[np.ndarray, "trial item"]
) -> Int64[np.ndarray, "trial item"]:
    shown = np.where(np.isfinite(items), stimulus, NO_STIMULUS)
    return np.asarray(np.take_along_axis(shown, _order(items), axis=1))


def _intervals(items: Float64[np.ndarray, "trial item"]) -> Float64[np.ndarray, " trial"]:
    """From one item's onset to the next [s], the first of a trial; 0 where there is one item."""
    if items.shape[1] < 2:
        return np.zeros(len(items))
    return np.asarray(np.nan_to_num(items[:, 1] - items[:, 0]))
