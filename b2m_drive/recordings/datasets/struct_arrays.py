"""Struct arrays of MATLAB 5 files: an entry a unit, fields of numbers and texts, nothing else.

Nothing in such a file is ever run or unpickled; fields that hold objects are refused.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, Shaped

from b2m_drive.files.matlab5_elements import check_matlab5

_MATLAB_5 = b"MATLAB 5.0 MAT-file"
_MATLAB_7_3 = b"MATLAB 7.3 MAT-file"


def is_matlab_5(path: Path) -> bool:
    """Whether the file begins as MATLAB 5 files do."""
    with path.open("rb") as file:
        return file.read(len(_MATLAB_5)) == _MATLAB_5


def has_variable(path: Path, name: str) -> bool:
    """Whether a MATLAB 5 file has a variable of this name; not if it is another or a broken one."""
    from scipy.io import whosmat

    if not is_matlab_5(path):
        return False
    try:
        check_matlab5(path)  # else a damaged file may end the process within SciPy
        return name in {found for found, _, _ in whosmat(path)}
    except Exception:  # a damaged file makes scipy raise whatever its bytes happen to mean
        return False


def read_struct_array(
    path: Path, variable: str, needed: Sequence[str], most: int
) -> Shaped[np.ndarray, " entry"]:
    """The entries of a struct array, a row each.

    Args:
        path: The file.
        variable: The struct array's name.
        needed: Fields that it must have.
        most: Entries; more are refused before they are read.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no MATLAB 5 file, is cut short, or lacks the variable or a field.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a MATLAB file, found none")
    if not is_matlab_5(path):
        with path.open("rb") as file:
            newer = file.read(len(_MATLAB_7_3)) == _MATLAB_7_3
        came = "one of MATLAB 7.3 (save it with -v7)" if newer else "another file"
        raise ValueError(f"{path}: expected a MATLAB 5 file, came {came}")
    array = _loaded(path, variable, most)
    names = getattr(getattr(array, "dtype", None), "names", None) or ()
    missing = [name for name in needed if name not in names]
    if not isinstance(array, np.ndarray) or missing or not array.size:
        raise ValueError(
            f"{path}: {variable}: expected a struct array with the fields {', '.join(needed)}, "
            f"came {', '.join(names) or type(array).__name__}"
        )
    return array.ravel()


def whole_numbers(where: str, entry: Any, name: str) -> Int64[np.ndarray, "..."]:
    """A field of whole numbers, or of cells with one each (an empty cell: 0).

    Raises:
        ValueError: If it holds something else; names the field.
    """
    values = np.asarray(entry[name])
    if values.dtype == object:
        cells = [np.asarray(cell) for cell in values.ravel()]
        if any(cell.size > 1 or cell.dtype.kind not in "iufb" for cell in cells):
            raise ValueError(f"{where}: {name}: expected one number a cell, came something else")
        values = np.array(
            [cell.ravel()[0] if cell.size else 0 for cell in cells], dtype=np.float64
        ).reshape(values.shape)
    if values.dtype.kind not in "iufb" or not values.size:
        raise ValueError(f"{where}: {name}: expected numbers, came {values.dtype} {values.shape}")
    found = values.astype(np.float64)
    if not np.isfinite(found).all() or (found != np.round(found)).any():
        raise ValueError(f"{where}: {name}: expected whole numbers, came others")
    if np.abs(found).max() > 2**53:
        raise ValueError(f"{where}: {name}: expected whole numbers below 2^53, came larger ones")
    return found.astype(np.int64)


def _loaded(path: Path, variable: str, most: int) -> Any:
    """The variable as SciPy reads it; what a broken file makes it raise is of many kinds."""
    from scipy.io import loadmat, whosmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a variable that is there twice
            check_matlab5(path)  # else a damaged file may end the process within SciPy
            shapes = {name: (shape, kind) for name, shape, kind in whosmat(path)}
            if variable not in shapes:
                raise ValueError(f"expected a variable {variable!r}, came {sorted(shapes)}")
            shape, kind = shapes[variable]
            if kind != "struct" or math.prod(shape) > most:
                raise ValueError(
                    f"{variable}: expected a struct array of at most {most} entries, came {kind} "
                    f"{shape}"
                )
            return loadmat(path, variable_names=[variable], struct_as_record=True)[variable]
    except Exception as error:
        raise ValueError(
            f"{path}: expected a sound MATLAB 5 file with {variable}, came one that cannot be read "
            f"({type(error).__name__}: {error})"
        ) from error
