"""``b2m-drive train-agent``: a driver, or an agent that remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from b2m_agents.commands import choices, learning_options, teaching_options, traffic_options
from b2m_agents.commands.options import (
    ActionKind,
    CameraName,
    Colour,
    Device,
    Height,
    Mapped,
    Stack,
    Width,
    given,
    refuse_option,
    refuse_options,
    scene_settings,
)

# Headings of options in help.
_SEES, _TRAINING, _LOG, _TRIALS = "What the driver sees", "Training", "Log", "Memory tasks"


def train_agent(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO",
            help=f"{choices.SCENARIO_NAMES}; or a memory task: "
            f"{', '.join(choices.TRIAL_TASKS[:-1])} or {choices.TRIAL_TASKS[-1]}.",
            autocompletion=choices.complete_scenario_or_task,
        ),
    ],
    encoder: Annotated[
        Path | None,
        typer.Option(
            help="For latents: folder of a SceneVAE of such scenes. `b2m-drive compare driving` "
            "writes some, such as encoders/seed-0/alone in its folder.",
            rich_help_panel=_SEES,
        ),
    ] = None,
    observation: Annotated[
        choices.Observation | None,
        typer.Option(
            metavar=choices.shown(choices.Observation),
            help="What the driver sees: latents of a frozen encoder; pixels, with a "
            "network of its own; state, 14 numbers that no picture needs; or an observation of "
            "the traffic or the goal. Default: latents beside --encoder, else what is usual in "
            "the scenario.",
            rich_help_panel=_SEES,
        ),
    ] = None,
    algorithm: Annotated[
        choices.Algorithm | None,
        typer.Option(
            metavar=choices.shown(choices.Algorithm),
            help="ppo (default), for any action; recurrent_ppo, the same with a memory of its "
            "episode (LSTM); dqn, for discrete; sac, for continuous ones; her, sac that learns "
            "from goals it reached unwanted, too (parking).",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    latent_stack: Annotated[
        int | None,
        typer.Option(
            help="Latents in one observation, oldest first. Default: 1.",
            min=1,
            rich_help_panel=_SEES,
        ),
    ] = None,
    speed: Annotated[
        bool | None,
        typer.Option(
            "--speed/--no-speed",
            help="Put its speed beside the latents. Default: no.",
            rich_help_panel=_SEES,
        ),
    ] = None,
    observe: learning_options.Observe = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the agent. Default: runs/agent-SCENARIO.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of training. Default: some minutes' worth, by scenario, observation and "
            "algorithm (highway by PPO: 600000 of latents or the state, 300000 of "
            "pixels; dqn and sac learn from step 4096 on, dqn explores over 60000); 786432 of "
            "trials.",
            min=1,
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, traffic and exploration.", min=0)] = 0,
    environments: Annotated[
        int | None,
        typer.Option(
            help="Side by side. Default: by scenario and algorithm, mostly 64, or 4 where "
            "highway-env simulates; 128 of trials.",
            min=1,
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            help="Steps between checkpoints. Default: by scenario and algorithm, mostly 40960 of "
            "PPO, 10240 of the others; 98304 of trials.",
            min=1,
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(
            help="Steps between evaluations, which keep the best agent in FOLDER/best; their "
            "episodes are neither of the training nor of evaluate-agent. 0: none. Default: as "
            "checkpoints.",
            min=0,
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    learning_rate: learning_options.LearningRate = None,
    learning_rate_end: learning_options.LearningRateEnd = None,
    discount: learning_options.Discount = None,
    entropy: learning_options.Entropy = None,
    hidden: learning_options.Hidden = None,
    lstm_size: learning_options.LstmSize = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Stop after so many evaluations without a better one. Default: never.",
            min=1,
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    tensorboard: Annotated[
        bool | None,
        typer.Option(
            "--tensorboard/--no-tensorboard",
            rich_help_panel=_LOG,
            help="Write what `tensorboard --logdir FOLDER` shows. Default: yes.",
        ),
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
    items: Annotated[
        int | None,
        typer.Option(help="Of a memory task's trials. Default: 2.", min=1, rich_help_panel=_TRIALS),
    ] = None,
    maintenance: Annotated[
        float | None,
        typer.Option(
            help="Of a memory task, in seconds. Default: 0.5.", min=0, rich_help_panel=_TRIALS
        ),
    ] = None,
    watched: teaching_options.Watched = None,
    recording: teaching_options.Recording = None,
    mapping: Mapped = None,
    brain: teaching_options.Brain = None,
    kind: teaching_options.Kind = None,
    signal: teaching_options.Signal = None,
    brain_seed: teaching_options.BrainSeed = None,
    delay: teaching_options.Delay = None,
    latents: teaching_options.Latents = None,
    strategy: teaching_options.Strategy = None,
    weight: teaching_options.Weight = None,
    weight_ends: teaching_options.WeightEnds = None,
    control: teaching_options.Control = None,
    device: Device = "cpu",
) -> None:
    """Train a driver on what it sees of the road; or an agent (recurrent PPO) to remember.

    Mostly a few minutes on two cores; highway, roundabout, exit and her take ten to twenty. Kill it
    and call it again: it goes on from its last checkpoint, with its step count and replay buffer.

    The encoders of compare driving bring their own view of the scene; for others the camera's
    settings must be those of the scenes that they learnt from. Racetracks are steered
    (continuous actions) unless --action says otherwise. The highway's target speeds are 15, 20, 25
    and 30 m/s unless --set target_speeds=20,25,30 says otherwise.
    """
    from b2m_agents.learning.folder_names import BEST_FOLDER
    from b2m_agents.memory.memory_agent import TASKS

    out = out or Path("runs") / f"agent-{scenario}"
    training = given(
        n_steps=steps, n_environments=environments, checkpoint_every=checkpoint_every, seed=seed
    )
    driven = given(
        observation=observation,
        algorithm=algorithm,
        stack=latent_stack,
        speed=speed,
        evaluate_every=evaluate_every,
        patience=patience,
        tensorboard=tensorboard,
    ) | learning_options.learning_settings(
        learning_rate, learning_rate_end, discount, entropy, hidden, observe, lstm_size
    )
    view = scene_settings(camera, height, width, colour, stack, action)
    traffic = traffic_options.traffic_settings(
        lanes, vehicles, density, duration, policy_frequency, simulation_frequency, others,
        with_options=("reward",),
    ) | learning_options.reward_settings(reward)  # fmt: skip
    of_trials = given(n_items=items, maintenance=maintenance)
    teaching = teaching_options.TeachingOptions(
        watched, recording, mapping, brain, kind, signal, brain_seed, delay, latents, strategy,
        weight, weight_ends, control,
    )  # fmt: skip
    if scenario in TASKS:
        refuse_option("encoder", encoder, "a memory task, which has no scenes")
        refuse_options(view, "a memory task", {"n_frames": "stack"})
        refuse_options(traffic, "a memory task", learning_options.SPELT)
        refuse_options(driven, "a memory task", {"stack": "latent-stack"} | learning_options.SPELT)
        teaching.refuse_beside("a memory task")
        folder = _train_to_remember(scenario, out, {**training, **of_trials}, device)
    else:
        refuse_options(of_trials, "an agent that drives", {"n_items": "items"})
        chosen = {**training, **driven}
        teaching.check(view, chosen)
        world = view | traffic
        folder = _train_to_drive(scenario, encoder, out, chosen, world, device, teaching)
    typer.echo(f"agent: {folder}\nnow: b2m-drive evaluate-agent {folder}")
    if (folder / BEST_FOLDER).is_dir():
        typer.echo(f"its best by the evaluations of the training: {folder / BEST_FOLDER}")


def _train_to_remember(task: str, out: Path, chosen: dict[str, Any], device: str) -> Path:
    from b2m_agents.memory.memory_agent import MemoryAgentSettings
    from b2m_agents.memory.memory_training import train_memory_agent

    return train_memory_agent(MemoryAgentSettings(task=task, **chosen), out, device=device)


def _train_to_drive(
    scenario: str,
    encoder: Path | None,
    out: Path,
    chosen: dict[str, Any],
    world: dict[str, Any],
    device: str,
    teaching: teaching_options.TeachingOptions,
) -> Path:
    from b2m_agents.learning.agent_settings import settings_for
    from b2m_agents.learning.training import train_agent
    from b2m_agents.learning.usual_agents import with_usual

    if teaching.watched is not None:
        chosen = {"observation": "pixels"} | chosen
    if encoder is None and "observation" not in chosen:
        chosen = with_usual(scenario, chosen)
    if encoder is None and chosen["observation"] == "latents":
        raise typer.BadParameter(
            "--encoder: expected one for an agent that sees latents; `b2m-drive compare "
            "driving` writes encoders (runs/driving-NAME/encoders/seed-0/alone), and "
            "--observation pixels, state or kinematics needs none"
        )
    settings = settings_for(scenario, **chosen)
    teacher = teaching.teacher(settings.seed)
    return train_agent(scenario, encoder, out, settings, world, device=device, teacher=teacher)
