"""Many sessions of a comparison, pooled: the patient is the unit, sessions are nested in it.

Two sessions of one patient share electrodes and disease, so they are no two independent
observations. The difference of a session is its mean over seeds, that of a patient the mean over
its sessions. The interval is over patients; as all sessions were run with the same seeds, what
the seeds have in common is in it as well (`statistics.crossed_difference`).

A folder of many sessions holds ``config.json``, whose ``sessions`` name each session's subject,
units, folder and whether it is pooled; each such folder is the run of one session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64

from b2m_drive.comparisons.configuration import Configuration, configuration_as, read_object
from b2m_drive.comparisons.pooled_verdict import PooledDifference, PooledVerdict
from b2m_drive.comparisons.run_folder import Run, read_run
from b2m_drive.comparisons.run_opening import CONFIG
from b2m_drive.comparisons.study import Study
from b2m_drive.comparisons.verdict import (
    Grade,
    differences,
    grade_of,
    weak_text,
)
from b2m_drive.evidence.condition import ALONE, BRAIN, Condition, TransferMethod
from b2m_drive.evidence.learning_curves import SUMMARIES
from b2m_drive.evidence.statistics import Interval, PairedDifference, crossed_difference
from b2m_drive.files.names import inside
from b2m_drive.files.refusals import naming

Unit = Literal["session", "patient"]


@dataclass(frozen=True)
class Session:
    """One session of a run of many, as the configuration names it."""

    name: str
    subject: str  # the patient
    n_units: int
    pooled: bool
    folder: str
    why_not: str | None = None  # it is not pooled


@dataclass(frozen=True, kw_only=True)
class SessionsConfiguration(Configuration):
    """What a run of many sessions holds besides."""

    name: str
    sessions: tuple[Session, ...]
    least_units: int
    batch_size: int
    simulated: bool
    licence: str = ""


@dataclass(frozen=True)
class SessionsRun:
    """A finished comparison over many sessions, as its folder holds it."""

    folder: Path
    config: SessionsConfiguration
    runs: dict[str, Run]  # by session; one that is not pooled may have no run

    @property
    def sessions(self) -> tuple[Session, ...]:
        """All sessions, in the order of the configuration."""
        return self.config.sessions

    @property
    def pooled(self) -> list[Session]:
        """The sessions that the verdict rests on."""
        return [session for session in self.sessions if session.pooled]

    @property
    def patients(self) -> list[str]:
        """The patients of the pooled sessions, each once."""
        return list(dict.fromkeys(session.subject for session in self.pooled))

    @property
    def simulated(self) -> bool:
        """Whether the brains are simulated."""
        return self.config.simulated

    @property
    def study(self) -> Study:
        """What was compared in each session, and its words."""
        return next(iter(self.runs.values())).study

    @property
    def primary_metric(self) -> str:
        """The summary of the learning curve that the verdicts judge."""
        return self.config.primary_metric

    @property
    def methods(self) -> list[TransferMethod]:
        """Every strategy with every reading; all strategies of the main reading come first."""
        return self.config.methods


@dataclass(frozen=True)
class EstimateWithoutOne:
    """The pooled estimate without one session or patient."""

    name: str
    grade: Grade
    over_alone: PooledDifference
    over_closest: PooledDifference  # brain minus the null that is the closest without it
    closest: str
    changes: bool  # the grade


def read_sessions(folder: Path) -> SessionsRun:
    """Read and check a folder of many sessions, and the run of each.

    Raises:
        FileNotFoundError: If the folder, its configuration or a pooled session's run is missing.
        ValueError: If an entry is not what it should be, or a session was run with other seeds,
            strategies or readings than the whole.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected the folder of many sessions, found none")
    with naming(folder / CONFIG, "the configuration of many sessions"):
        return _read_sessions(folder)


def _read_sessions(folder: Path) -> SessionsRun:
    path = folder / CONFIG
    config = configuration_as(SessionsConfiguration, path, read_object(path))
    if config.study != "memory_sessions":
        raise ValueError(f"{path}: study: expected memory_sessions, came {config.study!r}")
    names = [session.name for session in config.sessions]
    if len(set(names)) != len(names):
        raise ValueError(f"{path}: sessions: expected different names, came {names}")
    runs = {
        session.name: read_run(inside(folder, session.folder))
        for session in config.sessions
        if session.pooled or (folder / session.folder / CONFIG).is_file()
    }
    for name, run in runs.items():
        _require_same_comparison(path, config, name, run)
    return SessionsRun(folder, config, runs)


def pooled_verdict(
    run: SessionsRun, method: TransferMethod, metric: str | None = None
) -> PooledVerdict:
    """Judge one way of teaching over all pooled sessions, by the rule of `verdict.judge`.

    Args:
        run: Of many sessions.
        method: Strategy and readout.
        metric: A summary of the learning curve; None: the run's primary one.

    Raises:
        ValueError: For fewer than two patients, or if a session lacks a null.
    """
    if len(run.patients) < 2:
        raise ValueError(
            f"{run.folder}: patients: expected at least 2 to pool, came {len(run.patients)}"
        )
    return _verdict(run, run.pooled, method, metric or run.primary_metric)


def pooled_verdicts(run: SessionsRun) -> list[PooledVerdict]:
    """A verdict for each strategy and reading, the main reading first."""
    return [pooled_verdict(run, method) for method in run.methods]


def leave_one_out(
    run: SessionsRun, method: TransferMethod, by: Unit = "patient", metric: str | None = None
) -> list[EstimateWithoutOne]:
    """The pooled estimate and grade without each session, or without each patient.

    Where one patient is left, nothing can be said: the interval has no end and there is no gain.

    Raises:
        ValueError: For fewer than two patients, an unknown unit, or if a session lacks a null.
    """
    if by not in ("session", "patient"):
        raise ValueError(f"by: expected session or patient, came {by!r}")
    whole = pooled_verdict(run, method, metric)
    of: Callable[[Session], str] = (
        (lambda session: session.subject) if by == "patient" else (lambda session: session.name)
    )
    names = list(dict.fromkeys(of(session) for session in run.pooled))
    left = []
    for name in names:
        kept = [session for session in run.pooled if of(session) != name]
        verdict = _verdict(run, kept, method, whole.metric)
        closest = verdict.closest
        left.append(
            EstimateWithoutOne(
                name,
                verdict.grade,
                verdict.over_nulls[ALONE],
                verdict.over_nulls[closest],
                closest,
                verdict.grade is not whole.grade,
            )
        )
    return left


def session_differences(
    run: SessionsRun, session: str, method: TransferMethod, metric: str | None = None
) -> dict[str, PairedDifference]:
    """Brain minus each null in one session, pooled or not; the interval is over seeds.

    Raises:
        ValueError: If the session lacks a null.
    """
    chosen = metric or run.primary_metric
    _require_nulls(run, session, method)
    return differences(run.runs[session].curves, method, chosen, run.study.nulls)


def _verdict(
    run: SessionsRun, sessions: Sequence[Session], method: TransferMethod, metric: str
) -> PooledVerdict:
    if metric not in SUMMARIES:
        raise ValueError(f"metric: expected one of {', '.join(SUMMARIES)}, came {metric!r}")
    for session in sessions:
        _require_nulls(run, session.name, method)
    probes = [
        name
        for name in run.study.probes
        if all(method.condition(name) in run.runs[each.name].curves for each in sessions)
    ]
    over = {
        name: _pooled_difference(run, sessions, method, metric, name)
        for name in (*run.study.nulls, *probes)
    }
    over_nulls = {name: over[name] for name in run.study.nulls}
    return PooledVerdict(
        method,
        metric,
        run.study,
        run.simulated,
        grade_of(over_nulls),
        over_nulls,
        {name: over[name] for name in probes},
        len({session.subject for session in sessions}),
        len(sessions),
        sum(session.n_units for session in sessions),
        weak=_weak(run, sessions),
    )


def _weak(run: SessionsRun, sessions: Sequence[Session]) -> str:
    """Says so where the students alone did not learn more than nothing; else it is empty."""
    study = run.study
    final = {
        session.name: SUMMARIES["final"](run.runs[session.name].curves[Condition(ALONE)])
        for session in sessions
    }
    over_floor = crossed_difference(_by_patient(final, sessions) - study.floor)
    if over_floor.low > 0:
        return ""
    bounds = (over_floor.mean, over_floor.low, over_floor.high)
    mean, low, high = (study.floor + each for each in bounds)
    return weak_text(Interval(mean, low, high, over_floor.n), study.floor, study.floor_label, study)


def _by_patient(
    by_session: Mapping[str, Float64[np.ndarray, " seed"]], sessions: Sequence[Session]
) -> Float64[np.ndarray, "patient seed"]:
    """Values of sessions, averaged over those of each patient."""
    return np.array(
        [
            np.mean([by_session[s.name] for s in sessions if s.subject == patient], axis=0)
            for patient in dict.fromkeys(session.subject for session in sessions)
        ]
    )


def _pooled_difference(
    run: SessionsRun,
    sessions: Sequence[Session],
    method: TransferMethod,
    metric: str,
    control: str,
) -> PooledDifference:
    by_seed = {
        session.name: _of_seeds(run.runs[session.name], method, metric, control)
        for session in sessions
    }
    patients = list(dict.fromkeys(session.subject for session in sessions))
    values = _by_patient(by_seed, sessions)
    return PooledDifference(
        **vars(crossed_difference(values)),
        by_patient=dict(zip(patients, values.mean(1).tolist(), strict=True)),
        by_session={name: float(each.mean()) for name, each in by_seed.items()},
        patient_of={session.name: session.subject for session in sessions},
    )


def _of_seeds(
    run: Run, method: TransferMethod, metric: str, control: str
) -> Float64[np.ndarray, " seed"]:
    """Brain minus control of each seed, in a summary of the learning curve."""
    summary = SUMMARIES[metric]
    brain, other = (summary(run.curves[method.condition(name)]) for name in (BRAIN, control))
    difference: Float64[np.ndarray, " seed"] = brain - other
    return difference


def _require_nulls(run: SessionsRun, session: str, method: TransferMethod) -> None:
    curves = run.runs[session].curves
    needed = [method.condition(name) for name in (BRAIN, *run.study.nulls)]
    missing = [condition for condition in needed if condition not in curves]
    if missing:
        raise ValueError(
            f"session {session}: expected scores of the brain and of every null, found none of "
            f"{', '.join(map(str, missing))}"
        )


def _require_same_comparison(
    path: Path, config: SessionsConfiguration, name: str, run: Run
) -> None:
    for entry in ("seeds", "strategies", "readings", "primary_metric", "n_steps", "batch_size"):
        came, expected = run.config.entries[entry], config.entries[entry]
        if came != expected:
            raise ValueError(
                f"{path}: {entry}: expected those of every session, {expected!r}, came {came!r} "
                f"in {name}"
            )
