"""``b2m-drive compare memory``: one session, many sessions, or a simulated brain."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import (
    BrainName,
    BrainSeed,
    Device,
    DryRun,
    Mapped,
    Signal,
    Steps,
    given,
    refuse_beside_recording,
    refuse_without_recording,
)
from b2m_agents.commands.printing import (
    report_comparison,
    report_sessions,
    say_left_out,
)
from b2m_agents.commands.running import has_run
from b2m_agents.commands.where import HERE, runs_anywhere
from b2m_drive.executors.chosen import Execution
from b2m_drive.files.names import safe_name

if TYPE_CHECKING:
    from b2m_agents.studies.memory.comparison import MemoryComparison
    from b2m_agents.studies.memory.plan import MemoryStudySettings
    from b2m_drive.recordings.recording import Recording
    from b2m_drive.recordings.trial_responses import TrialResponses


@runs_anywhere
def compare_memory(
    recording: Annotated[
        Path | None,
        typer.Option(
            help="A session of a memory task in any format that inspect reads; or a folder of "
            "sessions of Kornblith et al. 2017, or a file of the data set sternberg_maintenance "
            "(.mat): then the patient is the unit. Without it: --brain."
        ),
    ] = None,
    mapping: Mapped = None,
    brain: BrainName = None,
    signal: Signal = None,
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
    brain_seed: BrainSeed = None,
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
    pseudo_population: Annotated[
        bool,
        typer.Option(
            "--pseudo-population",
            help="The units of all sessions side by side as one brain, trials matched by what was "
            "shown; then nothing is inferred about patients.",
        ),
    ] = False,
    least_units: Annotated[
        int | None,
        typer.Option(
            help="Units that a session needs to be pooled. Default: 15; of sternberg_maintenance, "
            "1.",
            min=1,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Students of each condition. Default: 8; of a folder, 4.", min=2),
    ] = None,
    steps: Steps = 600,
    device: Device = "cpu",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run; resumes one that is there. Students alone that other runs can "
            "share are kept in 'isolated' beside it. Default: runs/memory-NAME with every choice "
            "that is not the default."
        ),
    ] = None,
    where: Execution = HERE,
    dry_run: DryRun = False,
) -> None:
    """Does this brain teach a recurrent network to remember? Trains, judges, reports.

    Both strategies (BLT: regression of brain latents; BCT: contrastive alignment) against six
    nulls and two probes, seven with --all-probes. Kill it and call it again: it goes on where it
    stopped.
    """
    refuse_without_recording(recording, mapping)
    if recording is not None:
        refuse_beside_recording(
            brain=brain, signal=signal, brain_task=brain_task, brain_categories=brain_categories,
            trials=trials, brain_seed=brain_seed,
        )  # fmt: skip
    many = recording is not None and mapping is None and _is_many(recording)
    pooled = many and not pseudo_population
    _refuse_of_many(many, pseudo_population, least_units, curves and pooled)
    settings = _settings(
        latents, pairing, all_probes, seeds, pooled,
        windows=windows, n_steps=steps, cell=student, task=task, codes=stimuli, device=device,
    )  # fmt: skip
    if recording is not None and pooled:
        _run_sessions(recording, settings, out, where, dry_run, least_units)
        return
    if recording is None:
        name, comparison = _simulated(
            signal, settings, curves,
            preset=brain, task=brain_task, category_share=brain_categories, n_trials=trials,
            seed=brain_seed,
        )  # fmt: skip
    else:
        read = _pseudo_population if pseudo_population else _one_session
        name, found = read(recording, mapping)
        comparison = _of_brain(found, settings, curves)
    run_memory(comparison, out or _usual_folder(name, settings, curves), where, dry_run)


def _refuse_of_many(
    many: bool, pseudo_population: bool, least_units: int | None, curves: bool
) -> None:
    """Refuse what is asked of many sessions where there is one, or the other way round."""
    if not many and (pseudo_population or least_units is not None):
        name = "--pseudo-population" if pseudo_population else "--least-units"
        raise typer.BadParameter(f"{name}: expected many sessions, came one brain")
    if pseudo_population and least_units is not None:
        raise typer.BadParameter("--least-units: a pseudo-population takes the units of all")
    if curves:
        raise typer.BadParameter("--curves: expected one session or a simulated brain")


def _settings(
    latents: list[choices.Latents] | None,
    pairing: list[choices.Pairing] | None,
    all_probes: bool,
    seeds: int | None,
    pooled: bool,
    **chosen: Any,
) -> MemoryStudySettings:
    """The settings that were chosen; many sessions have fewer seeds each."""
    from b2m_agents.studies.memory.plan import MemoryStudySettings
    from b2m_agents.studies.memory.usual_comparisons import (
        SEEDS_OF_MANY,
        SEEDS_OF_SESSION,
        readouts_of,
    )
    from b2m_drive.comparisons.memory_study import MEMORY
    from b2m_drive.comparisons.study import LABEL_PROBES

    return MemoryStudySettings(
        readings=readouts_of(latents or ["decoded"], pairing or ["recorded"]),
        probes=MEMORY.probes if all_probes else LABEL_PROBES,
        seeds=tuple(range(seeds or (SEEDS_OF_MANY if pooled else SEEDS_OF_SESSION))),
        **chosen,
    )


def _usual_folder(name: str, settings: MemoryStudySettings, curves: bool) -> Path:
    from b2m_agents.studies.memory.usual_comparisons import usual_folder

    return usual_folder(name, settings, curves)


def _is_many(path: Path) -> bool:
    from b2m_drive.recordings.datasets.sternberg_maintenance import holds_many

    return path.is_dir() or holds_many(path)


def _one_session(path: Path, mapping: list[str] | None) -> tuple[str, Recording]:
    """One session, and what the folder of its run is called after."""
    from b2m_drive.recordings.readers.table import read_recording

    found = read_recording(path, mapping)
    return safe_name(found.session), found


def _pseudo_population(path: Path, mapping: list[str] | None) -> tuple[str, TrialResponses]:
    """All sessions as one brain, and what the folder of its run is called after."""
    from b2m_agents.studies.memory.population import population_of

    population = population_of(path)
    say_left_out(population.left_out)
    return f"{path.resolve().stem}-pseudo-population", population.recording


def _of_brain(
    brain: Recording | TrialResponses, settings: MemoryStudySettings, curves: bool
) -> MemoryComparison:
    from b2m_agents.studies.memory.comparison import MemoryComparison
    from b2m_agents.studies.memory.usual_comparisons import with_curves

    comparison = MemoryComparison(brain, settings)
    return with_curves(comparison) if curves else comparison


def _simulated(
    signal: float | None, settings: MemoryStudySettings, curves: bool, **session: Any
) -> tuple[str, MemoryComparison]:
    """The comparison of a simulated brain, and what its folder is called after."""
    from b2m_agents.studies.memory.usual_comparisons import simulated_comparison
    from b2m_drive.recordings.simulated.simulated_session import SimulatedSession

    found, share = SimulatedSession(**given(**session)), 1.0 if signal is None else signal
    comparison = simulated_comparison(found, settings, signal=share, curves=curves)
    return found.name(share), comparison


def run_memory(comparison: MemoryComparison, out: Path, where: Execution, dry_run: bool) -> None:
    """Compare and report, or say how long that would take."""
    started = time.perf_counter()
    if has_run(comparison, out, where, dry_run):
        report_comparison(out, started)


def _run_sessions(
    recordings: Path,
    settings: MemoryStudySettings,
    out: Path | None,
    where: Execution,
    dry_run: bool,
    least_units: int | None,
) -> None:
    from b2m_agents.studies.memory.sessions import (
        SessionsComparison,
        least_units_of,
        read_sessions_of,
    )
    from b2m_agents.studies.memory.usual_comparisons import usual_folder

    place, found = recordings.resolve(), read_sessions_of(recordings)
    name = place.name if place.is_dir() else place.stem
    comparison = SessionsComparison(
        name,
        found.recordings,
        settings,
        least_units or least_units_of(recordings),
        left_out=found.left_out,
    )
    say_left_out(comparison.left_out)
    folder, started = out or usual_folder(name, settings), time.perf_counter()
    if has_run(comparison, folder, where, dry_run):
        report_sessions(folder, started)
