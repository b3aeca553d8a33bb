"""Choose an isolated student's settings on its own validation score, and freeze them in a file.

Seeds from 1000 on, which no comparison reports. Every taught student gets the same settings, so
the student alone is the strongest baseline that this grid holds.

    python scripts/tune_isolated.py --cell lstm
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from tqdm import tqdm

import b2m_agents.studies
from b2m_agents.studies.isolated import IsolatedSettings, settings_file
from b2m_agents.studies.memory.plan import MemoryPlan, MemoryStudySettings
from b2m_agents.studies.memory.taught_group import run_job
from b2m_drive.evidence.condition import ALONE, Condition
from b2m_drive.files.writing import write_json
from b2m_drive.students.decision_rnn import Cell
from b2m_envs.memory_decision import MemoryDecisionSettings

HIDDEN_SIZE = 64
N_STEPS = {"gru": 800, "lstm": 600, "leaky": 2400}  # a leaky student is at chance after 600
SEEDS = (1000, 1001, 1002, 1003)
GRIDS: dict[str, dict[str, Iterable[Any]]] = {
    "gru": {
        "learning_rate": (0.003, 0.006, 0.012),
        "update_gate_bias": (1.0, 2.0, 3.0),
        "input_gain": (12.0, 24.0),
    },
    "lstm": {
        "learning_rate": (0.002, 0.004, 0.008),
        "forget_gate_bias": (3.0, 5.0, 7.0),
        "input_gain": (12.0, 24.0),
    },
    "leaky": {
        "learning_rate": (0.0005, 0.001, 0.0015, 0.002, 0.003),
        "tau": (0.4, 0.8, 1.6),
        "recurrent_gain": (2.0,),
        "recurrent_start": ("orthogonal",),
        "input_gain": (6.0, 12.0),
    },
}


def main() -> None:
    """Score every setting of a cell by its area under the validation curve; write the best."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cell", choices=get_args(Cell), default="gru")
    cell = parser.parse_args().cell
    torch.set_num_threads(1)
    grid = [
        IsolatedSettings(HIDDEN_SIZE, cell=cell, **dict(zip(GRIDS[cell], values, strict=True)))
        for values in itertools.product(*GRIDS[cell].values())
    ]
    table = []
    with tqdm(total=len(grid) * N_STEPS[cell], unit="step") as bar:
        for settings in grid:
            table.append(scored(settings, N_STEPS[cell], lambda: bar.update() and None))
            tqdm.write(str(table[-1]))
    best = max(table, key=lambda row: row["area"])
    chosen = {name: value for name, value in best.items() if name not in ("area", "last")}
    entries = {"settings": chosen, "chosen_by": "area under the validation curve", "grid": table}
    file = Path(b2m_agents.studies.__path__[0]) / Path(settings_file(cell)).name
    write_json(file, {**entries, "seeds": SEEDS}, indent=1)
    print(f"chosen: {chosen}, written to {file.name}")


def scored(
    settings: IsolatedSettings, n_steps: int, after_step: Callable[[], None]
) -> dict[str, Any]:
    """The settings that the cell has, with the area and the end of the validation curve."""
    study = replace(MemoryStudySettings(), seeds=SEEDS, n_steps=n_steps)
    task = MemoryDecisionSettings(
        n_items=3,
        n_stimuli=8,
        code_size=study.code_size,
        time_step=study.time_step,
        observation_noise=study.observation_noise,
    )
    plan = MemoryPlan(study, settings, task, (Condition(ALONE),), SEEDS, None)
    scores = run_job(plan, after_step)
    area = float(np.mean([score.value for score in scores]))
    last = float(np.mean([score.value for score in scores if score.step == n_steps]))
    present = {name: value for name, value in asdict(settings).items() if value is not None}
    return {**present, "area": round(area, 4), "last": round(last, 4)}


if __name__ == "__main__":
    main()
