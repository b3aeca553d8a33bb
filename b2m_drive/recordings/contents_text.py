"""What lies in a file, as lines of text, and the mapping that it may be read with."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from b2m_drive.recordings.contents import Contents, EventTable, StoredArray
from b2m_drive.recordings.mapping import EventMapping, toml_of
from b2m_drive.recordings.proposal import Proposal
from b2m_drive.recordings.sampled_signal import SampledSignal

_SHOWN = 6  # values of a column, gaps, names of channels
_WIDTH = 28  # characters of a column's name


def contents_text(contents: Contents) -> str:
    """A block on the file, one on each signal, its units, each table and each array."""
    lines = [
        f"{contents.path.name}: {contents.format}",
        f"subject {contents.subject}, session {contents.session or contents.path.stem}"
        f"{', SIMULATED' if contents.simulated else ''}",
        f"source {contents.source}; licence {contents.licence}",
        f"times are {contents.clock}",
    ]
    if contents.line_frequency:
        lines.append(f"mains {contents.line_frequency:g} Hz")
    lines += [f"note: {note}" for note in contents.notes]
    for signal in contents.signals:
        lines += ["", *_signal_lines(signal)]
    if contents.spikes is not None:
        lines += ["", *_unit_lines(contents)]
    for table in contents.tables:
        lines += ["", *_table_lines(table)]
    if contents.arrays:
        lines += ["", "arrays", *(_array_line(*pair) for pair in contents.arrays.items())]
    return "\n".join(lines)


def proposal_text(proposal: Proposal, path: Path, mapping_file: Path | None) -> str:
    """The mapping that may fit, as TOML, and the command that would run with it.

    The mapping of a named data set is no guess, and its files need none on the command line.
    """
    toml = [f"  {line}" for line in toml_of(proposal.mapping).strip().splitlines()]
    named = str(mapping_file) if mapping_file else f"{path.stem}.toml"
    write = f"b2m-drive inspect {shlex.quote(str(path))} --write-mapping {named}"
    if proposal.known:
        return "\n".join([
            f"{proposal.known}: read without --mapping, as",
            *toml,
            "",
            f"written to {mapping_file}" if mapping_file else f"to change that: {write}",
            *_runs(proposal, path, None),
        ])  # fmt: skip
    return "\n".join([
        "proposed mapping (a guess: look at it before you use it)",
        *toml,
        *(f"  in doubt: {doubt}" for doubt in proposal.doubts),
        "",
        f"written to {mapping_file}" if mapping_file else f"write it with: {write}",
        *_runs(proposal, path, named),
    ])  # fmt: skip


def _runs(proposal: Proposal, path: Path, mapping: str | None) -> list[str]:
    """The command that would run with the mapping; none where no study shows the same."""
    trials = proposal.mapping.trials
    if trials is None and mapping is None:
        return []
    if trials is None and mapping and proposal.mapping.events == EventMapping():
        asked = "--mapping events.onset=NAME --mapping events.stimulus=NAME"
        inspect = shlex.join(["b2m-drive", "inspect", str(path), "--mapping", mapping])
        return [f"then say what was seen, in the file or by: {inspect} {asked}"]
    command = ["b2m-drive", "compare", "driving" if trials is None else "memory"]
    command += ["--recording", str(path), *(["--mapping", mapping] if mapping else [])]
    if trials is None:
        command += ["--scenes", "SCENES.h5"]
    elif trials.task == "sternberg":
        command += ["--task", "sternberg"]
    return [f"then run: {shlex.join(command)}"]


def _signal_lines(signal: SampledSignal) -> list[str]:
    first, last = signal.span
    kinds = Counter(signal.kinds)
    lines = [
        f"signal {signal.name}: {len(signal.channels)} channels "
        f"({', '.join(f'{count} {kind}' for kind, count in kinds.items())}), {signal.rate:g} Hz, "
        f"{last - first + 1 / signal.rate:,.6g} s from {first:g} s on, in {signal.unit}",
        f"  {_some(signal.channels)}",
    ]
    regions = Counter(region for region in signal.regions if region != "unknown")
    if regions:
        lines.append(f"  regions: {', '.join(f'{n} {name}' for name, n in regions.items())}")
    if signal.gaps:
        spans = [f"{begin:.6g} to {end:.6g} s" for begin, end in signal.gaps]
        lines.append(f"  {len(spans)} gaps: {_some(spans)}")
    return lines


def _unit_lines(contents: Contents) -> list[str]:
    assert contents.spikes is not None
    units = contents.spikes.units
    kinds, regions = Counter(unit.kind for unit in units), Counter(unit.region for unit in units)
    return [
        f"units: {len(units)} with spike times "
        f"({', '.join(f'{count} {kind}' for kind, count in kinds.items())})",
        f"  regions: {', '.join(f'{count} {region}' for region, count in regions.items())}",
    ]


def _table_lines(table: EventTable) -> list[str]:
    lines = [f"table {table.name}: {len(table)} rows"]
    if table.onset and len(table):
        onset = np.asarray(table.column(table.onset), dtype=np.float64)
        known = onset[np.isfinite(onset)]
        if len(known):
            lines[0] += f", from {known.min():.6g} to {known.max():.6g} s (column {table.onset})"
    return lines + [f"  {name:{_WIDTH}s} {_column_text(table, name)}" for name in table.columns]


def _column_text(table: EventTable, name: str) -> str:
    values = table.columns[name]
    if not len(values):
        return "empty"
    missing = int((table.labels(name) == "n/a").sum())
    lacking = f", {missing} missing" if missing else ""
    counts = Counter(table.labels(name))
    many = len(counts) > 3 * _SHOWN or (name in (table.onset, table.duration) and len(counts) > 3)
    if values.dtype.kind in "fiu" and many:
        numbers = np.asarray(values, dtype=np.float64)
        numbers = numbers[np.isfinite(numbers)]
        return f"{numbers.min():.6g} to {numbers.max():.6g}, {len(counts)} values{lacking}"
    shown = [f"{label} ({count})" for label, count in counts.most_common(3 * _SHOWN)]
    if many:
        return f"{len(counts)} labels such as {', '.join(list(counts)[:3])}{lacking}"
    return ", ".join(shown) + lacking


def _array_line(name: str, array: StoredArray) -> str:
    shape = " x ".join(map(str, array.shape)) or "one value"
    return f"  {name:{_WIDTH}s} {shape} {array.dtype}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)})" if len(names) > _SHOWN else "")
