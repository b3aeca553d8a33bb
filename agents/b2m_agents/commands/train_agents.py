"""``b2m-drive train-agents``: many agents alike, seeds by scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands import choices, learning_options, traffic_options
from b2m_agents.commands.options import (
    ActionKind,
    CameraName,
    Colour,
    Device,
    Height,
    Stack,
    Width,
    given,
    scene_settings,
)
from b2m_agents.commands.printing import quoted, say_next
from b2m_agents.commands.running import has_run
from b2m_agents.commands.where import HERE, runs_anywhere
from b2m_drive.executors.chosen import Execution


@runs_anywhere
def train_agents(
    scenario: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO...",
            help=f"One or more of {choices.SCENARIO_NAMES}.",
            autocompletion=choices.complete_scenario,
        ),
    ],
    seeds: Annotated[int, typer.Option(help="Agents of each scenario.", min=2)] = 5,
    first_seed: Annotated[int, typer.Option(help="The others follow.", min=0)] = 0,
    observation: Annotated[
        choices.Observation | None,
        typer.Option(
            metavar=choices.shown(choices.Observation),
            help="As of train-agent. Default: latents beside an encoder, else what is usual in "
            "each scenario.",
        ),
    ] = None,
    algorithm: Annotated[
        choices.Algorithm | None,
        typer.Option(metavar=choices.shown(choices.Algorithm), help="As of train-agent."),
    ] = None,
    observe: learning_options.Observe = None,
    encoder: Annotated[Path | None, typer.Option(help="Folder of one, for latents.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Of each training. Default: as of train-agent.", min=1)
    ] = None,
    learning_rate: learning_options.LearningRate = None,
    learning_rate_end: learning_options.LearningRateEnd = None,
    discount: learning_options.Discount = None,
    entropy: learning_options.Entropy = None,
    hidden: learning_options.Hidden = None,
    lstm_size: learning_options.LstmSize = None,
    episodes: Annotated[int, typer.Option(help="Held out, of each agent.", min=1)] = 30,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of all; resumes one that is there. Default: runs/agents-NAMES."),
    ] = None,
    camera: CameraName = None,
    height: Height = None,
    width: Width = None,
    colour: Colour = None,
    stack: Stack = None,
    action: ActionKind = None,
    lanes: traffic_options.Lanes = None,
    vehicles: traffic_options.Vehicles = None,
    density: traffic_options.Density = None,
    duration: traffic_options.Duration = None,
    policy_frequency: traffic_options.PolicyFrequency = None,
    simulation_frequency: traffic_options.SimulationFrequency = None,
    others: traffic_options.Set = None,
    reward: learning_options.Reward = None,
    device: Device = "cpu",
    where: Execution = HERE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many agents; train none.")
    ] = False,
) -> None:
    """Train many agents alike, several seeds in one or more scenarios, and say how well they drive.

    Each is scored on the same held-out episodes; the table has the mean over agents of each
    scenario, with its interval. An agent's folder is OUT/SCENARIO/seed-K, as train-agent writes
    one. Kill it and call it again: it goes on where it stopped.
    """
    from b2m_agents.learning.agent_settings import settings_for
    from b2m_agents.learning.usual_agents import with_usual
    from b2m_agents.studies.agents.many_trainings import AgentTrainings, summaries_text

    if encoder is None and observation == "latents":
        raise typer.BadParameter(
            "--encoder: expected one for agents that see latents; --observation pixels, state or "
            "kinematics needs none"
        )
    alone = encoder is None and observation is None
    chosen = given(
        observation=observation, algorithm=algorithm, n_steps=steps
    ) | learning_options.learning_settings(
        learning_rate, learning_rate_end, discount, entropy, hidden, observe, lstm_size
    )
    traffic = traffic_options.traffic_settings(
        lanes, vehicles, density, duration, policy_frequency, simulation_frequency, others,
        with_options=("reward",),
    ) | learning_options.reward_settings(reward)  # fmt: skip
    trainings = AgentTrainings(
        {
            name: settings_for(name, **(with_usual(name, chosen) if alone else chosen))
            for name in dict.fromkeys(scenario)
        },
        tuple(range(first_seed, first_seed + seeds)),
        scene_settings(camera, height, width, colour, stack, action) | traffic,
        encoder,
        episodes,
        device,
    )
    folder = out or Path("runs") / f"agents-{'-'.join(dict.fromkeys(scenario))}"
    if dry_run:
        trainings.check(folder)
        typer.echo(f"{len(trainings.settings) * seeds} agents into {folder}")
    elif has_run(trainings, folder, where, dry_run, "agents"):
        typer.echo(summaries_text(trainings.read(folder)))
        typer.echo(f"agents: {folder}\nscores: {folder / 'scores.csv'}")
        one = next(iter(trainings.settings))
        say_next(f"b2m-drive record {quoted(folder / one / f'seed-{first_seed}')}", "films one")
