"""``b2m-drive compare driving``: a person's recording, or a simulated brain."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import (
    BrainName,
    Device,
    DryRun,
    Strategies,
    Workers,
    n_processes,
    refuse_beside_recording,
)
from b2m_agents.commands.printing import report_comparison, say_expected

if TYPE_CHECKING:
    from b2m_agents.studies.driving.comparison import SimulatedWatcher
    from b2m_agents.studies.driving.default_scenes import DefaultScenes
    from b2m_agents.studies.driving.plan import DrivingStudySettings
    from b2m_drive.recordings.scene_recording import SceneRecording


def compare_driving(
    scenes: Annotated[
        Path | None,
        typer.Option(
            help="Scenes that collect wrote with --vehicle-mask. Without them, enough are "
            "collected into runs/scenes."
        ),
    ] = None,
    scenario: Annotated[
        choices.Scenario | None,
        typer.Option(
            metavar="SCENARIO",
            help="Of the scenes to collect (default: highway_fast), or that --scenes must be of: "
            f"{choices.SCENARIO_NAMES}.",
        ),
    ] = None,
    camera: Annotated[
        choices.Camera | None,
        typer.Option(
            metavar=choices.shown(choices.Camera),
            help="Of the scenes to collect. Default: birds_eye.",
        ),
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Option(
            help="Your own recording made beside --scenes (HDF5: activity, time, frame_id; see "
            "docs/file-formats.md). Without it: --brain."
        ),
    ] = None,
    brain: BrainName = None,
    kind: Annotated[
        choices.BrainKind | None,
        typer.Option(
            metavar=choices.shown(choices.BrainKind),
            help="Of the simulated brain: units (neurons; default) or eeg (32 sensors).",
        ),
    ] = None,
    signal: Annotated[
        float | None,
        typer.Option(help="Share of the simulated brain's signal. Default: 1.", min=0, max=1),
    ] = None,
    brain_seed: Annotated[
        int | None, typer.Option(help="Seed of the simulated brain. Default: 0.")
    ] = None,
    delay: Annotated[
        float | None,
        typer.Option(help="Seconds from a frame to the response. Default: cross-validated."),
    ] = None,
    latents: Annotated[
        choices.SceneLatents,
        typer.Option(
            metavar=choices.shown(choices.SceneLatents),
            help="pca (principal components) or decoded (what cross-fitted decoders read of the "
            "scene's state: better for weak brains).",
        ),
    ] = "pca",
    strategy: Strategies = None,
    frames: Annotated[int, typer.Option(help="Frames that teach.", min=500)] = 4000,
    curves: Annotated[
        bool,
        typer.Option(help="Also fewer frames and, of a simulated brain, less signal."),
    ] = True,
    seeds: Annotated[
        int, typer.Option(help="Students of each condition; the seed is the unit.", min=2)
    ] = 5,
    steps: Annotated[
        int, typer.Option(help="Training steps of each student, by hundreds.", min=100)
    ] = 500,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; resumes one that is there.")
    ] = None,
    workers: Workers = 0,
    device: Device = "cpu",
    dry_run: DryRun = False,
) -> None:
    """Does this brain teach an encoder what matters in a driving scene? Trains, judges, reports.

    An encoder learns to reconstruct scenes, with and without a brain that watched them: both
    strategies (BLT and BCT) against seven nulls and two probes, by training step, number of
    frames and share of signal. Kill it and call it again: it goes on where it stopped.
    """
    from b2m_agents.studies.driving.comparison import SimulatedWatcher
    from b2m_agents.studies.driving.default_scenes import DefaultScenes
    from b2m_agents.studies.driving.plan import DrivingStudySettings
    from b2m_agents.studies.driving.usual_comparisons import SIGNALS, frames_curve
    from b2m_drive.recordings.scene_recording import read_scene_recording
    from b2m_drive.students.devices import device_of
    from b2m_drive.transfer.term import STRATEGIES

    if recording is not None:
        refuse_beside_recording(
            {"--brain": brain, "--kind": kind, "--signal": signal, "--brain-seed": brain_seed}
        )
    if recording is not None and scenes is None:
        raise typer.BadParameter("--recording: expected --scenes, the frames that were watched")
    if camera is not None and scenes is not None:
        raise typer.BadParameter("--camera: expected none beside --scenes, which have theirs")
    settings = DrivingStudySettings(
        strategies=tuple(each for each in STRATEGIES if each in (strategy or STRATEGIES)),
        seeds=tuple(range(seeds)),
        n_steps=steps,
        n_frames=frames,
        frames_curve=frames_curve(frames) if curves else (),
        signal_curve=SIGNALS if curves and recording is None else (),
        delay=delay,
        latents=latents,
    )
    share = 1.0 if signal is None else signal
    device = str(device_of(device))
    run_driving(
        scenes
        or DefaultScenes(
            scenario or "highway_fast", n_teaching=frames, camera=camera or "birds_eye"
        ),
        read_scene_recording(recording)
        if recording
        else SimulatedWatcher(brain or "ideal", kind or "units", share, brain_seed or 0),
        settings,
        out,
        n_processes(workers),
        dry_run,
        device,
        scenario,
    )


def run_driving(
    scenes: Path | DefaultScenes,
    brain: SimulatedWatcher | SceneRecording,
    settings: DrivingStudySettings,
    out: Path | None,
    n_workers: int,
    dry_run: bool,
    device: str = "cpu",
    scenario: str | None = None,
    note: str = "",
) -> Path:
    """Compare and report, or say how long that would take.

    Args:
        scenes: A file of scenes, or what to collect.
        brain: Simulated, or a person's recording.
        settings: Of the comparison.
        out: Folder of the run; None: the usual one.
        n_workers: Processes.
        dry_run: Whether only to say how long it would take.
        device: That students are trained on.
        scenario: That the scenes must be of; None: any.
        note: That the report has beneath its verdicts.

    Returns:
        The run's folder.
    """
    from b2m_agents.studies.driving.comparison import compare_driving, describe, expected_time
    from b2m_agents.studies.driving.usual_comparisons import run_of
    from b2m_drive.comparisons.run_opening import check_run
    from b2m_drive.students.scenes import SceneDataset

    started = time.perf_counter()
    dataset = SceneDataset(_collected(scenes, n_workers), scenario)
    run = run_of(dataset, brain, settings, out, device, note)
    if dry_run:
        check_run(run.folder, describe(run, dataset))
        n_students, seconds = expected_time(run, n_workers)
        say_expected(f"{n_students} students of {settings.n_steps} steps", seconds, n_workers)
        return run.folder
    compare_driving(run, n_workers=n_workers)
    report_comparison(run.folder, started)
    return run.folder


def _collected(scenes: Path | DefaultScenes, n_workers: int) -> Path:
    """The file of the scenes, collected now if there is none."""
    if isinstance(scenes, Path):
        return scenes
    typer.echo(f"scenes: {scenes.path}")
    return scenes.collect(n_workers)
