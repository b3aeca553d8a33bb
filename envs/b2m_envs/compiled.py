"""How functions are compiled: once, kept on disk, free of Python's lock."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from numba import njit

KERNELS = ("engine", "rendering/batched")  # folders with compiled functions


def forget_outdated(package: Path) -> None:
    """Remove compiled functions that are older than any source file of the package.

    numba compares a function with its own file only, so that one that calls functions of other
    files, or uses their constants, would keep the old versions.
    """
    newest = max(source.stat().st_mtime for source in package.rglob("*.py"))
    for folder in KERNELS:
        for index in (package / folder / "__pycache__").glob("*.nbi"):
            with suppress(OSError):  # not ours to remove, or removed by another process
                if index.stat().st_mtime < newest:
                    index.unlink()


forget_outdated(Path(__file__).parent)

# Kernels count no references (`_nrt=False`), which halves their time; so they cannot create
# arrays, and get all their room from the caller. Divisions by zero give infinity, as in NumPy.
kernel = njit(  # type: ignore[call-overload]
    cache=True, nogil=True, error_model="numpy", _nrt=False
)

# The same for those called from one place, with many arrays: handing them over costs more than
# what they do.
inlined_kernel = njit(  # type: ignore[call-overload]
    cache=True, nogil=True, error_model="numpy", _nrt=False, inline="always"
)

# The same for kernels that create arrays, as those that draw random numbers do within numba.
allocating_kernel = njit(cache=True, nogil=True, error_model="numpy")
