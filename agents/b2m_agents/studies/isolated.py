"""The isolated students' settings, chosen on their own validation scores and frozen in files.

``scripts/tune_isolated.py`` and ``scripts/tune_isolated_driving.py`` chose them, with seeds that
no comparison reports.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

SETTINGS_FILE = "b2m_agents/studies/isolated_memory.json"
DRIVING_SETTINGS_FILE = "b2m_agents/studies/isolated_driving.json"


@dataclass(frozen=True)
class IsolatedSettings:
    """What was tuned for the recurrent student alone; every taught student has the same."""

    hidden_size: int
    learning_rate: float
    update_gate_bias: float
    input_gain: float


@dataclass(frozen=True)
class IsolatedEncoder:
    """What was tuned for the scene encoder alone; every taught student has the same."""

    latent_size: int
    learning_rate: float
    beta: float
    widths: tuple[int, ...]  # channels of the encoder's layers


def frozen_settings() -> IsolatedSettings:
    """The recurrent student's settings, from the file in this package."""
    return IsolatedSettings(**_chosen("isolated_memory.json"))


def frozen_encoder() -> IsolatedEncoder:
    """The scene encoder's settings, from the file in this package."""
    entries = _chosen("isolated_driving.json")
    return IsolatedEncoder(**{**entries, "widths": tuple(entries["widths"])})


def _chosen(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(files(__package__).joinpath(name).read_text())["settings"]
    return settings
