"""From what lies in a file, and a mapping of it, to a recording."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from b2m_drive.files.refusals import prefixed
from b2m_drive.recordings.contents import Contents, EventTable, chosen_rows, label_of, some_of
from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.event_file import table_beside
from b2m_drive.recordings.events import Events
from b2m_drive.recordings.given_arrays import as_column
from b2m_drive.recordings.mapped_activity import MappedActivity, activity_of
from b2m_drive.recordings.mapped_table import table_of_arrays
from b2m_drive.recordings.mapped_trials import trials_of
from b2m_drive.recordings.mapping import UNTIL_NEXT, EventMapping, RecordingMapping, said_mapping
from b2m_drive.recordings.recording import SPIKES, Recording

_SHOWN = 12  # labels, in a note
_NOTHING = ("", "n/a", "na", "nan")  # labels of rows that do not say what was seen


def recording_of(contents: Contents, mapping: RecordingMapping) -> Recording:
    """The recording that a mapping makes of a file.

    A signal stays in the file and is read by the part.

    Raises:
        FileNotFoundError: If the mapping names a file of events that is not there.
        ValueError: If the mapping names what is not there, an event or trial has no time, nothing
            is left, or the values cannot be in the unit that they are said to be in; names the
            file.
    """
    with prefixed(contents.path):
        return _recording_of(contents, mapping)


def _recording_of(contents: Contents, mapping: RecordingMapping) -> Recording:
    if mapping.events is None and mapping.trials is None:
        raise ValueError(
            f"{contents.path}: expected a mapping that says what was seen ([events], or [trials] "
            "of a memory task), came none"
        )
    activity = activity_of(contents, mapping.activity, mapping.preprocessing)
    trials, events, notes = _seen(contents, mapping)
    about = mapping.about
    return Recording(
        units=activity.units,
        events=events,
        session=about.session or contents.session or contents.path.stem,
        measure=activity.measure,
        spike_times=activity.spike_times,
        signal=activity.signal,
        time=activity.time,
        subject=about.subject or contents.subject,
        source=about.source or contents.source,
        licence=about.licence or contents.licence,
        simulated={"yes": True, "no": False}.get(about.simulated, contents.simulated),
        notes=(*contents.notes, said_mapping(mapping), *activity.notes, *notes),
        recorded=_recorded(contents, activity, mapping.activity.seconds),
        trials=trials,
        window=activity.window,
    )


def _recorded(
    contents: Contents, activity: MappedActivity, seconds: float
) -> tuple[float, float] | None:
    if contents.recorded is None or activity.measure != SPIKES:
        return None
    first, last = contents.recorded
    return first * seconds, last * seconds


def _seen(
    contents: Contents, mapping: RecordingMapping
) -> tuple[DecisionTrials | None, Events, tuple[str, ...]]:
    """Trials of a memory task, if they are mapped, and what was seen when, with notes on both."""
    if mapping.trials is None:
        assert mapping.events is not None
        events, notes = events_of(contents, mapping.events)
        return None, events, notes
    trials, notes = trials_of(contents, mapping.trials)
    if mapping.events is None:
        return trials, trials.item_events(), notes
    events, more = events_of(contents, mapping.events)
    return trials, events, (*notes, *more)


def events_of(contents: Contents, mapping: EventMapping) -> tuple[Events, tuple[str, ...]]:
    """The presentations that a mapping makes of a table, in the order of time, and notes on them.

    Raises:
        ValueError: If a column is not there, an onset is no finite number, or no row is left.
    """
    table = chosen_rows(contents, _table_of(contents, mapping), mapping.where)
    name = mapping.onset or table.onset
    if not name:
        raise ValueError(
            f"{contents.path}: table {table.name}: expected events.onset, the column of seconds, "
            f"came none of {', '.join(table.columns)}"
        )
    table, pattern_note = _matching(contents, table, mapping)
    table, missing_note = _with_stimulus(contents, table, mapping)
    onset = as_column(f"table {table.name}: {name}", table.column(name)) * mapping.seconds
    lacking = ~np.isfinite(onset)
    if lacking.all():
        raise ValueError(
            f"{contents.path}: table {table.name}: expected seconds in {name}, came none"
        )
    table, onset = table.select(~lacking), onset[~lacking]
    order = np.argsort(onset, kind="stable")
    table, onset = table.select(order), onset[order]
    ids, labels = _ids_of(contents, table, mapping)
    columns = {each: table.column(each) for each in mapping.keep}
    if labels is not None:
        columns = {"label": labels, **columns}
    events = replace(Events.of(onset, ids, _durations(table, onset, mapping)), columns=columns)
    notes = [f"{len(events)} events from table {table.name}{pattern_note}", *missing_note]
    if lacking.any():
        notes.append(f"{int(lacking.sum())} events left out: their onset is missing")
    if together := int((np.diff(onset) == 0).sum()):
        notes.append(f"{together} events begin together with the one before: one response for both")
    if labels is not None:
        pairs = dict(sorted(zip(labels.tolist(), ids.tolist(), strict=True), key=lambda p: p[1]))
        named = ", ".join(f"{label} = {k}" for label, k in list(pairs.items())[:_SHOWN])
        notes.append(f"ids of labels: {named}{', ...' if len(pairs) > _SHOWN else ''}")
    return events, tuple(notes)


def _table_of(contents: Contents, mapping: EventMapping) -> EventTable:
    if mapping.file:
        return table_beside(contents.path, mapping.file)
    if mapping.table or not contents.arrays:
        if not mapping.table and len(contents.tables) == 1:
            return contents.tables[0]
        return contents.table(mapping.table)
    names = [mapping.onset, mapping.stimulus, *mapping.where, *mapping.keep]
    if mapping.duration and mapping.duration != UNTIL_NEXT and _number(mapping.duration) is None:
        names.append(mapping.duration)
    return table_of_arrays(contents, [name for name in names if name])


def _matching(
    contents: Contents, table: EventTable, mapping: EventMapping
) -> tuple[EventTable, str]:
    """Only rows whose stimulus fits the pattern, if there is one."""
    if not mapping.pattern:
        return table, ""
    if not mapping.stimulus:
        raise ValueError("mapping: events.pattern: expected events.stimulus beside it, came none")
    compiled = _compiled(mapping.pattern)
    labels = table.labels(mapping.stimulus)
    fits = np.array([_within(compiled, label) is not None for label in labels], dtype=bool)
    if not fits.any():
        raise ValueError(
            f"{contents.path}: table {table.name}: {mapping.stimulus}: expected text that "
            f"{mapping.pattern!r} fits, came {some_of(labels)}"
        )
    left_out = int((~fits).sum())
    return table.select(fits), f" ({left_out} of other kinds left out)" if left_out else ""


def _within(pattern: re.Pattern[str], label: str) -> str | None:
    """What the pattern's group takes out of a label; None if it takes nothing."""
    found = pattern.search(label)
    return None if found is None else found[1]


def _with_stimulus(
    contents: Contents, table: EventTable, mapping: EventMapping
) -> tuple[EventTable, tuple[str, ...]]:
    """Only rows that name what was seen, where a column should, and a note on the others."""
    if not mapping.stimulus:
        return table, ()
    labels = table.labels(mapping.stimulus).astype(str)
    named = ~np.isin(np.char.lower(labels), _NOTHING) | np.isin(labels, list(mapping.ids))
    if not named.any():
        raise ValueError(
            f"{contents.path}: table {table.name}: expected what was seen in {mapping.stimulus}, "
            f"came nothing in {len(table)} rows"
        )
    lost = int((~named).sum())
    note = (f"{lost} events left out: {mapping.stimulus} is missing",) if lost else ()
    return table.select(named), note


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"mapping: events.pattern: {pattern!r}: {error}") from error
    if compiled.groups != 1:
        raise ValueError(
            f"mapping: events.pattern: expected one group (in brackets), came {compiled.groups}"
        )
    return compiled


def _ids_of(
    contents: Contents, table: EventTable, mapping: EventMapping
) -> tuple[Int64[np.ndarray, " event"], np.ndarray | None]:
    """The id of each row, and its label where that is not the id itself."""
    if not mapping.stimulus:
        return np.arange(len(table), dtype=np.int64), None
    labels = table.labels(mapping.stimulus)
    if mapping.pattern:
        pattern = _compiled(mapping.pattern)
        labels = np.array([label_of(_within(pattern, label)) for label in labels], dtype=object)
    if mapping.ids:
        unknown = sorted(set(labels) - set(mapping.ids))
        if unknown:
            raise ValueError(
                f"{contents.path}: table {table.name}: {mapping.stimulus}: expected labels of "
                f"events.ids ({some_of(np.array(list(mapping.ids)))}), came "
                f"{some_of(np.array(unknown))}; leave those rows out by events.where"
            )
        return np.array([mapping.ids[label] for label in labels], dtype=np.int64), labels
    whole = [bool(re.fullmatch(r"-?[0-9]+", label)) for label in labels]
    if all(whole):
        return _whole_numbers(contents, table, mapping, labels), None
    _refuse_mixed(contents, table, mapping, labels, np.array(whole))
    numbers = {label: k for k, label in enumerate(sorted(set(labels)))}
    return np.array([numbers[label] for label in labels], dtype=np.int64), labels


def _whole_numbers(
    contents: Contents, table: EventTable, mapping: EventMapping, labels: np.ndarray
) -> Int64[np.ndarray, " event"]:
    largest = np.iinfo(np.int64).max
    numbers = [int(label) for label in labels]
    if max(numbers) > largest or min(numbers) < -largest:
        raise ValueError(
            f"{contents.path}: table {table.name}: {mapping.stimulus}: expected whole numbers up "
            f"to {largest} as ids, came {max(numbers, key=abs)}; number the labels by events.ids"
        )
    return np.array(numbers, dtype=np.int64)


def _refuse_mixed(
    contents: Contents,
    table: EventTable,
    mapping: EventMapping,
    labels: np.ndarray,
    whole: Bool[np.ndarray, " event"],
) -> None:
    """Numbers among texts: to number all by the alphabet would give frame 10 another id.

    Raises:
        ValueError: Says how to choose the rows, or to number the labels.
    """
    texts = np.array([label for label in labels if _number(label) is None])
    if whole.any() and len(texts):
        raise ValueError(
            f"{contents.path}: table {table.name}: {mapping.stimulus}: expected whole numbers or "
            f"texts, came both ({some_of(labels[whole])} and {some_of(texts)}): choose rows by "
            "events.where or events.pattern, or number all labels by events.ids"
        )


def _durations(
    table: EventTable, onset: Float64[np.ndarray, " event"], mapping: EventMapping
) -> Float64[np.ndarray, " event"] | float:
    if mapping.duration == UNTIL_NEXT:
        steps = np.diff(onset)
        return np.append(steps, np.median(steps) if len(steps) else 0.0)
    seconds = _number(mapping.duration) if mapping.duration else None
    if seconds is not None:
        return seconds
    name = mapping.duration or table.duration
    if not name:
        return 0.0
    lasts = as_column(f"table {table.name}: {name}", table.column(name))
    return np.where(np.isfinite(lasts), lasts * mapping.seconds, 0.0)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
