"""What many sessions say of what is held in memory, one by one and side by side, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

import numpy as np
from tqdm.auto import tqdm

from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.unasked import reads_delay, reads_items, unasked
from b2m_drive.teachers.decoding import item_decoding_accuracy, memory_decoding_auc
from b2m_drive.teachers.jackknife import jackknife_over_patients
from b2m_drive.teachers.noise_ceiling import noise_ceiling, split_half_reliability
from b2m_drive.teachers.permuted_chance import against_chance

COLUMNS_OF_TEXT = 100
N_PERMUTATIONS = 39  # so the lowest p is .025
_Figure = Callable[[TrialResponses], float]


def memory_table(
    sessions: Sequence[TrialResponses],
    n_permutations: int = N_PERMUTATIONS,
    progress: bool = True,
) -> str:
    """How well the items held are decoded from each session's delay, beside measured chance."""
    width = max(len("session"), *(len(each.session) for each in sessions))
    head = f"{'session':{width}} subject units trials memory chance  upper     p"
    lines = [head, "-" * len(head)]
    for each in tqdm(sessions, desc="permuting", disable=not progress):
        found = against_chance(each, memory_decoding_auc, n_permutations)
        cells = "".join(
            f" {_text(value):>{size}}"
            for value, size in ((found.value, 6), (found.chance, 6), (found.upper, 6))
        )
        lines.append(
            f"{each.session:{width}} {each.subject:>7} {len(each.units):5d} "
            f"{len(each.trials):6d}{cells} {_text(found.p_value):>5}"
        )
    legend = (
        "memory: AUC of the items held in the delay, held-out trials; chance and upper: mean and "
        f"95th percentile of {n_permutations} permutations of the trials; p: share of permutations "
        "as high, not corrected for the number of sessions."
    )
    return "\n".join([*lines, "-" * len(head), *_wrapped(legend), *_notes(sessions)])


def population_table(population: TrialResponses, sessions: Sequence[TrialResponses]) -> str:
    """Figures of a pseudo-population beside the best single session, and how they rest on patients.

    The standard error of three patients or more is by a jackknife; fewer have none.
    """
    lines = [
        *_wrapped(f"{population.session}: " + "; ".join(population.notes)),
        "",
        f"{'':34s} {'population':>10} {'error':>6} {'best':>6}  session",
    ]
    figures, errors = _figures(population), {}
    if len({each.subject for each in sessions}) > 2:
        errors = jackknife_over_patients(sessions, figures)
    for name, figure in figures.items():
        value = figure(population)
        error = errors[name].standard_error if errors else float("nan")
        by_session = {each.session: figure(each) for each in sessions}
        defined = {key: each for key, each in by_session.items() if not np.isnan(each)}
        best = max(defined, key=lambda key: defined[key]) if defined else ""
        lines.append(
            f"{name:34s} {_text(value):>10} {_text(error):>6} "
            f"{_text(defined.get(best, float('nan'))):>6}  {best or '-'}"
        )
    legend = (
        "error: standard error by leaving out one patient at a time (jackknife): how much the "
        "figure rests on single patients; it is no inference about others. best: the highest of "
        "single sessions, picked by this very figure, so it is too high by the picking. Held-out "
        "trials, whose activity is in no fit."
    )
    return "\n".join([*lines, "", *_wrapped(legend), *_unasked(population)])


def _figures(recording: TrialResponses) -> dict[str, _Figure]:
    """What can be asked of the recording."""
    figures: dict[str, _Figure] = {}
    if reads_items(recording):
        figures |= {
            "item shown (balanced accuracy)": item_decoding_accuracy,
            "split-half reliability": split_half_reliability,
            "explainable variance of units": lambda each: noise_ceiling(each).explainable_variance,
            "ceiling of predictivity": lambda each: noise_ceiling(each).predictivity,
        }
    if reads_delay(recording):
        figures["item held in the delay (AUC)"] = memory_decoding_auc
    return figures


def _notes(sessions: Sequence[TrialResponses]) -> list[str]:
    """Notes that all sessions have, and what they cannot be asked."""
    first = sessions[0]
    shared = [note for note in first.notes if all(note in each.notes for each in sessions)]
    return [line for note in shared for line in _wrapped(f"note: {note}.")] + _unasked(first)


def _unasked(recording: TrialResponses) -> list[str]:
    return [
        line
        for what, why in unasked(recording).items()
        for line in _wrapped(f"not asked: {what}: {why}.")
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS_OF_TEXT)


def _text(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"
