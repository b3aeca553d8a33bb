"""How long real drivers take to correct their course, from public event logs.

The logs are those of BCIT Baseline Driving (OpenNeuro ds004120, CC0; Touryan et al. 2014, doi
10.3389/fnins.2014.00155): in a simulator, lateral forces push the car from its lane, and the driver
steers back. ``scripts/reaction_times.py`` computes the table below from them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from b2m_drive.files.refusals import naming
from b2m_drive.files.text_files import read_rows

PROBABILITIES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
QUANTILES = (0.31, 0.99, 1.34, 1.50, 1.70, 2.70, 5.34)  # [s] of 30,874 corrections, 131 runs

PERTURBATION_STARTS = ("1111", "1121")  # to the left, to the right
CORRECTION_STARTS = "4311"
_PATTERN = "*_events.tsv"


@dataclass(frozen=True)
class ReactionTimes:
    """Time from each perturbation's start to the correction's, over all runs of a folder."""

    seconds: Float64[np.ndarray, " correction"]  # [s]
    n_perturbations: int  # corrected or not
    n_runs: int

    def quantiles(self) -> Float64[np.ndarray, " probability"]:
        """At `PROBABILITIES` [s]."""
        return np.asarray(np.quantile(self.seconds, PROBABILITIES), dtype=np.float64)


def draw_reaction_times(n: int, generator: np.random.Generator) -> Float64[np.ndarray, " draw"]:
    """Reaction times [s] as real drivers', between their 1 % and 99 % quantiles.

    The distribution function is linear between the quantiles of the table.
    """
    share = generator.uniform(PROBABILITIES[0], PROBABILITIES[-1], size=n)
    return np.interp(share, PROBABILITIES, QUANTILES)


def read_reaction_times(folder: str | Path) -> ReactionTimes:
    """Reaction times to lane perturbations, from BIDS event files (``*_events.tsv``) of a folder.

    Each perturbation counts up to the first correction that starts after it, if that comes before
    the next perturbation. Perturbations of one and the same moment lost their times: none counts.

    Raises:
        ValueError: If there is no such file or no correction in them, a file lacks the columns
            ``onset`` and ``value``, or an onset is no number.
    """
    paths = sorted(Path(folder).rglob(_PATTERN))
    if not paths:
        raise ValueError(f"{folder}: expected event files {_PATTERN}, found none")
    seconds: list[float] = []
    n_perturbations = 0
    for path in paths:
        since: float | None = None
        events = read_events(path)
        at_once = Counter(onset for onset, value in events if value in PERTURBATION_STARTS)
        for onset, value in events:
            if value in PERTURBATION_STARTS:
                n_perturbations += 1
                since = onset if at_once[onset] == 1 else None
            elif value == CORRECTION_STARTS and since is not None:
                seconds.append(onset - since)
                since = None
    if not seconds:
        raise ValueError(
            f"{folder}: expected corrections (value {CORRECTION_STARTS}) of perturbations "
            f"{PERTURBATION_STARTS}, found none in {len(paths)} files"
        )
    return ReactionTimes(np.array(seconds), n_perturbations, len(paths))


def read_events(path: Path) -> list[tuple[float, str]]:
    """Onset [s] and value of each event of a BIDS table, in the order of their onsets.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the table lacks the columns ``onset`` and ``value``, or an onset is no finite
            number.
    """
    rows = read_rows(path, "a log of events", delimiter="\t")
    header = next(rows, [])
    if not {"onset", "value"} <= set(header):
        raise ValueError(f"{path}: expected columns onset and value, came {header}")
    onset, value = header.index("onset"), header.index("value")
    with naming(path, "numbers [s] as onset"):
        events = [(float(row[onset]), row[value].strip()) for row in rows if row]
    if not np.isfinite([onset for onset, _ in events]).all():
        raise ValueError(f"{path}: onset: expected finite seconds, came NaN or infinite ones")
    return sorted(events, key=lambda event: event[0])
