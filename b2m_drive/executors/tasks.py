"""A piece of work that may run anywhere: a function, its argument, and the files it touches."""

from __future__ import annotations

import os
import pickle
import socket
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LONGEST = 2000  # characters of an error's own words


@dataclass(frozen=True)
class Task:
    """A function of one argument, which any machine may be given.

    Args:
        name: In the log, and among the errors.
        function: Of a module, or a `functools.partial` of one.
        argument: What it is called with.
        reads: Files and folders that the argument names and the function reads. They are sent to
            machines that do not share a file system with this one.
        writes: Folder that the function writes in. What another machine wrote is brought there.
    """

    name: str
    function: Callable[[Any], Any]
    argument: Any
    reads: tuple[Path, ...] = ()
    writes: Path | None = None


@dataclass(frozen=True)
class Raised:
    """An error that a function raised, in a form that survives any way back."""

    text: str  # its kind and its own words
    traceback: str
    error: Exception | None  # itself, where it can be pickled


@dataclass(frozen=True)
class Outcome:
    """What came of a task, and where."""

    value: Any
    host: str
    pid: int
    seconds: float  # that it took there
    raised: Raised | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)  # written elsewhere, by relative path


def run_task(task: Task) -> Outcome:
    """Run a task here; an error of its function is an outcome, too."""
    started = time.perf_counter()
    value, raised = None, None
    try:
        value = task.function(task.argument)
    except Exception as error:
        raised = Raised(error_text(error), traceback.format_exc(), _if_sendable(error))
    seconds = time.perf_counter() - started
    return Outcome(value, socket.gethostname(), os.getpid(), seconds, raised)


def error_text(error: BaseException) -> str:
    """An error's kind and words, such as ``ValueError: expected a brain, came none``."""
    words = str(error).strip()
    return f"{type(error).__name__}: {words}"[:_LONGEST] if words else type(error).__name__


def _if_sendable(error: Exception) -> Exception | None:
    """The error itself; none where its own class could not be made again from a pickle."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return None
    return error
