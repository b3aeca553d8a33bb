"""How rewards trade return against crashes: agents that learnt from each, and the driver model.

python scripts/return_and_crashes.py FOLDER [--scenario NAME] [--seeds N] [--steps N]

Each agent learns from one reward, from the state, and is scored on the same held-out episodes by
highway-env's own return and by its crashes. FOLDER holds all agents; a killed run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from agent_variants import Variant, compare, draw

from b2m_agents.learning.agent_settings import settings_for

REWARDS: Mapping[str, Mapping[str, Any]] = {
    "highway-env's": {"reward": "highway_env"},
    **{
        f"crash {weight}": {"reward": {"collision_reward": weight, "normalize_reward": False}}
        for weight in (-1, -5, -15, -50)
    },
    "safe": {"reward": "safe"},
}


def main(
    folder: Path,
    scenario: str = "highway_fast",
    seeds: Annotated[int, typer.Option(min=2)] = 3,
    steps: Annotated[int, typer.Option(min=1)] = 200_000,
    episodes: Annotated[int, typer.Option(min=1)] = 100,
    workers: Annotated[int, typer.Option(min=1)] = 1,
    picture: Path = Path("docs/return_and_crashes.png"),
) -> None:
    """Train, score, print the table and draw the picture."""
    settings = settings_for(scenario, observation="state", n_steps=steps)
    variants = {name: Variant(settings, environment) for name, environment in REWARDS.items()}
    found, model = compare(folder, scenario, variants, seeds, episodes, workers)
    title = f"{scenario}: what an agent learns from, and how it then drives"
    draw(found, model, picture, title, "learnt from")


if __name__ == "__main__":
    typer.run(main)
