"""Processes of this machine as an executor: one thread each, ended with the process they serve."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from b2m_drive.executors.orphans import end_with_parent

_counter: Any = None  # in a worker of ours: training steps done by all workers


class LocalProcesses(Executor):
    """Spawned processes that count their training steps, and end at once if the work fails.

    If one is killed the system takes all of them down; new ones serve what is submitted next.
    """

    name = "processes"
    fall_together = True  # a worker that ends takes the others' work with it

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self.most_submitted = 2 * n_workers  # what waits longer need not be pickled yet
        self._context = multiprocessing.get_context("spawn")
        self._steps: Any = self._context.Value("q", 0)
        self._before = set(multiprocessing.active_children())
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.n_workers, self._context, start_worker, (self._steps,))

    @property
    def n_steps(self) -> int:
        """Training steps done by all of them."""
        return int(self._steps.value)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Let the next free process call the function."""
        try:
            return self._pool.submit(fn, *args, **kwargs)
        except BrokenProcessPool:
            self._pool.shutdown(wait=True)
            self._pool = self._new_pool()
            return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, after their work or without what waits."""
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)

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


def count_step() -> None:
    """Say, in a worker of `LocalProcesses`, that a training step is done; elsewhere nothing."""
    if _counter is not None:
        with _counter.get_lock():
            _counter.value += 1
