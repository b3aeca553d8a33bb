"""``b2m-drive compare memory``: one session, many sessions, or a simulated brain."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import (
    BrainName,
    DryRun,
    Steps,
    Workers,
    given,
    n_processes,
    refuse_beside_recording,
)
from b2m_agents.commands.printing import (
    report_comparison,
    report_sessions,
    say_left_out,
)
from b2m_agents.commands.running import has_run
from b2m_drive.files.names import safe_name

if TYPE_CHECKING:
    from b2m_agents.studies.memory.comparison import MemoryComparison
    from b2m_agents.studies.memory.plan import MemoryStudySettings


def compare_memory(
    recording: Annotated[
        Path | None,
        typer.Option(
            help="A session of Kornblith et al. 2017 (HDF5), or a folder of them: then the patient "
            "is the unit. Without it: --brain."
        ),
    ] = None,
    brain: BrainName = None,
    signal: Annotated[
        float | None,
        typer.Option(help="Share of the simulated brain's task signal. Default: 1.", min=0, max=1),
    ] = None,
    brain_task: Annotated[
        choices.MemoryTask | None,
        typer.Option(
            metavar=choices.shown(choices.MemoryTask),
            help="Of the simulated brain. Default: memory_decision.",
        ),
    ] = None,
    brain_categories: Annotated[
        float | None,
        typer.Option(
            help="Share of the simulated brain's tuning that an item's category explains. "
            "Default: 0.",
            min=0,
            max=1,
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Trials of the simulated session. Default: 240.", min=20)
    ] = None,
    brain_seed: Annotated[
        int | None, typer.Option(help="Seed of the simulated session. Default: 0.")
    ] = None,
    student: Annotated[
        choices.Student,
        typer.Option(
            metavar=choices.shown(choices.Student),
            help="leaky is a continuous-time tanh network, and slow: --steps 2400.",
        ),
    ] = "gru",
    task: Annotated[
        choices.MemoryTask,
        typer.Option(
            metavar=choices.shown(choices.MemoryTask),
            help="Of the student. If the brain did the other one, trials are paired by item "
            "position, period and matching answer.",
        ),
    ] = "memory_decision",
    stimuli: Annotated[
        choices.Stimuli,
        typer.Option(
            metavar=choices.shown(choices.Stimuli),
            help="Codes of the items: random, or category (items of a kind look alike).",
        ),
    ] = "random",
    latents: Annotated[
        list[choices.Latents] | None,
        typer.Option(
            metavar=choices.shown(choices.Latents),
            help="What the activity is reduced to; may be given more than once. Default: decoded.",
        ),
    ] = None,
    pairing: Annotated[
        list[choices.Pairing] | None,
        typer.Option(
            metavar=choices.shown(choices.Pairing),
            help="recorded (activity as it is, the default) or carried (in the delay, the sum of "
            "the same trial's encoding latents); may be given more than once.",
        ),
    ] = None,
    windows: Annotated[
        choices.Windows,
        typer.Option(
            metavar=choices.shown(choices.Windows),
            help="Where the brain is read; early: 0.1-0.5 s of items, and delay.",
        ),
    ] = "all",
    all_probes: Annotated[
        bool,
        typer.Option(
            "--all-probes",
            help="Besides labels: shuffled within condition, shifted in time, phase-randomised, "
            "matched covariance, items permuted.",
        ),
    ] = False,
    curves: Annotated[
        bool,
        typer.Option(
            "--curves",
            help="Also by number of teacher trials, of student trials, delay and, of a simulated "
            "brain, share of signal (the dose-response).",
        ),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(help="Students of each condition. Default: 8; of a folder, 4.", min=2),
    ] = None,
    steps: Steps = 600,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run; resumes one that is there. Students alone that other runs can "
            "share are kept in 'isolated' beside it. Default: runs/memory-NAME with every choice "
            "that is not the default."
        ),
    ] = None,
    workers: Workers = 0,
    dry_run: DryRun = False,
) -> None:
    """Does this brain teach a recurrent network to remember? Trains, judges, reports.

    Both strategies (BLT: regression of brain latents; BCT: contrastive alignment) against six
    nulls and two probes, seven with --all-probes. Kill it and call it again: it goes on where it
    stopped.
    """
    if recording is not None:
        refuse_beside_recording(
            {
                "--brain": brain,
                "--signal": signal,
                "--brain-task": brain_task,
                "--brain-categories": brain_categories,
                "--trials": trials,
                "--brain-seed": brain_seed,
            }
        )
    from b2m_agents.studies.memory.comparison import MemoryComparison
    from b2m_agents.studies.memory.plan import MemoryStudySettings
    from b2m_agents.studies.memory.usual_comparisons import (
        SEEDS_OF_MANY,
        SEEDS_OF_SESSION,
        readouts_of,
        simulated_comparison,
        usual_folder,
        with_curves,
    )
    from b2m_drive.comparisons.memory_study import MEMORY
    from b2m_drive.comparisons.study import LABEL_PROBES
    from b2m_drive.recordings.readers.kornblith import read_kornblith
    from b2m_drive.recordings.simulated.simulated_session import SimulatedSession

    many = recording is not None and recording.is_dir()
    settings = MemoryStudySettings(
        readings=readouts_of(latents or ["decoded"], pairing or ["recorded"]),
        windows=windows,
        probes=MEMORY.probes if all_probes else LABEL_PROBES,
        seeds=tuple(range(seeds or (SEEDS_OF_MANY if many else SEEDS_OF_SESSION))),
        n_steps=steps,
        cell=student,
        task=task,
        codes=stimuli,
    )
    if recording is not None and many:
        if curves:
            raise typer.BadParameter("--curves: expected one session or a simulated brain")
        _run_sessions(recording, settings, out, n_processes(workers), dry_run)
        return
    if recording is not None:
        comparison = MemoryComparison(read_kornblith(recording), settings)
        comparison = with_curves(comparison) if curves else comparison
        name = safe_name(comparison.recording.session)
    else:
        session = SimulatedSession(
            **given(
                preset=brain,
                task=brain_task,
                category_share=brain_categories,
                n_trials=trials,
                seed=brain_seed,
            )
        )
        share = 1.0 if signal is None else signal
        comparison = simulated_comparison(session, settings, signal=share, curves=curves)
        name = session.name(share)
    folder = out or usual_folder(name, settings, curves)
    run_memory(comparison, folder, n_processes(workers), dry_run)


def run_memory(comparison: MemoryComparison, out: Path, n_workers: int, dry_run: bool) -> None:
    """Compare and report, or say how long that would take."""
    started = time.perf_counter()
    if has_run(comparison, out, n_workers, dry_run):
        report_comparison(out, started)


def _run_sessions(
    recordings: Path, settings: MemoryStudySettings, out: Path | None, n_workers: int, dry_run: bool
) -> None:
    from b2m_agents.studies.memory.sessions import SessionsComparison, read_sessions_of
    from b2m_agents.studies.memory.usual_comparisons import usual_folder

    name, found = recordings.resolve().name, read_sessions_of(recordings)
    comparison = SessionsComparison(name, found.recordings, settings, left_out=found.left_out)
    say_left_out(comparison.left_out)
    folder, started = out or usual_folder(name, settings), time.perf_counter()
    if has_run(comparison, folder, n_workers, dry_run):
        report_sessions(folder, started)
