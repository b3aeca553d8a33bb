"""The memory study over many sessions: one comparison each, pooled by patient.

What does not depend on a teacher (the students alone) is trained once for all sessions of the
same task. Sessions with few units are compared and shown, but not pooled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from b2m_agents.episodes.ordered_workers import map_in_order
from b2m_agents.studies.memory.askable import askable
from b2m_agents.studies.memory.brain_description import describe_brain, limits_of
from b2m_agents.studies.memory.comparison import (
    MemoryComparison,
    describe_settings,
    name_of_matching,
    record_trajectories,
)
from b2m_agents.studies.memory.fitted_once import fingerprint_of
from b2m_agents.studies.memory.plan import MemoryPlan, MemoryStudySettings
from b2m_agents.studies.memory.taught_group import run_job
from b2m_agents.studies.memory.trial_matching import TrialMatching, match_trials
from b2m_drive.comparisons.jobs import Job, RunJob, time_job
from b2m_drive.comparisons.pooling import SessionsRun, read_sessions
from b2m_drive.comparisons.run_folder import BRAIN_FILE
from b2m_drive.comparisons.run_opening import open_run
from b2m_drive.comparisons.runnable import RunnableComparison
from b2m_drive.comparisons.session_summaries import LEAST_UNITS
from b2m_drive.files.names import safe_name
from b2m_drive.files.writing import write_json
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.datasets import sternberg_maintenance
from b2m_drive.recordings.datasets.sternberg_maintenance import holds_many
from b2m_drive.recordings.readers.kornblith import read_kornblith
from b2m_drive.recordings.recording import Recording
from b2m_drive.recordings.recording_quality import fit_to_teach
from b2m_drive.recordings.trial_responses import TrialResponses


@dataclass(frozen=True)
class SessionLeftOut:
    """A session that is not compared, and why."""

    session: str
    why: str  # names the session

    def __str__(self) -> str:
        return f"left out: {self.why}"


@dataclass(frozen=True)
class SessionsRead:
    """The sessions of a folder: those that can teach, and those that cannot."""

    recordings: tuple[TrialResponses, ...]  # in the bins of their trials
    left_out: tuple[SessionLeftOut, ...]


@dataclass(frozen=True)
class SessionsComparison(RunnableComparison[MemoryPlan, SessionsRun]):
    """A memory study of many sessions: recordings of one task, and what is asked of each.

    Sessions that cannot be compared, by the rules of a single comparison, are left out.
    """

    name: str
    recordings: tuple[Recording | TrialResponses, ...]
    settings: MemoryStudySettings
    least_units: int = LEAST_UNITS
    matching: TrialMatching = match_trials
    isolated: Path | None = None  # folder of the students alone; None: in the run's folder
    left_out: tuple[SessionLeftOut, ...] = ()  # found before; those found here are added

    def __post_init__(self) -> None:
        if not self.recordings:
            raise ValueError(f"{self.name}: expected one session or more, came none")
        names = [safe_name(recording.session) for recording in self.recordings]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{self.name}: expected each session once, came twice: {twice}")
        self._leave_out_unfit()
        for recording in self.brains:  # all are compared in the readings that all can give
            object.__setattr__(self, "settings", askable(self.settings, recording))
        patients = {r.subject for r in self.recordings if self.is_pooled(r)}
        if len(patients) < 2:
            raise ValueError(
                f"{self.name}: expected sessions of at least 2 patients with {self.least_units} "
                f"units or more, came {len(patients)}{_and_left_out(self.left_out)}"
            )

    def _leave_out_unfit(self) -> None:
        fit, left_out = [], list(self.left_out)
        for recording in self.recordings:
            try:
                fit.append(MemoryComparison(recording, self.settings).brain)
            except ValueError as error:
                left_out.append(SessionLeftOut(recording.session, str(error)))
        object.__setattr__(self, "recordings", tuple(fit))
        object.__setattr__(self, "left_out", tuple(left_out))

    @property
    def brains(self) -> tuple[TrialResponses, ...]:
        """The recordings, in the bins of their trials."""
        return tuple(map(in_trials, self.recordings))

    def is_pooled(self, recording: Recording | TrialResponses) -> bool:
        """Whether the session has units enough."""
        return len(recording.units) >= self.least_units

    def comparisons(self, folder: Path) -> dict[Path, MemoryComparison]:
        """One comparison a session, by its folder."""
        return {
            folder / folder_of(recording): MemoryComparison(
                recording,
                self.settings,
                matching=self.matching,
                isolated=self.isolated or folder / "isolated",
            )
            for recording in self.recordings
        }

    @property
    def run_job(self) -> RunJob:
        """Trains and scores the students of one job, together."""
        return run_job

    def describe(self) -> dict[str, Any]:
        """The configuration of the pooled run; sessions left out stand among its limits."""
        return describe_sessions(self)

    def jobs_of_runs(self, folder: Path) -> dict[Path, list[Job[MemoryPlan]]]:
        """The jobs of each session, by its folder."""
        return {path: each.jobs(path) for path, each in self.comparisons(folder).items()}

    def time_job(self, job: Job[MemoryPlan]) -> tuple[float, float]:
        """Seconds of a job beside its steps, and of a step; it draws nothing."""
        return time_job(replace(job.plan, trajectories=None), run_job)

    def prepare(self, folder: Path, n_workers: int, progress: bool) -> None:
        """Make each session's folder, and describe its brain in it."""
        _prepare(self.comparisons(folder), n_workers, progress)

    def finish(self, folder: Path, jobs: Mapping[Path, Sequence[Job[MemoryPlan]]]) -> None:
        """Join each session's scores, and record the paths that were drawn."""
        super().finish(folder, jobs)
        for place in jobs:
            record_trajectories(place)

    def read(self, folder: Path) -> SessionsRun:
        """The finished runs of all sessions."""
        return read_sessions(folder)


def folder_of(recording: Recording | TrialResponses) -> Path:
    """Where the run of a session lies, in the folder of all."""
    return Path("sessions") / safe_name(recording.session)


def read_sessions_of(path: Path, progress: bool = True) -> SessionsRead:
    """Every session (.h5) of a folder, or of a file that holds many, in the order of their names.

    A file that cannot be read, or whose recording cannot teach, is left out.

    Raises:
        FileNotFoundError: If there is no such folder, or it holds no file.
        ValueError: If it is a file of one session, or no session can be used; says of each why.
    """
    recordings, left_out = [], []
    for name, read in tqdm(_to_read(path).items(), desc="reading", disable=not progress):
        try:
            recordings.append(fit_to_teach(read()))
        except (ValueError, OSError) as error:
            named = str(error) if name in str(error) else f"{name}: {error}"
            left_out.append(SessionLeftOut(name, named))
    if not recordings:
        raise ValueError(
            f"{path}: expected sessions that can teach, came {len(left_out)} that cannot"
            + _and_left_out(left_out)
        )
    return SessionsRead(tuple(recordings), tuple(left_out))


def least_units_of(path: Path) -> int:
    """Units that a session needs to be pooled: one of a data set of few, selected units."""
    return sternberg_maintenance.LEAST_UNITS if holds_many(path) else LEAST_UNITS


def _to_read(path: Path) -> dict[str, Callable[[], TrialResponses]]:
    """How each session of a folder or file is read, by its name."""
    if holds_many(path):
        sessions = sternberg_maintenance.read_sternberg_maintenance(path)
        return {each.session: partial(in_trials, each) for each in sessions}
    if path.is_file():
        raise ValueError(f"{path}: expected a folder of recordings, came a file")
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: expected a folder of recordings, found none")
    files = sorted(path.glob("*.h5"))
    if not files:
        raise FileNotFoundError(f"{path}: expected recordings (*.h5), found none")
    return {file.stem: partial(_read_session, file) for file in files}


def _read_session(file: Path) -> TrialResponses:
    return in_trials(read_kornblith(file))


def _and_left_out(left_out: Sequence[SessionLeftOut]) -> str:
    """The end of a sentence that says which sessions were left out."""
    return "".join(f"; {each}" for each in left_out)


def describe_sessions(study: SessionsComparison) -> dict[str, Any]:
    """The configuration of a pooled run; sessions left out stand among its limits."""
    first = study.recordings[0]
    return {
        "study": "memory_sessions",
        "name": study.name,
        "simulated": first.simulated,
        "source": first.source if len(study.recordings) == 1 else _common_source(study.recordings),
        "licence": first.licence,
        "sessions": [_entry(study, recording) for recording in study.brains],
        "least_units": study.least_units,
        "pairing_of_trials": name_of_matching(study.matching),
        **describe_settings(study.settings),
        "task": _task(study),
        "own": {},
        "limits": _limits(study),
    }


def _entry(study: SessionsComparison, recording: TrialResponses) -> dict[str, Any]:
    pooled, n_units = study.is_pooled(recording), len(recording.units)
    return {
        "name": recording.session,
        "subject": recording.subject,
        "n_units": n_units,
        "pooled": pooled,
        "why_not": None if pooled else f"{n_units} units, fewer than {study.least_units}",
        "folder": folder_of(recording).as_posix(),
        "fingerprint": fingerprint_of(recording),
    }


def _task(study: SessionsComparison) -> dict[str, Any]:
    """What the sessions' tasks have in common, and where they differ; each run has its own."""
    trials = [recording.trials for recording in study.brains]
    return {
        "id": MemoryComparison(study.recordings[0], study.settings).describe()["task"]["id"],
        "n_items": sorted({each.n_items for each in trials}),
        "n_stimuli": sorted({each.n_stimuli for each in trials}),
    }


def _common_source(recordings: Sequence[Recording | TrialResponses]) -> str:
    sources = sorted({recording.source for recording in recordings})
    return sources[0] if len(sources) == 1 else f"{sources[0]} and {len(sources) - 1} more"


def _limits(study: SessionsComparison) -> list[str]:
    own = dict.fromkeys(
        limit for brain in study.brains for limit in limits_of(brain, study.settings)
    )
    shared = [
        note for note in study.brains[0].notes if all(note in each.notes for each in study.brains)
    ]
    return [
        *(f"Not compared: {each.why}." for each in study.left_out),
        "The patient is the unit; sessions of one patient are averaged first. Units differ between "
        "sessions, so nothing is shared between the teachers of different sessions.",
        *(f"In every session: {note}." for note in shared),
        *own,
    ]


def _prepare(comparisons: Mapping[Path, MemoryComparison], n_workers: int, progress: bool) -> None:
    """Make or check each session's folder, and describe its brain in it."""
    for path, comparison in comparisons.items():
        open_run(path, comparison.describe())
    lacking = {k: each for k, each in comparisons.items() if not (k / BRAIN_FILE).is_file()}
    described = map_in_order(_describe_brain, lacking.values(), n_workers)
    bar = tqdm(lacking, desc="decoding", disable=not progress or not lacking)
    for path, entries in zip(bar, described, strict=True):
        write_json(path / BRAIN_FILE, entries)


def _describe_brain(comparison: MemoryComparison) -> dict[str, Any]:
    return describe_brain(comparison.brain, comparison.settings)
