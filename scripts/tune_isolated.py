"""Choose the isolated student's settings on its own validation score, and freeze them in a file.

Seeds from 1000 on, which no comparison reports. Every taught student gets the same settings, so
the student alone is the strongest baseline that this grid holds.

    python scripts/tune_isolated.py
"""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import b2m_agents.studies
from b2m_agents.studies.isolated import IsolatedSettings
from b2m_agents.studies.memory_group import run_group
from b2m_agents.studies.memory_plan import ALONE, MemoryPlan, MemoryStudySettings
from b2m_envs.memory_decision import MemoryDecisionSettings

LEARNING_RATES = (0.003, 0.006, 0.012)
UPDATE_GATE_BIASES = (1.0, 2.0, 3.0)
INPUT_GAINS = (12.0, 24.0)
N_STEPS = 800
SEEDS = (1000, 1001, 1002, 1003)
FILE = Path(b2m_agents.studies.__path__[0]) / "isolated_memory.json"


def main() -> None:
    """Score every setting by its area under the validation curve and write the best."""
    torch.set_num_threads(1)
    study = replace(MemoryStudySettings(), seeds=SEEDS, n_steps=N_STEPS)
    task = MemoryDecisionSettings(
        n_items=3,
        n_stimuli=8,
        code_size=study.code_size,
        time_step=study.time_step,
        observation_noise=study.observation_noise,
    )
    grid = list(itertools.product(LEARNING_RATES, UPDATE_GATE_BIASES, INPUT_GAINS))
    table = []
    with tqdm(total=len(grid) * study.n_steps, unit="step") as bar:
        for learning_rate, bias, gain in grid:
            settings = IsolatedSettings(64, learning_rate, bias, gain)
            plan = MemoryPlan(study, settings, task, (ALONE,), SEEDS, None)
            scores = run_group(plan, lambda: bar.update() and None)
            area = float(np.mean([score.value for score in scores]))
            last = np.mean([s.value for s in scores if s.step == study.n_steps])
            table.append({**asdict(settings), "area": round(area, 4), "last": round(last, 4)})
            tqdm.write(str(table[-1]))
    best = max(table, key=lambda row: row["area"])
    chosen = {name: best[name] for name in asdict(settings)}
    entries = {"settings": chosen, "chosen_by": "area under the validation curve", "grid": table}
    FILE.write_text(json.dumps({**entries, "seeds": SEEDS}, indent=1) + "\n")
    print(f"chosen: {chosen}, written to {FILE.name}")


if __name__ == "__main__":
    main()
