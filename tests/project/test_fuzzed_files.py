"""Damaged files of every format that is read: a right answer, or an error that names the file.

``B2M_MUTANTS=1000 pytest tests/project/test_fuzzed_files.py`` reads as many of each format.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.shared.mutants import Format, Reader, outcomes
from tests.shared.read_formats import FORMATS, make_view

N_MUTANTS = int(os.environ.get("B2M_MUTANTS", "3"))
SEED = int(os.environ.get("B2M_MUTANTS_SEED", "0"))


@pytest.mark.slow
def test_a_damaged_file_gives_a_right_answer_or_an_error_that_names_it(tmp_path) -> None:
    found = outcomes(FORMATS, N_MUTANTS, tmp_path, SEED)
    wrong = {
        f"{name} {number}": outcome.text
        for name, each in found.items()
        for number, outcome in each
        if outcome.kind not in ("read", "refused")
    }
    assert not wrong
    refused = [each.kind for of_one in found.values() for _, each in of_one].count("refused")
    assert refused > N_MUTANTS * len(FORMATS) / 3


def sleep(folder: Path) -> Any:
    import time

    time.sleep(60)


def ask_for_all_memory(folder: Path) -> Any:
    return bytearray(1 << 40)


def end(folder: Path) -> Any:
    os._exit(1)


def name_nothing(folder: Path) -> Any:
    raise ValueError("something is wrong")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "kind", "seconds"),
    [
        (sleep, "busy", 1.0),
        pytest.param(ask_for_all_memory, "fault", 60.0, marks=pytest.mark.thorough),
        pytest.param(end, "dead", 60.0, marks=pytest.mark.thorough),
        pytest.param(name_nothing, "fault", 60.0, marks=pytest.mark.thorough),
    ],
)
def test_a_reader_that_is_slow_greedy_dead_or_vague_is_found(read, kind, seconds, tmp_path) -> None:
    reader = Reader(tmp_path)
    try:
        one = Format("x", "x", make_view, read)
        assert reader.read(one, tmp_path, None, seconds).kind == kind
    finally:
        reader.close()
