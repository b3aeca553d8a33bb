"""``b2m-drive inspect``: what a recording holds, or a folder of them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from b2m_agents.commands.options import Mapped, Workers, n_processes
from b2m_agents.commands.printing import quoted, say_next
from b2m_drive.files.names import safe_name

if TYPE_CHECKING:
    from b2m_drive.recordings.recording import Recording
    from b2m_drive.recordings.trial_responses import TrialResponses


def inspect(
    recording: Annotated[
        Path,
        typer.Argument(
            help="A file (NWB, EDF, BDF, BrainVision, EEGLAB, FIF, XDF, MATLAB, npz, CSV, HDF5), a "
            "BIDS data set, a folder of sessions of Kornblith et al. 2017, or a file of the data "
            "set sternberg_maintenance (.mat)."
        ),
    ],
    mapping: Mapped = None,
    write_mapping: Annotated[
        Path | None,
        typer.Option(help="Write the proposed mapping (.toml), to be looked at and used."),
    ] = None,
    pseudo_population: Annotated[
        bool,
        typer.Option(
            "--pseudo-population",
            help="Of many sessions: all units side by side, beside the best single session.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Picture (.png) of one session. Default: SESSION.png beside you."),
    ] = None,
    workers: Workers = 0,
) -> None:
    """Show what a recording holds, whether it can teach, and how it may be read; with a picture.

    Without --mapping: channels, units, tables and their columns, and the mapping that says what
    was seen and when, as a proposal. With it (and of files that need none): trials or events,
    decoding, noise ceiling, and what is wrong; a recording that cannot teach is not decoded. Of a
    folder: one line a session, then median, quartiles and best.
    """
    from b2m_drive.recordings.datasets.sternberg_maintenance import holds_many

    of_patients = mapping is None and holds_many(recording)
    many = of_patients or (recording.is_dir() and bool(_sessions_in(recording)))
    if pseudo_population and not many:
        raise typer.BadParameter("--pseudo-population: expected many sessions, came one")
    if many and out is not None:
        raise typer.BadParameter("--out: expected one session for a picture, came many")
    if pseudo_population:
        _inspect_population(recording)
        return
    if of_patients:
        _inspect_delay_sessions(recording)
        return
    if many:
        _inspect_folder(recording, n_processes(workers))
        return
    if out is not None and out.suffix.lower() != ".png":
        raise typer.BadParameter(f"--out: expected a picture's name ending in .png, came {out}")
    if mapping is None and _needs_mapping(recording):
        _inspect_contents(recording, out, write_mapping)
        return
    if write_mapping is not None:
        raise typer.BadParameter("--write-mapping: expected a file that needs a mapping, and none")
    _inspect_session(recording, mapping, out)


def _sessions_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.h5"))


def _needs_mapping(path: Path) -> bool:
    from b2m_drive.recordings.readers.table import needs_mapping

    return needs_mapping(path)


def _inspect_folder(recordings: Path, n_workers: int) -> None:
    from b2m_drive.comparisons.session_summaries import sessions_table, summarise_sessions

    typer.echo(sessions_table(summarise_sessions(_sessions_in(recordings), n_workers)))
    _say_compare_memory(recordings)


def _inspect_population(recordings: Path) -> None:
    from b2m_agents.commands.printing import say_left_out
    from b2m_agents.studies.memory.population import population_of
    from b2m_drive.comparisons.population_table import population_table

    population = population_of(recordings)
    say_left_out(population.left_out)
    typer.echo(population_table(population.recording, population.sessions))
    _say_compare_memory(recordings, "--pseudo-population")


def _inspect_delay_sessions(recordings: Path) -> None:
    from b2m_agents.commands.printing import say_left_out
    from b2m_agents.studies.memory.sessions import read_sessions_of
    from b2m_drive.comparisons.population_table import memory_table

    found = read_sessions_of(recordings)
    say_left_out(found.left_out)
    typer.echo(memory_table(found.recordings))
    _say_compare_memory(recordings)


def _inspect_contents(path: Path, out: Path | None, mapping_file: Path | None) -> None:
    from b2m_drive.files.writing import write_text
    from b2m_drive.recordings.contents_text import contents_text, proposal_text
    from b2m_drive.recordings.mapping import toml_of
    from b2m_drive.recordings.proposal import proposed_mapping
    from b2m_drive.recordings.readers.table import open_contents
    from b2m_drive.reports.contents_figure import draw_contents

    if mapping_file is not None and mapping_file.suffix.lower() != ".toml":
        raise typer.BadParameter(
            f"--write-mapping: expected a file's name ending in .toml, came {mapping_file}"
        )
    contents = open_contents(path)
    proposal = proposed_mapping(contents)
    typer.echo(contents_text(contents))
    if mapping_file is not None:
        write_text(mapping_file, toml_of(proposal.mapping))
    typer.echo(f"\n{proposal_text(proposal, path, mapping_file)}")
    picture = _picture(out, contents.session or path.stem)
    draw_contents(contents, proposal.mapping, picture)
    typer.echo(f"picture: {picture}")


def _inspect_session(path: Path, mapping: list[str] | None, out: Path | None) -> None:
    from b2m_drive.recordings.readers.table import read_recording

    read = read_recording(path, mapping)
    if read.trials is None:
        _inspect_events(path, read, mapping, out)
    else:
        _inspect_trials(path, read, mapping, out)


def _inspect_trials(
    path: Path, read: Recording, mapping: list[str] | None, out: Path | None
) -> None:
    from b2m_drive.comparisons.session_summaries import summary_text
    from b2m_drive.recordings.binning import in_trials
    from b2m_drive.reports.recording_figure import draw_recording
    from b2m_drive.teachers.decoding import summarise
    from b2m_drive.teachers.item_quality import item_quality, item_quality_text

    session = _fit_after_findings(path, in_trials(read))
    picture = _picture(out, session.session)
    summary = summarise(session)
    typer.echo(summary_text(session, summary))
    quality = item_quality(session)
    if quality is not None:
        typer.echo(f"\n{item_quality_text(session, quality)}")
    draw_recording(session, summary, picture)
    typer.echo(f"picture: {picture}")
    _say_compare_memory(path, *_options_of(mapping))


def _inspect_events(
    path: Path, read: Recording, mapping: list[str] | None, out: Path | None
) -> None:
    from b2m_drive.files.refusals import prefixed
    from b2m_drive.reports.event_quality_figure import draw_event_quality
    from b2m_drive.teachers.event_quality import event_quality, quality_text

    with prefixed(path):
        quality = event_quality(read)
    typer.echo(quality_text(quality))
    picture = _picture(out, read.session)
    draw_event_quality(quality, picture)
    typer.echo(f"picture: {picture}")
    options = " ".join(["--scenes SCENES.h5", *_options_of(mapping)])
    say_next(
        f"b2m-drive compare driving --recording {quoted(path)} {options}",
        "if it was made beside scenes; else from Python: docs/extending.md",
    )


def _options_of(mapping: list[str] | None) -> list[str]:
    """The mapping as it was typed."""
    return [f"--mapping {shlex.quote(each)}" for each in mapping or ()]


def _say_compare_memory(path: Path, *options: str) -> None:
    command = " ".join(["b2m-drive compare memory --recording", quoted(path), *options])
    say_next(f"{command} --dry-run", "how long a comparison takes")


def _picture(out: Path | None, session: str) -> Path:
    picture = out or Path(f"{safe_name(session)}.png")
    picture.parent.mkdir(parents=True, exist_ok=True)
    return picture


def _fit_after_findings(path: Path, session: TrialResponses) -> TrialResponses:
    """The session without its bad trials, after saying what is wrong with it.

    Raises:
        ValueError: If it cannot teach, so that nothing is decoded.
    """
    from b2m_drive.recordings.recording_quality import findings, fit_to_teach

    try:
        fit = fit_to_teach(session)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    for finding in findings(session):
        typer.echo(f"found: {finding.text}")
    return fit
