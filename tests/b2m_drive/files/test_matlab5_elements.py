"""Whether what SciPy would crash on is found, and what SciPy and MATLAB wrote is not refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from b2m_drive.files.matlab5_elements import check_matlab5
from tests.shared.places import DATA

ODD = {  # which SciPy keeps to see how it fails
    "testhdf5_7.4_GLNX86.mat", "corrupted_zlib_checksum.mat", "malformed1.mat", "bad_miuint32.mat",
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_what_scipy_writes_is_sound(tmp_path: Path, packed: bool) -> None:
    cells = np.empty(2, dtype=object)
    cells[:] = [np.eye(3), "x"]
    content = {
        "number": 1 + 2j, "text": "é", "truth": np.array([True]), "nothing": np.zeros((0, 3)),
        "structure": {"inner": {"x": ["a", "bcd"]}, "y": np.arange(5, dtype=np.int16)},
        "cells": cells, "sparse": scipy.sparse.csc_matrix(np.eye(4)),
    }  # fmt: skip
    scipy.io.savemat(tmp_path / "x.mat", content, do_compression=packed)
    check_matlab5(tmp_path / "x.mat")
    content = (tmp_path / "x.mat").read_bytes()
    (tmp_path / "y.mat").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"y\.mat: expected a sound MATLAB 5 file, came"):
        check_matlab5(tmp_path / "y.mat")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["time_cells.mat", "concept_cells.mat"])
def test_what_matlab_wrote_is_sound(name: str) -> None:
    path = next(DATA.rglob(name), None) if DATA.exists() else None
    if path is None:
        pytest.skip("the recordings are not here")
    check_matlab5(path)


def test_files_of_many_versions_of_matlab_are_sound() -> None:
    folder = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"
    paths = [path for path in sorted(folder.glob("*.mat")) if path.name not in ODD]
    paths = [path for path in paths if path.read_bytes()[126:128] in (b"IM", b"MI")]
    if not paths:
        pytest.skip("SciPy was installed without its own tests")
    refused = {}
    for path in paths:
        try:
            check_matlab5(path)
        except ValueError as error:
            refused[path.name] = str(error)
    assert refused == {}


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (0, 99, "of type 99"),  # the variable itself
        (8, 99, "an element of type 99, not 6"),  # its flags
        (16, 77, "an array of class 77"),
        (24, 99, "an element of type 99, not 5"),  # its shape
        (32, 9, "24 bytes of type 9 for 27 numbers"),
        (48, 200, "of type 200 for 3 numbers"),  # the type of its numbers
        (52, 20, "20 bytes of type 9"),
    ],
)
def test_a_damaged_element_is_found(tmp_path: Path, place: int, value: int, said: str) -> None:
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"x": np.array([[1.5, 2.5, 3.5]])})
    content = bytearray(path.read_bytes())
    content[128 + place] = value
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        check_matlab5(path)
