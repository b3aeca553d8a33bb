"""Files as those of the data set ``sternberg_maintenance``, of made-up units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FIELDS = ("patient_id", "unit_id", "time_field", "firing_rates", "trial_correctness",
          "brain_region", "trial_imageIDs", "trial_load", "trial_RT",
          "trial_probe_in_out")  # fmt: skip


def made_table(n_trials: int = 60, seed: int = 0) -> dict[str, np.ndarray]:
    """Loads 1 to 3 of five pictures in turn, as the files hold them."""
    generator = np.random.default_rng(seed)
    load = np.arange(n_trials) % 3 + 1
    ids = np.stack([generator.permutation(5)[:3] + 1 for _ in range(n_trials)])
    ids[np.arange(3) >= load[:, None]] = 0
    return {
        "trial_imageIDs": ids.astype(np.uint8),
        "trial_load": load[:, None].astype(np.uint8),
        "trial_probe_in_out": (np.arange(n_trials) % 2)[:, None].astype(np.uint8),
        "trial_correctness": (np.arange(n_trials) % 6 > 0)[:, None].astype(np.uint8),
        "trial_RT": np.full((n_trials, 1), 0.8),
    }


def made_unit(
    patient: int, unit: int, table: dict[str, np.ndarray], signal: float = 0.0
) -> dict[str, Any]:
    """A unit that fires more while picture 1 + unit % 5 is held."""
    generator = np.random.default_rng([patient, unit])
    n_trials = len(table["trial_load"])
    held = (table["trial_imageIDs"] == 1 + unit % 5).any(1)
    rates = generator.gamma(1.0, 0.4, size=(n_trials, 25)) + signal * held[:, None]
    return {
        "patient_id": np.array([[patient]], np.int32),
        "unit_id": np.array([[unit]], np.int32),
        "time_field": np.array([[13]], np.int32),
        "firing_rates": rates,
        "brain_region": "hippocampus_left",
        **table,
    }


def write_units(path: Path, units: list[dict[str, Any]], variable: str = "neural_data") -> Path:
    """A MATLAB 5 file with a struct array of these units."""
    from scipy.io import savemat

    array = np.empty((1, len(units)), dtype=[(name, object) for name in units[0]])
    for k, unit in enumerate(units):
        for name, value in unit.items():
            array[name][0, k] = value
    savemat(path, {variable: array})
    return path


def write_sternberg(path: Path, n_patients: int = 3, n_units: int = 4, signal: float = 0.0) -> Path:
    """Several patients, who all did the same trials."""
    table = made_table()
    units = [
        made_unit(patient, unit, table, signal)
        for patient in range(1, n_patients + 1)
        for unit in range(n_units)
    ]
    return write_units(path, units)


def as_concept_cells(unit: dict[str, Any]) -> dict[str, Any]:
    """The same unit with the fields of the other file: pictures in cells, no probe and no load."""
    kept = ("patient_id", "unit_id", "firing_rates", "trial_correctness", "brain_region")
    ids = unit["trial_imageIDs"]
    cells = np.empty(ids.shape, dtype=object)
    for place in np.ndindex(ids.shape):
        cells[place] = np.array([[ids[place]]], np.uint8)
    return {
        **{name: unit[name] for name in kept},
        "trial_imageIDs": cells,
        "preferred_image": np.array([[3]], np.uint8),
    }
