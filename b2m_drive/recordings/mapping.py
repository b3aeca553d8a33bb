"""What of a file is the activity, what was seen and when: stated once, and recorded with a run.

A mapping is TOML (``--mapping FILE.toml``), single entries (``--mapping events.table=trials``), or
these classes in Python. ``b2m-drive inspect FILE`` proposes one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_type_hints

from b2m_drive.files.refusals import naming, require_file
from b2m_drive.files.settings_types import fits, in_words, plain
from b2m_drive.recordings.decision_trials import TaskName
from b2m_drive.recordings.given_arrays import require_known

UNTIL_NEXT = "next"
SPIKES_OF_UNITS = "units"  # names the spikes, where a file has signals too
_LARGEST_FILE = 1_000_000  # [bytes] of a mapping

Labels: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class ActivityMapping:
    """What of a file is the brain's activity.

    Args:
        signal: Name of a signal, or ``units`` for spike times; empty: the only one there is. Of
            files of bare arrays, the array's name.
        time: Array with the time of each sample [s].
        rate: Of the samples [Hz], where there is no such array.
        start: Time of the first sample [s], beside `rate`.
        transpose: The array is (channel, sample), beside `rate`; with `time` that is seen.
        spike_times: Array of spike times, or a list of one array a unit.
        spike_unit: Array that says which unit each of the spike times is of.
        names: Array with the name of each channel or unit, of files of bare arrays.
        channels: Only these; empty: all of the kinds that brains have.
        kind: What channels are, such as ``EEG``, where the file does not say.
        unit: Of the values, where the file does not say or is wrong.
        scale: What values are multiplied by to be in that unit.
        seconds: What times are multiplied by to be seconds: .001 for milliseconds.
    """

    signal: str = ""
    time: str = ""
    rate: float = 0.0
    start: float = 0.0
    transpose: bool = False
    spike_times: str = ""
    spike_unit: str = ""
    names: str = ""
    channels: Labels = ()
    kind: str = ""
    unit: str = ""
    scale: float = 1.0
    seconds: float = 1.0


@dataclass(frozen=True)
class EventMapping:
    """Which rows of a table are presentations, and what was seen in each.

    Args:
        file: A CSV or TSV file that is the table, in the recording's folder or below.
        table: Its name; of files of bare arrays, empty: columns are then arrays.
        onset: Column of seconds; empty: the table's own.
        seconds: What onsets and durations are multiplied by to be seconds on the activity's clock.
        stimulus: Column that names what was seen; empty: the number of the row.
        pattern: Regular expression whose one group is the id within the stimulus' text, such as
            ``frame/([0-9]+)``; rows that it does not match are no presentations.
        ids: Number of each label of the stimulus; empty: labels that are whole numbers are
            themselves, others are numbered in alphabetical order.
        duration: Column of seconds, a number of seconds, ``next`` (until the next presentation),
            or empty: the table's own, else 0.
        where: Values that rows must have, by column.
        keep: Further columns to keep beside the events, such as a condition or an answer.
    """

    file: str = ""
    table: str = ""
    onset: str = ""
    seconds: float = 1.0
    stimulus: str = ""
    pattern: str = ""
    ids: Mapping[str, int] = field(default_factory=dict)
    duration: str = ""
    where: Mapping[str, Labels] = field(default_factory=dict)
    keep: Labels = ()


@dataclass(frozen=True)
class TrialMapping:
    """The trials of a memory task: which columns are items, delay, probe and answer.

    A table has one row a trial, or one row an event: then `phase` names the column that says what
    a row is, `item`, `maintenance` and `probe` the values of it, and `stimuli` and `probe_left`
    one column each, read in the rows of items and of probes.

    Args:
        file: A CSV or TSV file that is the table, in the recording's folder or below.
        table: Its name.
        seconds: What the times are multiplied by to be seconds on the activity's clock.
        task: ``memory_decision`` (two probes) or ``sternberg`` (one, in or out).
        items: Columns of the onsets of the first item, the second, and so on [s].
        stimuli: Columns that name what each of them was.
        maintenance: Column of the onset of the delay [s].
        probe: Column of the onset of the probe [s].
        probe_left: Column that names the probe, or the left of two.
        probe_right: Column that names the right one.
        correct: Column of whether the answer was correct.
        correct_values: Values of it that mean so.
        no_item: Labels of a stimulus that is none, in trials of fewer items.
        where: Values that rows must have, by column.
        errors: Keep the trials that were answered wrongly.
        phase: Column that says whether a row is an item, the delay or the probe.
        item: Value of it.
        onset: Column of seconds, where a row is an event; empty: the table's own.
        delay_after_item: Seconds from the last item's onset to the delay, where no column or row
            says when it began.
    """

    file: str = ""
    table: str = ""
    seconds: float = 1.0
    task: TaskName = "sternberg"
    items: Labels = ()
    stimuli: Labels = ()
    maintenance: str = ""
    probe: str = ""
    probe_left: str = ""
    probe_right: str = ""
    correct: str = ""
    correct_values: Labels = ("1", "true", "True", "correct")
    no_item: Labels = ("", "n/a", "nan", "NA")
    where: Mapping[str, Labels] = field(default_factory=dict)
    errors: bool = False
    phase: str = ""
    item: str = ""
    onset: str = ""
    delay_after_item: float = 0.0


@dataclass(frozen=True)
class Preprocessing:
    """What is done to a signal before it is read, in this order; nothing that is not named.

    Nothing of it is fitted to what was seen. Bad channels are found by how much they vary, over
    the whole recording.

    Args:
        bad_channels: Left out.
        find_bad: Also leave out channels that are flat, or vary `bad_factor` times as much or as
            little as the median channel.
        bad_factor: See there.
        reference: ``average``, names of channels whose mean is subtracted, or empty.
        notch: Frequency of the mains [Hz], taken out with its multiples; 0: none.
        high_pass: Lower edge [Hz]; 0: none.
        low_pass: Upper edge [Hz]; 0: none.
        power_window: Take the mean square over this time [s] after the band-pass; 0: no power.
        resample: New rate [Hz]; 0: as it is.
        baseline: From and to [s] around an event's onset, whose mean is subtracted from each
            response; empty: none.
        reject: Leave out events whose signal spans more than this within the window, in its unit;
            0: none.
    """

    bad_channels: Labels = ()
    find_bad: bool = False
    bad_factor: float = 10.0
    reference: Labels = ()
    notch: float = 0.0
    high_pass: float = 0.0
    low_pass: float = 0.0
    power_window: float = 0.0
    resample: float = 0.0
    baseline: tuple[float, ...] = ()
    reject: float = 0.0


@dataclass(frozen=True)
class AboutMapping:
    """What the file does not say of itself; empty: as it says."""

    subject: str = ""
    session: str = ""
    source: str = ""
    licence: str = ""
    simulated: Literal["", "yes", "no"] = ""


@dataclass(frozen=True)
class RecordingMapping:
    """How a file becomes a recording: its activity, what was seen and when, what is done to it."""

    activity: ActivityMapping = ActivityMapping()
    events: EventMapping | None = None
    trials: TrialMapping | None = None
    preprocessing: Preprocessing = Preprocessing()
    about: AboutMapping = AboutMapping()


_SECTIONS = {
    "activity": ActivityMapping,
    "events": EventMapping,
    "trials": TrialMapping,
    "preprocessing": Preprocessing,
    "about": AboutMapping,
}


def read_mapping(given: str | Path | Sequence[str] | None) -> RecordingMapping | None:
    """A mapping from a TOML file, or from such a file and entries ``section.name=value``.

    >>> read_mapping(["events.table=trials", "activity.channels=Cz,Pz"]).activity.channels
    ('Cz', 'Pz')

    Args:
        given: A path, or texts of which each is a path or an entry; later ones win. None or empty:
            no mapping.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is no TOML, or an entry is unknown or of the wrong kind; names it.
    """
    parts = [str(given)] if isinstance(given, str | Path) else list(given or ())
    merged: dict[str, dict[str, Any]] = {}
    for part in parts:
        for section, entries in _entries_of(part).items():
            if not isinstance(entries, Mapping):
                raise ValueError(f"mapping: {section}: expected a section of entries")
            target = merged.setdefault(section, {})
            for name, value in entries.items():
                nested = isinstance(value, Mapping) and isinstance(target.get(name), dict)
                target[name] = {**target[name], **value} if nested else value
    return mapping_from(merged) if parts else None


def mapping_from(entries: Mapping[str, Any]) -> RecordingMapping:
    """A mapping from sections of entries, as TOML gives them.

    Raises:
        ValueError: If one is unknown or of the wrong kind.
    """
    _known("a section", entries, _SECTIONS)
    return RecordingMapping(
        **{name: _section(name, _SECTIONS[name], values) for name, values in entries.items()}
    )


def mapping_entries(mapping: RecordingMapping) -> dict[str, dict[str, Any]]:
    """The entries that differ from their defaults, as `mapping_from` takes them."""
    found: dict[str, dict[str, Any]] = {}
    for name, kind in _SECTIONS.items():
        section = getattr(mapping, name)
        if section is None:
            continue
        usual = asdict(kind())
        own = {k: plain_list(v) for k, v in asdict(section).items() if v != usual[k]}
        if own or name in ("events", "trials"):
            found[name] = own
    return found


def toml_of(mapping: RecordingMapping) -> str:
    """The mapping as TOML, without what is left at its default."""
    lines: list[str] = []
    for section, entries in mapping_entries(mapping).items():
        flat = {k: v for k, v in entries.items() if not isinstance(v, Mapping)}
        lines += [f"[{section}]", *(f"{k} = {_literal(v)}" for k, v in flat.items())]
        for name, table in ((k, v) for k, v in entries.items() if isinstance(v, Mapping)):
            lines += [f"[{section}.{name}]"]
            lines += [f"{_literal(str(k))} = {_literal(v)}" for k, v in table.items()]
        lines.append("")
    return "\n".join(lines)


def said_mapping(mapping: RecordingMapping) -> str:
    """What was mapped, in a line for the notes of a recording, as its run keeps it."""
    said = [
        f"{section}.{name}={_literal(value) if not isinstance(value, Mapping) else dict(value)}"
        for section, entries in mapping_entries(mapping).items()
        for name, value in entries.items()
    ]
    return f"mapping: {'; '.join(said)}"


def plain_list(value: Any) -> Any:
    """Tuples as lists, inside mappings too."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return {k: plain_list(v) for k, v in value.items()}
    return value


def _entries_of(part: str) -> dict[str, Any]:
    entry = re.fullmatch(r"([a-z]+)\.([a-z_]+)(?:\.([^=]+))?=(.*)", part, re.DOTALL)
    if entry is None:
        return _toml_file(Path(part))
    section, name, key, text = entry.groups()
    value: Any = {key: text} if key else text
    return {section: {name: value}}


def _toml_file(path: Path) -> dict[str, Any]:
    if path.suffix.lower() != ".toml":
        raise ValueError(
            f"mapping: expected a file .toml or an entry such as events.table=trials, came {path}"
        )
    if require_file(path, "a mapping (TOML)") > _LARGEST_FILE:
        raise ValueError(f"{path}: expected a mapping (TOML), came over {_LARGEST_FILE} bytes")
    with naming(path, "a mapping (TOML)"):
        return tomllib.loads(path.read_text(encoding="utf-8"))


def _section(name: str, kind: type, entries: Any) -> Any:
    if not isinstance(entries, Mapping):
        raise ValueError(f"mapping: {name}: expected a section of entries, came {entries!r}")
    hints = get_type_hints(kind)
    _known(f"an entry of {name}", entries, hints)
    taken = {}
    for key, value in entries.items():
        made = _as_hinted(hints[key], value)
        if not fits(made, hints[key]):
            raise ValueError(
                f"mapping: {name}.{key}: expected {in_words(hints[key])}, came {value!r}"
            )
        taken[key] = made
    return kind(**taken)


def _as_hinted(hint: Any, value: Any) -> Any:
    """Text of the command line as what the entry takes; lists as tuples."""
    if hint == Labels:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",")) if value else ()
        return (
            tuple(str(_text(each)) for each in value) if isinstance(value, list | tuple) else value
        )
    if hint == tuple[float, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(_number(part) for part in parts) if isinstance(parts, list | tuple) else value
    if hint is float:
        return _number(value)
    if hint is bool and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if hint == Mapping[str, Labels] and isinstance(value, Mapping):
        return {str(k): _as_hinted(Labels, _text(v)) for k, v in value.items()}
    if hint == Mapping[str, int] and isinstance(value, Mapping):
        return {str(k): _whole(k, v) for k, v in value.items()}
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return plain(value)


def _text(value: Any) -> Any:
    """A number as labels of tables are written: 3.0 is "3"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _whole(label: str, value: Any) -> int:
    number = _number(value)
    if isinstance(number, float) and number.is_integer():
        return value if isinstance(value, int) else int(number)
    raise ValueError(f"mapping: events.ids.{label}: expected a whole number, came {value!r}")


def _known(what: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    try:
        require_known(given, known)
    except TypeError as error:
        raise ValueError(f"mapping: {what}: {error}") from None


def _literal(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text) + '"'
