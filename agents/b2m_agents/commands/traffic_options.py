"""Options of the road and its traffic, of every command that drives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from b2m_agents.commands.options import SCENE, given

_WITH_OPTIONS = (
    "scenario", "camera", "height", "width", "colour", "n_frames", "action", "lanes_count",
    "vehicles_count", "vehicles_density", "duration", "policy_frequency", "simulation_frequency",
)  # fmt: skip
SPELT_SCENE = {  # options whose name is not that of the setting
    "lanes_count": "lanes",
    "n_frames": "stack",
    "vehicles_count": "vehicles",
    "vehicles_density": "density",
    "policy_frequency": "policy-hz",
    "simulation_frequency": "simulation-hz",
}

Lanes = Annotated[
    int | None,
    typer.Option(
        help="Of the road, where a scenario has this option. Default: its own.",
        rich_help_panel=SCENE,
    ),
]
Vehicles = Annotated[
    int | None,
    typer.Option(help="Others on the road. Default: the scenario's own.", rich_help_panel=SCENE),
]
Density = Annotated[
    float | None,
    typer.Option(
        help="Of the traffic; 1: highway-env's usual spacing. Default: the scenario's own.",
        rich_help_panel=SCENE,
    ),
]
Duration = Annotated[
    float | None,
    typer.Option(
        help="Seconds of an episode, at most. Default: the scenario's own.", rich_help_panel=SCENE
    ),
]
PolicyFrequency = Annotated[
    float | None,
    typer.Option(
        "--policy-hz",
        help="Actions a second. Default: the scenario's own, mostly 1.",
        rich_help_panel=SCENE,
    ),
]
SimulationFrequency = Annotated[
    int | None,
    typer.Option(
        "--simulation-hz",
        help="Steps of the simulation a second. Default: the scenario's own, mostly 15.",
        rich_help_panel=SCENE,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any other setting of the scene, such as perception=100, lateral=false or "
        "target_speeds=20,25,30; may be given more than once.",
        rich_help_panel=SCENE,
    ),
]


def traffic_settings(
    lanes: int | None,
    vehicles: int | None,
    density: float | None,
    duration: float | None,
    policy_frequency: float | None,
    simulation_frequency: int | None,
    others: list[str] | None,
    with_options: Sequence[str] = (),
) -> dict[str, Any]:
    """The settings of road, traffic and clock that were given, and any others.

    Args:
        lanes: Given by its option, as the next ones.
        vehicles: Beside the ego vehicle.
        density: Of the traffic.
        duration: [s].
        policy_frequency: [Hz].
        simulation_frequency: [Hz].
        others: Texts NAME=VALUE.
        with_options: Further settings that have an option of their own.

    Raises:
        BadParameter: If a named value cannot be read, or names a setting with an option of its own.
    """
    settings = given(
        lanes_count=lanes,
        vehicles_count=vehicles,
        vehicles_density=density,
        duration=duration,
        policy_frequency=policy_frequency,
        simulation_frequency=simulation_frequency,
    )
    named = {} if others is None else named_values("set", others)
    for name in named:
        if name in (*_WITH_OPTIONS, *with_options):
            option = "--" + SPELT_SCENE.get(name, name.replace("_", "-"))
            place = "the argument SCENARIO" if name == "scenario" else option
            raise typer.BadParameter(f"--set: expected {place} in its place, came {name}")
    return settings | named


def named_values(option: str, given_texts: list[str]) -> dict[str, Any]:
    """Values by name, as JSON, a list with commas, or text where it is neither.

    Raises:
        BadParameter: For a text without a name, or a name that comes twice.
    """
    values: dict[str, Any] = {}
    for text in given_texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"--{option}: expected NAME=VALUE, came {text!r}")
        if name in values:
            raise typer.BadParameter(f"--{option}: expected each name once, came {name!r} again")
        values[name] = _plain(value)
    return values


def _plain(text: str) -> Any:
    """JSON, a list of what stands between commas, or the text where it is neither."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        parts = [] if text.startswith(("[", "{", '"')) else text.split(",")
        return [_plain(part) for part in parts] if len(parts) > 1 else text
