"""Small run folders, written by hand for tests of what reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.evidence.condition import Condition, TransferMethod, Variation
from b2m_drive.evidence.scores import Score, write_scores

TEACHING = TransferMethod("regression", "decoded", "recorded")
SEEDS = [0, 1, 2, 3]
STEPS = (50, 100, 150)
COMPARED: dict[str, Any] = {
    "student": {"hidden_size": 64},
    "strategies": ["regression"],
    "readings": [{"latents": "decoded", "pairing": "recorded"}],
    "seeds": SEEDS,
    "n_steps": 150,
    "batch_size": 32,
    "evaluate_every": 50,
    "primary_metric": "area_under_curve",
    "versions": {"torch": "2.13.0"},
    "task": {"id": "B2M/MemoryDecision-v0"},
    "isolated_settings_file": "isolated.json",
    "limits": ["stimuli are random codes"],
}


def rows_of(
    condition: Condition,
    level: float,
    metric: str = "accuracy",
    seeds: Sequence[int] = SEEDS,
    spread: float = 0.002,
) -> list[Score]:
    """A rising curve of each seed; seeds differ, and no two conditions alike."""
    noise = np.random.default_rng(len(str(condition))).normal(0, spread, len(seeds))
    noise -= noise.mean()
    return [
        Score(condition, seed, metric, step, level + 0.01 * seed + noise[k] + step / 1500, "share")
        for k, seed in enumerate(seeds)
        for step in STEPS
    ]


def scores_of(
    levels: Mapping[str, float], extra: Sequence[str] = (), spread: float = 0.002
) -> list[Score]:
    """The brain and every null; levels by control, 0.7 where none is given."""
    controls = ("brain", *MEMORY.nulls, *extra)
    return [
        score
        for name in controls
        for score in rows_of(TEACHING.condition(name), 0.7 + levels.get(name, 0.0), spread=spread)
    ]


def write_run(
    folder: Path,
    scores: Sequence[Score],
    subject: str = "S1",
    n_units: int = 20,
    decoding: float | None = 0.3,
    **config: Any,
) -> Path:
    """A folder of one session's comparison."""
    brain = {
        "name": folder.name, "simulated": False, "subject": subject, "session": folder.name,
        "source": "a source", "licence": "ODbL 1.0", "n_units": n_units,
        "regions": {"LA": n_units}, "n_teaching": 40, "n_held_out": 10, "notes": [],
    }  # fmt: skip
    folder.mkdir(parents=True)
    entries = {"study": "memory", "brain": brain, "recorded_batch_size": 16, **COMPARED, **config}
    (folder / "config.json").write_text(json.dumps(entries))
    (folder / "brain.json").write_text(json.dumps({"item_decoding": decoding}))
    write_scores(folder / "scores.csv", scores)
    return folder


def write_sessions(
    folder: Path,
    gains: Mapping[str, Mapping[str, float]],
    simulated: bool = False,
    spread: float = 0.002,
) -> Path:
    """A folder of many sessions: patient -> session -> what the brain adds; "small", unpooled.

    A seed has the same noise, of this spread, in every session: that of the students alone.
    """
    sessions = []
    for patient, of_patient in gains.items():
        for name, gain in of_patient.items():
            levels = {"brain": gain, "untrained_network": 0.02}
            pooled = not name.endswith("small")
            n_units = 20 if pooled else 4
            write_run(
                folder / "sessions" / name, scores_of(levels, ("labels",), spread), patient,
                n_units, decoding=0.2 + gain,
            )  # fmt: skip
            sessions.append(
                {"name": name, "subject": patient, "n_units": n_units, "pooled": pooled,
                 "folder": f"sessions/{name}", "why_not": None if pooled else "4 units"}
            )  # fmt: skip
    entries = {
        "study": "memory_sessions", "name": "kornblith", "sessions": sessions, "least_units": 15,
        "simulated": simulated, "source": "a source", "licence": "ODbL 1.0", "own": {}, **COMPARED,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(entries))
    return folder


def varied(
    axis: str, value: float, base: Condition, level: float, seeds: Sequence[int]
) -> list[Score]:
    """Students of a condition that differ in one number."""
    return rows_of(base.varied(Variation(axis, value)), level, seeds=seeds)
