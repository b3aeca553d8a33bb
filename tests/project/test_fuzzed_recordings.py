"""Damaged recordings of every format: a right answer, or an error that names the file.

``python scripts/fuzz_readers.py --each 1000`` reads as many of each format.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from b2m_drive.recordings.readers.table import OPENERS
from tests.shared.mutants import outcomes
from tests.shared.recording_formats import RECORDING_FORMATS

N_MUTANTS = int(os.environ.get("B2M_MUTANTS", "7"))
SEED = int(os.environ.get("B2M_MUTANTS_SEED", "0"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.name for each in RECORDING_FORMATS])
def test_a_damaged_recording_is_read_or_refused_by_name(name: str, tmp_path: Path) -> None:
    formats = [each for each in RECORDING_FORMATS if each.name == name]
    found = outcomes(formats, N_MUTANTS, tmp_path, SEED)[name]
    wrong = {n: each.text for n, each in found if each.kind not in ("read", "refused")}
    assert not wrong


def test_every_format_that_needs_a_mapping_is_damaged() -> None:
    opened = [str(each.read.args[0]) for each in RECORDING_FORMATS]  # type: ignore[attr-defined]
    left = {suffix for suffix in OPENERS if not any(each.endswith(suffix) for each in opened)}
    assert left == {".gdf"}  # which no library writes
