"""Tells a user what the machine does while numba compiles the engine for the first time."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from b2m_envs.compiled import is_compiled

_told: list[bool] = []  # once is enough for a process


def announce_first_compile(kernels: Iterable[Any]) -> bool:
    """Print one line to the standard error if one of the kernels is going to be compiled.

    Args:
        kernels: Functions of `b2m_envs.compiled`.

    Returns:
        Whether it printed.
    """
    if _told or all(is_compiled(kernel) for kernel in kernels):
        return False
    _told.append(True)
    print(
        "b2m_envs: compiling the driving engine for this scenario and camera (about half a "
        "minute); it is kept, and later starts take a second or two",
        file=sys.stderr,
        flush=True,
    )
    return True
