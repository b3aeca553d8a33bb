"""Read the folder of a finished comparison: configuration, scores, brain, trajectories.

=====================  ==========================================================================
``config.json``        what was compared: brain, student, strategies, readings, seeds, budget
``scores.csv``         one row a number: condition, seed, metric, step, value, unit
``brain.json``         decoding figures and noise ceilings of the brain; null where undefined
``trajectories.npz``   optional; for each panel ``<name>/values`` [group time 2] and
                       ``<name>/time`` [s]
``pictures.npz``       optional, of the driving study: ``original`` [scene height width],
                       ``<condition>/reconstruction`` alike, ``<condition>/traversal``
                       [latent step height width]
``fingerprints.json``  SHA-256 of the two files above, and of the driving study's encoders, see
                       `b2m_drive.files.fingerprints`; version 0.5.0 wrote none
=====================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from b2m_drive.comparisons.configuration import (
    Kind,
    RunConfiguration,
    read_object,
    run_configuration,
)
from b2m_drive.comparisons.jobs import SCORES
from b2m_drive.comparisons.own_studies import study_of
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import Condition, TransferMethod
from b2m_drive.evidence.learning_curves import LearningCurve, learning_curves
from b2m_drive.evidence.scores import Score, read_scores
from b2m_drive.files.array_files import read_arrays
from b2m_drive.files.fingerprints import Standing, loss_of, standing_of
from b2m_drive.files.refusals import naming

BRAIN_FILE = "brain.json"
TRAJECTORIES = "trajectories.npz"
PICTURES = "pictures.npz"
_DRAWN_FROM = {"memory": TRAJECTORIES, "driving": PICTURES}  # by study


@dataclass(frozen=True)
class Trajectory:
    """Average paths of some groups of trials through two latents."""

    values: Float64[np.ndarray, "group time 2"]
    time: Float64[np.ndarray, " time"]  # [s]


@dataclass(frozen=True)
class Run:
    """A finished comparison, as its folder holds it."""

    folder: Path
    config: RunConfiguration
    scores: tuple[Score, ...]
    curves: dict[Condition, LearningCurve]  # by condition
    brain: dict[str, Any]  # decoding figures
    trajectories: dict[str, Trajectory]  # by panel; empty if the run has none
    pictures: dict[str, UInt8[np.ndarray, "..."]]  # scenes, by name; empty if the run has none
    losses: tuple[str, ...] = ()  # what is missing, another run's, or not recorded, as sentences

    @property
    def study(self) -> Study:
        """What was compared, and its words."""
        return study_of(self.config.entries)

    def configuration(self, kind: type[Kind]) -> Kind:
        """The configuration of this kind of study, with what only such a study has.

        Raises:
            ValueError: If the run is of another study.
        """
        if not isinstance(self.config, kind):
            raise ValueError(
                f"{self.folder}: expected a run with a {kind.__name__}, came {self.config.study}"
            )
        return self.config

    @property
    def simulated(self) -> bool:
        """Whether the brain is simulated."""
        return self.config.brain.simulated

    @property
    def primary_metric(self) -> str:
        """The summary of the learning curve that the verdicts judge."""
        return self.config.primary_metric

    @property
    def batch_size(self) -> int:
        """Generated trials, or frames, a training step."""
        return self.config.batch_size

    @property
    def methods(self) -> list[TransferMethod]:
        """Every strategy with every reading; all strategies of the main reading come first."""
        return self.config.methods


def read_run(folder: str | Path) -> Run:
    """Read and check a run's folder.

    Raises:
        FileNotFoundError: If the folder or one of its three files is missing.
        ValueError: If a file, column or entry is not what it should be, or a value not finite.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected the folder of a run, found none")
    with naming(folder / CONFIG, "the configuration of a finished run"):
        return _read_run(folder)


def _read_run(folder: Path) -> Run:
    config = run_configuration(folder / CONFIG, read_object(folder / CONFIG))
    try:
        study = study_of(config.entries)
    except ValueError as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from error
    scores = read_scores(folder / SCORES)
    own = [score for score in scores if score.condition.variation is None]
    try:
        curves = learning_curves(own, study.curve)
    except ValueError as error:
        raise ValueError(f"{folder / SCORES}: {error}") from error
    _check_seeds(folder / SCORES, curves, config.seeds)
    brain = read_object(folder / BRAIN_FILE)
    shown = {name: standing_of(folder, name) is not Standing.OTHER for name in _DRAWN_FROM.values()}
    trajectories = _read_trajectories(folder / TRAJECTORIES) if shown[TRAJECTORIES] else {}
    pictures = _read_arrays(folder / PICTURES) if shown[PICTURES] else {}
    drawn_from = _DRAWN_FROM.get(config.study)
    loss = loss_of(folder, drawn_from) if drawn_from else None
    losses = () if loss is None else (loss,)
    return Run(folder, config, tuple(scores), curves, brain, trajectories, pictures, losses)


def _check_seeds(path: Path, curves: dict[Condition, LearningCurve], seeds: Sequence[int]) -> None:
    came = next(iter(curves.values())).seeds
    if came != tuple(sorted(seeds)):
        raise ValueError(f"{path}: expected the seeds of {CONFIG}, {sorted(seeds)}, came {came}")


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    return read_arrays(path) if path.is_file() else {}


def _read_trajectories(path: Path) -> dict[str, Trajectory]:
    arrays = _read_arrays(path)
    names = [name.removesuffix("/values") for name in arrays if name.endswith("/values")]
    return {name: _trajectory(path, name, arrays) for name in names}


def _trajectory(path: Path, name: str, arrays: dict[str, np.ndarray]) -> Trajectory:
    values = arrays[f"{name}/values"]
    time = arrays.get(f"{name}/time", np.zeros(0))
    if (
        values.ndim != 3
        or values.shape[2] != 2
        or not values.size
        or time.shape != values.shape[1:2]
    ):
        raise ValueError(
            f"{path}: {name}: expected values (group, time, 2) and as many times, "
            f"came {values.shape} and {time.shape}"
        )
    if not (np.isfinite(values).all() and np.isfinite(time).all()):
        raise ValueError(f"{path}: {name}: expected finite values, came NaN or infinite ones")
    return Trajectory(values.astype(np.float64), time.astype(np.float64))
