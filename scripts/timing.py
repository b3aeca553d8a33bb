"""Time tasks that take turns, so that a busy machine is unfair to none."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

REPEATS = 7


def rates(*tasks: Callable[[], int]) -> list[float]:
    """Units a second of each task: the median over repeats that take turns."""
    found: list[list[float]] = [[] for _ in tasks]
    for task in tasks:
        task()
    for _ in range(REPEATS):
        for index, task in enumerate(tasks):
            started = time.perf_counter()
            done = task()
            found[index].append(done / (time.perf_counter() - started))
    return [statistics.median(each) for each in found]
