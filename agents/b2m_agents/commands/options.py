"""Options that several verbs share, and the sentences that refuse what does not go together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from b2m_agents.commands import choices

SCENE = "The scene"  # heading of options in help
Workers = Annotated[
    int, typer.Option(help="Processes, one thread each. 0: one for each core.", min=0)
]
Device = Annotated[
    str,
    typer.Option(
        help="That networks compute on: cpu, cuda, cuda:1, mps; auto: a GPU if any.",
        autocompletion=choices.complete_device,
    ),
]
Steps = Annotated[int, typer.Option(help="Training steps of each student.", min=50)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say how many students and how long; train none.")
]


def brain_option(panel: str | None = None) -> Any:
    """``--brain``, under a heading of the help."""
    return typer.Option(
        metavar=choices.shown(choices.Brain),
        help="Simulated brain. Default: ideal.",
        rich_help_panel=panel,
    )


def kind_option(panel: str | None = None) -> Any:
    """``--kind`` of a simulated brain, under a heading of the help."""
    return typer.Option(
        metavar=choices.shown(choices.BrainKind),
        help="Of the simulated brain: units (neurons; default) or eeg (32 sensors).",
        rich_help_panel=panel,
    )


def signal_option(panel: str | None = None) -> Any:
    """``--signal`` of a simulated brain, under a heading of the help."""
    return typer.Option(
        help="Share of the simulated brain's signal. Default: 1.",
        min=0,
        max=1,
        rich_help_panel=panel,
    )


def brain_seed_option(panel: str | None = None) -> Any:
    """``--brain-seed`` of a simulated brain, under a heading of the help."""
    return typer.Option(help="Seed of the simulated brain. Default: 0.", rich_help_panel=panel)


def delay_option(panel: str | None = None) -> Any:
    """``--delay`` of a brain that watches scenes, under a heading of the help."""
    return typer.Option(
        help="Seconds from a frame to the response. Default: cross-validated.",
        rich_help_panel=panel,
    )


BrainName = Annotated[choices.Brain | None, brain_option()]
Kind = Annotated[choices.BrainKind | None, kind_option()]
Signal = Annotated[float | None, signal_option()]
BrainSeed = Annotated[int | None, brain_seed_option()]
Delay = Annotated[float | None, delay_option()]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--mapping",
        metavar="FILE.toml | SECTION.NAME=VALUE",
        help="What of the recording's file was seen, and when; may be given more than once, later "
        "ones win. b2m-drive inspect proposes one.",
    ),
]
Scenario = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        help=f"{choices.SCENARIO_NAMES}.",
        autocompletion=choices.complete_scenario,
    ),
]
CameraName = Annotated[
    choices.Camera | None,
    typer.Option(
        metavar=choices.shown(choices.Camera), help="Default: birds_eye.", rich_help_panel=SCENE
    ),
]
Height = Annotated[
    int | None,
    typer.Option(help="Of a frame in pixels, 36 to 512. Default: 64.", rich_help_panel=SCENE),
]
Width = Annotated[
    int | None,
    typer.Option(help="Of a frame in pixels, 36 to 512. Default: 64.", rich_help_panel=SCENE),
]
Colour = Annotated[
    bool | None,
    typer.Option(
        "--colour/--grey", help="Channels of a frame: 3 or 1. Default: 1.", rich_help_panel=SCENE
    ),
]
Stack = Annotated[
    int | None,
    typer.Option(
        help="Frames in one observation, oldest first. Default: 2.", min=1, rich_help_panel=SCENE
    ),
]
ActionKind = Annotated[
    choices.Action | None,
    typer.Option(
        metavar=choices.shown(choices.Action),
        help="Discrete actions are lane changes, faster and slower. Default: discrete.",
        rich_help_panel=SCENE,
    ),
]
Strategies = Annotated[
    list[choices.Strategy] | None,
    typer.Option(
        metavar=choices.shown(choices.Strategy),
        help="regression (BLT) or contrastive (BCT); may be given more than once. Default: both.",
    ),
]


def refuse_without_recording(recording: Path | None, mapping: list[str] | None) -> None:
    """Refuse a mapping of no file.

    Raises:
        BadParameter: If there is a mapping, and no recording.
    """
    if recording is None and mapping is not None:
        raise typer.BadParameter("--mapping: expected --recording beside it, came none")


def n_processes(workers: int) -> int:
    """So many processes as were asked for; for 0, one for each core."""
    return workers or os.cpu_count() or 1


def given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def scene_settings(
    camera: str | None,
    height: int | None,
    width: int | None,
    colour: bool | None,
    stack: int | None,
    action: str | None,
) -> dict[str, Any]:
    """The scene's settings that were given; the rest is the scenario's own, or the agent's."""
    return given(
        camera=camera, height=height, width=width, colour=colour, n_frames=stack, action=action
    )


def refuse_option(name: str, value: object, beside: str) -> None:
    """Refuse an option that would be ignored.

    Raises:
        BadParameter: If it was given.
    """
    if value is not None:
        raise typer.BadParameter(f"--{name}: expected none of {beside}, came {value}")


def refuse_options(
    options: Mapping[str, object], beside: str, spelt: Mapping[str, str] | None = None
) -> None:
    """Refuse the first of some options that was given.

    Args:
        options: Values by their name in Python.
        beside: Whom the options would not be for.
        spelt: What an option is called, where that is not its name in Python.
    """
    for name, value in options.items():
        refuse_option((spelt or {}).get(name, name.replace("_", "-")), value, beside)


def refuse_beside_recording(**options: object) -> None:
    """A recorded brain is as it is: options of the simulated one would be silently ignored.

    Args:
        **options: Values by their name in Python.

    Raises:
        BadParameter: Names the first that was given.
    """
    for name in given(**options):
        option = f"--{name.replace('_', '-')}"
        raise typer.BadParameter(
            f"{option}: expected none beside --recording, which is a brain of its own"
        )
