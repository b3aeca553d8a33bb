from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path

import pytest
import torch

from b2m_agents.studies.isolated import (
    DRIVING_SETTINGS_FILE,
    frozen_encoder,
    frozen_settings,
    settings_file,
)
from b2m_drive.students.decision_rnn import DecisionRNN

CELLS = ("gru", "lstm", "leaky")


@pytest.mark.parametrize("cell", CELLS)
def test_the_frozen_settings_are_the_best_of_a_grid_on_seeds_never_reported(cell: str) -> None:
    path = files("b2m_agents.studies").joinpath(Path(settings_file(cell)).name)
    entries = json.loads(path.read_text())
    best = max(entries["grid"], key=lambda row: row["area"])
    assert entries["settings"] == {
        name: value for name, value in best.items() if name not in ("area", "last")
    }
    assert min(entries["seeds"]) >= 1000
    rates = sorted({row["learning_rate"] for row in entries["grid"]})
    assert entries["settings"]["learning_rate"] in rates[1:-1]  # inside the grid, not at its edge


def test_the_frozen_encoder_has_the_fewest_latents_of_those_near_the_best_of_its_grid() -> None:
    path = files("b2m_agents.studies").joinpath(Path(DRIVING_SETTINGS_FILE).name)
    entries = json.loads(path.read_text())
    best = max(row["state_r2"] for row in entries["grid"])
    good = [row for row in entries["grid"] if row["state_r2"] >= best - 0.02]  # `AS_GOOD`
    chosen = asdict(frozen_encoder())
    assert {**chosen, "widths": list(chosen["widths"])} == entries["settings"]
    assert entries["settings"] in [
        {name: row[name] for name in entries["settings"]} for row in good
    ]
    assert chosen["latent_size"] == min(row["latent_size"] for row in good)
    assert min(entries["seeds"]) >= 1000


@pytest.mark.parametrize("cell", CELLS)
def test_the_frozen_settings_make_a_student_of_their_cell(cell: str) -> None:
    settings = frozen_settings(cell).rnn_settings(5, 0.1)
    assert settings.cell == cell
    assert settings.observation_size == 5
    assert settings.time_step == (0.1 if cell == "leaky" else None)
    student = DecisionRNN(settings, torch.Generator().manual_seed(0))
    assert student(torch.zeros(2, 4, 5)).hidden.shape == (2, 4, settings.hidden_size)


def test_the_students_of_before_have_the_settings_of_before() -> None:
    frozen = frozen_settings()
    came = (frozen.hidden_size, frozen.learning_rate, frozen.update_gate_bias, frozen.input_gain)
    assert came == (64, 0.006, 3.0, 24.0)


def test_settings_of_another_cell_and_unknown_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="cell: expected one of gru, lstm, leaky, came 'elman'"):
        frozen_settings("elman")
    with pytest.raises(ValueError, match=r"tau: .* only 'leaky' has it"):
        replace(frozen_settings(), tau=0.5).rnn_settings(5, 0.1)
