"""The door: ``b2m-drive <verb>``. The one file that sees all rooms; nobody imports it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from b2m_agents.studies.driving import SimulatedWatcher
    from b2m_agents.studies.driving_plan import DrivingStudySettings
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

STOPPED = 130  # exit code after Ctrl-C, which Typer catches

Workers = Annotated[
    int, typer.Option(help="Processes, one thread each. 0: one for each core.", min=0)
]
Seeds = Annotated[
    int, typer.Option(help="Students of each condition; the seed is the unit.", min=2)
]
Steps = Annotated[int, typer.Option(help="Training steps of each student.", min=50)]
Scenario = Annotated[
    str,
    typer.Argument(
        help="highway, highway_fast, merge, exit, roundabout, intersection, two_way, u_turn, "
        "racetrack, racetrack_large or racetrack_oval."
    ),
]
AgentFolder = Annotated[Path, typer.Argument(help="Folder that train-agent wrote.")]
CameraName = Annotated[str | None, typer.Option(help="birds_eye (default) or drivers_eye.")]
Height = Annotated[int | None, typer.Option(help="Of a frame in pixels, 36 to 512. Default: 64.")]
Width = Annotated[int | None, typer.Option(help="Of a frame in pixels, 36 to 512. Default: 64.")]
Colour = Annotated[
    bool | None, typer.Option("--colour/--grey", help="Channels of a frame: 3 or 1. Default: 1.")
]
Stack = Annotated[
    int | None, typer.Option(help="Frames in one observation, oldest first. Default: 2.", min=1)
]
ActionKind = Annotated[
    str | None, typer.Option(help="discrete (lane changes, faster, slower; default) or continuous.")
]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/demo"),
    half: Annotated[str, typer.Option(help="both, memory or driving.")] = "both",
    workers: Workers = 0,
) -> None:
    """The whole road on simulated brains, in a few minutes: two reports, and a clip of a driver.

    The memory half teaches a recurrent network to remember; the driving half teaches an encoder
    of driving scenes, trains a driver on what the brain-taught encoder sees, and films it. The
    brains are simulated and the reports say so; for a real one see `b2m-drive compare --help`.
    """
    _refuse_unknown("--half", [half], ("both", "memory", "driving"))
    if half != "driving":
        recording = _simulated_brain("ideal", signal=1.0, trials=240, brain_seed=0)
        _run_comparison(recording, out / "memory", _settings(8, 600), workers, dry_run=False)
    if half != "memory":
        _demo_driving(out, workers)


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


@compare_app.command("driving")
def compare_driving_command(
    scenes: Annotated[
        Path | None,
        typer.Option(
            help="Scenes that collect wrote with --vehicle-mask. Without them, enough are "
            "collected into runs/scenes."
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="Of the scenes to collect (default: highway_fast), or that --scenes must be of."
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(help="Of the scenes to collect: birds_eye (default) or drivers_eye."),
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Option(
            help="Your own recording made beside --scenes (HDF5: activity, time, frame_id; see "
            "b2m_drive.brain.scene_recording). Without it: --brain."
        ),
    ] = None,
    brain: Annotated[
        str, typer.Option(help="Simulated brain: median_session, best_session or ideal.")
    ] = "ideal",
    kind: Annotated[
        str, typer.Option(help="Of the simulated brain: units (neurons) or eeg (32 sensors).")
    ] = "units",
    signal: Annotated[
        float, typer.Option(help="Share of the simulated brain's signal.", min=0, max=1)
    ] = 1.0,
    brain_seed: Annotated[int, typer.Option(help="Seed of the simulated brain.")] = 0,
    delay: Annotated[
        float | None,
        typer.Option(help="Seconds from a frame to the response. Default: cross-validated."),
    ] = None,
    latents: Annotated[
        str,
        typer.Option(
            help="pca (principal components) or decoded (what cross-fitted decoders read of the "
            "scene's state: better for weak brains)."
        ),
    ] = "pca",
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="regression (BLT) or contrastive (BCT); default: both."),
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames that teach.", min=500)] = 4000,
    curves: Annotated[
        bool,
        typer.Option(help="Also fewer frames and, of a simulated brain, less signal."),
    ] = True,
    seeds: Seeds = 5,
    steps: Annotated[
        int, typer.Option(help="Training steps of each student, by hundreds.", min=100)
    ] = 500,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; resumes one that is there.")
    ] = None,
    workers: Workers = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many students and how long; train none.")
    ] = False,
) -> None:
    """Does this brain teach an encoder what matters in a driving scene? Trains, judges, reports.

    An encoder learns to reconstruct scenes, with and without a brain that watched them: both
    strategies (BLT and BCT) against seven nulls and two probes, by training step, number of
    frames and share of signal. Kill it and call it again: it goes on where it stopped.
    """
    from b2m_agents.studies.driving import BRAIN_KINDS, SimulatedWatcher
    from b2m_agents.studies.driving_plan import DrivingStudySettings
    from b2m_drive.brain.latents import LATENT_METHODS
    from b2m_drive.transfer.attachment import STRATEGIES

    _refuse_unknown("--strategy", strategy or [], STRATEGIES)
    _refuse_unknown("--kind", [kind], BRAIN_KINDS)
    _refuse_unknown("--latents", [latents], LATENT_METHODS)
    _refuse_unknown("--camera", [camera] if camera else [], ("birds_eye", "drivers_eye"))
    if recording is not None and scenes is None:
        raise typer.BadParameter("--recording: expected --scenes, the frames that were watched")
    if camera is not None and scenes is not None:
        raise typer.BadParameter("--camera: expected none beside --scenes, which have theirs")
    settings = DrivingStudySettings(
        strategies=tuple(each for each in STRATEGIES if each in (strategy or STRATEGIES)),
        seeds=tuple(range(seeds)),
        n_steps=steps,
        n_frames=frames,
        frames_curve=tuple(n for n in (500, 1000) if n < frames) if curves else (),
        signal_curve=(0.0, 0.3) if curves and recording is None else (),
        delay=delay,
        latents=latents,  # type: ignore[arg-type]
    )
    watcher = None if recording else SimulatedWatcher(brain, kind, signal, brain_seed)  # type: ignore[arg-type]
    _run_driving(scenes, scenario, camera, recording, watcher, settings, out, workers, dry_run)


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


@app.command()
def collect(
    scenario: Scenario,
    out: Annotated[
        Path | None,
        typer.Option(help="HDF5 file to write. Default: scenes/SCENARIO-POLICY.h5."),
    ] = None,
    policy: Annotated[
        str,
        typer.Option(
            help="Who drives: random, constant_speed, highway_env (its driver model) or the "
            "folder of a trained agent."
        ),
    ] = "random",
    frames: Annotated[
        int | None, typer.Option(help="At least so many; episodes stay whole. Default: 2000.")
    ] = None,
    episodes: Annotated[int | None, typer.Option(help="Instead of --frames.")] = None,
    seed: Annotated[int, typer.Option(help="Of the collection.", min=0)] = 0,
    camera: CameraName = None,
    height: Height = None,
    width: Width = None,
    colour: Colour = None,
    stack: Stack = None,
    action: ActionKind = None,
    vehicle_mask: Annotated[
        bool, typer.Option("--vehicle-mask", help="Keep the pixels of other vehicles, too.")
    ] = False,
    workers: Workers = 0,
) -> None:
    """Collect driving scenes: frames, states, actions, rewards, in one HDF5 file.

    Every episode is written whole. Kill it and call it again: it goes on where it stopped, and
    the file holds the same scenes as if it had not been killed.
    """
    from b2m_agents.rollouts import CollectSettings, collect_scenes
    from b2m_drive.students.scenes import SceneDataset

    n_frames = frames if frames is not None or episodes is not None else 2000
    environment = _environment(camera, height, width, colour, stack, action)
    settings = CollectSettings(
        n_frames=n_frames,
        n_episodes=episodes,
        policy=policy,
        seed=seed,
        environment=environment | ({"vehicle_mask": True} if vehicle_mask else {}),
        n_workers=workers or os.cpu_count() or 1,
    )
    path = out or Path("scenes") / f"{scenario}-{Path(policy).name}.h5"
    scenes = SceneDataset(collect_scenes(scenario, path, settings))
    typer.echo(
        f"{path}: {scenes.n_frames} frames of {scenes.frame_shape} in {scenes.n_episodes} episodes"
    )


@app.command("export-minari")
def export_minari_command(
    scenes: Annotated[Path, typer.Argument(help="File that collect wrote.")],
    name: Annotated[
        str | None,
        typer.Option(help="Minari's dataset id. Default: b2m/SCENARIO/FILE-v0."),
    ] = None,
) -> None:
    """Export collected scenes to Minari, Farama's format, without loss.

    Minari puts it under MINARI_DATASETS_PATH, or in ~/.minari/datasets.
    """
    from b2m_agents.minari_export import export_minari
    from b2m_drive.students.scenes import SceneDataset

    dataset = SceneDataset(scenes)
    dataset_id = name or f"b2m/{dataset.header.scenario}/{scenes.stem}-v0"
    folder = export_minari(dataset, dataset_id, progress=True)
    typer.echo(f'{folder}\nread it with minari.load_dataset("{dataset_id}")')


@app.command("train-agent")
def train_agent_command(
    scenario: Scenario,
    encoder: Annotated[
        Path, typer.Option(help="Folder of a SceneVAE, such as runs/driving-NAME/encoders/alone.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the agent. Default: runs/agent-SCENARIO.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps driven in training.", min=1)] = 20_480,
    seed: Annotated[int, typer.Option(help="Of weights, traffic and exploration.", min=0)] = 0,
    environments: Annotated[int, typer.Option(help="Side by side, each a process.", min=1)] = 4,
    checkpoint_every: Annotated[int, typer.Option(help="Steps.", min=1)] = 2048,
    camera: CameraName = None,
    height: Height = None,
    width: Width = None,
    colour: Colour = None,
    stack: Stack = None,
    action: ActionKind = None,
) -> None:
    """Train a driver (PPO) on what a frozen encoder sees. A few minutes on two cores.

    Kill it and call it again: it goes on from its last checkpoint. The encoders of compare
    driving bring their own view of the scene; for others the camera's settings must be those of
    the scenes that they learnt from.
    """
    from b2m_agents.training import TrainingSettings, train_agent

    settings = TrainingSettings(
        n_steps=steps, n_environments=environments, checkpoint_every=checkpoint_every, seed=seed
    )
    folder = train_agent(
        scenario,
        encoder,
        out or Path("runs") / f"agent-{scenario}",
        settings,
        _environment(camera, height, width, colour, stack, action),
    )
    typer.echo(f"agent: {folder}\nnow: b2m-drive evaluate-agent {folder}")


@app.command("evaluate-agent")
def evaluate_agent_command(
    folder: AgentFolder,
    episodes: Annotated[int, typer.Option(help="Held out, the same for each driver.", min=1)] = 30,
    seed: Annotated[int, typer.Option(help="Of the held-out episodes.", min=0)] = 0,
    workers: Workers = 0,
) -> None:
    """Drive held-out episodes: the agent, constant speed, and highway-env's driver model.

    Prints return, crash rate, speed and length with 95 % intervals, and writes one row an
    episode to evaluation.csv in the agent's folder.
    """
    from b2m_agents.evaluation import EvaluationSettings, evaluate_agent, scores_text

    settings = EvaluationSettings(
        n_episodes=episodes, seed=seed, n_workers=workers or os.cpu_count() or 1
    )
    typer.echo(scores_text(evaluate_agent(folder, settings)))


@app.command()
def record(
    folder: AgentFolder,
    out: Annotated[
        Path | None,
        typer.Option(help=".mp4 or .webm (VP9), .avi or .gif. Default: video.mp4 in FOLDER."),
    ] = None,
    episodes: Annotated[int, typer.Option(help="Held out.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of the held-out episodes.", min=0)] = 0,
    speed: Annotated[float, typer.Option(help="Times real time.")] = 4.0,
) -> None:
    """Write a video of an agent: the scene, its encoder's reconstruction, the action."""
    from b2m_agents.video import VideoSettings, record_video

    settings = VideoSettings(n_episodes=episodes, seed=seed, speed=speed)
    typer.echo(f"video: {record_video(folder, out or folder / 'video.mp4', settings)}")


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


def _environment(
    camera: str | None,
    height: int | None,
    width: int | None,
    colour: bool | None,
    stack: int | None,
    action: str | None,
) -> dict[str, Any]:
    """The scene's settings that were given; the rest is the scenario's own, or the agent's."""
    _refuse_unknown("--camera", [camera] if camera else [], ("birds_eye", "drivers_eye"))
    _refuse_unknown("--action", [action] if action else [], ("discrete", "continuous"))
    given = {
        "camera": camera,
        "height": height,
        "width": width,
        "colour": colour,
        "n_frames": stack,
        "action": action,
    }
    return {name: value for name, value in given.items() if value is not None}


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
    _say_verdicts(out, started)


def _demo_driving(out: Path, workers: int) -> None:
    """A small comparison, a driver on the taught encoder, its evaluation, and a clip."""
    from b2m_agents.evaluation import EvaluationSettings, evaluate_agent, scores_text
    from b2m_agents.studies.driving import SimulatedWatcher
    from b2m_agents.studies.driving_plan import DEMO
    from b2m_agents.training import TrainingSettings, train_agent
    from b2m_agents.video import VideoSettings, record_video

    watcher = SimulatedWatcher("ideal")
    run = _run_driving(None, None, None, None, watcher, DEMO, out / "driving", workers, False)
    encoder = run / "encoders" / DEMO.teachings[0].condition("brain").replace("/", "-")
    typer.echo(f"\na driver (PPO) on what {encoder} sees:")
    agent = train_agent("highway_fast", encoder, out / "agent", TrainingSettings(n_steps=6144))
    scores = evaluate_agent(
        agent, EvaluationSettings(n_episodes=10, n_workers=workers or os.cpu_count() or 1)
    )
    typer.echo(scores_text(scores))
    clip = record_video(agent, agent / "video.mp4", VideoSettings(n_episodes=2))
    typer.echo(f"video: {clip}")


def _run_driving(
    scenes: Path | None,
    scenario: str | None,
    camera: str | None,
    recording: Path | None,
    watcher: SimulatedWatcher | None,
    settings: DrivingStudySettings,
    out: Path | None,
    workers: int,
    dry_run: bool,
) -> Path:
    from b2m_agents.studies.default_scenes import DefaultScenes
    from b2m_agents.studies.driving import DrivingRun, compare_driving, expected_time
    from b2m_drive.brain.scene_recording import read_scene_recording
    from b2m_drive.students.scenes import SceneDataset

    started, n_workers = time.perf_counter(), workers or os.cpu_count() or 1
    watched = read_scene_recording(recording) if recording else None
    if scenes is None:
        default = DefaultScenes(
            scenario or "highway_fast",
            n_teaching=settings.n_frames,
            camera=camera or "birds_eye",
        )
        typer.echo(f"scenes: {default.path}")
        scenes = default.collect(n_workers)
    dataset = SceneDataset(scenes, scenario)
    if watched is None:
        assert watcher is not None
        watched = watcher.watch(dataset)
    name = watched.session + (f"-signal-{watcher.signal:g}" if watcher else "")
    folder = out or Path("runs") / f"driving-{name}"
    run = DrivingRun(folder, scenes, settings, watcher, watched)
    if dry_run:
        n_students, seconds = expected_time(run, n_workers)
        typer.echo(
            f"{n_students} students of {settings.n_steps} steps on {n_workers} processes: "
            f"about {seconds / 60:.1f} minutes (from a few steps measured here)"
        )
        return folder
    compare_driving(run, n_workers=n_workers)
    _say_verdicts(folder, started)
    return folder


def _say_verdicts(folder: Path, started: float) -> None:
    from b2m_drive.evidence.report import write_report
    from b2m_drive.evidence.verdict import verdicts_of

    path = write_report(folder)
    for verdict in verdicts_of(folder):
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
    """Run the command; a mistake, or what the system refuses, ends in one line of text."""
    try:
        app()
    except (ValueError, OSError) as error:
        typer.echo(f"b2m-drive: {error}", err=True)
        raise SystemExit(2) from None
    except BrokenProcessPool:
        typer.echo(
            "b2m-drive: a worker process ended, killed or for want of memory; call it again to go "
            "on from here, perhaps with fewer --workers",
            err=True,
        )
        raise SystemExit(2) from None
    except SystemExit as end:
        if end.code == STOPPED:
            typer.echo("b2m-drive: stopped; call it again to go on from here", err=True)
        raise


if __name__ == "__main__":
    main()
