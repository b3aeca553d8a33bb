"""The door: ``b2m-drive <verb>``. The one file that sees all rooms; nobody imports it."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from b2m_drive.files.names import safe_name

if TYPE_CHECKING:
    from b2m_agents.studies.driving.comparison import SimulatedWatcher
    from b2m_agents.studies.driving.plan import DrivingStudySettings
    from b2m_agents.studies.memory.comparison import MemoryComparison
    from b2m_agents.studies.memory.plan import MemoryStudySettings
    from b2m_drive.recordings.recording import BrainRecording

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


@app.callback()
def options(
    anyway: Annotated[
        bool,
        typer.Option(
            "--resume-anyway",
            help="Go on with what other versions of b2m-drive, torch, ... began, whose numbers "
            "may differ. Before the command: b2m-drive --resume-anyway train-agent ...",
        ),
    ] = False,
) -> None:
    """Options of all commands."""
    from b2m_drive.files.provenance import resume_anyway

    resume_anyway(anyway)


app.add_typer(compare_app, name="compare")
app.add_typer(fetch_app, name="fetch")

SIGNALS = (0.0, 0.1, 0.3, 1.0)  # shares of signal of the dose-response
_DEMO_STEPS = 40_960  # of the driver: half a minute
FAULT = 70  # exit code of what nobody foresaw, as sysexits.h has it
DEBUG = "B2M_DEBUG"  # of the environment: shows tracebacks
_LONGEST = 300  # characters of an unforeseen error's own words
STOPPED = 130  # exit code after Ctrl-C, which Typer catches

Workers = Annotated[
    int, typer.Option(help="Processes, one thread each. 0: one for each core.", min=0)
]
Device = Annotated[
    str, typer.Option(help="That networks compute on: cpu, cuda, cuda:1, mps; auto: a GPU if any.")
]
Seeds = Annotated[
    int, typer.Option(help="Students of each condition; the seed is the unit.", min=2)
]
Steps = Annotated[int, typer.Option(help="Training steps of each student.", min=50)]
BrainName = Annotated[
    str | None,
    typer.Option(help="Simulated brain: median_session, best_session or ideal (default)."),
]
_SCENARIOS = (
    "highway, highway_fast, merge, exit, roundabout, intersection, two_way, u_turn, racetrack, "
    "racetrack_large, racetrack_oval, parking or lane_keeping"
)
Scenario = Annotated[str, typer.Argument(help=f"{_SCENARIOS}.")]
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
        _demo_memory(out / "memory", workers)
    if half != "memory":
        _demo_driving(out, workers)


@compare_app.command("memory")
def compare_memory_command(
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
        str | None,
        typer.Option(help="Of the simulated brain: memory_decision (default) or sternberg."),
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
        str,
        typer.Option(
            help="gru, lstm or leaky (a continuous-time tanh network; slow: --steps 2400)."
        ),
    ] = "gru",
    task: Annotated[
        str,
        typer.Option(
            help="Of the student: memory_decision or sternberg. If the brain did the other one, "
            "trials are paired by item position, period and matching answer."
        ),
    ] = "memory_decision",
    stimuli: Annotated[
        str,
        typer.Option(help="Codes of the items: random, or category (items of a kind look alike)."),
    ] = "random",
    latents: Annotated[
        list[str] | None,
        typer.Option(
            help="decoded (default), pca, factor_analysis or demixed; may be given more than once."
        ),
    ] = None,
    pairing: Annotated[
        list[str] | None,
        typer.Option(
            help="recorded (activity as it is, the default) or carried (in the delay, the sum of "
            "the same trial's encoding latents); may be given more than once."
        ),
    ] = None,
    windows: Annotated[
        str,
        typer.Option(
            help="Where the brain is read: all, early (0.1-0.5 s of items, and delay), encoding or "
            "delay."
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many students and how long; train none.")
    ] = False,
) -> None:
    """Does this brain teach a recurrent network to remember? Trains, judges, reports.

    Both strategies (BLT: regression of brain latents; BCT: contrastive alignment) against six
    nulls and two probes, seven with --all-probes. Kill it and call it again: it goes on where it
    stopped.
    """
    from b2m_agents.studies.memory.comparison import MemoryComparison

    if recording is not None:
        _refuse_beside_recording(
            {
                "--brain": brain,
                "--signal": signal,
                "--brain-task": brain_task,
                "--brain-categories": brain_categories,
                "--trials": trials,
                "--brain-seed": brain_seed,
            }
        )
    made = _simulated_session(brain, brain_task, brain_categories, trials, brain_seed)
    share = 1.0 if signal is None else signal
    n_seeds = seeds or (4 if recording is not None and recording.is_dir() else 8)
    settings = _memory_settings(
        n_seeds, steps, latents, pairing, windows, student, task, stimuli, all_probes
    )
    suffix = _choices_text(settings, all_probes, curves)
    if recording is not None and recording.is_dir():
        if curves:
            raise typer.BadParameter("--curves: expected one session or a simulated brain")
        _run_sessions(recording, settings, out, suffix, workers, dry_run)
        return
    if recording is not None:
        comparison = MemoryComparison(_read(recording), settings)
        name = safe_name(comparison.recording.session)
    else:
        shares = tuple(each for each in SIGNALS if each != share) if curves else ()
        comparison = MemoryComparison(
            made.record(share),
            settings,
            signal=share,
            by_signal={other: made.record(other) for other in shares},
        )
        name = made.name(share)
    if curves:
        comparison = _with_curves(comparison)
    _run_comparison(comparison, out or Path("runs") / f"memory-{name}{suffix}", workers, dry_run)


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
            "b2m_drive.recordings.scene_recording). Without it: --brain."
        ),
    ] = None,
    brain: BrainName = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Of the simulated brain: units (neurons; default) or eeg (32 sensors)."),
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
    device: Device = "cpu",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many students and how long; train none.")
    ] = False,
) -> None:
    """Does this brain teach an encoder what matters in a driving scene? Trains, judges, reports.

    An encoder learns to reconstruct scenes, with and without a brain that watched them: both
    strategies (BLT and BCT) against seven nulls and two probes, by training step, number of
    frames and share of signal. Kill it and call it again: it goes on where it stopped.
    """
    from b2m_agents.studies.driving.comparison import BRAIN_KINDS, SimulatedWatcher
    from b2m_agents.studies.driving.plan import DrivingStudySettings
    from b2m_drive.recordings.simulated.neurons import PRESETS
    from b2m_drive.teachers.frame_pairing import SCENE_LATENTS
    from b2m_drive.transfer.term import STRATEGIES

    if recording is not None:
        _refuse_beside_recording(
            {"--brain": brain, "--kind": kind, "--signal": signal, "--brain-seed": brain_seed}
        )
    _refuse_unknown("--brain", [brain] if brain else [], tuple(PRESETS))
    _refuse_unknown("--strategy", strategy or [], STRATEGIES)
    _refuse_unknown("--kind", [kind] if kind else [], BRAIN_KINDS)
    _refuse_unknown("--latents", [latents], SCENE_LATENTS)
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
    watcher = None
    if recording is None:
        share = 1.0 if signal is None else signal
        watcher = SimulatedWatcher(brain or "ideal", kind or "units", share, brain_seed or 0)  # type: ignore[arg-type]
    _run_driving(
        scenes, scenario, camera, recording, watcher, settings, out, workers, dry_run, device
    )


@compare_app.command("agents")
def compare_agents_command(
    run: Annotated[
        Path, typer.Argument(help="Folder of a finished compare driving, whose encoders are used.")
    ],
    scenario: Annotated[
        str | None,
        typer.Option(help="Where the agents drive. Default: as the scenes of the run."),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="regression (BLT) or contrastive (BCT); default: all of the run."),
    ] = None,
    observation: Annotated[
        list[str] | None,
        typer.Option(
            help="Agents without an encoder, beside: pixels (end to end), state or blind; default: "
            "all three. May be given more than once."
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="The first so many of the run's seeds. Default: all.", min=2),
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Of each agent's training, by 2,560.", min=2560)
    ] = 51_200,
    episodes: Annotated[int, typer.Option(help="Held out, of each agent.", min=2)] = 100,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the comparison; resumes one that is there. Default: RUN-agents."
        ),
    ] = None,
    workers: Workers = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many agents and how long; train none.")
    ] = False,
) -> None:
    """Does the brain's teaching of an encoder still show in the driving? Trains, judges, reports.

    For every seed and condition of a compare driving, an agent (PPO) learns to drive on what that
    frozen encoder sees; beside them agents on pixels, on the state and blind, two drivers that do
    not learn, and behaviour cloning from 200 and 1,000 frames. Kill it and call it again: it goes
    on where it stopped.
    """
    from b2m_agents.studies.agents.comparison import (
        AgentsRun,
        compare_agents,
        driving_run,
        expected_time,
    )
    from b2m_agents.studies.agents.plan import AgentsStudySettings
    from b2m_drive.comparisons.agents_study import BESIDE
    from b2m_drive.reports.agents_report import agents_summary, agents_verdicts
    from b2m_drive.reports.report import write_report
    from b2m_drive.transfer.term import STRATEGIES

    started, n_workers = time.perf_counter(), workers or os.cpu_count() or 1
    _refuse_unknown("--strategy", strategy or [], STRATEGIES)
    _refuse_unknown("--observation", observation or [], BESIDE)
    config = driving_run(run).config
    there = [int(seed) for seed in config["seeds"]]
    if seeds is not None and seeds > len(there):
        raise typer.BadParameter(f"--seeds: expected at most the run's {len(there)}, came {seeds}")
    settings = AgentsStudySettings(
        strategies=tuple(each for each in STRATEGIES if each in (strategy or config["strategies"])),
        seeds=tuple(there[:seeds]),
        beside=tuple(each for each in BESIDE if each in (observation or BESIDE)),
        n_steps=steps,
        n_held_out=episodes,
    )
    if steps % AgentsStudySettings.evaluate_every:
        raise typer.BadParameter(
            f"--steps: expected a multiple of {AgentsStudySettings.evaluate_every}, came {steps}"
        )
    folder = out or run.resolve().with_name(f"{run.resolve().name}-agents")
    comparison = AgentsRun(folder, run, settings, scenario)
    if dry_run:
        n_agents, seconds = expected_time(comparison, n_workers)
        typer.echo(
            f"{n_agents} agents of {steps:,} steps on {n_workers} processes: "
            f"about {seconds / 60:.1f} minutes (from a few updates measured here)"
        )
        return
    compare_agents(comparison, n_workers=n_workers)
    path = write_report(folder)
    for verdict in agents_verdicts(folder):
        typer.echo(f"\n{verdict.sentence}")
    typer.echo(f"\n{agents_summary(folder)}")
    typer.echo(f"\nreport: {path}  ({time.perf_counter() - started:.0f} s)")


@app.command()
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
    from b2m_drive.comparisons.session_summaries import sessions_table, summarise_sessions
    from b2m_drive.reports.recording_figure import draw_recording
    from b2m_drive.teachers.decoding import summarise

    if recording.is_dir():
        if out is not None:
            raise typer.BadParameter("--out: expected one session for a picture, came a folder")
        found = sorted(recording.glob("*.h5"))
        if not found:
            raise FileNotFoundError(f"{recording}: expected recordings (*.h5), found none")
        typer.echo(sessions_table(summarise_sessions(found, workers or os.cpu_count() or 1)))
        return
    if out is not None and out.suffix.lower() != ".png":
        raise typer.BadParameter(f"--out: expected a picture's name ending in .png, came {out}")
    session = _fit_after_findings(recording, _read(recording))
    picture = out or Path(f"{safe_name(session.session)}.png")
    picture.parent.mkdir(parents=True, exist_ok=True)
    summary = summarise(session)
    typer.echo(_summary_text(session, summary))
    draw_recording(session, summary, picture)
    typer.echo(f"picture: {picture}")


@app.command()
def search(
    recordings: Annotated[
        Path, typer.Argument(help="Folder of sessions of Kornblith et al. 2017.")
    ],
    selection_seeds: Annotated[int, typer.Option(help="Of each candidate's students.", min=2)] = 2,
    selection_steps: Annotated[int, typer.Option(help="Of each candidate's training.", min=50)] = (
        200
    ),
    seeds: Annotated[int, typer.Option(help="Of the test's students.", min=2)] = 4,
    steps: Steps = 600,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the search; resumes one that is there.")
    ] = None,
    workers: Workers = 0,
) -> None:
    """Search for a reading of brains that is specific: half of the patients select, half test.

    Which units (regions, concept cells or the rest), which windows, latents carried or not, which
    strategy: all are compared on the selection patients with six nulls, with structured stimuli.
    The one best is then tested once on the other patients, with two probes besides, and only that
    test is a result. Kill it and call it again: it goes on where it stopped.
    """
    from dataclasses import replace

    from b2m_agents.studies.memory.search import SEARCH, Search, search_memory, split_patients
    from b2m_agents.studies.memory.sessions import read_sessions_of
    from b2m_drive.comparisons.pooling import pooled_verdicts, read_sessions
    from b2m_drive.reports.report import write_report

    started, name = time.perf_counter(), recordings.resolve().name
    _require_folder(recordings)
    settings = replace(
        SEARCH,
        selection=replace(
            SEARCH.selection, seeds=tuple(range(selection_seeds)), n_steps=selection_steps
        ),
        test=replace(SEARCH.test, seeds=tuple(range(100, 100 + seeds)), n_steps=steps),
    )
    found = read_sessions_of(recordings)
    for left_out in found.left_out:
        typer.echo(str(left_out), err=True)
    selection, test = split_patients(found.recordings)
    folder = out or Path("runs") / f"search-{name}"
    search_memory(
        Search(name, selection, test, settings), folder, n_workers=workers or os.cpu_count() or 1
    )
    path = write_report(folder)
    for verdict in pooled_verdicts(read_sessions(folder / "test")):
        typer.echo(f"\ntest half: {verdict.sentence}")
    typer.echo(f"\nreport: {path}  ({time.perf_counter() - started:.0f} s)")


@app.command()
def calibrate(
    null: Annotated[int, typer.Option(help="Brains that have nothing to teach.", min=1)] = 100,
    ideal: Annotated[int, typer.Option(help="Brains that do.", min=1)] = 20,
    first_brain: Annotated[int, typer.Option(help="Seed of the first brain.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the run; resumes one that is there.")] = Path(
        "runs/calibration"
    ),
    workers: Workers = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how long it takes; train nothing.")
    ] = False,
) -> None:
    """Is the verdict to be trusted? The same verdict over simulated brains with a known answer.

    Prints how often brains without any signal are called specific (5 % at most is wanted) and how
    often ideal ones are, with exact 95 % intervals, on a small preset of compare memory (one
    session, small students; six nulls, no probes). Kill it and call it again: it goes on where it
    stopped.
    """
    from b2m_agents.studies.memory.calibration import (
        CalibrationSettings,
        calibrate_verdict,
        describe_calibration,
        expected_time_of_calibration,
    )
    from b2m_drive.comparisons.calibration import VERDICTS, calibration_text, read_rows, shares
    from b2m_drive.comparisons.run_opening import check_run
    from b2m_drive.reports.report import write_report

    started, n_workers = time.perf_counter(), workers or os.cpu_count() or 1
    settings = CalibrationSettings(n_null=null, n_ideal=ideal, first_brain=first_brain)
    if dry_run:
        check_run(out, describe_calibration(settings))
        seconds = expected_time_of_calibration(settings, n_workers)
        typer.echo(
            f"{null + ideal} brains on {n_workers} processes: about {seconds / 60:.1f} minutes "
            "(from a few steps measured here)"
        )
        return
    calibrate_verdict(settings, out, n_workers=n_workers)
    typer.echo(calibration_text(shares(read_rows(out / VERDICTS))))
    path = write_report(out)
    typer.echo(f"\nreport: {path}  ({time.perf_counter() - started:.0f} s)")


@app.command()
def report(run: Annotated[Path, typer.Argument(help="Folder of a finished comparison.")]) -> None:
    """Write the report of a run again, from its table of scores."""
    from b2m_drive.reports.report import write_report

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
    from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
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
    from b2m_agents.drivers.minari_export import export_minari
    from b2m_drive.students.scenes import SceneDataset

    dataset = SceneDataset(scenes)
    dataset_id = name or f"b2m/{dataset.header.scenario}/{scenes.stem}-v0"
    folder = export_minari(dataset, dataset_id, progress=True)
    typer.echo(f'{folder}\nread it with minari.load_dataset("{dataset_id}")')


@app.command("train-agent")
def train_agent_command(
    scenario: Annotated[
        str,
        typer.Argument(
            help=f"{_SCENARIOS}; or a memory task: memory_decision, sternberg or context_decision."
        ),
    ],
    encoder: Annotated[
        Path | None,
        typer.Option(
            help="For latents: folder of a SceneVAE of such scenes. `b2m-drive compare driving` "
            "writes some, such as runs/driving-NAME/encoders/seed-0/alone."
        ),
    ] = None,
    observation: Annotated[
        str | None,
        typer.Option(
            help="What the driver sees: latents (default) of a frozen encoder; pixels, with a "
            "network of its own; or state, 14 numbers that no picture needs."
        ),
    ] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(
            help="ppo (default), for any action; dqn, for discrete; sac, for continuous ones."
        ),
    ] = None,
    latent_stack: Annotated[
        int | None,
        typer.Option(help="Latents in one observation, oldest first. Default: 1.", min=1),
    ] = None,
    speed: Annotated[
        bool | None,
        typer.Option("--speed/--no-speed", help="Put its speed beside the latents. Default: no."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the agent. Default: runs/agent-SCENARIO.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of training. Default: some minutes' worth, by scenario, observation and "
            "algorithm (highway by PPO: 600000 of latents, 400000 of the state, 300000 of "
            "pixels; dqn and sac learn from step 4096 on, dqn explores over 60000); 786432 of "
            "trials.",
            min=1,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, traffic and exploration.", min=0)] = 0,
    environments: Annotated[
        int | None,
        typer.Option(
            help="Side by side. Default: 64, or 4 where highway-env simulates; 128 of trials.",
            min=1,
        ),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            help="Steps between checkpoints. Default: by scenario and algorithm, mostly 40960 of "
            "PPO, 10240 of the others; 98304 of trials.",
            min=1,
        ),
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(
            help="Steps between evaluations, which keep the best agent in FOLDER/best; their "
            "episodes are neither of the training nor of evaluate-agent. 0: none. Default: as "
            "checkpoints.",
            min=0,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Stop after so many evaluations without a better one. Default: never.", min=1
        ),
    ] = None,
    tensorboard: Annotated[
        bool | None,
        typer.Option(
            "--tensorboard/--no-tensorboard",
            help="Write what `tensorboard --logdir FOLDER` shows. Default: yes.",
        ),
    ] = None,
    camera: CameraName = None,
    height: Height = None,
    width: Width = None,
    colour: Colour = None,
    stack: Stack = None,
    action: ActionKind = None,
    items: Annotated[
        int | None, typer.Option(help="Of a memory task's trials. Default: 2.", min=1)
    ] = None,
    maintenance: Annotated[
        float | None, typer.Option(help="Of a memory task, in seconds. Default: 0.5.", min=0)
    ] = None,
    device: Device = "cpu",
) -> None:
    """Train a driver on latents, pixels or the state; or an agent (recurrent PPO) to remember.

    A few minutes on two cores. Kill it and call it again: it goes on from its last checkpoint,
    with its step count and replay buffer.

    b2m-drive train-agent highway --observation state                  # no encoder needed

    b2m-drive train-agent highway --encoder runs/driving-NAME/encoders/seed-0/alone --speed

    b2m-drive train-agent highway --observation state --algorithm sac --action continuous

    The encoders of compare driving bring their own view of the scene; for others the camera's
    settings must be those of the scenes that they learnt from. Racetracks are steered
    (continuous actions) unless --action says otherwise.
    """
    from b2m_agents.learning.agent_settings import settings_for
    from b2m_agents.learning.folder_names import BEST_FOLDER
    from b2m_agents.learning.training import train_agent
    from b2m_agents.memory.memory_agent import TASKS, MemoryAgentSettings
    from b2m_agents.memory.memory_training import train_memory_agent

    out = out or Path("runs") / f"agent-{scenario}"
    training = _given(
        n_steps=steps, n_environments=environments, checkpoint_every=checkpoint_every, seed=seed
    )
    driven = _given(
        observation=observation,
        algorithm=algorithm,
        stack=latent_stack,
        speed=speed,
        evaluate_every=evaluate_every,
        patience=patience,
        tensorboard=tensorboard,
    )
    view = _environment(camera, height, width, colour, stack, action)
    of_trials = _given(n_items=items, maintenance=maintenance)
    if scenario in TASKS:
        _refuse_option("encoder", encoder, "a memory task, which has no scenes")
        for name, value in view.items():
            _refuse_option({"n_frames": "stack"}.get(name, name), value, "a memory task")
        for name, value in driven.items():
            option = {"stack": "latent-stack"}.get(name, name.replace("_", "-"))
            _refuse_option(option, value, "a memory task")
        settings = MemoryAgentSettings(task=scenario, **training, **of_trials)
        folder = train_memory_agent(settings, out, device=device)
    else:
        if encoder is None and observation in (None, "latents"):
            raise typer.BadParameter(
                "--encoder: expected one for an agent that sees latents; `b2m-drive compare "
                "driving` writes encoders (runs/driving-NAME/encoders/seed-0/alone), and "
                "--observation pixels or state needs none"
            )
        for name, value in of_trials.items():
            _refuse_option({"n_items": "items"}.get(name, name), value, "an agent that drives")
        settings_of_driver = settings_for(scenario, **training, **driven)
        folder = train_agent(scenario, encoder, out, settings_of_driver, view, device=device)
    typer.echo(f"agent: {folder}\nnow: b2m-drive evaluate-agent {folder}")
    if (folder / BEST_FOLDER).is_dir():
        typer.echo(f"its best by the evaluations of the training: {folder / BEST_FOLDER}")


@app.command("evaluate-agent")
def evaluate_agent_command(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="Folders that train-agent wrote: one agent, several seeds of a training, or "
            "different agents of one scenario.",
        ),
    ],
    episodes: Annotated[
        int | None,
        typer.Option(
            help="Held out, the same for each driver. Default: 30; of trials, 1000.", min=1
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the held-out episodes.", min=0)] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of evaluation.csv. Default: the agent's; of several, runs/evaluation."
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="The picture, a .png. Default: evaluation.png beside it.")
    ] = None,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """Drive held-out episodes: agents, constant speed, and highway-env's driver model.

    Prints return (mean and interquartile mean), crash rate, speed, length, lane changes and time
    to collision with 95 % intervals, and whether each agent beats constant speed and is
    not worse than the driver model by more than 5 % of its return. Trainings that differ in their
    seed alone are pooled, too: only then does an interval speak of trainings, not of episodes
    alone. Writes one row a driver and episode to evaluation.csv, and a picture. Of an agent of a
    memory task: the share of correct trials.
    """
    from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agents
    from b2m_agents.evaluation.figure import (
        FIGURE_FILE,
        check_figure_path,
        write_evaluation_figure,
    )
    from b2m_agents.evaluation.scores import scores_of
    from b2m_agents.evaluation.text import evaluation_text
    from b2m_agents.memory.memory_agent import evaluate_memory_agent, is_memory_agent, played_text

    of_memory = [folder for folder in folders if is_memory_agent(folder)]
    if of_memory and len(of_memory) < len(folders):
        raise typer.BadParameter(
            f"FOLDER: expected agents that all drive or all remember, came {of_memory[0]} among "
            "drivers"
        )
    if of_memory:
        _refuse_option("out", out, "an agent of a memory task")
        _refuse_option("figure", figure, "an agent of a memory task")
        for folder in folders:
            played = evaluate_memory_agent(folder, episodes or 1000, seed=seed, device=device)
            said = played_text(played)
            typer.echo(said if len(folders) == 1 else f"{folder}: {said}")
        return
    out = out or (folders[0] if len(folders) == 1 else Path("runs") / "evaluation")
    figure = figure or out / FIGURE_FILE
    check_figure_path(figure)
    settings = EvaluationSettings(
        episodes or 30, seed, n_workers=workers or os.cpu_count() or 1, device=device
    )
    evaluation = evaluate_agents(folders, out, settings)
    scores = scores_of(evaluation, seed)
    typer.echo(evaluation_text(evaluation, scores))
    typer.echo(f"\nfigure: {write_evaluation_figure(figure, evaluation, scores)}")


@app.command()
def record(
    who: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER", help="Folder that train-agent wrote; with --driver, a scenario."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help=".mp4 or .webm (VP9), .avi or .gif. Default: video.mp4 in FOLDER, or "
            "runs/SCENARIO-DRIVER.mp4."
        ),
    ] = None,
    driver: Annotated[
        str | None,
        typer.Option(help="Instead of an agent: highway_env (its model), constant_speed, random."),
    ] = None,
    episodes: Annotated[int, typer.Option(help="Held out.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of the held-out episodes.", min=0)] = 0,
    speed: Annotated[float, typer.Option(help="Times real time.")] = 4.0,
    camera: CameraName = None,
    height: Height = None,
    width: Width = None,
    colour: Colour = None,
    action: ActionKind = None,
    device: Device = "cpu",
) -> None:
    """Write a video of an agent, or of another driver, in held-out episodes.

    Side by side: the scene, what the agent's encoder keeps of it (its reconstruction, and the
    latents as bars), and what the agent weighs before it acts: PPO's probabilities, DQN's values,
    or steering and throttle. Below: time, speed, return so far. The same seed shows the same
    traffic to every driver: [bold]record highway --driver highway_env[/bold]. Camera, size,
    colour and kind of action are options of --driver; an agent has its own.
    """
    from b2m_agents.drivers.drivers import DRIVERS, drive_of
    from b2m_agents.videos.video import VideoSettings, record_video
    from b2m_envs.scenes.scenarios import SCENARIOS

    view = _environment(camera, height, width, colour, None, action)
    settings = VideoSettings(n_episodes=episodes, seed=seed, speed=speed, device=device)
    if driver is None:
        if who in SCENARIOS:
            raise typer.BadParameter(f"--driver: expected one for the scenario {who}, came none")
        for name, value in view.items():
            _refuse_option(name, value, "an agent, which sees as it was trained")
        video = record_video(who, out or Path(who) / "video.mp4", settings)
    else:
        _refuse_unknown("--driver", [driver], DRIVERS)
        if who not in SCENARIOS:
            raise typer.BadParameter(f"--driver: expected a scenario beside it, came {who}")
        drive = drive_of(who, driver, view)
        video = record_video(drive, out or Path("runs") / f"{who}-{driver}.mp4", settings)
    typer.echo(f"video: {video}")


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
    from b2m_drive.recordings.fetching import KORNBLITH_LICENCE, fetch_kornblith2017

    typer.echo(KORNBLITH_LICENCE)
    paths = fetch_kornblith2017(folder, session)
    typer.echo(f"{len(paths)} sessions in {folder}")


def _memory_settings(
    seeds: int,
    steps: int,
    latents: list[str] | None = None,
    pairing: list[str] | None = None,
    windows: str = "all",
    student: str = "gru",
    task: str = "memory_decision",
    stimuli: str = "random",
    all_probes: bool = False,
) -> MemoryStudySettings:
    from b2m_agents.studies.memory.plan import TASKS, MemoryStudySettings
    from b2m_agents.studies.memory.teachers import Reading
    from b2m_drive.comparisons.memory_study import MEMORY
    from b2m_drive.comparisons.study import LABEL_PROBES
    from b2m_drive.students.decision_rnn import Cell
    from b2m_drive.teachers.latents import LATENT_METHODS, PAIRINGS
    from b2m_drive.teachers.windows import WINDOW_CHOICES

    _refuse_unknown("--latents", latents or [], LATENT_METHODS)
    _refuse_unknown("--pairing", pairing or [], PAIRINGS)
    _refuse_unknown("--windows", [windows], WINDOW_CHOICES)
    _refuse_unknown("--student", [student], get_args(Cell))
    _refuse_unknown("--task", [task], TASKS)
    _refuse_unknown("--stimuli", [stimuli], ("random", "category"))
    readings = tuple(
        Reading(each, how)
        for each in LATENT_METHODS
        for how in PAIRINGS
        if each in (latents or ["decoded"]) and how in (pairing or ["recorded"])
    )
    return MemoryStudySettings(
        readings=readings,
        windows=windows,  # type: ignore[arg-type]
        probes=MEMORY.probes if all_probes else LABEL_PROBES,
        seeds=tuple(range(seeds)),
        n_steps=steps,
        cell=student,  # type: ignore[arg-type]
        task=task,
        codes=stimuli,
    )


def _with_curves(comparison: MemoryComparison) -> MemoryComparison:
    """Further numbers of trials and delays, as far as there are trials enough."""
    from dataclasses import replace

    from b2m_agents.studies.memory.comparison import own_values

    own = own_values(comparison)["n_teacher_trials"]
    assert own is not None
    settings = replace(
        comparison.settings,
        teacher_trials_curve=tuple(n for n in (10, 30, 100, 300) if n < own),
        student_trials_curve=(100, 300, 1000, 3000),
        maintenance_curve=(1.0, 5.0, 10.0),
    )
    return replace(comparison, settings=settings)


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
    return _given(
        camera=camera, height=height, width=width, colour=colour, n_frames=stack, action=action
    )


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _refuse_option(name: str, value: object, beside: str) -> None:
    if value is not None:
        raise typer.BadParameter(f"--{name}: expected none of {beside}, came {value}")


def _refuse_unknown(option: str, chosen: Sequence[str], known: Sequence[str]) -> None:
    for each in chosen:
        if each not in known:
            raise typer.BadParameter(f"{option}: expected one of {tuple(known)}, came {each!r}")


def _refuse_beside_recording(given: dict[str, Any]) -> None:
    """A recorded brain is as it is: options of the simulated one would be silently ignored."""
    for option, value in given.items():
        if value is not None:
            raise typer.BadParameter(
                f"{option}: expected none beside --recording, which is a brain of its own"
            )


def _require_folder(recordings: Path) -> None:
    if recordings.is_file():
        raise ValueError(f"{recordings}: expected a folder of recordings, came a file")
    if not recordings.is_dir():
        raise FileNotFoundError(f"{recordings}: expected a folder of recordings, found none")


def _choices_text(settings: MemoryStudySettings, all_probes: bool, curves: bool) -> str:
    """Every choice that is not the default, for the run's folder: ``-lstm-carried-curves``.

    Two calls that ask different things thus have different folders; seeds and steps do not count.
    """
    readings = settings.readings
    chosen = (
        (settings.cell, "gru"),
        (settings.task, "memory_decision"),
        (settings.codes, "random"),
        ("-".join(dict.fromkeys(each.latents for each in readings)), "decoded"),
        ("-".join(dict.fromkeys(each.pairing for each in readings)), "recorded"),
        (f"{settings.windows}-windows", "all-windows"),
        ("all-probes" if all_probes else "", ""),
        ("curves" if curves else "", ""),
    )
    return "".join(f"-{value}" for value, default in chosen if value != default)


def _run_comparison(comparison: MemoryComparison, out: Path, workers: int, dry_run: bool) -> None:
    from b2m_agents.studies.memory.comparison import compare_memory, describe, expected_time
    from b2m_drive.comparisons.run_opening import check_run

    n_workers = workers or os.cpu_count() or 1
    if dry_run:
        check_run(out, describe(comparison))
        _say_expected(*expected_time(comparison, out, n_workers), n_workers)
        return
    started = time.perf_counter()
    compare_memory(comparison, out, n_workers=n_workers, progress=True)
    _say_verdicts(out, started)


def _run_sessions(
    recordings: Path,
    settings: MemoryStudySettings,
    out: Path | None,
    suffix: str,
    workers: int,
    dry_run: bool,
) -> None:
    from b2m_agents.studies.memory.sessions import (
        ManySessions,
        compare_sessions,
        describe_sessions,
        expected_time_of_sessions,
        read_sessions_of,
    )
    from b2m_drive.comparisons.pooling import pooled_verdicts, read_sessions
    from b2m_drive.comparisons.run_opening import check_run
    from b2m_drive.reports.report import write_report

    n_workers = workers or os.cpu_count() or 1
    name = recordings.resolve().name
    found = read_sessions_of(recordings)
    study = ManySessions(name, found.recordings, settings, left_out=found.left_out)
    for left_out in study.left_out:
        typer.echo(str(left_out), err=True)
    folder = out or Path("runs") / f"memory-{name}{suffix}"
    if dry_run:
        check_run(folder, describe_sessions(study))
        _say_expected(*expected_time_of_sessions(study, folder, n_workers), n_workers)
        return
    started = time.perf_counter()
    compare_sessions(study, folder, n_workers=n_workers)
    path = write_report(folder)
    for verdict in pooled_verdicts(read_sessions(folder)):
        typer.echo(f"\n{verdict.sentence}")
    typer.echo(f"\nreport: {path}  ({time.perf_counter() - started:.0f} s)")


def _say_expected(n_students: int, seconds: float, n_workers: int) -> None:
    typer.echo(
        f"{n_students} students on {n_workers} processes: about {seconds / 60:.1f} minutes "
        "(from a few steps measured here)"
    )


def _demo_memory(out: Path, workers: int) -> None:
    from b2m_agents.studies.memory.comparison import MemoryComparison

    recording = _SimulatedSession().record(1.0)
    comparison = MemoryComparison(recording, _memory_settings(8, 600), signal=1.0)
    _run_comparison(comparison, out, workers, dry_run=False)


def _demo_driving(out: Path, workers: int) -> None:
    """A small comparison, a driver on the taught encoder, its evaluation, and a clip."""
    from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agent
    from b2m_agents.evaluation.scores import scores_of
    from b2m_agents.evaluation.text import evaluation_text
    from b2m_agents.learning.agent_settings import settings_for
    from b2m_agents.learning.training import train_agent
    from b2m_agents.studies.driving.comparison import SimulatedWatcher
    from b2m_agents.studies.driving.plan import DEMO
    from b2m_agents.videos.video import VideoSettings, record_video

    watcher = SimulatedWatcher("ideal")
    run = _run_driving(None, None, None, None, watcher, DEMO, out / "driving", workers, False)
    brain = DEMO.methods[0].condition("brain").slug
    encoder = run / "encoders" / f"seed-{DEMO.seeds[0]}" / brain
    typer.echo(f"\na driver (PPO) on what {encoder} sees:")
    training = settings_for("highway_fast", n_steps=_DEMO_STEPS)
    agent = train_agent("highway_fast", encoder, out / "agent", training)
    evaluation = evaluate_agent(
        agent, EvaluationSettings(n_episodes=10, n_workers=workers or os.cpu_count() or 1)
    )
    typer.echo(evaluation_text(evaluation, scores_of(evaluation)))
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
    device: str = "cpu",
) -> Path:
    from b2m_agents.studies.driving.comparison import (
        DrivingRun,
        compare_driving,
        describe,
        expected_time,
    )
    from b2m_agents.studies.driving.default_scenes import DefaultScenes
    from b2m_drive.comparisons.run_opening import check_run
    from b2m_drive.recordings.scene_recording import read_scene_recording
    from b2m_drive.students.devices import device_of
    from b2m_drive.students.scenes import SceneDataset

    started, n_workers = time.perf_counter(), workers or os.cpu_count() or 1
    device = str(device_of(device))
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
    name = safe_name(watched.session) + (f"-signal-{watcher.signal:g}" if watcher else "")
    folder = out or Path("runs") / f"driving-{name}"
    run = DrivingRun(folder, scenes, settings, watcher, watched, device)
    if dry_run:
        check_run(folder, describe(run, dataset))
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
    from b2m_drive.comparisons.verdict import verdicts_of
    from b2m_drive.reports.report import write_report

    path = write_report(folder)
    for verdict in verdicts_of(folder):
        typer.echo(f"\n{verdict.sentence}")
    typer.echo(f"\nreport: {path}  ({time.perf_counter() - started:.0f} s)")


def _fit_after_findings(path: Path, session: BrainRecording) -> BrainRecording:
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


def _read(path: Path) -> BrainRecording:
    from b2m_drive.recordings.readers.kornblith import read_kornblith

    return read_kornblith(path)


@dataclass(frozen=True)
class _SimulatedSession:
    """A simulated brain and the session that it was recorded in."""

    preset: str = "ideal"
    task: str = "memory_decision"
    category_share: float = 0.0
    n_trials: int = 240
    seed: int = 0

    def name(self, signal: float) -> str:
        """For the run's folder: the preset, the share of signal, and what is not the default."""
        categories = f"{self.category_share:g}"
        told = (
            ("did", self.task, "memory_decision"),
            ("categories", categories, "0"),
            ("trials", str(self.n_trials), "240"),
            ("seed", str(self.seed), "0"),
        )
        others = "".join(f"-{word}-{value}" for word, value, default in told if value != default)
        return f"{self.preset}-signal-{signal:g}{others}"

    def record(self, signal: float) -> BrainRecording:
        """The same units in the same trials, with this share of their task signal."""
        from dataclasses import replace

        import numpy as np

        from b2m_drive.recordings.simulated.neurons import (
            SimulatedBrain,
            simulate_sternberg,
            simulate_trials,
        )

        generator = np.random.default_rng(self.seed)
        if self.task == "sternberg":
            trials = simulate_sternberg(self.n_trials, 8, generator)
        else:
            trials = simulate_trials(self.n_trials, 3, 8, generator)
        brain = SimulatedBrain.preset(self.preset, signal=signal)
        return replace(brain, category_share=self.category_share).record(trials, self.seed)


def _simulated_session(
    brain: str | None,
    task: str | None,
    category_share: float | None,
    n_trials: int | None,
    seed: int | None,
) -> _SimulatedSession:
    """The session with what was given; the rest is the default."""
    from b2m_drive.recordings.simulated.neurons import PRESETS

    _refuse_unknown("--brain", [brain] if brain else [], tuple(PRESETS))
    _refuse_unknown("--brain-task", [task] if task else [], ("memory_decision", "sternberg"))
    given = {
        "preset": brain,
        "task": task,
        "category_share": category_share,
        "n_trials": n_trials,
        "seed": seed,
    }
    return _SimulatedSession(**{name: each for name, each in given.items() if each is not None})  # type: ignore[arg-type]


def _summary_text(session: BrainRecording, summary: Any) -> str:
    from dataclasses import asdict

    lines = [
        f"{session.session}: subject {session.subject}, "
        f"{'SIMULATED' if session.simulated else 'recorded'}",
        f"{session.source}; licence {session.licence}",
        *session.notes,
        "",
    ]
    figures = asdict(summary)
    reasons = figures.pop("undefined")
    for name, value in figures.items():
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        text = f"undefined: {reasons[name]}" if name in reasons else text
        lines.append(f"{name.replace('_', ' '):32s} {text}")
    return "\n".join(lines)


def main() -> None:
    """Run the command; a mistake, or what the system refuses, ends in one line of text."""
    try:
        app()
    except (ValueError, OSError, MemoryError) as error:
        _show_traceback()
        text = "expected more memory than there is" if isinstance(error, MemoryError) else error
        typer.echo(f"b2m-drive: {text}", err=True)
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
    except Exception as error:  # nothing that was foreseen
        _show_traceback()
        what = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
        typer.echo(
            f"b2m-drive: {' '.join(sys.argv[1:3])}: this is a fault of b2m-drive ({what}); "
            f"{DEBUG}=1 shows the traceback",
            err=True,
        )
        raise SystemExit(FAULT) from None
    except BaseException as error:  # pyo3's panic, of a library in Rust, is no Exception
        if type(error).__name__ != "PanicException":
            raise
        typer.echo(f"b2m-drive: this is a fault of a library ({error})", err=True)
        raise SystemExit(FAULT) from None


def _show_traceback() -> None:
    if os.environ.get(DEBUG):
        traceback.print_exc()


if __name__ == "__main__":
    main()
