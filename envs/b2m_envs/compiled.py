"""How functions are compiled: once, kept on disk, free of Python's lock."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import njit

try:  # where numba says which options it has, private ones included
    from numba.core.cpu import CPUTargetOptions
except ImportError:  # another numba
    CPUTargetOptions: Any = None  # type: ignore[no-redef]

# Files whose code and constants are compiled.
SOURCES = (
    "engine/*.py",
    "observations/*.py",
    "rendering/**/*.py",
    "scenes/state.py",
    "scenes/lane_paths.py",
)


@cache
def sources_stamp() -> str:
    """Hash of all that compiled functions are made of."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for pattern in SOURCES:
        for source in sorted(package.glob(pattern)):
            with suppress(OSError):  # removed meanwhile, or an editor's dangling link
                digest.update(source.read_bytes())
    return digest.hexdigest()


def compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function when it is first called, unless it is on disk.

    numba takes a function from disk if its own file has not changed, and so would keep old
    versions of functions and constants from other files; here, any change of the sources counts.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        settings = {"nogil": True, "error_model": "numpy", **known_options(options)}
        try:
            compiled = njit(cache=True, **settings)(function)
        except RuntimeError:  # numba finds no folder that it can write to
            tell_that_nothing_is_kept()
            return njit(**settings)(function)
        if compiled is function or bind_to_sources(compiled):  # is: NUMBA_DISABLE_JIT
            return compiled
        tell_of_another_numba("keeps compiled code otherwise, so that every start compiles anew")
        return njit(**settings)(function)

    return decorate


def known_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options without numba's private ones, where a numba has them no more."""
    private = {name for name in options if name.startswith("_")}
    if all(hasattr(CPUTargetOptions, name) for name in private):
        return options
    tell_of_another_numba("counts references within kernels, which then take twice the time")
    return {name: value for name, value in options.items() if name not in private}


def bind_to_sources(compiled: Any) -> bool:
    """Let what is kept of a function on disk count for these sources alone.

    Returns:
        False where this numba's cache, which is private, is another: then nothing may be kept.
    """
    kept = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if kept is None or not all(hasattr(kept, name) for name in ("_source_stamp", "_load_index")):
        return False
    kept._source_stamp = sources_stamp()
    pass_over_moved_classes(kept)
    return True


def pass_over_moved_classes(kept: Any) -> None:
    """Compile anew where what is on disk names a class that has another name or module by now.

    numba reads the classes of a function's arguments before it looks at the stamp.
    """
    load_index = kept._load_index

    def load_known() -> dict[Any, str]:
        try:
            found: dict[Any, str] = load_index()
        except (ImportError, AttributeError):
            return {}
        return found

    kept._load_index = load_known


def is_compiled(function: Any) -> bool:
    """Whether this process has compiled a function, or finds it on disk."""
    if not hasattr(function, "signatures") or function.signatures:
        return True
    kept = getattr(getattr(function, "_cache", None), "_cache_file", None)
    read = getattr(kept, "_load_index", None)  # None if nothing is kept
    return read is not None and bool(read())


@cache
def tell_that_nothing_is_kept() -> None:
    """Say once that every process will compile anew."""
    print(
        "b2m_envs: no folder to keep compiled code in, so that every start takes half a minute; "
        "let NUMBA_CACHE_DIR name one that can be written to",
        file=sys.stderr,
        flush=True,
    )


@cache
def tell_of_another_numba(what: str) -> None:
    """Say once what is slower with a numba that is newer than this package knows."""
    print(
        f"b2m_envs: numba {numba.__version__} {what}; the numbers are the same. "
        'To be fast: pip install "numba<0.69"',
        file=sys.stderr,
        flush=True,
    )


# Kernels count no references (`_nrt=False`), which halves their time; so they cannot create
# arrays, and get all their room from the caller. Divisions by zero give infinity, as in NumPy.
kernel = compiler(_nrt=False)

# The same for those called from one place, with many arrays: handing them over costs more than
# what they do.
inlined_kernel = compiler(_nrt=False, inline="always")

# The same for kernels that create arrays, as those that draw random numbers do within numba.
allocating_kernel = compiler()
