"""The named data sets: a table by name. One of the user's own joins by one line.

``DATA_SETS["mine"] = DataSet(...)``: its files are then read without a mapping, if it has one, and
``b2m-drive fetch`` says how to get it.
"""

from __future__ import annotations

import difflib
from dataclasses import replace

from b2m_drive.recordings.contents import Contents
from b2m_drive.recordings.datasets import (
    dandi_000004,
    dandi_000469,
    dandi_000673,
    driving,
    kornblith2017,
    sternberg_maintenance,
)
from b2m_drive.recordings.datasets.data_set import DataSet

DATA_SETS: dict[str, DataSet] = {
    each.name: each
    for each in (
        kornblith2017.DATA_SET,
        dandi_000469.DATA_SET,
        dandi_000673.DATA_SET,
        sternberg_maintenance.DATA_SET,
        dandi_000004.DATA_SET,
        driving.CAO2019,
        driving.BNCI_2016_002,
        driving.DS004120,
        driving.DS004657,
    )
}


def data_set(name: str) -> DataSet:
    """The data set of this name.

    Raises:
        ValueError: If there is none; says which there are, and which was probably meant.
    """
    if name not in DATA_SETS:
        near = difflib.get_close_matches(name, DATA_SETS, n=1)
        hint = f" (perhaps {near[0]})" if near else ""
        raise ValueError(f"data set: expected one of {', '.join(DATA_SETS)}, came {name}{hint}")
    return DATA_SETS[name]


def recognised(contents: Contents) -> DataSet | None:
    """The named data set that a file is of, as its tables tell; None: of none."""
    return next((each for each in DATA_SETS.values() if each.recognises(contents)), None)


def noted(contents: Contents, known: DataSet) -> Contents:
    """The contents with notes that say of which data set they are, and what its check found.

    Raises:
        ValueError: If the file contradicts itself; see `DataSet.check`.
    """
    checked = known.check(contents) if known.check is not None else ()
    return replace(contents, notes=(*contents.notes, f"recognised as {known.title}", *checked))
