"""Options of trainings that drive: what is observed, the traffic, and how it is learnt."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import SCENE, given

_TRAINING = "Training"
_WITH_OPTIONS = (
    "scenario", "camera", "height", "width", "colour", "n_frames", "action", "lanes_count",
    "vehicles_count", "vehicles_density", "duration", "policy_frequency", "simulation_frequency",
    "reward",
)  # fmt: skip
SPELT = {  # options whose name is not that of the setting
    "lanes_count": "lanes",
    "n_frames": "stack",
    "vehicles_count": "vehicles",
    "vehicles_density": "density",
    "policy_frequency": "policy-hz",
    "simulation_frequency": "simulation-hz",
    "entropy_weight": "entropy",
    "hidden_sizes": "hidden",
    "observation_options": "observe",
}

Observe = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A setting of an observation of the traffic, such as vehicles_count=10, "
        "absolute=true or features=x,y,vx,vy; may be given more than once.",
        rich_help_panel="What the driver sees",
    ),
]
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
Reward = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        autocompletion=choices.complete_reward,
        help="What is learnt from: highway_env, safe, progress, goal, in_time or keep_lane; a "
        "function of your own as MODULE:FUNCTION; or highway-env's weights and switches, such as "
        "collision_reward=-5, given more than once. Default: by scenario, one by which agents "
        "learn not to crash; beside --watched highway_env. evaluate-agent counts highway-env's own "
        "reward, whatever an agent learnt from.",
        rich_help_panel=_TRAINING,
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
LearningRate = Annotated[
    float | None,
    typer.Option(help="Default: 0.0005; of her 0.001.", min=0, rich_help_panel=_TRAINING),
]
LearningRateEnd = Annotated[
    float | None,
    typer.Option(
        help="To which the learning rate falls in a straight line, checkpoint by checkpoint. "
        "Default: it stays.",
        min=0,
        rich_help_panel=_TRAINING,
    ),
]
Discount = Annotated[
    float | None,
    typer.Option(
        help="Of a step. Default: by algorithm and scenario, 0.95 to 0.99.",
        min=0,
        max=1,
        rich_help_panel=_TRAINING,
    ),
]
Entropy = Annotated[
    float | None,
    typer.Option(
        help="Weight of the policy's entropy in the loss of ppo and recurrent_ppo: the larger, the "
        "more it tries. Default: by scenario, mostly 0.002.",
        min=0,
        rich_help_panel=_TRAINING,
    ),
]
Hidden = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...",
        help="Widths of the policy's layers. Default: mostly 128,128; behind an LSTM 128; of her "
        "256,256,256.",
        rich_help_panel=_TRAINING,
    ),
]
LstmSize = Annotated[
    int | None,
    typer.Option(
        help="Units of the LSTM by which recurrent_ppo remembers. Default: 128.",
        min=1,
        rich_help_panel=_TRAINING,
    ),
]


def traffic_settings(
    lanes: int | None,
    vehicles: int | None,
    density: float | None,
    duration: float | None,
    policy_frequency: float | None,
    simulation_frequency: int | None,
    reward: list[str] | None,
    others: list[str] | None,
) -> dict[str, Any]:
    """The settings of road, traffic, clock and reward that were given, and any others.

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
        reward=None if reward is None else chosen_reward(reward),
    )
    named = {} if others is None else named_values("set", others)
    for name in named:
        if name in _WITH_OPTIONS:
            option = "--" + SPELT.get(name, name.replace("_", "-"))
            place = "the argument SCENARIO" if name == "scenario" else option
            raise typer.BadParameter(f"--set: expected {place} in its place, came {name}")
    return settings | named


def chosen_reward(texts: list[str]) -> str | dict[str, Any]:
    """A reward's name, or its settings by name.

    Raises:
        BadParameter: For a name beside anything else.
    """
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    for text in texts:
        if "=" not in text:
            raise typer.BadParameter(f"--reward: expected {text!r} alone, or settings NAME=VALUE")
    return named_values("reward", texts)


def learning_settings(
    learning_rate: float | None,
    learning_rate_end: float | None,
    discount: float | None,
    entropy: float | None,
    hidden: str | None,
    observe: list[str] | None,
    lstm_size: int | None = None,
) -> dict[str, Any]:
    """The settings of algorithm and observation that were given.

    Raises:
        BadParameter: If widths or a named value cannot be read.
    """
    return given(
        learning_rate=learning_rate,
        learning_rate_end=learning_rate_end,
        discount=discount,
        entropy_weight=entropy,
        hidden_sizes=None if hidden is None else _widths(hidden),
        lstm_size=lstm_size,
        observation_options=None if observe is None else named_values("observe", observe),
    )


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


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"--hidden: expected whole numbers with commas, such as 256,256, came {text!r}"
        ) from None
