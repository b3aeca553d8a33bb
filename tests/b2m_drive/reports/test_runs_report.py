from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from b2m_drive.comparisons.verdict import closest_null, interval_text, verdicts_of
from b2m_drive.reports.runs_charts import JudgedRun, forest_charts
from b2m_drive.reports.runs_report import expanded, run_names, write_runs_report
from tests.shared.page_text import charts_of, outside_of
from tests.shared.places import ROOT

OLD = ROOT / "tests" / "old_runs" / "0.5.0"


def judged(name: str) -> list[JudgedRun]:
    return [JudgedRun(name, each) for each in verdicts_of(OLD / name)]


@pytest.mark.slow
def test_mixed_studies_stand_on_one_page_and_what_cannot_be_judged_says_why(tmp_path: Path) -> None:
    run = shutil.copytree(OLD / "memory", tmp_path / "runs" / "of memory")
    shutil.copytree(OLD / "driving", tmp_path / "runs" / "driving")
    (run / "report.html").touch()
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "config.json").write_text("{")
    (tmp_path / "empty").mkdir()
    out = write_runs_report(
        [tmp_path / "runs", tmp_path / "empty", run, OLD / "calibration"], tmp_path / "all.html"
    )
    page = out.read_text()
    assert page.count("not judged") == 3
    assert "no run lies there" in page
    assert 'href="runs/of%20memory/report.html"' in page
    assert "SIMULATED" in page
    assert not [each for each in outside_of(out) if each.startswith("src")]
    for verdict in (*verdicts_of(run), *verdicts_of(OLD / "driving")):
        closest = verdict.over_nulls[closest_null(verdict.over_nulls)]
        assert interval_text(closest) in page
        assert verdict.grade.value in page
    titles = [" ".join(chart["title"]["text"]) for chart in charts_of(out)]
    assert sum("intervals over seeds" in title for title in titles) == 2  # a figure a study
    assert sum("side by side" in title for title in titles) == 2


def test_what_has_another_unit_has_a_figure_of_its_own() -> None:
    charts = forest_charts([*judged("memory"), *judged("driving"), *judged("memory")], "")
    assert len(charts) == 2
    rows = charts[0].spec["data"]["values"]
    assert len(rows) == 2 * len(judged("memory"))
    assert all("simulated" in row["l"] for row in rows)


def test_long_figures_are_parted() -> None:
    rows = judged("memory")
    charts = forest_charts(rows * (1 + 60 // len(rows)), "")
    titles = [" ".join(chart.spec["title"]["text"]) for chart in charts]
    assert [title.rsplit(", ", 1)[1] for title in titles] == ["part 1 of 2", "part 2 of 2"]


def test_runs_are_each_taken_once() -> None:
    found = expanded([OLD, OLD / "memory", OLD / ".." / "0.5.0" / "memory"])
    assert len(found) == len({each.resolve() for each in found}) == 6
    assert "memory" in run_names(found)


def test_no_run_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        write_runs_report([], tmp_path / "page.html")
    with pytest.raises(ValueError, match="came a folder"):
        write_runs_report([tmp_path], tmp_path)
