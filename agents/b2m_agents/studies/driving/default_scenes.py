"""The scenes that the driving study collects when it is given none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

# A strip of road, 80 m long and 50 m wide, at 1.25 m a pixel: small enough to train a hundred
# encoders on two cores, and wide enough for the lanes of a highway.
VIEW: dict[str, Any] = {"height": 64, "width": 40, "view_length": 80.0, "vehicle_mask": True}
SPARE = 1.35  # frames collected for each that teaches: a fifth of the episodes is held out


_MARGIN = 100  # frames: the episodes held out are a fifth of all, not their frames


@dataclass(frozen=True)
class DefaultScenes:
    """What to collect: enough for a number of teaching frames."""

    scenario: str = "highway_fast"
    policy: str = "random"
    n_teaching: int = 4000
    seed: int = 0
    camera: str = "birds_eye"
    view_length: float = VIEW["view_length"]  # [m] along the picture's height

    @property
    def path(self) -> Path:
        """Under the runs, so that comparisons of one version share one collection."""
        name = f"{self.scenario}-{self.policy}-{self.camera}-{self.n_teaching}-seed-{self.seed}"
        if self.view_length != VIEW["view_length"]:
            name += f"-{self.view_length:g}-m"
        return Path("runs") / "scenes" / f"{name}-{version('b2m-drive')}.h5"

    @property
    def environment(self) -> dict[str, Any]:
        """Fields of `SceneSettings` that the scenes have."""
        return {**VIEW, "camera": self.camera, "view_length": self.view_length}

    def collect(self, n_workers: int, progress: bool = True) -> Path:
        """Collect them, or take those that are there."""
        from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes  # extra: envs

        return collect_scenes(
            self.scenario,
            self.path,
            CollectSettings(
                n_frames=math.ceil(SPARE * self.n_teaching) + _MARGIN,
                policy=self.policy,
                seed=self.seed,
                environment=self.environment,
                n_workers=n_workers,
            ),
            progress,
        )
