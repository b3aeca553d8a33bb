"""Compare weights of pixels that change, on scenes and students' seeds that no comparison reports.

A vehicle covers about one pixel in two hundred, so an encoder that weighs all pixels alike hardly
draws it within a comparison's steps. Scenes and seeds start at 1000, as in
`tune_isolated_driving.py`. Prints a table; the weight chosen from it stands in
`DrivingStudySettings`.

    python scripts/tune_changed_weight.py
"""

from __future__ import annotations

import os
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
from tqdm import tqdm
from tune_isolated_driving import METRICS, SEEDS, any_brain, final_scores, one_thread

from b2m_agents.studies.driving.default_scenes import DefaultScenes
from b2m_agents.studies.driving.plan import DrivingPlan, DrivingStudySettings
from b2m_agents.studies.isolated import frozen_encoder
from b2m_drive.evidence.condition import ALONE, Condition

WEIGHTS = (None, 3.0, 6.0, 12.0, 20.0)  # none: all pixels alike
SHOWN = ("vehicle_pixels", *METRICS)


def main() -> None:
    """Train the student alone at every weight, and print its scores after training."""
    n_workers = os.cpu_count() or 1
    scenes = DefaultScenes(seed=SEEDS[0]).collect(n_workers)
    study, brain = DrivingStudySettings(seeds=SEEDS), any_brain(scenes)
    plans = [
        DrivingPlan(
            replace(study, changed_weight=weight),
            frozen_encoder(),
            Condition(ALONE),
            seed,
            scenes,
            brain,
        )
        for weight in WEIGHTS
        for seed in SEEDS
    ]
    with get_context("spawn").Pool(n_workers, initializer=one_thread) as pool:
        tasks = pool.imap(shown_scores, plans)
        scores = np.array(list(tqdm(tasks, total=len(plans), unit="student")))
    by_weight = scores.reshape(len(WEIGHTS), len(SEEDS), len(SHOWN))
    for weight, of_seeds in zip(WEIGHTS, by_weight, strict=True):
        for index, metric in enumerate(SHOWN):
            values = ", ".join(f"{value:.4f}" for value in of_seeds[:, index])
            print(f"weight {weight}: {metric} {of_seeds[:, index].mean():.4f} ({values})")


def shown_scores(plan: DrivingPlan) -> list[float]:
    """The metrics of one student after training."""
    return final_scores(plan, SHOWN)


if __name__ == "__main__":
    main()
