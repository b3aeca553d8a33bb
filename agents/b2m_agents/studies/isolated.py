"""The isolated student's settings, chosen on its own validation score and frozen in a file.

``scripts/tune_isolated.py`` chose them, with seeds that no comparison reports.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files

SETTINGS_FILE = "b2m_agents/studies/isolated_memory.json"


@dataclass(frozen=True)
class IsolatedSettings:
    """What was tuned for the student alone; every taught student has the same."""

    hidden_size: int
    learning_rate: float
    update_gate_bias: float
    input_gain: float


def frozen_settings() -> IsolatedSettings:
    """Read the settings from the file in this package."""
    entries = json.loads(files(__package__).joinpath("isolated_memory.json").read_text())
    return IsolatedSettings(**entries["settings"])
