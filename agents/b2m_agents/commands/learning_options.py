"""Options of trainings that drive: what is observed, and how it is learnt."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from b2m_agents.commands import choices
from b2m_agents.commands.options import given
from b2m_agents.commands.traffic_options import SPELT_SCENE, named_values

_TRAINING = "Training"
SPELT = {  # options whose name is not that of the setting
    **SPELT_SCENE,
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


def reward_settings(reward: list[str] | None) -> dict[str, Any]:
    """The reward that was given, as a setting of the scene.

    Raises:
        BadParameter: For a name beside anything else, or a value that cannot be read.
    """
    return {} if reward is None else {"reward": chosen_reward(reward)}


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


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"--hidden: expected whole numbers with commas, such as 256,256, came {text!r}"
        ) from None
