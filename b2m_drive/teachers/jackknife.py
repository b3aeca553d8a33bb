"""How much a figure of a pseudo-population rests on single patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from b2m_drive.recordings.pseudo_population import N_PARTS, pseudo_population
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.trial_responses import TrialResponses


@dataclass(frozen=True)
class Jackknife:
    """A figure of a population, and the same without each patient in turn."""

    value: float  # with all patients
    standard_error: float  # delete-one jackknife; NaN if the figure is missing without somebody
    without: dict[str, float]  # by the patient who was left out


def jackknife_over_patients(
    sessions: Sequence[Recording | TrialResponses],
    figures: Mapping[str, Callable[[TrialResponses], float]],
    *,
    n_parts: int = N_PARTS,
    seed: int = 0,
) -> dict[str, Jackknife]:
    """Figures of the pseudo-population of all patients, and of all but one.

    The standard error is that of the delete-one jackknife (Efron & Tibshirani 1993, chapter 11). A
    population of fewer patients has fewer units too, and says less: the error describes how much
    the figure rests on single patients. It is no inference about patients who were not recorded.

    Args:
        sessions: Of three patients or more.
        figures: Of a population, such as `memory_decoding_auc`, by name.
        n_parts: As `pseudo_population`.
        seed: As `pseudo_population`.

    Raises:
        ValueError: If there are fewer than three patients; as `pseudo_population`.
    """
    patients = list(dict.fromkeys(each.subject for each in sessions))
    if len(patients) < 3:
        raise ValueError(f"sessions: expected those of 3 patients or more, came {len(patients)}")

    def of(kept: Sequence[Recording | TrialResponses]) -> dict[str, float]:
        population = pseudo_population(kept, n_parts=n_parts, seed=seed)
        return {name: float(figure(population)) for name, figure in figures.items()}

    whole = of(sessions)
    without = {
        patient: of([each for each in sessions if each.subject != patient]) for patient in patients
    }
    return {
        name: _jackknife(value, {patient: each[name] for patient, each in without.items()})
        for name, value in whole.items()
    }


def _jackknife(value: float, without: dict[str, float]) -> Jackknife:
    values, n = np.array(list(without.values())), len(without)
    error = np.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum())
    return Jackknife(value, float(error), without)
