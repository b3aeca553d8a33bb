"""What a BIDS data set says of a recording in files beside it: events, channels, licence.

BIDS keeps a table or text for many recordings once, in a folder above them; the nearest one whose
name has no other entities than the recording's is taken (the standard's inheritance principle).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.recordings.contents import Contents, EventTable
from b2m_drive.recordings.sampled_signal import SampledSignal

DESCRIPTION = "dataset_description.json"
_KINDS_OF_FILES = ("eeg", "ieeg", "meg", "nirs", "emg")
_NAME = re.compile(rf"sub-[A-Za-z0-9+]+(_[a-z]+-[A-Za-z0-9+]+)*_({'|'.join(_KINDS_OF_FILES)})\.")
_MISSING = ("n/a", "N/A", "NaN", "")
_LARGEST = 200_000_000  # [bytes] of a table
_SHOWN = 12
_DEEPEST = 6  # folders between a recording and its data set


def is_bids_name(path: Path) -> bool:
    """Whether a file is named as BIDS names recordings."""
    return _NAME.match(path.name) is not None


def recordings_within(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The recordings of a BIDS data set, or of a folder within one, that end in these suffixes."""
    found = [
        path
        for path in sorted(folder.glob("**/sub-*"))
        if path.name.lower().endswith(suffixes) and is_bids_name(path)
    ]
    return [path for path in found if not {"derivatives", "sourcedata"} & set(path.parts)]


def the_recording(folder: Path, suffixes: tuple[str, ...]) -> Path:
    """The only recording of a BIDS data set.

    Raises:
        ValueError: If it is no such data set, or has none or several; lists them.
    """
    if root_of(folder) is None:
        raise ValueError(f"{folder}: expected a recording, or a BIDS data set with {DESCRIPTION}, "
                         "came a folder without")  # fmt: skip
    found = recordings_within(folder, suffixes)
    if len(found) != 1:
        words = ": name one of" if found else f" that end in {', '.join(suffixes)}"
        listed = "".join(f"\n    {path}" for path in found[:_SHOWN])
        more = f"\n    and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ValueError(
            f"{folder}: expected one recording, came {len(found)} in this BIDS data set"
            f"{words}{listed}{more}"
        )
    return found[0]


def root_of(path: Path) -> Path | None:
    """The BIDS data set that a file or folder lies in; None: in none."""
    folders = [path, *path.absolute().parents[:_DEEPEST]]
    return next((each for each in folders if (each / DESCRIPTION).is_file()), None)


def with_sidecars(contents: Contents) -> Contents:
    """Contents with what the BIDS data set says of them; as they are, where they lie in none.

    Raises:
        ValueError: If a table or text beside the recording cannot be read.
    """
    root = root_of(contents.path.parent)
    if root is None or not is_bids_name(contents.path):
        return contents
    contents = _with_amplifier(contents, root)
    contents = _with_channels(contents, root)
    contents = _with_events(contents, root)
    return _with_description(contents, root)


def _entities(name: str) -> set[str]:
    return {part for part in name.split(".")[0].split("_") if "-" in part}


def _beside(contents: Contents, root: Path, ending: str) -> Iterator[Path]:
    """Files of this ending that hold for a recording, the nearest first."""
    own = _entities(contents.path.name)
    folder = contents.path.absolute().parent
    for place in (folder, *folder.parents[:_DEEPEST]):
        fitting = [
            path for path in place.glob(f"*{ending}")
            if path.name.endswith(f"_{ending}") or path.name == ending
        ]  # fmt: skip
        fitting = [path for path in fitting if _entities(path.name) <= own and path.is_file()]
        yield from sorted(fitting, key=lambda path: len(_entities(path.name)), reverse=True)
        if place == root.absolute():
            return


def read_table(path: Path) -> dict[str, np.ndarray]:
    """The columns of a BIDS table (tabs between, ``n/a`` is missing): numbers where all are.

    Raises:
        ValueError: If it has no header, or rows of another length.
    """
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"{path}: expected a table, came over {_LARGEST} bytes")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter="\t", quotechar='"') if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: expected a table with tabs, came {error}") from error
    if not rows or len(set(rows[0])) != len(rows[0]):
        raise ValueError(f"{path}: expected a first row of different names, came {rows[:1]}")
    names, cells = rows[0], rows[1:]
    for number, row in enumerate(cells, start=2):
        if len(row) != len(names):
            raise ValueError(f"{path}: row {number}: expected {len(names)} cells, came {len(row)}")
    return {name: _column([row[k].strip() for row in cells]) for k, name in enumerate(names)}


def _column(cells: list[str]) -> np.ndarray:
    missing = [cell in _MISSING for cell in cells]
    try:
        return np.array(
            [np.nan if lacks else float(cell) for cell, lacks in zip(cells, missing, strict=True)]
        )
    except ValueError:
        return np.array(
            [None if lacks else cell for cell, lacks in zip(cells, missing, strict=True)],
            dtype=object,
        )


def _text(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"{path}: expected a text, came over {_LARGEST} bytes")
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: expected JSON, came {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: expected JSON of names and values, came {type(found).__name__}")
    return found


def _with_amplifier(contents: Contents, root: Path) -> Contents:
    kind = _NAME.match(contents.path.name)
    assert kind is not None
    said: dict[str, Any] = {}
    for path in _beside(contents, root, f"{kind[2]}.json"):
        said = {**_text(path), **said}
    line = said.get("PowerLineFrequency")
    if isinstance(line, int | float) and not isinstance(line, bool):
        contents = replace(contents, line_frequency=float(line))
    reference = said.get(f"{kind[2].upper()}Reference") or said.get("iEEGReference")
    notes = [f"reference when recorded: {reference}"] if isinstance(reference, str) else []
    return replace(contents, notes=(*contents.notes, *notes))


def _with_channels(contents: Contents, root: Path) -> Contents:
    """Kinds and bad channels of ``channels.tsv``, which knows better than most files."""
    path = next(_beside(contents, root, "channels.tsv"), None)
    if path is None:
        return contents
    columns = read_table(path)
    if "name" not in columns:
        raise ValueError(f"{path}: expected a column name, came {', '.join(columns)}")
    table = EventTable("channels", columns)
    names = table.labels("name")
    kinds, bad = dict[str, str](), []
    if "type" in columns:
        kinds = dict(zip(names, (each.upper() for each in table.labels("type")), strict=True))
    if "status" in columns:
        bad = [name for name, each in zip(names, table.labels("status"), strict=True)
               if each == "bad"]  # fmt: skip
    known = {name for signal in contents.signals for name in signal.channels}
    unknown = [name for name in names if name not in known and kinds.get(name, "") in _BRAINS]
    notes = list(contents.notes)
    if unknown:
        notes.append(f"{path.name} has channels that the recording lacks: "
                     f"{', '.join(unknown[:_SHOWN])}")  # fmt: skip
    found = [name for name in bad if name in known and name not in contents.bad_channels]
    if found:
        notes.append(f"{len(found)} channels marked bad in {path.name}: "
                     f"{', '.join(found[:_SHOWN])}")  # fmt: skip
    return replace(
        contents,
        signals=tuple(_with_kinds(signal, kinds) for signal in contents.signals),
        bad_channels=(*contents.bad_channels, *found),
        notes=tuple(notes),
    )


_BRAINS = ("EEG", "SEEG", "ECOG", "DBS")
_NAMED_ALIKE = {"VEOG": "EOG", "HEOG": "EOG", "MEGMAG": "MAG", "MEGGRADPLANAR": "GRAD",
                "MEGGRADAXIAL": "MAG", "TRIG": "STIM"}  # fmt: skip


def _with_kinds(signal: SampledSignal, kinds: Mapping[str, str]) -> SampledSignal:
    """Of potentials; MNE knows those of other signals better."""
    if signal.unit != "V":
        return signal
    named = [kinds.get(name, "N/A") for name in signal.channels]
    found = tuple(
        own if kind == "N/A" else _NAMED_ALIKE.get(kind, kind)
        for own, kind in zip(signal.kinds, named, strict=True)
    )
    return replace(signal, kinds=found)


def _with_events(contents: Contents, root: Path) -> Contents:
    path = next(_beside(contents, root, "events.tsv"), None)
    if path is None:
        return contents
    columns = read_table(path)
    if "onset" not in columns or columns["onset"].dtype.kind != "f":
        raise ValueError(f"{path}: expected a column onset of seconds, came {', '.join(columns)}")
    duration = columns.get("duration", np.zeros(0, dtype=object))
    table = EventTable(
        "events", columns, onset="onset", duration="duration" if duration.dtype.kind == "f" else ""
    )
    others = (each for each in contents.tables if each.name != "events")
    return replace(contents, tables=(table, *others))


def _with_description(contents: Contents, root: Path) -> Contents:
    said = _text(root / DESCRIPTION)
    parts = {part.split("-", 1)[0]: part.split("-", 1)[1]
             for part in sorted(_entities(contents.path.name))}  # fmt: skip
    return replace(
        contents,
        format=f"{contents.format} in a BIDS data set",
        subject=f"sub-{parts['sub']}",
        session=contents.path.name.split(".")[0],
        source=str(said.get("Name") or contents.source),
        licence=str(said.get("License") or contents.licence),
        notes=(*contents.notes, *_of_participant(root, f"sub-{parts['sub']}")),
    )


def _of_participant(root: Path, subject: str) -> list[str]:
    """What ``participants.tsv`` says of a subject, as a note."""
    path = root / "participants.tsv"
    if not path.is_file():
        return []
    table = EventTable("participants", read_table(path))
    if "participant_id" not in table.columns:
        return []
    rows = np.flatnonzero(table.labels("participant_id") == subject)
    said = [
        f"{name} {table.labels(name)[rows[0]]}"
        for name in table.columns
        if len(rows) and name != "participant_id" and table.labels(name)[rows[0]] != "n/a"
    ]
    return [f"{subject}: {', '.join(said)}"] if said else []
