"""Draw runs of the driving comparison over many steps, and print where a gain ends.

    python scripts/driving_convergence.py RUN [RUN ...] [--out docs/driving_convergence.png]

A run that is still going on, or was stopped, is drawn by the seeds that all its students are done
of. A gain of the brain over a control *ends* at the first step from which on every 95 % interval of
their difference includes zero; the seed is the unit.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from b2m_drive.comparisons.configuration import DrivingConfiguration, configuration_as, read_object
from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.run_opening import CONFIG, JOBS
from b2m_drive.evidence.condition import ALONE, BRAIN, SHORT_STRATEGIES, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import LearningCurve, learning_curves
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.evidence.statistics import mean_interval, paired_difference
from b2m_drive.files.writing import atomic_write
from b2m_drive.reports.driving_report import RECONSTRUCTION, VEHICLE_PIXELS
from b2m_drive.reports.figures import NORMAL, SMALL, blank_figure, tidy

METRICS = {  # of the score table: words, scale, and whether more is better
    DRIVING.curve: ("R² of the scene's state", 1.0, True),
    RECONSTRUCTION: ("reconstruction error × 1,000\n(squared grey level)", 1000.0, False),
    VEHICLE_PIXELS: ("vehicle pixels explained\n(share of variance)", 1.0, True),
}
CONTROLS = ("labels", "shuffled", ALONE, BRAIN)  # the brain is drawn last
Curves = Mapping[Condition, LearningCurve]


def main() -> None:
    """Draw the runs, a row a strategy, and print their differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="+", help="folder of compare driving")
    parser.add_argument("--out", type=Path, default=Path("docs/driving_convergence.png"))
    asked = parser.parse_args()
    rows: list[tuple[TransferMethod, dict[str, Curves]]] = []
    simulated = False
    for folder in asked.run:
        path = folder / CONFIG
        config = configuration_as(DrivingConfiguration, path, read_object(path))
        simulated |= config.brain.simulated
        scores = complete_scores(folder)
        curves: dict[str, Curves] = {metric: learning_curves(scores, metric) for metric in METRICS}
        rows += [(method, curves) for method in config.methods]
    for method, curves in rows:
        tell(method, curves)
    figure = draw(rows, simulated)
    with atomic_write(asked.out) as draft:
        figure.savefig(draft, format="png", dpi=90)
    print(asked.out)


def complete_scores(folder: Path) -> list[Score]:
    """Scores of the seeds whose students are all done, without what was varied.

    Raises:
        ValueError: If no seed is complete.
    """
    scores = [
        score
        for path in sorted((folder / JOBS).glob("*.csv"))
        for score in read_scores(path)
        if score.condition.variation is None
    ]
    conditions = {score.condition for score in scores}
    done = {(score.condition, score.seed) for score in scores}
    seeds = {score.seed for score in scores}
    complete = {seed for seed in seeds if all((each, seed) in done for each in conditions)}
    if not complete:
        raise ValueError(f"{folder}: expected a seed whose students are all done, found none")
    return [score for score in scores if score.seed in complete]


def tell(method: TransferMethod, curves: Mapping[str, Curves]) -> None:
    """Print means and differences from the brain, step by step."""
    name = SHORT_STRATEGIES[method.strategy]
    for metric, (words, scale, more_is_better) in METRICS.items():
        brain = curves[metric][method.condition(BRAIN)]
        print(f"\n{name}, {' '.join(words.split())}; {len(brain.seeds)} seeds {brain.seeds}")
        print("step  " + "  ".join(f"{step:>6d}" for step in brain.step))
        for control in reversed(CONTROLS):
            if (condition := method.condition(control)) not in curves[metric]:
                continue
            curve = curves[metric][condition]
            means = "  ".join(f"{scale * value:6.3f}" for value in curve.value.mean(0))
            print(f"{control:14s} {means}")
            if control != BRAIN:
                _tell_difference(brain, curve, scale, more_is_better)


def _tell_difference(
    brain: LearningCurve, control: LearningCurve, scale: float, more_is_better: bool
) -> None:
    found = [
        paired_difference(scale * of_brain, scale * of_control)
        for of_brain, of_control in zip(brain.value.T, control.value.T, strict=True)
    ]
    for step, each in zip(brain.step, found, strict=True):
        interval = f"{each.mean:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"
        print(f"    step {step:>6d}: brain minus it {interval}")
    sign = 1 if more_is_better else -1
    ahead = np.array([min(sign * each.low, sign * each.high) > 0 for each in found])
    print(f"    {_end_of_gain(ahead, brain.step.tolist())}")


def _end_of_gain(ahead: Bool[np.ndarray, " step"], steps: Sequence[int]) -> str:
    """Where the brain's lead was sure for the last time, in words."""
    if not ahead.any():
        return "the brain is never ahead for sure"
    last = int(np.flatnonzero(ahead)[-1])
    if last == len(steps) - 1:
        return f"still ahead at the last step, {steps[-1]}"
    return f"ahead for the last time at step {steps[last]}; the gain ends by step {steps[last + 1]}"


def draw(rows: Sequence[tuple[TransferMethod, Mapping[str, Curves]]], simulated: bool) -> Any:
    """A row a strategy, a column a metric: means over seeds, 95 % bands, every seed a thin line."""
    figure = blank_figure(10.5, 0.5 + 2.7 * len(rows))
    panels = figure.subplots(len(rows), len(METRICS), squeeze=False)
    for row, (method, curves) in zip(panels, rows, strict=True):
        for axes, (metric, (words, scale, _)) in zip(row, METRICS.items(), strict=True):
            for control in CONTROLS:
                if (condition := method.condition(control)) in curves[metric]:
                    label = DRIVING.label_of(control, simulated)
                    _draw_curve(axes, curves[metric][condition], scale, control, label)
            axes.set_xscale("log")
            axes.set_ylabel(words, fontsize=NORMAL)
            axes.set_xlabel("training steps", fontsize=NORMAL)
            tidy(axes)
        row[0].set_title(SHORT_STRATEGIES[method.strategy], loc="left", fontsize=NORMAL)
        row[-1].legend(fontsize=SMALL, frameon=False, loc="lower right")  # where no line is
    kind = "a SIMULATED brain" if simulated else "a recorded brain"
    n_seeds = len(next(iter(rows[0][1][DRIVING.curve].values())).seeds)
    title = f"Encoders of driving scenes taught by {kind}, held-out frames, {n_seeds} seeds"
    figure.suptitle(title, fontsize=NORMAL + 1, x=0.01, ha="left")
    return figure


def _draw_curve(axes: Any, curve: LearningCurve, scale: float, control: str, label: str) -> None:
    colour, line = DRIVING.style_of(control)
    steps, values = curve.step[1:], scale * curve.value[:, 1:]  # a log axis has no step 0
    found = [mean_interval(each) for each in values.T]
    low, high = [each.low for each in found], [each.high for each in found]
    axes.plot(steps, values.T, color=colour, linewidth=0.5, alpha=0.4)
    if len(values) > 1:
        axes.fill_between(steps, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(steps, values.mean(0), color=colour, linestyle=line, linewidth=1.8, label=label)


if __name__ == "__main__":
    main()
