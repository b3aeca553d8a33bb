"""How functions are compiled: once, kept on disk, free of Python's lock."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

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
        settings = {"nogil": True, "error_model": "numpy", **options}
        try:
            compiled = njit(cache=True, **settings)(function)
            compiled._cache._cache_file._source_stamp = sources_stamp()
            pass_over_moved_classes(compiled._cache._cache_file)
        except RuntimeError:  # numba finds no folder that it can write to
            tell_that_nothing_is_kept()
            compiled = njit(**settings)(function)
        except AttributeError:  # numba is switched off (NUMBA_DISABLE_JIT)
            return function
        return compiled

    return decorate


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
    kept = getattr(function._cache, "_cache_file", None)  # None if nothing is kept
    return kept is not None and bool(kept._load_index())


@cache
def tell_that_nothing_is_kept() -> None:
    """Say once that every process will compile anew."""
    print(
        "b2m_envs: no folder to keep compiled code in, so that every start takes half a minute; "
        "let NUMBA_CACHE_DIR name one that can be written to",
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
