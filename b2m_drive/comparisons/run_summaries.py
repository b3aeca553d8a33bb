"""Every run below a folder, one line each: what it compares, how far it is, what it found."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from b2m_drive.comparisons.calibration import VERDICTS, read_rows, share_interval, shares
from b2m_drive.comparisons.configuration import read_object
from b2m_drive.comparisons.finished_verdicts import (
    CALIBRATION,
    finished_verdicts,
    is_finished,
    sub_runs,
)
from b2m_drive.comparisons.jobs import SCORES
from b2m_drive.comparisons.run_opening import CONFIG, JOBS
from b2m_drive.comparisons.verdict import Grade, Verdict
from b2m_drive.evidence.condition import SHORT_STRATEGIES
from b2m_drive.executors.job_history import JobHistory, job_history
from b2m_drive.executors.job_log import JOB_LOG
from b2m_drive.files.locks import work_in
from b2m_drive.files.refusals import said

State: TypeAlias = Literal["planned", "running", "stopped", "done", "failed", "broken"]

GRADES = {  # in a few words
    Grade.SPECIFIC: "specific",
    Grade.SHARED: "as a null",
    Grade.NO_GAIN: "no gain",
    Grade.HARM: "harm",
}
_TRAININGS = "agent_trainings"
_OPENED_SEARCH, _SELECTION = "search", "selection"  # folders of a search that has not ended
_REPORTING = "a report"  # work in a folder that changes no result


@dataclass(frozen=True)
class RunSummary:
    """One run, or a folder that looks like one and why it is none."""

    folder: Path
    study: str
    brain: str  # its name, or how many sessions of how many patients
    simulated: bool | None  # None: the run does not say
    student: str
    state: State
    n_done: int | None  # jobs; None: no log of them and no tables
    n_jobs: int | None  # None: not recorded (before 0.8.0)
    verdict: str  # in a few words; empty while there is none
    changed: datetime  # when a file of it last changed
    problem: str = ""  # what is wrong, or keeps it from being judged


def runs_in(folder: str | Path = "runs") -> list[RunSummary]:
    """Every run below a folder, or the folder itself, ordered by path.

    A folder whose ``config.json`` names a study is a run; what lies below it belongs to it. One
    that cannot be read has the state ``"broken"`` and says why in `problem`; nothing is raised for
    it. Folders of encoders and agents are no runs.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it is a file.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: expected a folder of runs, found none")
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of runs, came a file")
    return [summary_of(each) for each in run_folders(folder)]


def run_folders(folder: Path) -> Iterator[Path]:
    """Folders of runs at or below a folder, in the order of their names."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        folders[:] = [name for name in folders if not name.startswith(".")]
        if CONFIG in files or _is_search_under_way(folders):
            folders.clear()
            if _may_be_run(_config_in(Path(place))):
                yield Path(place)


def _is_search_under_way(folders: Sequence[str]) -> bool:
    return _OPENED_SEARCH in folders and _SELECTION in folders


def _config_in(folder: Path) -> Path:
    """A search that has not ended keeps its configuration in a folder of its own."""
    return folder / CONFIG if (folder / CONFIG).exists() else folder / _OPENED_SEARCH / CONFIG


def _may_be_run(config: Path) -> bool:
    """Whether it names a study, or is too damaged to say; encoders and agents name none."""
    try:
        return "study" in read_object(config)
    except Exception:  # whatever damage makes of a file
        return True


def summary_of(folder: Path) -> RunSummary:
    """The line of one run."""
    try:
        config = read_object(_config_in(folder))
        if not isinstance(config.get("study"), str):
            raise ValueError("no run of b2m-drive: config.json names no study")
        return _summary(folder, config)
    except Exception as error:  # whatever damage makes of a file
        text = said(error).removeprefix(f"{folder / CONFIG}: ").removeprefix(f"{folder}: ")
        return RunSummary(
            folder, "?", "?", None, "?", "broken", None, None, "", _changed(folder), text
        )


def verdict_words(verdicts: Sequence[Verdict]) -> str:
    """Grades in a few words: ``BLT specific, BCT no gain``, or ``BLT+BCT no gain``.

    A strategy whose readings differ has several: ``BLT specific / no gain``.
    """
    grades: dict[str, list[str]] = {}
    for each in verdicts:
        words = grades.setdefault(SHORT_STRATEGIES[each.method.strategy], [])
        words += [GRADES[each.grade]] if GRADES[each.grade] not in words else []
    strategies: dict[str, list[str]] = {}
    for name, words in grades.items():
        strategies.setdefault(" / ".join(words), []).append(name)
    return ", ".join(f"{'+'.join(names)} {words}" for words, names in strategies.items())


def _summary(folder: Path, config: Mapping[str, Any]) -> RunSummary:
    histories = _histories(folder)
    finished = (folder / CONFIG).is_file() and is_finished(folder, config)
    state = _state(folder, histories, finished)
    verdict, problem = _verdict(folder, config) if finished else ("", "")
    simulated = simulated_in(config)
    n_done, n_jobs = _jobs(folder, config, histories)
    return RunSummary(
        folder, str(config["study"]), _brain(config), simulated, student_in(config),
        state, n_done, n_jobs, verdict, _changed(folder), problem,
    )  # fmt: skip


def _histories(folder: Path) -> list[JobHistory]:
    """Of the run, and of the stages of a search, which have logs of their own."""
    logs = [folder / JOB_LOG, *sorted(folder.glob(f"*/{JOB_LOG}"))]
    return [found for log in logs if (found := job_history(log.parent))]


def _state(folder: Path, histories: Sequence[JobHistory], finished: bool) -> State:
    work = work_in(folder)
    if work is not None and work != _REPORTING:
        return "running"
    if any(each.n_failed for each in histories):
        return "failed"
    if finished:
        return "done"
    return "stopped" if histories or any(_tables(folder)) else "planned"


def _tables(folder: Path) -> Iterator[Path]:
    """Finished tables of jobs, of the run and of what it consists of."""
    for place in (folder, *_below(folder, read_object(_config_in(folder)))):
        yield from (place / JOBS).glob("*.csv")


def _below(folder: Path, config: Mapping[str, Any]) -> Iterator[Path]:
    for each in sub_runs(folder, config):
        yield each
        yield from _below(each, read_object(each / CONFIG))


def _jobs(
    folder: Path, config: Mapping[str, Any], histories: Sequence[JobHistory]
) -> tuple[int | None, int | None]:
    if histories:
        return sum(each.n_done for each in histories), sum(each.n_jobs for each in histories)
    return len(list(_tables(folder))) or None, None


def _verdict(folder: Path, config: Mapping[str, Any]) -> tuple[str, str]:
    """In a few words, and what keeps it from being given."""
    try:
        if config["study"] == CALIBRATION:
            return _calibration_words(folder), ""
        if config["study"] == _TRAININGS:  # judges no brain
            return "", ""
        return verdict_words(finished_verdicts(folder)), ""
    except Exception as error:  # whatever damage makes of a file
        return "", said(error).removeprefix(f"{folder}: ")


def _calibration_words(folder: Path) -> str:
    found = shares(read_rows(folder / VERDICTS))
    return ", ".join(
        f"{SHORT_STRATEGIES[each.strategy]} {each.kind}: specific {share_interval(each)}"
        for each in found
    )


def simulated_in(config: Mapping[str, Any]) -> bool | None:
    """Whether the brain is simulated; None: the run does not say."""
    brain = config.get("brain")
    value = brain.get("simulated") if isinstance(brain, dict) else config.get("simulated")
    return value if isinstance(value, bool) else None


def _brain(config: Mapping[str, Any]) -> str:
    brain, sessions = config.get("brain"), config.get("sessions")
    if isinstance(brain, dict):
        return str(brain.get("name", "?"))
    if isinstance(sessions, list):
        pooled = [each for each in sessions if isinstance(each, dict) and each.get("pooled")]
        n_patients = len({str(each.get("subject")) for each in pooled})
        return f"{len(pooled)} sessions, {n_patients} patients"
    return str(config.get("name", config.get("preset", "?")))


def student_in(config: Mapping[str, Any]) -> str:
    """Class of the network, and its cell if it has one."""
    settings = config.get("selection", config)  # of a search
    student = settings.get("student") if isinstance(settings, dict) else None
    if not isinstance(student, dict):
        algorithm = config.get("algorithm")
        return str(algorithm.get("name", "?")) if isinstance(algorithm, dict) else "?"
    cell = student.get("cell")
    name = str(student.get("class", student.get("name", "?")))
    return f"{name} ({cell})" if cell else name


def _changed(folder: Path) -> datetime:
    """When the configuration, the log, the tables or the report last changed."""
    names = (CONFIG, JOB_LOG, SCORES, VERDICTS, "report.html", JOBS)
    times = [0.0]
    for each in (folder / name for name in names):
        try:
            times.append(each.stat().st_mtime)
        except OSError:
            continue
    return datetime.fromtimestamp(max(times), UTC)
