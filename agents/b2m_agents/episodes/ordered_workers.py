"""Work on many items in processes of their own, and take the results in the items' order."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import TypeVar

from threadpoolctl import threadpool_limits

from b2m_drive.executors.orphans import end_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2  # items under way or waiting for their turn, for each worker


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], n_workers: int
) -> Generator[Result, None, None]:
    """Yield `function(item)` in the items' order, so that it does not matter who was faster.

    Args:
        function: A module's function or a `functools.partial` of one; must survive pickling.
        items: May be endless: only a few are drawn ahead of the results taken.
        n_workers: Processes, one thread each; 1 works in this process. They end when the
            iterator is closed, when it fails and when this process is killed.

    Raises:
        ValueError: If `n_workers` is less than 1.
    """
    if n_workers < 1:
        raise ValueError(f"n_workers: expected at least 1, came {n_workers}")
    if n_workers == 1:
        return _map_here(function, items)
    return _map_in_processes(function, items, n_workers)


def _map_here(
    function: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[Result, None, None]:
    for item in items:
        with threadpool_limits(1):
            result = function(item)
        yield result


def _map_in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], n_workers: int
) -> Generator[Result, None, None]:
    before = set(multiprocessing.active_children())
    remaining = iter(items)
    pool = ProcessPoolExecutor(n_workers, multiprocessing.get_context("spawn"), start_worker)
    try:
        waiting: deque[Future[Result]] = deque(
            pool.submit(function, item) for item in islice(remaining, n_workers * _AHEAD)
        )
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(remaining, 1))
            yield result
    finally:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()  # what it works on is ahead of what was asked for
        pool.shutdown(wait=True, cancel_futures=True)


def start_worker() -> None:
    """Keep a worker to one thread, and let it end when the process that started it ends."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by PyTorch, if a driver imports it later
    threadpool_limits(1)
    end_with_parent()
