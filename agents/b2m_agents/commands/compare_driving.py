"""``b2m-drive compare driving``: a person's recording, or a simulated brain."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import (
    BrainName,
    BrainSeed,
    Delay,
    Device,
    DryRun,
    Kind,
    Mapped,
    Signal,
    Strategies,
    given,
    refuse_beside_recording,
    refuse_options,
    refuse_without_recording,
)
from b2m_agents.commands.own_encoder import run_own_encoder
from b2m_agents.commands.printing import report_comparison
from b2m_agents.commands.running import has_run
from b2m_agents.commands.where import HERE, runs_anywhere
from b2m_drive.executors.chosen import Execution

LEARNING = "How students learn"  # headings of options in help
OWN = "A network of your own"
_FRAMES = 4000  # that teach

if TYPE_CHECKING:
    from b2m_agents.studies.driving.comparison import SimulatedViewer
    from b2m_agents.studies.driving.default_scenes import DefaultScenes
    from b2m_agents.studies.driving.plan import DrivingStudySettings
    from b2m_drive.recordings.recording import Recording


@runs_anywhere
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
            help="Your own recording made beside --scenes, in any format that inspect reads, such "
            "as BrainVision, XDF or HDF5 (activity, time, frame_id). Without it: --brain."
        ),
    ] = None,
    mapping: Mapped = None,
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
    kind: Kind = None,
    signal: Signal = None,
    brain_seed: BrainSeed = None,
    delay: Delay = None,
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
    score_at: Annotated[
        str | None,
        typer.Option(
            metavar="STEP,STEP,...",
            help="Steps after which students are scored, the last being --steps. Default: every "
            "hundred.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    control: Annotated[
        list[choices.DrivingControl] | None,
        typer.Option(
            metavar=choices.shown(choices.DrivingControl),
            help="Only these beside the student alone; may be given more than once. A verdict says "
            "which nulls were left out. Default: all.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(help="Frames a step. Default: 32.", min=1, rich_help_panel=LEARNING),
    ] = None,
    changed_weight: Annotated[
        float | None,
        typer.Option(
            help="Of pixels unlike the mean frame in the loss, beside 1 of the others, so that "
            "vehicles are drawn. 1: all alike. Default: 6.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; resumes one that is there.")
    ] = None,
    where: Execution = HERE,
    device: Device = "cpu",
    dry_run: DryRun = False,
) -> None:
    """Does this brain teach an encoder what matters in a driving scene? Trains, judges, reports.

    An encoder learns to reconstruct scenes, with and without a brain that watched them: both
    strategies (BLT and BCT) against seven nulls and two probes, by training step, number of
    frames and share of signal. Kill it and call it again: it goes on where it stopped. With
    --encoder or --frames-from, your own network or frames are compared, against six nulls.
    """
    from b2m_agents.studies.driving.default_scenes import DefaultScenes
    from b2m_drive.students.devices import device_of
    from b2m_drive.students.frame_vae import FACTORY, LAYER
    from b2m_drive.students.own_network import NetworkFactory
    from b2m_drive.transfer.term import STRATEGIES

    simulated = {"preset": brain, "kind": kind, "signal": signal, "seed": brain_seed}
    _refuse_beside_own_brain(recording, simulated, scenes, frames_from, camera)
    refuse_without_recording(recording, mapping)
    if encoder is None and frames_from is not None:
        encoder, layer = FACTORY, layer or LAYER  # ours, for frames from anywhere
    if encoder is None:
        refuse_options({"layer": layer}, "these without --encoder")
    else:
        _refuse_beside_encoder(latents, curves, frames if scenes else None)
        asked = {"score_at": score_at, "control": control, "batch": batch}
        refuse_options(asked | {"changed_weight": changed_weight}, "these beside --encoder")
    if frames_from is not None:
        others = {"scenes": scenes, "scenario": scenario, "camera": camera, "frames": frames}
        refuse_options(others, "these beside --frames-from")
    on = str(device_of(device))
    strategies = tuple(each for each in STRATEGIES if each in (strategy or STRATEGIES))
    who = _brain_of(recording, mapping, simulated)
    shown = scenes or DefaultScenes(
        scenario or "highway_fast", n_teaching=frames or _FRAMES, camera=camera or "birds_eye"
    )
    if encoder is None:
        settings = _settings(
            frames or _FRAMES, curves is not False, recording is None,
            strategies=strategies, seeds=tuple(range(seeds)), n_steps=steps, delay=delay,
            latents=latents, **given(
                evaluate_at=_steps_of(score_at), changed_weight=changed_weight, batch_size=batch,
                chosen_controls=tuple(map(str, control)) if control else None,
            ),
        )  # fmt: skip
        run_driving(shown, who, settings, out, where, dry_run, on, scenario)
        return
    NetworkFactory(encoder).find()  # before scenes are collected for it
    run_own_encoder(
        encoder, layer or "", frames_from or _scenes_of(shown, scenario, where.n_workers), who,
        strategies=strategies, n_seeds=seeds, n_steps=steps, delay=delay, out=out,
        where=where, dry_run=dry_run, device=on,
    )  # fmt: skip


def run_driving(
    scenes: Path | DefaultScenes,
    brain: SimulatedViewer | Recording,
    settings: DrivingStudySettings,
    out: Path | None,
    where: Execution,
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
        where: Its jobs run.
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
    dataset = SceneDataset(_collected(scenes, where.n_workers), scenario)
    comparison = comparison_of(dataset, brain, settings, device, note)
    folder = out or usual_folder(comparison)
    if has_run(comparison, folder, where, dry_run, f"students of {settings.n_steps} steps"):
        report_comparison(folder, started)
    return folder


def _refuse_beside_own_brain(
    recording: Path | None,
    simulated: Mapping[str, object],
    scenes: Path | None,
    frames_from: str | None,
    camera: str | None,
) -> None:
    """Refuse a simulated brain beside a recorded one, a recording of nothing, and two cameras."""
    if recording is not None:
        options = ("brain", "kind", "signal", "brain_seed")
        refuse_beside_recording(**dict(zip(options, simulated.values(), strict=True)))
        if scenes is None and frames_from is None:
            raise typer.BadParameter("--recording: expected --scenes, the frames that were watched")
    if camera is not None and scenes is not None:
        raise typer.BadParameter("--camera: expected none beside --scenes, which have theirs")


def _brain_of(
    recording: Path | None, mapping: list[str] | None, simulated: Mapping[str, Any]
) -> SimulatedViewer | Recording:
    """A person's recording, read into memory, or a simulated brain."""
    from b2m_agents.studies.driving.comparison import SimulatedViewer
    from b2m_drive.recordings.readers.table import read_recording

    if recording is not None:
        return read_recording(recording, mapping).in_memory()
    return SimulatedViewer(**given(**simulated))


def _steps_of(text: str | None) -> tuple[int, ...] | None:
    """Numbers of steps from a list with commas; none from none."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        expected = "expected whole numbers of steps with commas between, such as 100,300,1000"
        raise typer.BadParameter(f"--score-at: {expected}, came {text!r}") from None


def _settings(frames: int, curves: bool, is_simulated: bool, **chosen: Any) -> DrivingStudySettings:
    """The settings that were chosen, with the usual curves if they are wanted."""
    from b2m_agents.studies.driving.plan import DrivingStudySettings
    from b2m_agents.studies.driving.usual_comparisons import SIGNALS, frames_curve

    return DrivingStudySettings(
        n_frames=frames,
        frames_curve=frames_curve(frames) if curves else (),
        signal_curve=SIGNALS if curves and is_simulated else (),
        **chosen,
    )


def _refuse_beside_encoder(latents: str, curves: bool | None, frames: int | None) -> None:
    """What is not asked of a network of the user's own is refused, not ignored."""
    asked = {
        "latents": latents if latents != "pca" else None,
        "curves": curves or None,
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
