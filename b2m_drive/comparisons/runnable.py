"""What every comparison has in common: it is described, planned, run, resumed and timed alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from b2m_drive.comparisons.jobs import (
    Job,
    RunningOptions,
    join_scores,
    pending_jobs,
    run_pending,
    time_job,
)
from b2m_drive.comparisons.run_opening import check_run, open_run
from b2m_drive.comparisons.sendable import require_sendable
from b2m_drive.evidence.scores import Score
from b2m_drive.executors.running import TRIES
from b2m_drive.files.locks import claim

Plan = TypeVar("Plan")
Finished = TypeVar("Finished")


@dataclass(frozen=True)
class ExpectedTime:
    """What a comparison would train, and for how long."""

    n_students: int
    seconds: float


class RunnableComparison(ABC, Generic[Plan, Finished]):
    """A comparison that runs into a folder: anyone's own, or one of the studies that ship.

    A comparison says what it is (`describe`), which jobs give its scores (`jobs_of_runs`) and how
    its folder is read (`read`); it is claimed, resumed, executed, joined and timed here, the same
    for all.
    """

    kind = "a comparison"  # what is said to be at work in a claimed folder

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The configuration of the run: everything that decides its numbers."""

    @abstractmethod
    def jobs_of_runs(self, folder: Path) -> Mapping[Path, Sequence[Job[Plan]]]:
        """Every job, by the folder of the run that its scores belong to; writes nothing."""

    @property
    @abstractmethod
    def run_job(self) -> Callable[[Plan, Callable[[], None]], list[Score]]:
        """The function of a module that a job calls, wherever it runs, with its plan."""

    @abstractmethod
    def read(self, folder: Path) -> Finished:
        """What a finished run's folder holds."""

    def prepare(self, folder: Path, n_workers: int, progress: bool) -> None:
        """Write what stands beside the scores, such as what a brain holds, if it is lacking."""

    def finish(self, folder: Path, jobs: Mapping[Path, Sequence[Job[Plan]]]) -> None:
        """Make the run's tables of the jobs' scores."""
        for place, some in jobs.items():
            join_scores(place, some)

    def run(
        self,
        folder: str | Path,
        *,
        n_workers: int = 1,
        progress: bool = True,
        executor: Executor | None = None,
        tries: int = TRIES,
    ) -> Finished:
        """Train and score every student, or go on where a run of the same comparison stopped.

        Without an executor, training runs in processes of its own: call it under
        ``if __name__ == "__main__"``.

        Args:
            folder: Of the run.
            n_workers: Processes of this machine, where no executor is given.
            progress: Whether to show bars.
            executor: Where jobs run, anything of the shape of `concurrent.futures.Executor`.
            tries: Of a job that fails, or is lost with its worker. What happened to every job
                stands in ``jobs.jsonl``, see `b2m_drive.executors.job_log`.

        Returns:
            The finished run, read from its folder.

        Raises:
            FailedJobsError: If a student or control fails, in all tries; the other jobs are done
                and kept.
            ValueError: If the folder holds another run, or a student or control is a lambda or
                local function, which no other process finds.
        """
        folder, options = Path(folder), RunningOptions(n_workers, progress, executor, tries)
        with claim(folder, self.kind):
            jobs = self.jobs_of_runs(folder)
            if executor is None:
                require_sendable([job.plan for job in pending_jobs(jobs).values()])
            open_run(folder, self.describe())
            self.prepare(folder, n_workers, progress)
            run_pending(folder, jobs, self.run_job, options)
            self.finish(folder, jobs)
        return self.read(folder)

    def check(self, folder: str | Path) -> None:
        """Refuse a folder that `run` would refuse, and write nothing.

        Raises:
            ValueError: If it holds another run, or files that are none.
        """
        check_run(Path(folder), self.describe())

    def expected_time(self, folder: str | Path, n_workers: int = 1) -> ExpectedTime:
        """How many students `run` would train in this folder, and for how long.

        Measured on the start of one job of each size; nothing is left in the folder.
        """
        by_place = {
            (job.folder or place, job.name): job
            for place, jobs in self.jobs_of_runs(Path(folder)).items()
            for job in jobs
        }
        timed: dict[str, tuple[float, float]] = {}
        seconds = 0.0
        for job in by_place.values():
            if job.size not in timed:
                timed[job.size] = self.time_job(job)
            beginning, a_step = timed[job.size]
            seconds += beginning + a_step * job.n_steps
        n_students = sum(job.n_students for job in by_place.values())
        return ExpectedTime(n_students, seconds / min(n_workers, len(by_place)))

    def time_job(self, job: Job[Plan]) -> tuple[float, float]:
        """Seconds that a job takes beside its steps, and those of each step."""
        return time_job(job.plan, self.run_job)
