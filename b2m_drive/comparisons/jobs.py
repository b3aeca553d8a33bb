"""Run the jobs of a comparison on any executor: resumable, each result written whole.

A job is the students that are advanced together, and gives their scores. It is also the unit of
resume: a job either has its table of scores or is run again from its start, so a comparison that
was killed and resumed holds exactly the numbers of one that was not. An executor is anything of
the shape of `concurrent.futures.Executor`; without one, jobs run in processes of this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from b2m_drive.comparisons.run_opening import JOBS
from b2m_drive.evidence.scores import Score, read_scores, write_scores
from b2m_drive.executors.job_log import JobLog
from b2m_drive.executors.local_processes import LocalProcesses, count_step
from b2m_drive.executors.running import TRIES, Failure, run_tasks
from b2m_drive.executors.tasks import Outcome, Task
from b2m_drive.executors.written_files import place_files

SCORES = "scores.csv"
_MOST_TOLD = 3  # failures whose errors a message repeats; the log has them all

Plan = TypeVar("Plan")
RunJob = Callable[[Any, Callable[[], None]], list[Score]]


class FailedJobsError(ValueError):
    """Some jobs of a comparison were given up; the scores of all others are kept."""


@dataclass(frozen=True)
class Job(Generic[Plan]):
    """Students advanced together, and where their scores go."""

    name: str
    plan: Plan  # what the study needs to run it; must survive pickling
    n_steps: int  # for the progress bar
    folder: Path | None = None  # a folder shared between runs; None: the run's own
    n_students: int = 1  # that it trains
    size: str = ""  # jobs of one size take the same time
    reads: tuple[Path, ...] = ()  # files and folders that the plan names, for other machines
    writes: Path | None = None  # folder that the job writes in, beside its scores


@dataclass(frozen=True)
class RunningOptions:
    """How the jobs of a run are run, whatever they are."""

    n_workers: int = 1  # processes, one thread each, where no executor is given
    progress: bool = True  # show a bar of training steps
    executor: Executor | None = None  # where jobs run; it is not shut down
    tries: int = TRIES  # of a job that fails, or is lost with its worker

    def __post_init__(self) -> None:
        for name in ("n_workers", "tries"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more, came {getattr(self, name)}")


def run_pending(
    folder: Path,
    jobs_of_runs: Mapping[Path, Sequence[Job[Plan]]],
    run_job: RunJob,
    options: RunningOptions,
) -> None:
    """Run the jobs of one run or several that have no scores yet, each table once.

    A job that fails is tried again, and does not keep the others from being run.

    Args:
        folder: Where what happens is logged.
        jobs_of_runs: By the folder of their run, from `open_run`.
        run_job: Called where a job runs, with its plan and a function to call after each
            training step; a module's function or a `functools.partial` of one.
        options: Where and how.

    Raises:
        FailedJobsError: If jobs failed in all their tries; all other jobs have been run, unless
            none succeeded.
    """
    pending = pending_jobs(jobs_of_runs)
    if not pending:
        return
    log, n_jobs = JobLog(folder), len(_by_table(jobs_of_runs))
    where = getattr(options.executor, "name", None) or type(options.executor).__name__
    where = f"{options.n_workers} processes" if options.executor is None else where
    log.add("started", n_jobs=n_jobs, n_done=n_jobs - len(pending), executor=where)
    failures: list[Failure] = []
    stopped: dict[str, str] = {}
    try:
        failures = _run_pending(pending, run_job, options, log)
    except BaseException as error:
        stopped = {"stopped": f"{type(error).__name__}: {error}"}
        raise
    finally:
        n_done = n_jobs - len(pending_jobs(jobs_of_runs))
        log.add("ended", n_done=n_done, n_failed=len(failures), **stopped)
    if failures:
        raise FailedJobsError(_failures_text(failures, n_done, n_jobs, log)) from failures[0].error


def pending_jobs(jobs_of_runs: Mapping[Path, Sequence[Job[Plan]]]) -> dict[Path, Job[Plan]]:
    """The jobs that have no scores yet, by the table of their scores, each table once."""
    return {table: job for table, job in _by_table(jobs_of_runs).items() if not table.is_file()}


def _by_table(jobs_of_runs: Mapping[Path, Sequence[Job[Plan]]]) -> dict[Path, Job[Plan]]:
    return {_table_of(folder, job): job for folder, jobs in jobs_of_runs.items() for job in jobs}


def join_scores(folder: Path, jobs: Sequence[Job[Plan]]) -> list[Score]:
    """All scores of a run's jobs, also written as its table."""
    scores = [score for job in jobs for score in read_scores(_table_of(folder, job))]
    write_scores(folder / SCORES, scores)
    return scores


def _run_pending(
    pending: Mapping[Path, Job[Plan]], run_job: RunJob, options: RunningOptions, log: JobLog
) -> list[Failure]:
    total = sum(job.n_steps for job in pending.values())
    with tqdm(total=total, unit="step", desc="training", disable=not options.progress) as bar:
        how: dict[str, Any] = {"tries": options.tries, "log": log, "tell": _telling(options)}
        taking = _Taking(pending, run_job, bar)
        if options.executor is not None:
            return run_tasks(options.executor, taking.tasks, taking.take_and_count, **how)
        with LocalProcesses(min(options.n_workers, len(pending))) as processes:
            how["meanwhile"] = lambda: _follow(bar, processes)
            return run_tasks(processes, taking.tasks, taking.take, **how)


def _telling(options: RunningOptions) -> Callable[[str], None]:
    return tqdm.write if options.progress else lambda _: None


def _follow(bar: Any, processes: LocalProcesses) -> None:
    """Show the steps done; those of lost jobs are done again, which no bar can show."""
    bar.update(min(processes.n_steps, bar.total) - bar.n)


class _Taking:
    """The tasks of some jobs, and what is done with their outcomes."""

    def __init__(self, pending: Mapping[Path, Job[Plan]], run_job: RunJob, bar: Any) -> None:
        self.bar, self.n_done = bar, 0
        self._pending = {task_name(table, job): (table, job) for table, job in pending.items()}
        function = partial(scores_of_job, run_job)
        self.tasks = [
            Task(name, function, job.plan, job.reads, job.writes)
            for name, (_, job) in self._pending.items()
        ]

    def take(self, task: Task, outcome: Outcome) -> None:
        """Write what the job made, its table of scores last."""
        table, _ = self._pending[task.name]
        if outcome.files:
            assert task.writes is not None
            place_files(outcome.files, task.writes)
        write_scores(table, outcome.value)
        self.n_done += 1
        self.bar.set_postfix_str(f"{self.n_done} of {len(self.tasks)} jobs", refresh=False)

    def take_and_count(self, task: Task, outcome: Outcome) -> None:
        """`take`, where training steps cannot be followed as they are done."""
        self.take(task, outcome)
        self.bar.update(self._pending[task.name][1].n_steps)


def task_name(table: Path, job: Job[Any]) -> str:
    """What the log calls a job: its name, after its run's or shared folder's."""
    return f"{(table.parent.parent if job.folder is None else table.parent).name}/{job.name}"


def _failures_text(failures: Sequence[Failure], n_done: int, n_jobs: int, log: JobLog) -> str:
    told = "; ".join(
        f"{each.name} ({each.tries} tries): {each.text}" for each in failures[:_MOST_TOLD]
    )
    more = f"; and {len(failures) - _MOST_TOLD} more" if len(failures) > _MOST_TOLD else ""
    return (
        f"{len(failures)} of {n_jobs} jobs failed, {n_done} are done and kept; call it again to "
        f"try the others again ({log.path} has the tracebacks). {told}{more}"
    )


def scores_of_job(run_job: RunJob, plan: Any) -> list[Score]:
    """Run one job wherever this is called, on one thread, so that numbers are the same anywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            return run_job(plan, count_step)
    finally:
        torch.set_num_threads(before)


class _EnoughStepsError(Exception):
    pass


def time_job(plan: Any, run_job: RunJob, n_probe_steps: int = 8) -> tuple[float, float]:
    """Seconds of what comes before a job's second step, and of each further step."""
    times = [time.perf_counter()]

    def count() -> None:
        times.append(time.perf_counter())
        if len(times) > n_probe_steps + 1:
            raise _EnoughStepsError

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run_job(plan, count)
    except _EnoughStepsError:
        pass
    finally:
        torch.set_num_threads(n_threads)
    return times[1] - times[0], (times[-1] - times[1]) / (len(times) - 2)


def _table_of(folder: Path, job: Job[Plan]) -> Path:
    return (job.folder or folder / JOBS) / f"{job.name}.csv"
