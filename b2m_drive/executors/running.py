"""Run tasks on any executor: what is lost or fails is tried again, and the rest goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from b2m_drive.executors.job_log import JobLog
from b2m_drive.executors.tasks import Outcome, Raised, Task, error_text, run_task

TRIES = 3  # of each task
_POLL = 0.2  # [s] between two looks at what is done
_MOST_SUBMITTED = 64  # tasks that an executor of a user's own holds at once
_HOPELESS = 3  # tasks that fail in every try before any has succeeded, and the rest is not tried


@runtime_checkable
class TaskExecutor(Protocol):
    """An executor that sends a task in a way of its own, such as large inputs once a machine."""

    def submit_task(self, task: Task) -> Future[Outcome]:
        """Run a task somewhere."""


@dataclass(frozen=True)
class Failure:
    """A task that was given up, and its last error."""

    name: str
    tries: int
    text: str
    error: Exception | None  # itself, where it came back


@dataclass
class _Try:
    task: Task
    n_tries: int = 0
    n_lost: int = 0


def run_tasks(
    executor: Executor,
    tasks: Sequence[Task],
    take: Callable[[Task, Outcome], None],
    *,
    tries: int = TRIES,
    log: JobLog | None = None,
    tell: Callable[[str], None] = lambda _: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> list[Failure]:
    """Run every task, in their order as far as there is room, and take each outcome at once.

    A task whose function raises, or that is lost with its worker, is tried again. If three tasks
    fail in all their tries before any other has succeeded, the rest is not tried.

    Args:
        executor: Anything of the shape of `concurrent.futures.Executor`; it is not shut down.
        tasks: What is to run.
        take: Keeps an outcome; what it raises ends everything.
        tries: Of each task, at most.
        log: Where everything that happens is written.
        tell: Called with a sentence when a task has to be tried again.
        meanwhile: Called while tasks run, some five times a second.

    Returns:
        The tasks that were given up.
    """
    return _Running(executor, tasks, take, tries, log or JobLog(None), tell, meanwhile).run()


@dataclass
class _Running:
    executor: Executor
    tasks: Sequence[Task]
    take: Callable[[Task, Outcome], None]
    tries: int
    log: JobLog
    tell: Callable[[str], None]
    meanwhile: Callable[[], None]

    def __post_init__(self) -> None:
        self.waiting = deque(_Try(task) for task in self.tasks)
        self.submitted: dict[Future[Outcome], _Try] = {}
        self.failures: list[Failure] = []
        self.n_done = 0

    def run(self) -> list[Failure]:
        try:
            while (self.waiting or self.submitted) and not self._is_hopeless():
                self._submit_some()
                done, _ = wait(self.submitted, timeout=_POLL, return_when=FIRST_COMPLETED)
                self.meanwhile()
                for future in done:
                    self._finish(future, self.submitted.pop(future))
        finally:
            for future in self.submitted:
                future.cancel()
        return self.failures

    def _is_hopeless(self) -> bool:
        return not self.n_done and len(self.failures) >= _HOPELESS

    def _submit_some(self) -> None:
        most = getattr(self.executor, "most_submitted", _MOST_SUBMITTED)
        while self.waiting and len(self.submitted) < most and not self._must_wait():
            tried = self.waiting.popleft()
            tried.n_tries += 1
            try:
                self.submitted[self._submit(tried.task)] = tried
            except Exception as error:  # the engine is gone, or refuses
                self._lost(tried, error)

    def _must_wait(self) -> bool:
        """Whether what is next, or runs, may have taken other tasks' workers down: it runs alone.

        So a task that kills every worker costs each of the others no more than one of its tries.
        """
        if not getattr(self.executor, "fall_together", False):
            return False
        suspects = [each.n_lost > 0 for each in (*self.submitted.values(), self.waiting[0])]
        return bool(self.submitted) and any(suspects)

    def _submit(self, task: Task) -> Future[Outcome]:
        if isinstance(self.executor, TaskExecutor):
            return self.executor.submit_task(task)
        return self.executor.submit(run_task, task)

    def _finish(self, future: Future[Outcome], tried: _Try) -> None:
        try:
            outcome = future.result()
        except (Exception, CancelledError) as error:
            self._lost(tried, error)
            return
        if outcome.raised is not None:
            self._failed(tried, outcome, outcome.raised)
            return
        self.take(tried.task, outcome)
        self.n_done += 1
        where = {"host": outcome.host, "pid": outcome.pid}
        seconds = round(outcome.seconds, 3)
        self.log.add("done", job=tried.task.name, seconds=seconds, **where, **self._count(tried))

    def _count(self, tried: _Try) -> dict[str, int]:
        return {"try": tried.n_tries, "of": self.tries}

    def _lost(self, tried: _Try, error: BaseException) -> None:
        tried.n_lost += 1
        text = error_text(error)
        self.log.add("lost", job=tried.task.name, error=text, **self._count(tried))
        itself = error if isinstance(error, Exception) else None
        self._again(tried, "was lost", text, itself)

    def _failed(self, tried: _Try, outcome: Outcome, raised: Raised) -> None:
        entries: dict[str, Any] = {"host": outcome.host, "pid": outcome.pid, **self._count(tried)}
        self.log.add(
            "failed",
            job=tried.task.name,
            error=raised.text,
            traceback=raised.traceback,
            **entries,
        )
        self._again(tried, f"failed on {outcome.host}", raised.text, raised.error)

    def _again(self, tried: _Try, how: str, text: str, error: Exception | None) -> None:
        name, line = tried.task.name, " ".join(text.split())
        if tried.n_tries < self.tries:
            self.tell(f"{name} {how}, and is tried again ({tried.n_tries + 1} of {self.tries}): "
                      f"{line:.200}")  # fmt: skip
            self.waiting.appendleft(tried)
            return
        self.tell(f"{name} {how}, and is given up after {tried.n_tries} tries: {line:.200}")
        self.failures.append(Failure(name, tried.n_tries, text, error))
