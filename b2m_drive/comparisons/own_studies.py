"""The studies that ship, and the study of a run: its own words, or those of 0.5.0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.memory_study import MEMORY
from b2m_drive.comparisons.study import CONTROLS, Study

STUDIES = {study.name: study for study in (MEMORY, DRIVING)}

_BASELINES = ("brain", "alone", "alone_head", "alone_labelled")
_LABELS = ("labels", "labels_corrupted")
CONTROLS_OF_0_5: Mapping[str, tuple[str, ...]] = {  # whose runs do not name their controls
    "memory": (
        *_BASELINES, "shuffled", "untrained_network", "random_projection", *_LABELS,
        "within_condition", "time_shifted", "phase_randomised", "matched_covariance",
        "items_permuted",
    ),
    "driving": (
        *_BASELINES, "shuffled", "circular_shift", "untrained_network", "random_projection",
        *_LABELS,
    ),
}  # fmt: skip


def study_of(config: Mapping[str, Any]) -> Study:
    """The study of a run, with the controls and words that it was run with.

    Raises:
        ValueError: If the run names neither its controls nor a study of 0.5.0.
    """
    name = str(config.get("study"))
    if CONTROLS in config:
        return Study.from_description(name, config)
    if name not in CONTROLS_OF_0_5:
        raise ValueError(
            f"study: expected one of {', '.join(CONTROLS_OF_0_5)} (of 0.5.0), or the entry "
            f"{CONTROLS}, came {name!r}"
        )
    return of_0_5(STUDIES[name])


def of_0_5(study: Study) -> Study:
    """A study as it was in 0.5.0: controls that came later are not in its runs."""
    chosen = tuple(study.control(name) for name in CONTROLS_OF_0_5[study.name])
    return replace(study, controls=chosen)
