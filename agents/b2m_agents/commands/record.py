"""``b2m-drive record``: a video of a driver."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands import choices, traffic_options
from b2m_agents.commands.options import (
    ActionKind,
    CameraName,
    Colour,
    Device,
    Height,
    Width,
    refuse_option,
    refuse_options,
    scene_settings,
)
from b2m_agents.commands.printing import say_next


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
            help=".mp4 (H.264), .webm (VP9), .avi or .gif. Default: video.mp4 in FOLDER, or "
            "runs/SCENARIO-DRIVER.mp4."
        ),
    ] = None,
    driver: Annotated[
        choices.Driver | None,
        typer.Option(
            metavar=choices.shown(choices.Driver),
            help="Instead of an agent; highway_env is its driver model.",
        ),
    ] = None,
    episodes: Annotated[int, typer.Option(help="Held out.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of the held-out episodes.", min=0)] = 0,
    speed: Annotated[float, typer.Option(help="Times real time.")] = 4.0,
    camera: CameraName = None,
    height: Height = None,
    width: Width = None,
    colour: Colour = None,
    action: ActionKind = None,
    lanes: traffic_options.Lanes = None,
    vehicles: traffic_options.Vehicles = None,
    density: traffic_options.Density = None,
    duration: traffic_options.Duration = None,
    policy_frequency: traffic_options.PolicyFrequency = None,
    simulation_frequency: traffic_options.SimulationFrequency = None,
    others: traffic_options.Set = None,
    device: Device = "cpu",
) -> None:
    """Write a video of an agent, or of another driver, in held-out episodes.

    Side by side: the scene, what the agent's encoder keeps of it (its reconstruction, and the
    latents as bars), and what the agent weighs before it acts: PPO's probabilities, DQN's values,
    or steering and throttle. Below: time, speed, return so far. The same seed shows the same
    traffic to every driver. Camera, size, colour, kind of action, road and traffic are options of
    --driver; an agent has its own.
    """
    from b2m_agents.drivers.drivers import rollout_spec_of
    from b2m_agents.videos.video import VideoSettings, record_video
    from b2m_envs.scenes.scenarios import SCENARIOS

    view = scene_settings(camera, height, width, colour, None, action)
    traffic = traffic_options.traffic_settings(
        lanes, vehicles, density, duration, policy_frequency, simulation_frequency, others
    )
    settings = VideoSettings(n_episodes=episodes, seed=seed, speed=speed, device=device)
    if driver is None:
        if who in SCENARIOS:
            raise typer.BadParameter(f"--driver: expected one for the scenario {who}, came none")
        refuse_options(view, "an agent, which sees as it was trained")
        beside = "an agent, which drives where it was trained"
        refuse_option("set", ", ".join(others) if others else None, beside)
        refuse_options(traffic, beside, traffic_options.SPELT_SCENE)
        video = record_video(who, out or Path(who) / "video.mp4", settings)
    else:
        if who not in SCENARIOS:
            raise typer.BadParameter(f"--driver: expected a scenario beside it, came {who}")
        drive = rollout_spec_of(who, driver, view | traffic)
        video = record_video(drive, out or Path("runs") / f"{who}-{driver}.mp4", settings)
    typer.echo(f"video: {video}")
    if driver is None:
        say_next("b2m-drive record SCENARIO --driver highway_env", "shows its driver model there")
    else:
        say_next(f"b2m-drive train-agent {who} --observation state", "trains an agent there")
