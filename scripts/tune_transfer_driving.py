"""Compare weights of the transfer term in the driving study, on scenes that no run reports.

Scenes, brain and students' seeds start at 1000, as in `tune_isolated_driving.py`; the settings of
the student alone must be frozen first. Prints a table; the weights chosen from it stand in
`DrivingStudySettings`.

    python scripts/tune_transfer_driving.py
"""

from __future__ import annotations

import os
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
from tqdm import tqdm
from tune_isolated_driving import METRICS, SEEDS, final_scores, one_thread

from b2m_agents.studies.driving.comparison import DrivingComparison, SimulatedViewer
from b2m_agents.studies.driving.default_scenes import DefaultScenes
from b2m_agents.studies.driving.plan import DrivingStudySettings
from b2m_drive.evidence.condition import ALONE
from b2m_drive.students.scenes import SceneDataset

WEIGHTS = (0.03, 0.1, 0.3, 1.0)
CONTROLS = ("brain", "shuffled")


def main() -> None:
    """Train brain and shuffled brain by both strategies at every weight, and the student alone."""
    n_workers = os.cpu_count() or 1
    default = DefaultScenes(seed=SEEDS[0])
    scenes = default.collect(n_workers)
    viewer = SimulatedViewer("ideal", seed=SEEDS[0])
    study = DrivingStudySettings(seeds=SEEDS[:2], frames_curve=(), signal_curve=())
    folder = default.path.parent.parent / "tune-transfer-driving"
    watched = viewer.watch(SceneDataset(scenes))
    comparison = DrivingComparison(scenes, study, viewer, watched)
    found = comparison.jobs(folder)
    comparison.prepare(folder, 1, False)
    plans = [replace(job.plan, keep=None) for job in found]
    jobs = [(0.0, plan) for plan in plans if plan.condition.control == ALONE]
    for weight in WEIGHTS:
        weighted = replace(study, regression_weight=weight, contrastive_weight=weight)
        jobs += [
            (weight, replace(plan, settings=weighted))
            for plan in plans
            if plan.condition.control in CONTROLS
        ]
    with get_context("spawn").Pool(n_workers, initializer=one_thread) as pool:
        tasks = pool.imap(final_scores, [plan for _, plan in jobs])
        scores = list(tqdm(tasks, total=len(jobs), unit="student"))
    by_weight: dict[tuple[str, float], list[list[float]]] = {}
    for (weight, plan), of_one in zip(jobs, scores, strict=True):
        by_weight.setdefault((str(plan.condition), weight), []).append(of_one)
    for (condition, weight), values in sorted(by_weight.items()):
        means = dict(zip(METRICS, np.mean(values, axis=0).round(5).tolist(), strict=True))
        print(f"{condition:38s} weight {weight:<5g} {means}")


if __name__ == "__main__":
    main()
