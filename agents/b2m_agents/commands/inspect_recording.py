"""``b2m-drive inspect``: what a recording holds, or a folder of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from b2m_agents.commands.options import Workers, n_processes
from b2m_drive.files.names import safe_name

if TYPE_CHECKING:
    from b2m_drive.recordings.trial_responses import TrialResponses


def inspect(
    recording: Annotated[
        Path,
        typer.Argument(help="A session of Kornblith et al. 2017 (HDF5), or a folder of them."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Picture (.png) of one session. Default: SESSION.png beside you."),
    ] = None,
    workers: Workers = 0,
) -> None:
    """Show what a recording holds: units, regions, trials, decoding, noise ceiling, a picture.

    Of a folder: one line a session, then median, quartiles and best of those with 15 units or
    more, and what the columns mean. A file that cannot be read is named, and the others are still
    shown. What is wrong with a recording is said first; one that cannot teach is not decoded.
    """
    if recording.is_dir():
        if out is not None:
            raise typer.BadParameter("--out: expected one session for a picture, came a folder")
        _inspect_folder(recording, n_processes(workers))
        return
    if out is not None and out.suffix.lower() != ".png":
        raise typer.BadParameter(f"--out: expected a picture's name ending in .png, came {out}")
    _inspect_session(recording, out)


def _inspect_folder(recordings: Path, n_workers: int) -> None:
    from b2m_drive.comparisons.session_summaries import sessions_table, summarise_sessions

    found = sorted(recordings.glob("*.h5"))
    if not found:
        raise FileNotFoundError(f"{recordings}: expected recordings (*.h5), found none")
    typer.echo(sessions_table(summarise_sessions(found, n_workers)))


def _inspect_session(path: Path, out: Path | None) -> None:
    from b2m_drive.comparisons.session_summaries import summary_text
    from b2m_drive.recordings.binning import in_trials
    from b2m_drive.recordings.readers.kornblith import read_kornblith
    from b2m_drive.reports.recording_figure import draw_recording
    from b2m_drive.teachers.decoding import summarise

    session = _fit_after_findings(path, in_trials(read_kornblith(path)))
    picture = out or Path(f"{safe_name(session.session)}.png")
    picture.parent.mkdir(parents=True, exist_ok=True)
    summary = summarise(session)
    typer.echo(summary_text(session, summary))
    draw_recording(session, summary, picture)
    typer.echo(f"picture: {picture}")


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
