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
    refuse_options,
)
from b2m_agents.commands.own_encoder import run_own_encoder
from b2m_agents.commands.printing import report_comparison
from b2m_agents.commands.running import has_run

OWN = "A network of your own"  # heading of options in help

if TYPE_CHECKING:
    from b2m_agents.studies.driving.comparison import SimulatedViewer
    from b2m_agents.studies.driving.default_scenes import DefaultScenes
    from b2m_agents.studies.driving.plan import DrivingStudySettings
    from b2m_drive.recordings.recording import Recording


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
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FACTORY",
            help="Your own network instead of ours: a function or class of a module here or "
            "installed. See docs/extending.md.",
            rich_help_panel=OWN,
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            help="Of your network, that is taught: a path such as encoder.3.", rich_help_panel=OWN
        ),
    ] = None,
    frames_from: Annotated[
        str | None,
        typer.Option(
            metavar="PATH[:/DATASET]",
            help="Frames of your own, for your network or ours: a folder of pictures (png, jpg), "
            "or a data set of any HDF5 file (frame, height, width, channel). Without it: --scenes.",
            rich_help_panel=OWN,
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
    frames: Annotated[
        int | None, typer.Option(help="Frames that teach. Default: 4000.", min=500)
    ] = None,
    curves: Annotated[
        bool | None,
        typer.Option(
            "--curves/--no-curves",
            help="Also fewer frames and, of a simulated brain, less signal. Default: --curves.",
        ),
    ] = None,
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
    frames and share of signal. Kill it and call it again: it goes on where it stopped. With
    --encoder or --frames-from, your own network or frames are compared, against six nulls.
    """
    from b2m_agents.studies.driving.comparison import SimulatedViewer
    from b2m_agents.studies.driving.default_scenes import DefaultScenes
    from b2m_agents.studies.driving.plan import DrivingStudySettings
    from b2m_agents.studies.driving.usual_comparisons import SIGNALS, frames_curve
    from b2m_drive.recordings.scene_recording import read_scene_recording
    from b2m_drive.students.devices import device_of
    from b2m_drive.students.frame_vae import FACTORY, LAYER
    from b2m_drive.students.own_network import NetworkFactory
    from b2m_drive.transfer.term import STRATEGIES

    if recording is not None:
        refuse_beside_recording(
            {"--brain": brain, "--kind": kind, "--signal": signal, "--brain-seed": brain_seed}
        )
    if recording is not None and scenes is None and frames_from is None:
        raise typer.BadParameter("--recording: expected --scenes, the frames that were watched")
    if camera is not None and scenes is not None:
        raise typer.BadParameter("--camera: expected none beside --scenes, which have theirs")
    if encoder is None and frames_from is not None:
        encoder, layer = FACTORY, layer or LAYER  # ours, for frames from anywhere
    if encoder is None:
        refuse_options({"layer": layer}, "these without --encoder")
    else:
        _refuse_beside_encoder(latents, curves, device, frames if scenes else None)
    if frames_from is not None:
        others = {"scenes": scenes, "scenario": scenario, "camera": camera, "frames": frames}
        refuse_options(others, "these beside --frames-from")
    frames, curves = frames or 4000, curves is not False
    strategies = tuple(each for each in STRATEGIES if each in (strategy or STRATEGIES))
    share = 1.0 if signal is None else signal
    who = (
        read_scene_recording(recording)
        if recording
        else SimulatedViewer(brain or "ideal", kind or "units", share, brain_seed or 0)
    )
    to_collect = DefaultScenes(
        scenario or "highway_fast", n_teaching=frames, camera=camera or "birds_eye"
    )
    if encoder is not None:
        NetworkFactory(encoder).find()  # before scenes are collected for it
        run_own_encoder(
            encoder,
            layer or "",
            frames_from or _scenes_of(scenes or to_collect, scenario, n_processes(workers)),
            who,
            strategies=strategies,
            n_seeds=seeds,
            n_steps=steps,
            delay=delay,
            out=out,
            n_workers=n_processes(workers),
            dry_run=dry_run,
        )
        return
    settings = DrivingStudySettings(
        strategies=strategies,
        seeds=tuple(range(seeds)),
        n_steps=steps,
        n_frames=frames,
        frames_curve=frames_curve(frames) if curves else (),
        signal_curve=SIGNALS if curves and recording is None else (),
        delay=delay,
        latents=latents,
    )
    device = str(device_of(device))
    run_driving(
        scenes or to_collect,
        who,
        settings,
        out,
        n_processes(workers),
        dry_run,
        device,
        scenario,
    )


def run_driving(
    scenes: Path | DefaultScenes,
    brain: SimulatedViewer | Recording,
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
    from b2m_agents.studies.driving.usual_comparisons import comparison_of, usual_folder
    from b2m_drive.students.scenes import SceneDataset

    started = time.perf_counter()
    dataset = SceneDataset(_collected(scenes, n_workers), scenario)
    comparison = comparison_of(dataset, brain, settings, device, note)
    folder = out or usual_folder(comparison)
    if has_run(comparison, folder, n_workers, dry_run, f"students of {settings.n_steps} steps"):
        report_comparison(folder, started)
    return folder


def _refuse_beside_encoder(
    latents: str, curves: bool | None, device: str, frames: int | None
) -> None:
    """What is not asked of a network of the user's own is refused, not ignored."""
    asked = {
        "latents": latents if latents != "pca" else None,
        "curves": curves or None,
        "device": device if device != "cpu" else None,
        "frames": frames,
    }
    refuse_options(asked, "these beside --encoder")


def _scenes_of(scenes: Path | DefaultScenes, scenario: str | None, n_workers: int) -> Path:
    """The file of the scenes; one of another scenario is refused."""
    from b2m_drive.students.scenes import SceneDataset

    path = _collected(scenes, n_workers)
    SceneDataset(path, scenario).close()
    return path


def _collected(scenes: Path | DefaultScenes, n_workers: int) -> Path:
    """The file of the scenes, collected now if there is none."""
    if isinstance(scenes, Path):
        return scenes
    typer.echo(f"scenes: {scenes.path}")
    return scenes.collect(n_workers)
