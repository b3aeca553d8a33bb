"""The memory comparisons that are usually made: their readings, their curves, their folders."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from b2m_agents.studies.memory.comparison import DEFAULT_STUDY, MemoryComparison, own_values
from b2m_agents.studies.memory.plan import MemoryStudySettings
from b2m_agents.studies.memory.teachers import Readout
from b2m_drive.comparisons.study import LABEL_PROBES
from b2m_drive.recordings.simulated.simulated_session import SimulatedSession
from b2m_drive.teachers.latents import PAIRINGS, TRIAL_LATENTS

SIGNALS = (0.0, 0.1, 0.3, 1.0)  # shares of signal of the dose-response
TEACHER_TRIALS = (10, 30, 100, 300)  # as far as a recording has so many
STUDENT_TRIALS = (100, 300, 1000, 3000)
MAINTENANCES = (1.0, 5.0, 10.0)  # [s]
SEEDS_OF_SESSION, SEEDS_OF_MANY = 8, 4  # students of each condition


def readouts_of(latents: Collection[str], pairings: Collection[str]) -> tuple[Readout, ...]:
    """Every method of latents with every pairing, in the order of the reports."""
    return tuple(
        Readout(method, pairing)
        for method in TRIAL_LATENTS
        for pairing in PAIRINGS
        if method in latents and pairing in pairings
    )


def simulated_comparison(
    session: SimulatedSession,
    settings: MemoryStudySettings = DEFAULT_STUDY,
    *,
    signal: float = 1.0,
    curves: bool = False,
    note: str = "",
) -> MemoryComparison:
    """A comparison whose teacher is a simulated brain.

    Args:
        session: The brain, and its trials.
        settings: Of the comparison.
        signal: Share of the brain's task signal.
        curves: Whether the brain's other shares of signal (`SIGNALS`) are compared, too, and the
            curves of `with_curves`.
        note: That the report has beneath its verdicts.
    """
    shares = [each for each in SIGNALS if each != signal] if curves else []
    comparison = MemoryComparison(
        session.record(signal),
        settings,
        signal=signal,
        by_signal={share: session.record(share) for share in shares},
        note=note,
    )
    return with_curves(comparison) if curves else comparison


def with_curves(comparison: MemoryComparison) -> MemoryComparison:
    """The comparison with further numbers of trials and delays, as far as there are trials."""
    own = own_values(comparison)["n_teacher_trials"]
    assert own is not None
    settings = replace(
        comparison.settings,
        teacher_trials_curve=tuple(n for n in TEACHER_TRIALS if n < own),
        student_trials_curve=STUDENT_TRIALS,
        maintenance_curve=MAINTENANCES,
    )
    return replace(comparison, settings=settings)


def usual_folder(name: str, settings: MemoryStudySettings, curves: bool = False) -> Path:
    """Where a run lies if nobody says otherwise: ``runs/memory-NAME-lstm-carried-curves``.

    Every choice that is not the default is in the name, so that two comparisons that ask different
    things have different folders; seeds and steps do not count.

    Args:
        name: Of the brain.
        settings: Of the comparison.
        curves: Whether the comparison has curves.
    """
    readouts = settings.readings
    chosen = (
        (settings.cell, "gru"),
        (settings.task, "memory_decision"),
        (settings.codes, "random"),
        ("-".join(dict.fromkeys(each.latents for each in readouts)), "decoded"),
        ("-".join(dict.fromkeys(each.pairing for each in readouts)), "recorded"),
        (f"{settings.windows}-windows", "all-windows"),
        ("" if settings.probes == LABEL_PROBES else "all-probes", ""),
        ("curves" if curves else "", ""),
    )
    choices = "".join(f"-{value}" for value, default in chosen if value != default)
    return Path("runs") / f"memory-{name}{choices}"
