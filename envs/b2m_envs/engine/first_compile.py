"""Tells a user what the machine does while numba compiles the engine for the first time."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EXPECTED_SECONDS = 30  # on one core


def announce_first_compile(kernels: Iterable[Any]) -> bool:
    """Print one line to the standard error if one of the kernels is going to be compiled.

    Args:
        kernels: Functions under `numba.njit(cache=True)`.

    Returns:
        Whether it printed.
    """
    if all(is_compiled(kernel) for kernel in kernels):
        return False
    print(
        f"b2m_envs: compiling the driving engine, once (about {EXPECTED_SECONDS} s); "
        "later starts take about a second",
        file=sys.stderr,
        flush=True,
    )
    return True


def is_compiled(kernel: Any) -> bool:
    """Whether this process has compiled a kernel, or numba's cache on disk has it.

    Numba keeps an index beside each kernel's machine code; `b2m_envs.compiled` has removed those
    that are older than the sources.
    """
    if kernel.signatures:
        return True
    module = Path(kernel.py_func.__code__.co_filename).stem
    indices = f"{module}.{kernel.py_func.__qualname__}-*.nbi"
    return any(Path(kernel.stats.cache_path).glob(indices))
