"""Train an agent that drives, then let the best of it drive episodes that it has never seen.

Kill it and call it again: it goes on where it stopped.

    python scripts/train_agent.py runs/mine --scenario highway --observation state
    python scripts/train_agent.py runs/mine --encoder runs/driving-NAME/encoders/seed-0/alone
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from b2m_agents.drivers.drivers import drive_episodes, rewarded_alike, rollout_spec_of
from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.learning.agent_settings import settings_for
from b2m_agents.learning.training import train_agent


def main(
    folder: Path,
    scenario: str = "highway",
    observation: Annotated[str, typer.Option(help="As of b2m-drive train-agent.")] = "latents",
    algorithm: Annotated[str, typer.Option(help="ppo, dqn or sac.")] = "ppo",
    encoder: Annotated[Path | None, typer.Option(help="For latents: a SceneVAE's folder.")] = None,
    steps: Annotated[int | None, typer.Option(help="None: some minutes' worth.")] = None,
    episodes: Annotated[int, typer.Option(help="To drive at the end.", min=1)] = 20,
    seed: int = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, ..., or auto.")] = "cpu",
) -> None:
    """Train, read the best agent, drive."""
    changes = {} if steps is None else {"n_steps": steps}
    # Any field of `TrainingSettings`, or of the algorithm's settings, can be given here.
    settings = settings_for(
        scenario, observation=observation, algorithm=algorithm, seed=seed, **changes
    )
    # Any field of `SceneSettings` can be given as `environment`.
    train_agent(scenario, encoder, folder, settings, environment={}, device=device)

    # The best agent, in the world of its training; returns are highway-env's.
    best = rewarded_alike(rollout_spec_of(scenario, str(folder / "best"), {}))
    seeds = [episode_seed(seed, index, held_out=True) for index in range(episodes)]
    driven = list(drive_episodes(replace(best, device=device), seeds))
    returns = [episode.reward.sum() for episode in driven]
    crashed = np.mean([episode.crashed for episode in driven])
    print(f"return {np.mean(returns):.2f}, crashed {crashed:.0%} of {episodes} episodes")


if __name__ == "__main__":
    typer.run(main)
