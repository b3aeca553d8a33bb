"""Compare weights of pixels that change: how well encoders show other vehicles.

A vehicle covers about one pixel in two hundred, so an encoder that weighs all pixels alike hardly
draws it within a comparison's steps. To choose, on scenes and students' seeds that no comparison
reports (they start at 1000); the weight chosen stands in `DrivingStudySettings`:

    python scripts/tune_changed_weight.py

To report, on other scenes and seeds, with a picture of what the first seed's students reconstruct:

    python scripts/tune_changed_weight.py --scenes scenes.h5 --seeds 0 1 2 --weights 1 6 \
        --picture docs/encoder_vehicles.png
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float64
from tqdm import tqdm
from tune_isolated_driving import METRICS, SEEDS, any_brain, final_scores, one_thread

from b2m_agents.studies.driving.default_scenes import DefaultScenes
from b2m_agents.studies.driving.plan import DrivingPlan, DrivingStudySettings
from b2m_agents.studies.isolated import frozen_encoder
from b2m_drive.evidence.condition import ALONE, Condition
from b2m_drive.files.array_files import read_arrays
from b2m_drive.files.writing import atomic_write
from b2m_drive.reports.figures import NORMAL, blank_figure

WEIGHTS = (1.0, 3.0, 6.0, 12.0, 20.0)  # 1: all pixels alike


def main() -> None:
    """Train the student alone at every weight; print its scores after training, and draw."""
    asked = arguments()
    n_workers = os.cpu_count() or 1
    scenes = asked.scenes or DefaultScenes(seed=SEEDS[0]).collect(n_workers)
    with TemporaryDirectory() as folder:
        plans = plans_of(scenes, asked.weights, tuple(asked.seeds), Path(folder))
        with get_context("spawn").Pool(n_workers, initializer=one_thread) as pool:
            tasks = pool.imap(shown_scores, plans)
            scores = np.array(list(tqdm(tasks, total=len(plans), unit="student")))
        tell(scores.reshape(len(asked.weights), len(asked.seeds), len(METRICS)), asked.weights)
        if asked.picture:
            draw(asked.picture, asked.weights, Path(folder))


def arguments() -> argparse.Namespace:
    """What was asked on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=Path, help="that collect wrote with --vehicle-mask")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    parser.add_argument("--picture", type=Path, help="PNG to write")
    return parser.parse_args()


def plans_of(
    scenes: Path, weights: Sequence[float], seeds: tuple[int, ...], folder: Path
) -> list[DrivingPlan]:
    """A student alone for every weight and seed, weight by weight."""
    brain = any_brain(scenes)
    return [
        DrivingPlan(
            DrivingStudySettings(seeds=seeds, changed_weight=weight),
            frozen_encoder(),
            Condition(ALONE),
            seed,
            scenes,
            brain,
            keep=kept(folder, weight),
        )
        for weight in weights
        for seed in seeds
    ]


def shown_scores(plan: DrivingPlan) -> list[float]:
    """The metrics of one student after training."""
    return final_scores(plan, METRICS)


def tell(scores: Float64[np.ndarray, "weight seed metric"], weights: Sequence[float]) -> None:
    """Print every weight's scores: means over seeds, and each seed's."""
    for weight, of_seeds in zip(weights, scores, strict=True):
        for metric, values in zip(METRICS, of_seeds.T, strict=True):
            each = ", ".join(f"{value:.4f}" for value in values)
            print(f"weight {weight:g}: {metric} {values.mean():.4f} ({each})")


def draw(path: Path, weights: Sequence[float], folder: Path) -> None:
    """Held-out scenes, and what the first seed's student makes of them, a row a weight."""
    kept_pictures = {
        weight: read_arrays(kept(folder, weight) / "pictures" / f"{Condition(ALONE).slug}.npz")
        for weight in weights
    }
    rows = {"scene": kept_pictures[weights[0]]["original"]}
    for weight, pictures in kept_pictures.items():
        rows[f"weight {weight:g}"] = pictures[f"{Condition(ALONE)}/reconstruction"]
    draw_rows(path, rows)


def draw_rows(path: Path, rows: dict[str, np.ndarray]) -> None:
    """Pictures [scene height width] in rows with their names."""
    n_scenes = len(next(iter(rows.values())))
    figure = blank_figure(1.1 * n_scenes + 0.4, 1.45 * len(rows))
    panels = figure.subplots(len(rows), n_scenes, squeeze=False)
    for of_row, (name, pictures) in zip(panels, rows.items(), strict=True):
        for axes, picture in zip(of_row, pictures, strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
        of_row[0].set_ylabel(name, fontsize=NORMAL)
    with atomic_write(path) as draft:
        figure.savefig(draft, format="png", dpi=80)


def kept(folder: Path, weight: float) -> Path:
    """Where the students of a weight are kept."""
    return folder / f"weight-{weight:g}"


if __name__ == "__main__":
    main()
