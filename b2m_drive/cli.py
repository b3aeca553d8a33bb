"""The door: ``b2m-drive <verb>``. The one file that sees all rooms; nobody imports it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from b2m_agents.studies.memory_plan import MemoryStudySettings
    from b2m_drive.brain.recording import BrainRecording

app = typer.Typer(
    name="b2m-drive",
    help="Brain2Model transfer: does a brain teach a network anything that a shuffled brain "
    "does not? Start with [bold]b2m-drive demo[/bold].",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
compare_app = typer.Typer(
    help="Compare taught students with students alone and with every control.",
    no_args_is_help=True,
)
fetch_app = typer.Typer(help="Fetch public recordings, hash-checked.", no_args_is_help=True)
app.add_typer(compare_app, name="compare")
app.add_typer(fetch_app, name="fetch")

Workers = Annotated[
    int, typer.Option(help="Processes, one thread each. 0: one for each core.", min=0)
]
Seeds = Annotated[
    int, typer.Option(help="Students of each condition; the seed is the unit.", min=2)
]
Steps = Annotated[int, typer.Option(help="Training steps of each student.", min=50)]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/demo"),
    workers: Workers = 0,
    seeds: Seeds = 8,
    steps: Steps = 600,
) -> None:
    """Teach a network from the ideal simulated brain, and write the report. A few minutes.

    Shows that the comparison detects a brain that is worth learning from. The brain is simulated
    and the report says so; for a real one see `b2m-drive compare memory --help`.
    """
    recording = _simulated_brain("ideal", signal=1.0, trials=240, brain_seed=0)
    _run_comparison(recording, out, _settings(seeds, steps), workers, dry_run=False)


@compare_app.command("memory")
def compare_memory_command(
    recording: Annotated[
        Path | None,
        typer.Option(help="A session of Kornblith et al. 2017 (HDF5). Without it: --brain."),
    ] = None,
    brain: Annotated[
        str, typer.Option(help="Simulated brain: median_session, best_session or ideal.")
    ] = "ideal",
    signal: Annotated[
        float, typer.Option(help="Share of the simulated brain's task signal.", min=0, max=1)
    ] = 1.0,
    trials: Annotated[int, typer.Option(help="Trials of the simulated session.", min=20)] = 240,
    brain_seed: Annotated[int, typer.Option(help="Seed of the simulated session.")] = 0,
    latents: Annotated[
        list[str] | None,
        typer.Option(help="decoded (default) or pca; may be given more than once."),
    ] = None,
    pairing: Annotated[
        list[str] | None,
        typer.Option(
            help="recorded (activity as it is, the default) or carried (in the delay, the sum of "
            "the same trial's encoding latents); may be given more than once."
        ),
    ] = None,
    seeds: Seeds = 8,
    steps: Steps = 600,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; resumes one that is there.")
    ] = None,
    workers: Workers = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many students and how long; train none.")
    ] = False,
) -> None:
    """Does this brain teach a recurrent network to remember? Trains, judges, reports.

    Both strategies (BLT: regression of brain latents; BCT: contrastive alignment) against six
    nulls and two probes. Kill it and call it again: it goes on where it stopped.
    """
    settings = _settings(seeds, steps, latents, pairing)
    if recording is not None:
        session = _read(recording)
        name = session.session
    else:
        session = _simulated_brain(brain, signal, trials, brain_seed)
        name = f"{brain}-signal-{signal:g}"
    _run_comparison(session, out or Path("runs") / f"memory-{name}", settings, workers, dry_run)


@app.command()
def inspect(
    recording: Annotated[Path, typer.Argument(help="A session of Kornblith et al. 2017 (HDF5).")],
    out: Annotated[
        Path | None, typer.Option(help="Picture to write. Default: beside you, PNG.")
    ] = None,
) -> None:
    """Show what a recording holds: units, regions, trials, decoding, noise ceiling, a picture."""
    from b2m_drive.brain.decoding import summarise
    from b2m_drive.evidence.recording_figure import draw_recording

    session = _read(recording)
    summary = summarise(session)
    typer.echo(_summary_text(session, summary))
    picture = out or Path(f"{session.session}.png")
    draw_recording(session, summary, picture)
    typer.echo(f"picture: {picture}")


@app.command()
def report(run: Annotated[Path, typer.Argument(help="Folder of a finished comparison.")]) -> None:
    """Write the report of a run again, from its table of scores."""
    from b2m_drive.evidence.report import write_report

    typer.echo(f"report: {write_report(run)}")


@fetch_app.command("kornblith2017")
def fetch_kornblith(
    folder: Annotated[Path, typer.Argument(help="Where to put the files.")] = Path(
        "data/kornblith2017"
    ),
    session: Annotated[
        list[str] | None, typer.Option(help="Only this session; may be given more than once.")
    ] = None,
) -> None:
    """Fetch human single-neuron sessions of Kornblith et al. 2017 (ODbL 1.0)."""
    from b2m_drive.brain.fetching import KORNBLITH_LICENCE, fetch_kornblith2017

    typer.echo(KORNBLITH_LICENCE)
    paths = fetch_kornblith2017(folder, session)
    typer.echo(f"{len(paths)} sessions in {folder}")


def _settings(
    seeds: int,
    steps: int,
    latents: list[str] | None = None,
    pairing: list[str] | None = None,
) -> MemoryStudySettings:
    from b2m_agents.studies.memory_plan import MemoryStudySettings
    from b2m_agents.studies.teachers import Reading
    from b2m_drive.brain.latents import LATENT_METHODS, PAIRINGS

    _refuse_unknown("--latents", latents or [], LATENT_METHODS)
    _refuse_unknown("--pairing", pairing or [], PAIRINGS)
    readings = tuple(
        Reading(each, how)
        for each in LATENT_METHODS
        for how in PAIRINGS
        if each in (latents or ["decoded"]) and how in (pairing or ["recorded"])
    )
    return MemoryStudySettings(readings=readings, seeds=tuple(range(seeds)), n_steps=steps)


def _refuse_unknown(option: str, chosen: Sequence[str], known: Sequence[str]) -> None:
    for each in chosen:
        if each not in known:
            raise typer.BadParameter(f"{option}: expected one of {tuple(known)}, came {each!r}")


def _run_comparison(
    recording: BrainRecording,
    out: Path,
    settings: MemoryStudySettings,
    workers: int,
    dry_run: bool,
) -> None:
    from b2m_agents.studies.memory import compare_memory, expected_time
    from b2m_drive.evidence.report import write_report
    from b2m_drive.evidence.verdict import verdicts_of

    n_workers = workers or os.cpu_count() or 1
    if dry_run:
        n_students, seconds = expected_time(recording, settings, out, n_workers)
        typer.echo(
            f"{n_students} students of {settings.n_steps} steps on {n_workers} processes: "
            f"about {seconds / 60:.1f} minutes (from a few steps measured here)"
        )
        return
    started = time.perf_counter()
    compare_memory(recording, out, settings, n_workers=n_workers, progress=True)
    path = write_report(out)
    for verdict in verdicts_of(out):
        typer.echo(f"\n{verdict.sentence}")
    typer.echo(f"\nreport: {path}  ({time.perf_counter() - started:.0f} s)")


def _read(path: Path) -> BrainRecording:
    from b2m_drive.brain.kornblith import read_kornblith

    return read_kornblith(path)


def _simulated_brain(preset: str, signal: float, trials: int, brain_seed: int) -> BrainRecording:
    import numpy as np

    from b2m_drive.brain.simulated import SimulatedBrain, simulate_trials

    session = simulate_trials(trials, 3, 8, np.random.default_rng(brain_seed))
    return SimulatedBrain.preset(preset, signal=signal).record(session, brain_seed)


def _summary_text(session: BrainRecording, summary: Any) -> str:
    from dataclasses import asdict

    lines = [
        f"{session.session}: subject {session.subject}, "
        f"{'SIMULATED' if session.simulated else 'recorded'}",
        f"{session.source}; licence {session.licence}",
        *session.notes,
        "",
    ]
    for name, value in asdict(summary).items():
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        lines.append(f"{name.replace('_', ' '):32s} {text}")
    return "\n".join(lines)


def main() -> None:
    """Run the command; a user's mistake ends in one line, not in a traceback."""
    try:
        app()
    except (ValueError, FileNotFoundError, ConnectionError) as error:
        typer.echo(f"b2m-drive: {error}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        typer.echo("b2m-drive: stopped; call it again to go on from here", err=True)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
