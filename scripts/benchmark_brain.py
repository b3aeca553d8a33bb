"""Print what simulated brains say of their task beside what recorded ones do.

    python scripts/benchmark.py brain --recordings shared/data/kornblith2017
    python scripts/benchmark_brain.py FOLDER

Ten brains of each preset, each in trials of its own, are read by the code that reads the
recordings. Their seeds are none that the presets were tuned on (1000 and above).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from b2m_drive.comparisons.session_summaries import (
    STATISTICS,
    Statistic,
    statistic_values,
    summarise_sessions,
)
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.teachers.decoding import RecordingSummary, summarise

SEEDS = range(100, 110)
N_WORKERS = 2
PRESETS = ("median_session", "best_session")
TRIALS = {"median_session": (170, 4, 8), "best_session": (183, 3, 9)}  # trials, items, stimuli
REASONS = {
    "n_units": "as many units as the best session",
    "selective_share": "the best session is best since more of its units are selective",
    "item_decoding": "stands for the best session, far above the others",
    "item_decoding_resolved": "stands for the best session, far above the others",
    "memory_auc": "only the best session holds items readably; the others are at chance",
    "reliability": "selective units make a pattern reliable",
}


def main(recordings: Path | None = None) -> None:
    """Print the figures of both presets; with a folder of recordings, beside theirs."""
    if recordings is None:
        print("brain: no --recordings FOLDER, so simulated figures alone")
        for preset in PRESETS:
            print_simulated(preset, simulated(preset, *TRIALS[preset]))
        return
    real = real_summaries(recordings)
    best = sorted(real, key=lambda each: each.item_decoding)[::-1]
    print_real(real, best[: quarter(real)])
    typical = trials_of_the_middle(real)
    of_best = (best[0].n_trials, best[0].n_items, best[0].n_stimuli)
    for preset, trials in zip(PRESETS, (typical, of_best), strict=True):
        print_beside(preset, simulated(preset, *trials), trials, real, best[: quarter(real)])


def real_summaries(folder: Path) -> list[RecordingSummary]:
    """Of the sessions with units enough."""
    paths = sorted(folder.glob("*.h5"))
    if not paths:
        raise SystemExit(f"recordings: expected HDF5 files in {folder}, found none")
    sessions = summarise_sessions(paths, N_WORKERS, progress=False)
    return [each.summary for each in sessions if each.summary and each.is_pooled]


def simulated(preset: str, n_trials: int, n_items: int, n_stimuli: int) -> list[RecordingSummary]:
    """Of the preset's brains, one a seed."""
    brain = SimulatedBrain.preset(preset)
    generators = [np.random.default_rng([seed, 1]) for seed in SEEDS]
    return [
        summarise(
            in_trials(brain.record(simulate_trials(n_trials, n_items, n_stimuli, generator), seed))
        )
        for seed, generator in zip(SEEDS, generators, strict=True)
    ]


def quarter(real: Sequence[RecordingSummary]) -> int:
    """Sessions of the best quartile."""
    return max(round(len(real) / 4), 1)


def trials_of_the_middle(real: Sequence[RecordingSummary]) -> tuple[int, int, int]:
    """The median number of trials, the most frequent numbers of items and stimuli."""
    shape = Counter((each.n_items, each.n_stimuli) for each in real).most_common(1)[0][0]
    return round(float(np.median([each.n_trials for each in real]))), *shape


def print_real(real: Sequence[RecordingSummary], top: Sequence[RecordingSummary]) -> None:
    """Quartiles of all, the range of the best quartile by item decoding, and the best."""
    print(f"brain: real, {len(real)} sessions; best quartile by item decoding: {len(top)}")
    print(f"  {'':12}{'quartiles':>22}{'best quartile':>18}{'best session':>14}")
    for each in shown_statistics():
        low, middle, high = quartiles(real, each)
        values = statistic_values(top, each)
        print(
            f"  {each.name:12}{low:8.3f}{middle:7.3f}{high:7.3f}{values.min():11.3f}"
            f"{values.max():7.3f}{getattr(top[0], each.field):14.3f}"
        )


def print_beside(
    preset: str,
    brains: Sequence[RecordingSummary],
    trials: tuple[int, int, int],
    real: Sequence[RecordingSummary],
    top: Sequence[RecordingSummary],
) -> None:
    """Mean and range of the preset's brains, and whether the mean lies within the real ones."""
    print(
        f"brain: {preset}, simulated, {len(brains)} seeds from {SEEDS.start}, "
        f"{trials[0]} trials of {trials[1]} items of {trials[2]} stimuli"
    )
    of_best = "best quartile" if preset == "best_session" else ""
    print(f"  {'':12}{'mean':>8}{'range':>15}  quartiles  {of_best}".rstrip())
    for each in shown_statistics():
        mean = float(statistic_values(brains, each).mean())
        low, _, high = quartiles(real, each)
        best = statistic_values(top, each)
        where = f"{_where(low <= mean <= high):9}"
        if preset == "best_session":
            reason = "" if low <= mean <= high else REASONS.get(each.field, "")
            where += f"  {_where(best.min() <= mean <= best.max()):7}  {reason}"
        print(f"{simulated_line(brains, each)}  {where}".rstrip())


def print_simulated(preset: str, brains: Sequence[RecordingSummary]) -> None:
    """Mean and range of the preset's brains."""
    print(f"brain: {preset}, simulated, {len(brains)} seeds from {SEEDS.start}: mean, range")
    for each in shown_statistics():
        print(simulated_line(brains, each))


def simulated_line(brains: Sequence[RecordingSummary], statistic: Statistic) -> str:
    """The statistic's name, mean and range."""
    values = statistic_values(brains, statistic)
    return f"  {statistic.name:12}{values.mean():8.3f}{values.min():8.3f}{values.max():7.3f}"


def shown_statistics() -> list[Statistic]:
    """All but the number of trials, which is given."""
    return [each for each in STATISTICS if each.field != "n_trials"]


def quartiles(real: Sequence[RecordingSummary], statistic: Statistic) -> tuple[float, ...]:
    """First quartile, median, third quartile."""
    return tuple(
        float(each) for each in np.percentile(statistic_values(real, statistic), (25, 50, 75))
    )


def _where(inside: bool) -> str:
    return "inside" if inside else "OUTSIDE"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "recordings", type=Path, nargs="?", help="folder of sessions of Kornblith et al. 2017"
    )
    main(parser.parse_args().recordings)
