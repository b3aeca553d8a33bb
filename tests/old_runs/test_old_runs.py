"""Runs that 0.5.0 finished are judged and reported, whatever controls were added since."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from b2m_drive.comparisons import own_studies
from b2m_drive.comparisons.control import Control
from b2m_drive.comparisons.run_folder import read_run
from b2m_drive.comparisons.verdict import verdicts_of
from b2m_drive.reports.report import write_report

RUNS = Path(__file__).parent / "0.5.0"
LATER = Control("later", "null", "a later null", "Thought of after the run was finished.")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(each.name for each in RUNS.iterdir()))
def test_a_run_of_0_5_is_reported(name: str, tmp_path: Path) -> None:
    run = shutil.copytree(RUNS / name, tmp_path / name)
    page = write_report(run).read_text()
    assert "SIMULATED" in page
    assert "null" in page


@pytest.mark.slow
@pytest.mark.parametrize("name", ["memory", "driving"])
def test_a_null_that_came_later_is_not_asked_of_an_older_run(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [verdict.sentence for verdict in verdicts_of(RUNS / name)]
    studies = {
        key: replace(study, controls=(*study.controls, LATER))
        for key, study in own_studies.STUDIES.items()
    }
    monkeypatch.setattr(own_studies, "STUDIES", studies)
    assert "later" not in read_run(RUNS / name).study.nulls
    assert [verdict.sentence for verdict in verdicts_of(RUNS / name)] == before


def test_a_run_of_today_carries_its_own_controls(tmp_path: Path) -> None:
    import json

    run = shutil.copytree(RUNS / "memory", tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    study = read_run(run).study
    fewer = replace(study, controls=tuple(c for c in study.controls if c.name != "shuffled"))
    (run / "config.json").write_text(json.dumps({**config, **fewer.describe()}))
    assert set(read_run(run).study.nulls) == set(study.nulls) - {"shuffled"}
    assert all("shuffled" not in verdict.over_nulls for verdict in verdicts_of(run))
