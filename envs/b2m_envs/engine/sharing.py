"""Shares worlds among threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import Int64

Chosen = Int64[np.ndarray, " chosen"]  # indices of worlds


class Sharing:
    """Does something for some worlds, on several threads.

    The threads are started when they are first needed, anew in a forked process or in a copy.

    Args:
        n_threads: 1: none but the caller's.
    """

    def __init__(self, n_threads: int) -> None:
        self._n_threads = n_threads
        self._threads: ThreadPoolExecutor | None = None
        self._process = 0

    def run(self, function: Callable[[Chosen], None], which: Chosen) -> None:
        """Call a function, each thread with a part of the indices."""
        if self._n_threads == 1 or len(which) < self._n_threads:
            function(which)
            return
        if self._threads is None or self._process != os.getpid():
            self._threads, self._process = ThreadPoolExecutor(self._n_threads), os.getpid()
        list(self._threads.map(function, np.array_split(which, self._n_threads)))

    def close(self) -> None:
        """End the threads; they start again if they are needed again."""
        if self._threads is not None and self._process == os.getpid():
            self._threads.shutdown()
        self._threads = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_threads": None}
