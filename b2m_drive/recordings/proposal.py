"""A mapping proposed from what lies in a file: a guess for a person to look at."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.datasets.table import recognised
from b2m_drive.recordings.mapped_activity import BRAIN_KINDS
from b2m_drive.recordings.mapping import (
    SPIKES_OF_UNITS,
    UNTIL_NEXT,
    ActivityMapping,
    EventMapping,
    Preprocessing,
    RecordingMapping,
    TrialMapping,
)
from b2m_drive.recordings.sampled_signal import SampledSignal

_SHOWN = 5  # columns, in a doubt
_MOST_KINDS = 2000  # different stimuli
_ITEM = re.compile(
    r"(?:onset|timestamps?|start|time)?_?(?:encoding|item|enc|sample)_?([1-9])", re.I
)
_STIMULUS_WORDS = ("stimulus", "stim", "image", "picture", "pic", "item", "trial_type", "value",
                   "description", "condition", "event", "code", "label")  # fmt: skip
_FILTERS = {
    "EEG": (0.5, 40.0),
    "ECOG": (1.0, 150.0),
    "SEEG": (1.0, 150.0),
    "LFP": (1.0, 150.0),
    "MAG": (0.5, 40.0),
    "GRAD": (0.5, 40.0),
}  # [Hz] fmt: skip
_TEXT_AND_NUMBER = re.compile(r"(.*?) *([0-9]+)")  # BrainVision pads numbers: "S  1", "S100"
_FEWEST_NUMBERS = 10  # behind one text, where they are ids
_MOST_NUMBERED = 0.5  # of the rows that have that text
_MARKER = 0.01  # [s] that a marker of an amplifier lasts at most
_RATE_PER_EDGE = 4  # samples a period of the upper edge


@dataclass(frozen=True)
class Proposal:
    """A mapping that may fit, and what is uncertain about it.

    Args:
        mapping: Of the file.
        doubts: About it.
        known: Title of the named data set that the file is of, whose mapping is no guess.
    """

    mapping: RecordingMapping
    doubts: tuple[str, ...] = ()
    known: str = ""


def proposed_mapping(contents: Contents) -> Proposal:
    """The mapping of the named data set that a file is of, else the likeliest one.

    That is: its largest signal or its units, its fullest table.
    """
    if contents.mapping is not None:
        return Proposal(contents.mapping)
    known = recognised(contents)
    if known is not None and known.mapping is not None:
        return Proposal(known.mapping, known=known.title)
    doubts: list[str] = []
    activity = _activity(contents, doubts)
    trials = _trials(contents)
    events = None if trials else _events(contents, doubts)
    signal = next((s for s in contents.signals if s.name == activity.signal), None)
    steps = Preprocessing() if signal is None else usual_preprocessing(signal, contents)
    return Proposal(RecordingMapping(activity, events, trials, steps), tuple(doubts))


def usual_preprocessing(signal: SampledSignal, contents: Contents) -> Preprocessing:
    """What a paper would usually do to this kind of signal; nothing to kinds that are not known."""
    kinds = [kind.upper() for kind in signal.kinds if kind.upper() in _FILTERS]
    if not kinds:
        return Preprocessing()
    kind = max(set(kinds), key=kinds.count)
    low, high = _FILTERS[kind]
    low_pass = high if high < signal.rate / 2 * 0.9 else 0.0
    edge = low_pass or signal.rate / 2
    divisor = _round_divisor(signal.rate, int(signal.rate // (_RATE_PER_EDGE * edge)))
    line = contents.line_frequency or 0.0
    brains = {c for c, k in zip(signal.channels, signal.kinds, strict=True) if k in BRAIN_KINDS}
    return Preprocessing(
        bad_channels=tuple(name for name in contents.bad_channels if name in brains),
        find_bad=True,
        reference=("average",) if kind == "EEG" and kinds.count("EEG") > 1 else (),
        notch=line if 0 < line < edge else 0.0,
        high_pass=low,
        low_pass=low_pass,
        resample=signal.rate / divisor if divisor > 1 else 0.0,
    )


def _round_divisor(rate: float, most: int) -> int:
    """The largest number, up to the given one, that leaves a whole number of samples a second."""
    whole = [k for k in range(1, most + 1) if (rate / k).is_integer()]
    return max(whole, default=max(most, 1))


def _activity(contents: Contents, doubts: list[str]) -> ActivityMapping:
    if contents.spikes is not None:
        if contents.signals:
            doubts.append("the file has signals too: activity.signal names one of them instead")
        return ActivityMapping(signal=SPIKES_OF_UNITS if contents.signals else "")
    if contents.signals:
        largest = max(contents.signals, key=lambda each: each.shape[0] * each.shape[1])
        if len(contents.signals) > 1:
            doubts.append("the largest of several signals is named")
        return ActivityMapping(signal=largest.name)
    return _activity_of_arrays(contents, doubts)


def _activity_of_arrays(contents: Contents, doubts: list[str]) -> ActivityMapping:
    sizes = {name: int(np.prod(each.shape)) for name, each in contents.arrays.items()}
    spikes = [name for name in sizes if "spike" in name.lower()]
    if spikes:
        doubts.append("the array of spikes is told by its name")
        return ActivityMapping(spike_times=spikes[0])
    if not sizes:
        return ActivityMapping()
    largest = max(sizes, key=lambda name: sizes[name])
    lengths = set(contents.arrays[largest].shape)
    times = [
        name for name, each in contents.arrays.items()
        if name != largest and sizes[name] in lengths and "t" in name.lower()
    ]  # fmt: skip
    doubts.append("the largest array is taken for the signal")
    if not times:
        doubts.append("no array of times was found: give activity.time or activity.rate")
    return ActivityMapping(signal=largest, time=times[0] if times else "")


def _trials(contents: Contents) -> TrialMapping | None:
    """A memory task with one row a trial: columns of items, a delay and a probe."""
    for table in contents.tables:
        times = {m[1]: name for name in table.columns
                 if (m := _ITEM.search(name)) and _is_time(table, name)}  # fmt: skip
        pictures = {m[1]: name for name in table.columns
                    if (m := re.search(r"(?:enc|encoding|item)_?([1-9])", name, re.I))
                    and name not in times.values()}  # fmt: skip
        delay = _column_like(table, r"maint|delay", time=True)
        probe = _column_like(table, r"probe", time=True)
        asked = _column_like(table, r"probe.*(pic|id|stim|image)|pic.*probe", time=False)
        positions = sorted(set(times) & set(pictures))
        if positions and delay and probe and asked:
            return TrialMapping(
                table=table.name,
                items=tuple(times[k] for k in positions),
                stimuli=tuple(pictures[k] for k in positions),
                maintenance=delay,
                probe=probe,
                probe_left=asked,
                correct=_column_like(table, r"accura|correct", time=False),
            )
    return None


def _is_time(table: EventTable, name: str) -> bool:
    return bool(re.search(r"time|onset|start", name, re.I)) and table.columns[name].dtype.kind in (
        "f",
        "i",
        "u",
    )


def _column_like(table: EventTable, pattern: str, time: bool) -> str:
    found = [
        name for name in table.columns
        if re.search(pattern, name, re.I) and _is_time(table, name) == time
    ]  # fmt: skip
    return found[0] if found else ""


def _events(contents: Contents, doubts: list[str]) -> EventMapping:
    tables = [table for table in contents.tables if len(table) and table.onset]
    if not tables:
        timed = [t for t in contents.tables if len(t) and _first_time(t)]
        if not timed:
            doubts.append("no table of events was found: say what was seen, and when")
            return EventMapping()
        table = max(timed, key=len)
        onset = _first_time(table)
        doubts.append(f"{onset} is taken for the onset, as the first column of times")
    else:
        table, onset = max(tables, key=len), ""
    others = [name for name in table.columns if name not in (onset or table.onset, table.duration)
              and _is_time(table, name) and not re.search("stop|end", name, re.I)]  # fmt: skip
    if others:
        doubts.append(
            f"{onset or table.onset} is taken for the onset; other columns of times are "
            f"{', '.join(others[:_SHOWN])}: name one as events.onset, or say [trials] of a task"
        )
    stimulus = _stimulus_column(table)
    if not stimulus:
        doubts.append("no column names what was seen: rows are numbered")
    if stimulus and len(set(table.labels(stimulus))) == 1:
        doubts.append(f"all rows show the same {stimulus}: nothing to tell apart")
    return EventMapping(
        table=table.name,
        onset=onset,
        stimulus=stimulus,
        pattern=_numbered(table, stimulus) if stimulus else "",
        duration="" if _lasts(table) else UNTIL_NEXT,
        keep=tuple(name for name in table.columns
                   if re.search(r"answer|response|correct|accura", name, re.I))[:3],
    )  # fmt: skip


def _numbered(table: EventTable, stimulus: str) -> str:
    """The pattern of labels that are one text with many numbers, such as ``frame/17``; or none."""
    matches = [_TEXT_AND_NUMBER.fullmatch(label) for label in table.labels(stimulus)]
    texts = Counter(match[1] for match in matches if match is not None)
    if not texts:
        return ""
    text, count = texts.most_common(1)[0]
    numbers = {match[2] for match in matches if match is not None and match[1] == text}
    fits = len(numbers) >= _FEWEST_NUMBERS and count >= _MOST_NUMBERED * len(matches)
    if not fits or (not text and count == len(matches)):  # all are numbers, which are ids
        return ""
    return f"{re.escape(text) or '^'} *([0-9]+)$"


def _lasts(table: EventTable) -> bool:
    """Whether events last longer than a marker does."""
    values = np.asarray(table.columns[table.duration]) if table.duration else np.zeros(1)
    if values.dtype.kind not in "fiu":
        return False
    return bool(np.median(np.nan_to_num(values.astype(float))) > _MARKER)


def _first_time(table: EventTable) -> str:
    return next((name for name in table.columns if _is_time(table, name)), "")


def _stimulus_column(table: EventTable) -> str:
    """The column whose name sounds most like what was seen, and that has several values."""
    free = [name for name in table.columns if name not in (table.onset, table.duration)]
    free = [name for name in free if not _is_time(table, name)]
    for word in _STIMULUS_WORDS:
        for name in free:
            varied = 1 < len(set(table.labels(name))) <= _MOST_KINDS
            if word in name.lower() and varied:
                return name
    varied_ones = [n for n in free if 1 < len(set(table.labels(n))) <= _MOST_KINDS]
    return varied_ones[0] if varied_ones else ""
