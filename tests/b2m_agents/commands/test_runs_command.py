from __future__ import annotations

import os
from pathlib import Path

import pytest

from b2m_agents.commands.report import report
from b2m_agents.commands.runs import WIDTH, runs_text
from b2m_agents.commands.table import table
from b2m_drive.comparisons.run_summaries import runs_in
from tests.shared.places import ROOT


@pytest.mark.slow
def test_the_table_fits_and_says_what_to_do_next(tmp_path: Path) -> None:
    folder = ROOT / "tests" / "old_runs"
    broken = tmp_path / ("a-very-long-name" * 4)
    broken.mkdir()
    (broken / "config.json").write_text("{")
    text = runs_text(runs_in(folder), folder) + "\n" + runs_text(runs_in(tmp_path), tmp_path)
    assert max(map(len, text.splitlines())) <= WIDTH
    for part in ("0.5.0/memory", "BLT+BCT no gain", "* simulated", "b2m-drive report", "broken:"):
        assert part in text


def test_an_empty_folder_says_how_to_begin(tmp_path: Path) -> None:
    assert "b2m-drive demo" in runs_text(runs_in(tmp_path), tmp_path)


def test_a_run_of_long_ago_shows_its_year(tmp_path: Path) -> None:
    run = tmp_path / "old"
    run.mkdir()
    (run / "config.json").write_text('{"study": "memory"}')
    os.utime(run / "config.json", (1e9, 1e9))
    assert "2001-09-09" in runs_text(runs_in(tmp_path), tmp_path)


@pytest.mark.slow
def test_the_verbs_report_and_table_take_many_runs(tmp_path: Path) -> None:
    old = ROOT / "tests" / "old_runs" / "0.5.0"
    report([old / "memory", old / "calibration"], tmp_path / "page.html")
    assert "2 runs side by side" in (tmp_path / "page.html").read_text()
    table([old / "memory"], tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text().startswith("run,session,study")
