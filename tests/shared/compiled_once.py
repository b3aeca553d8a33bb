"""Processes of one test run that compile each kernel once, and not once a process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher


def compile_one_at_a_time(locks: Path) -> None:
    """From now on, let this process compile only while no other one compiles.

    Kernels that draw call no others and none call them: they are compiled beside those. Who
    waited finds on disk what the other one compiled meanwhile.

    Args:
        locks: A folder, the same in all processes, for its two files.
    """
    compile_now, depth = Dispatcher.compile, [0]

    @contextmanager
    def alone(part: str) -> Iterator[None]:
        # Numba's own lock comes first everywhere, so that two threads cannot wait for each other.
        with global_compiler_lock, (locks / f"compiling-{part}.lock").open("a") as file:
            if depth[0] == 0:  # a kernel compiles those that it calls
                fcntl.flock(file, fcntl.LOCK_EX)
            depth[0] += 1
            try:
                yield
            finally:
                depth[0] -= 1

    def compile_alone(kernel: Any, signature: Any) -> Any:
        if _is_there(kernel, signature):
            return compile_now(kernel, signature)
        with alone(_part(kernel)):
            return compile_now(kernel, signature)

    Dispatcher.compile = compile_alone


def _part(kernel: Any) -> str:
    return "drawing" if ".rendering." in kernel.py_func.__module__ else "worlds"


def _is_there(kernel: Any, signature: Any) -> bool:
    """Whether a kernel is compiled for these types, in this process or on disk."""
    if signature in kernel.overloads:
        return True
    kept = getattr(kernel._cache, "_cache_file", None)  # None: it is never kept
    if kept is None:
        return False
    return kernel._cache._index_key(signature, kernel.targetctx.codegen()) in kept._load_index()
