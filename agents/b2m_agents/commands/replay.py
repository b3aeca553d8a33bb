"""``b2m-drive replay``: a person's drive, from the log of its events."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from b2m_agents.commands.options import CameraName, Colour, Height, Width, given
from b2m_agents.commands.printing import quoted, say_next

if TYPE_CHECKING:
    from b2m_agents.drivers.log_replay import ReactionTimesCompared

BEFORE, SHOWN = 5.0, 60.0  # [s] of a video: before the first perturbation, and in all
VIDEO_VIEW = {"height": 192, "width": 192, "colour": True, "n_frames": 1, "view_length": 40.0}
_HEADING = f"{'log':<44} {'pushes':>7} {'answers':>8} {'lost':>5} {'added':>6}"
_TIMES = f"{'log RT':>8} {'replay':>8} {'largest difference':>19}"


def replay(
    log: Annotated[
        Path,
        typer.Argument(
            metavar="LOG", help="BIDS table of events (*_events.tsv), or a folder of such."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Video to write: .mp4 (H.264), .webm, .avi or .gif.")
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(
            help="Seconds of the log's clock. Default: its first event; of a video, 5 s before the "
            "first perturbation."
        ),
    ] = None,
    stop: Annotated[
        float | None,
        typer.Option(
            help="Seconds of the log's clock. Default: 5 s after its last event; of a video, 60 s "
            "after the start."
        ),
    ] = None,
    frequency: Annotated[float, typer.Option(help="Time steps a second.")] = 10.0,
    drift: Annotated[float, typer.Option(help="Of the car while it is pushed, in m/s.")] = 0.6,
    speed: Annotated[float, typer.Option(help="Of the video, times real time.")] = 1.0,
    camera: CameraName = None,
    height: Height = None,
    width: Width = None,
    colour: Colour = None,
) -> None:
    """Replay the lane perturbations of a real drive and the driver's corrections.

    The log's perturbations happen in B2M/LaneDeparture-v0, and a scripted driver begins to steer
    when the person did. Printed are reaction times (RT) of the log and of the replay, as its
    environment measured them. A perturbation that nobody answered stays without an answer.
    """
    from b2m_agents.drivers.log_replay import compare_reaction_times, log_files, replay_of
    from b2m_agents.videos.replay_video import record_replay
    from b2m_drive.recordings.driving_log import read_driving_log

    paths = log_files(log)
    if out is not None and len(paths) > 1:
        raise typer.BadParameter(f"--out: expected one log beside it, came {len(paths)}")
    view = given(camera=camera, height=height, width=width, colour=colour)
    typer.echo(f"{_HEADING} {_TIMES}")
    for path in paths:
        try:
            events = read_driving_log(path)
        except ValueError as error:
            if len(paths) == 1:
                raise
            typer.echo(str(error), err=True)
            continue
        begin, end = start, stop
        if out is not None:
            begin = max(events.first, events.onset[0] - BEFORE) if start is None else start
            end = begin + SHOWN if stop is None else stop
        seen = "state" if out is None else "scene"
        looks = VIDEO_VIEW if out is not None else {}
        clock = {"policy_frequency": frequency, "drift": drift, "observation": seen}
        chosen = {**clock, **looks, **view}
        replayed = replay_of(events, begin, end, **chosen)
        if out is None:
            happened = [event for step in replayed.steps() for event in step.events]
        else:
            happened = record_replay(replayed, out, speed)
        until = math.inf if end is None else end
        compared = compare_reaction_times(events, happened, 1 / frequency, until)
        typer.echo(_row(path, compared))
    if out is not None:
        typer.echo(f"video: {out}")
    elif len(paths) == 1:
        say_next(f"b2m-drive replay {quoted(log)} --out drive.mp4", "films it")


def _row(path: Path, compared: ReactionTimesCompared) -> str:
    name = path.name.removesuffix("_events.tsv")
    counts = f"{len(compared.log):>7} {compared.n_answered:>8} {compared.n_lost:>5}"
    times = f"{_seconds(compared.median_log):>8} {_seconds(compared.median_replay):>8}"
    largest = f"{_seconds(compared.largest_difference, digits=3):>19}"
    return f"{name:<44} {counts} {compared.n_added:>6} {times} {largest}"


def _seconds(value: float, digits: int = 2) -> str:
    """A time, or that there is none."""
    return "none" if math.isnan(value) else f"{value:.{digits}f} s"
