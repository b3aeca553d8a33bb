"""Processes of this machine as an executor: one thread each, ended with the process they serve."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from b2m_drive.comparisons.orphans import end_with_parent
from b2m_drive.evidence.scores import Score

RunJob = Callable[[Any, Callable[[], None]], list[Score]]

_counter: Any = None  # in a worker of ours: training steps done by all workers


class LocalProcesses(ProcessPoolExecutor):
    """Spawned processes that count their training steps, and end at once if the work fails."""

    def __init__(self, n_workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._steps: Any = context.Value("q", 0)
        self._before = set(multiprocessing.active_children())
        super().__init__(n_workers, context, start_worker, (self._steps,))

    @property
    def n_steps(self) -> int:
        """Training steps done by all of them."""
        return int(self._steps.value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if kind is None:
            return super().__exit__(kind, error, trace)
        self.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - self._before:
            process.terminate()
        return None


def start_worker(counter: Any) -> None:
    """Keep a worker to one thread, and let it end when the process that started it ends."""
    global _counter
    _counter = counter
    torch.set_num_threads(1)
    threadpool_limits(1)  # NumPy's linear algebra has threads of its own
    end_with_parent()


def scores_of_job(run_job: RunJob, plan: Any) -> list[Score]:
    """Run one job wherever this is called, on one thread, so that numbers are the same anywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            return run_job(plan, _count_step)
    finally:
        torch.set_num_threads(before)


def _count_step() -> None:
    if _counter is not None:
        with _counter.get_lock():
            _counter.value += 1
