"""Run the jobs of a comparison on any executor: resumable, each result written whole.

A job is the students that are advanced together, and gives their scores. It is also the unit of
resume: a job either has its table of scores or is run again from its start, so a comparison that
was killed and resumed holds exactly the numbers of one that was not. An executor is anything of
the shape of `concurrent.futures.Executor`; without one, jobs run in processes of this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from tqdm.auto import tqdm

from b2m_drive.comparisons.local_processes import LocalProcesses, RunJob, scores_of_job
from b2m_drive.comparisons.run_opening import JOBS
from b2m_drive.evidence.scores import Score, read_scores, write_scores

SCORES = "scores.csv"
_POLL = 0.2  # [s] between updates of the progress bar

Plan = TypeVar("Plan")


@dataclass(frozen=True)
class Job(Generic[Plan]):
    """Students advanced together, and where their scores go."""

    name: str
    plan: Plan  # what the study needs to run it; must survive pickling
    n_steps: int  # for the progress bar
    folder: Path | None = None  # a folder shared between runs; None: the run's own
    n_students: int = 1  # that it trains
    size: str = ""  # jobs of one size take the same time


def run_pending(
    jobs_of_runs: Mapping[Path, Sequence[Job[Plan]]],
    run_job: RunJob,
    n_workers: int,
    progress: bool = True,
    executor: Executor | None = None,
) -> None:
    """Run the jobs of one run or several that have no scores yet, each table once.

    Args:
        jobs_of_runs: By the folder of their run, from `open_run`.
        run_job: Called where a job runs, with its plan and a function to call after each
            training step; a module's function or a `functools.partial` of one.
        n_workers: Processes, each with one thread, where no executor is given.
        progress: Show a bar of training steps.
        executor: Where the jobs run, such as a cluster's; it is not shut down. None: processes of
            this machine.

    Raises:
        Exception: Whatever a job raises; jobs that had finished are kept.
    """
    pending = {
        table: job
        for folder, jobs in jobs_of_runs.items()
        for job in jobs
        if not (table := _table_of(folder, job)).is_file()
    }
    if pending:
        _run_pending(pending, run_job, n_workers, progress, executor)


def join_scores(folder: Path, jobs: Sequence[Job[Plan]]) -> list[Score]:
    """All scores of a run's jobs, also written as its table."""
    scores = [score for job in jobs for score in read_scores(_table_of(folder, job))]
    write_scores(folder / SCORES, scores)
    return scores


def _run_pending(
    pending: Mapping[Path, Job[Plan]],
    run_job: RunJob,
    n_workers: int,
    progress: bool,
    executor: Executor | None,
) -> None:
    total = sum(job.n_steps for job in pending.values())
    with tqdm(total=total, unit="step", desc="training", disable=not progress) as bar:
        if executor is not None:
            _collect(executor, pending, run_job, lambda steps: bar.update(steps))
            return
        with LocalProcesses(min(n_workers, len(pending))) as processes:
            _collect(processes, pending, run_job, lambda _: None, lambda: _follow(bar, processes))


def _follow(bar: Any, processes: LocalProcesses) -> None:
    bar.update(processes.n_steps - bar.n)


def _collect(
    executor: Executor,
    pending: Mapping[Path, Job[Plan]],
    run_job: RunJob,
    finished: Callable[[int], None],
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Submit every job and write each table as soon as its scores are there."""
    waiting = {
        executor.submit(scores_of_job, run_job, job.plan): (table, job)
        for table, job in pending.items()
    }
    try:
        while waiting:
            done, _ = wait(waiting, timeout=_POLL, return_when=FIRST_COMPLETED)
            meanwhile()
            # What failed comes last, so that whatever finished beside it is kept.
            for future in sorted(done, key=lambda each: each.exception() is not None):
                table, job = waiting.pop(future)
                write_scores(table, future.result())
                finished(job.n_steps)
    except BaseException:
        for future in waiting:
            future.cancel()
        raise


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
