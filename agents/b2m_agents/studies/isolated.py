"""The isolated students' settings, chosen on their own validation scores and frozen in files.

``scripts/tune_isolated.py`` and ``scripts/tune_isolated_driving.py`` chose them, with seeds that
no comparison reports.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from b2m_drive.students.decision_rnn import Cell, DecisionRNNSettings
from b2m_drive.students.leaky_rnn import RecurrentStart

DRIVING_SETTINGS_FILE = "b2m_agents/studies/isolated_driving.json"


@dataclass(frozen=True)
class IsolatedSettings:
    """What was tuned for a recurrent student alone; every taught student has the same.

    What another cell has is `None` and stays at its default.
    """

    hidden_size: int
    learning_rate: float
    input_gain: float
    cell: Cell = "gru"
    update_gate_bias: float | None = None  # GRU
    forget_gate_bias: float | None = None  # LSTM
    tau: float | None = None  # leaky [s]
    recurrent_gain: float | None = None  # leaky
    recurrent_start: RecurrentStart | None = None  # leaky

    def rnn_settings(self, observation_size: int, time_step: float) -> DecisionRNNSettings:
        """The student's settings in a task.

        Args:
            observation_size: Of the task.
            time_step: Of the task [s]; only a leaky student asks for it.

        Raises:
            ValueError: If a setting does not fit the cell, or the time step is above tau.
        """
        settings = asdict(self)
        del settings["learning_rate"]
        if self.cell == "leaky":
            settings["time_step"] = time_step
        present = {name: value for name, value in settings.items() if value is not None}
        return DecisionRNNSettings(observation_size, **present)


@dataclass(frozen=True)
class IsolatedEncoder:
    """What was tuned for the scene encoder alone; every taught student has the same."""

    latent_size: int
    learning_rate: float
    beta: float
    widths: tuple[int, ...]  # channels of the encoder's layers


def settings_file(cell: str) -> str:
    """Where a cell's settings lie, for a report to name.

    Raises:
        ValueError: If there is no such cell.
    """
    if cell not in get_args(Cell):
        raise ValueError(f"cell: expected one of {', '.join(get_args(Cell))}, came {cell!r}")
    return f"b2m_agents/studies/isolated_memory_{cell}.json"


def frozen_settings(cell: str = "gru") -> IsolatedSettings:
    """A recurrent student's settings, from the file in this package.

    Raises:
        ValueError: If there is no such cell.
    """
    return IsolatedSettings(**_chosen(Path(settings_file(cell)).name))


def frozen_encoder() -> IsolatedEncoder:
    """The scene encoder's settings, from the file in this package."""
    entries = _chosen("isolated_driving.json")
    return IsolatedEncoder(**{**entries, "widths": tuple(entries["widths"])})


def _chosen(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(files(__package__).joinpath(name).read_text())["settings"]
    return settings
