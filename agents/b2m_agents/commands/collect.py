"""``b2m-drive collect`` and ``export-minari``: driving scenes in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.commands import choices, traffic_options
from b2m_agents.commands.options import (
    SCENE,
    ActionKind,
    CameraName,
    Colour,
    Device,
    Height,
    Scenario,
    Stack,
    Width,
    given,
    scene_settings,
)
from b2m_agents.commands.printing import quoted, say_next
from b2m_agents.commands.where import HERE, runs_anywhere
from b2m_drive.executors.chosen import Execution


@runs_anywhere
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
            "folder of a trained agent.",
            autocompletion=choices.complete_driver,
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
    view_length: Annotated[
        float | None,
        typer.Option(
            help="Metres of road along the height of a bird's-eye frame. Default: 64.",
            rich_help_panel=SCENE,
        ),
    ] = None,
    lanes: traffic_options.Lanes = None,
    vehicles: traffic_options.Vehicles = None,
    density: traffic_options.Density = None,
    duration: traffic_options.Duration = None,
    policy_frequency: traffic_options.PolicyFrequency = None,
    simulation_frequency: traffic_options.SimulationFrequency = None,
    others: traffic_options.Set = None,
    vehicle_mask: Annotated[
        bool, typer.Option("--vehicle-mask", help="Keep the pixels of other vehicles, too.")
    ] = False,
    device: Device = "cpu",
    where: Execution = HERE,
) -> None:
    """Collect driving scenes: frames, states, actions, rewards, in one HDF5 file.

    Every episode is written whole. Kill it and call it again: it goes on where it stopped, and
    the file holds the same scenes as if it had not been killed.
    """
    from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
    from b2m_drive.students.scenes import SceneDataset

    n_frames = frames if frames is not None or episodes is not None else 2000
    environment = scene_settings(camera, height, width, colour, stack, action)
    environment |= given(view_length=view_length) | traffic_options.traffic_settings(
        lanes, vehicles, density, duration, policy_frequency, simulation_frequency, others,
        with_options=("view_length", "vehicle_mask"),
    )  # fmt: skip
    settings = CollectSettings(
        n_frames=n_frames,
        n_episodes=episodes,
        policy=policy,
        seed=seed,
        environment=environment | ({"vehicle_mask": True} if vehicle_mask else {}),
        n_workers=where.n_workers,
        device=device,
    )
    path = out or Path("scenes") / f"{scenario}-{Path(policy).name}.h5"
    with where.opened(path.parent) as executor:
        collect_scenes(scenario, path, settings, executor=executor, tries=where.tries)
    scenes = SceneDataset(path)
    typer.echo(
        f"{path}: {scenes.n_frames} frames of {scenes.frame_shape} in {scenes.n_episodes} episodes"
    )
    if vehicle_mask:
        say_next(f"b2m-drive compare driving --scenes {quoted(path)} --dry-run", "teaches encoders")
    else:
        say_next(f"b2m-drive export-minari {quoted(path)}", "for Minari; or read it in Python")


def export_minari(
    scenes: Annotated[Path, typer.Argument(help="File that collect wrote.")],
    name: Annotated[
        str | None,
        typer.Option(help="Minari's dataset id. Default: b2m/SCENARIO/FILE-v0."),
    ] = None,
) -> None:
    """Export collected scenes to Minari, Farama's format, without loss.

    Minari puts it under MINARI_DATASETS_PATH, or in ~/.minari/datasets.
    """
    from b2m_agents.drivers.minari_export import export_minari as export
    from b2m_drive.students.scenes import SceneDataset

    dataset = SceneDataset(scenes)
    dataset_id = name or f"b2m/{dataset.header.scenario}/{scenes.stem}-v0"
    folder = export(dataset, dataset_id, progress=True)
    typer.echo(f'{folder}\nread it with minari.load_dataset("{dataset_id}")')
