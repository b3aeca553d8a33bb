"""What an agent sees, and how it then drives: latents of an encoder, pixels, the state.

python scripts/latents_pixels_state.py FOLDER --encoder NAME=FOLDER [--encoder NAME=FOLDER ...]

All learn from the same reward for the same number of steps, from one seed after another, and are
scored on the same held-out episodes, at highway-env's target speeds. FOLDER holds all agents; a
killed run goes on. Encoders are those of `scripts/train_encoder.py` for the same scenario, or of
`b2m-drive compare driving`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from agent_variants import Variant, compare, draw

from b2m_agents.learning.agent_settings import settings_for
from b2m_envs.scenes.scenarios import SCENARIOS


def main(
    folder: Path,
    encoder: Annotated[list[str], typer.Option(help="NAME=FOLDER; may be given more than once")],
    scenario: str = "highway",
    reward: str = "safe",
    seeds: Annotated[int, typer.Option(min=2)] = 5,
    steps: Annotated[int, typer.Option(min=1)] = 300_000,
    episodes: Annotated[int, typer.Option(min=1)] = 100,
    workers: Annotated[int, typer.Option(min=1)] = 1,
    picture: Path = Path("docs/latents_pixels_state.png"),
) -> None:
    """Train, score, print the table and draw the picture."""
    environment = {"reward": reward, "target_speeds": SCENARIOS[scenario].target_speeds or None}
    variants = {}
    for each in ("state", "pixels"):
        settings = settings_for(scenario, observation=each, n_steps=steps)
        variants[each] = Variant(settings, environment)
    for name, _, at in (each.partition("=") for each in encoder):
        if not at:
            raise typer.BadParameter(f"expected NAME=FOLDER, came {name}", param_hint="--encoder")
        settings = settings_for(scenario, observation="latents", n_steps=steps)
        variants[f"latents {name}"] = Variant(settings, environment, Path(at))
    found, model = compare(folder, scenario, variants, seeds, episodes, workers)
    title = f"{scenario}: what an agent sees, and how it then drives"
    draw(found, model, picture, title, "sees")


if __name__ == "__main__":
    typer.run(main)
