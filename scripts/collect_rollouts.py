"""Collect driving scenes of several scenarios and drivers into one folder, a file each.

Kill it and call it again: it goes on where it stopped.

    python scripts/collect_rollouts.py scenes --scenario highway_fast --scenario merge --frames 4000
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from b2m_drive.students.scenes import SceneDataset


def main(
    folder: Path,
    scenario: Annotated[list[str] | None, typer.Option(help="May be given more than once.")] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="random, constant_speed, highway_env or an agent's folder; repeatable."),
    ] = None,
    frames: Annotated[int, typer.Option(help="Of each file.", min=1)] = 2000,
    seed: int = 0,
) -> None:
    """Collect every scenario with every policy."""
    for each_scenario in scenario or ["highway_fast"]:
        for each_policy in policy or ["random", "highway_env"]:
            path = folder / f"{each_scenario}-{Path(each_policy).name}.h5"
            settings = CollectSettings(
                n_frames=frames, policy=each_policy, seed=seed, n_workers=os.cpu_count() or 1
            )
            collect_scenes(each_scenario, path, settings)
            scenes = SceneDataset(path)
            print(f"{path}: {scenes.n_frames} frames in {scenes.n_episodes} episodes")


if __name__ == "__main__":
    typer.run(main)
