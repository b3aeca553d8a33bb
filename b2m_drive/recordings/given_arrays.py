"""Arrays as a user gives them, as the numbers that recordings hold."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

_LARGEST_WHOLE_FLOAT = 2.0**53  # beyond it a float skips whole numbers


def require_known(given: Collection[str], known: Collection[str]) -> None:
    """Refuse a keyword that nobody takes, with the nearest that somebody does.

    Raises:
        TypeError: Names both.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise TypeError(f"{name}: expected one of {', '.join(sorted(known))}{hint}")


def as_numbers(name: str, values: Any) -> Float64[np.ndarray, "..."]:
    """Values as real numbers; masked ones become NaN.

    Raises:
        ValueError: If they are text, objects or complex, or rows differ in length.
    """
    filled = np.ma.filled(values.astype(float), np.nan) if np.ma.isMaskedArray(values) else values
    try:
        found = np.asarray(filled)
        if found.dtype.kind == "O":  # such as a column of a table with None in it
            found = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers, came {error}") from error
    if found.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers, came {found.dtype}")
    return np.asarray(found, dtype=np.float64)


def as_column(name: str, values: Any) -> Float64[np.ndarray, " row"]:
    """Numbers as one column; a row or column of a matrix, as MATLAB writes them, is one too.

    Raises:
        ValueError: If they are no numbers, or a matrix or a single number.
    """
    found = as_numbers(name, values)
    if found.ndim == 0 or found.size != max(found.shape):
        raise ValueError(f"{name}: expected one number a row, came the shape {found.shape}")
    return found.ravel()


def as_ids(ids: Any) -> Int64[np.ndarray, " row"]:
    """Ids as whole numbers, which rows of activity and of a student's batch are paired by.

    Raises:
        ValueError: If one is text, a fraction, NaN, infinite, too large or a list.
    """
    found = np.asarray(ids)
    if not found.size:
        return np.zeros(0, dtype=np.int64)
    if found.ndim == 0 or found.size != max(found.shape) or found.dtype.kind not in "iuf":
        raise ValueError(f"ids: expected a whole number a row, came {found.dtype} {found.shape}")
    found = found.ravel()
    if found.dtype.kind == "f" and not (np.isfinite(found) & (found == np.round(found))).all():
        raise ValueError("ids: expected whole numbers, came fractions, NaN or infinity")
    largest = _LARGEST_WHOLE_FLOAT if found.dtype.kind == "f" else np.iinfo(np.int64).max
    if found.max() > largest or found.min() < -largest:
        raise ValueError(f"ids: expected whole numbers up to {largest:.0f}, came larger ones")
    return found.astype(np.int64)


def as_notes(notes: Any) -> tuple[str, ...]:
    """Notes as a tuple; a single text is one note."""
    return (notes,) if isinstance(notes, str) else tuple(map(str, notes))
