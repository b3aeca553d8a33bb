"""The report of many sessions: what it says is what was pooled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from b2m_drive.comparisons.pooling import pooled_verdict, read_sessions
from b2m_drive.comparisons.verdict import interval_text
from b2m_drive.evidence.scores import read_scores, write_scores
from b2m_drive.evidence.statistics import rank_correlation
from b2m_drive.reports.report import write_report
from tests.shared.made_runs import TEACHING, write_sessions
from tests.shared.page_text import charts_of, outside_of, text_of

GAINS = {
    "A<&>": {"A1": 0.10, "A2": 0.06, "A-small": 0.9},
    "B": {"B1": 0.05},
    "C": {"C1": 0.07, "C2": 0.09},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_sessions(tmp_path_factory.mktemp("many") / "run", GAINS)
    write_report(folder)
    return folder


@pytest.mark.slow
def test_the_page_needs_nothing_outside_itself_and_its_figures_stand_beside_it(
    folder: Path,
) -> None:
    page = folder / "report.html"
    assert outside_of(page) == []
    assert len(charts_of(page)) == len(list((folder / "figures").iterdir())) == 12
    assert "A&lt;&amp;&gt;" in page.read_text()
    assert "A<&>" not in page.read_text()


def test_the_verdict_stands_first_with_the_pooled_numbers(folder: Path) -> None:
    verdict = pooled_verdict(read_sessions(folder), TEACHING)
    text = text_of(folder / "report.html")
    assert verdict.finding in text
    assert text.index(verdict.grade.value) < text.index("What was asked")
    assert interval_text(verdict.over_nulls["alone"]) in text
    assert "3 patients, 5 sessions" in text


def test_sessions_that_are_not_pooled_are_shown_with_the_reason(folder: Path) -> None:
    text = text_of(folder / "report.html")
    assert "A-small A<&> 4 no: 4 units" in text
    assert "1 further session is shown but not pooled" in text


@pytest.mark.slow
def test_the_report_says_whether_the_grade_rests_on_one_patient(tmp_path: Path) -> None:
    alike = {name: {f"{name}1": 0.1 + 0.001 * k} for k, name in enumerate("ABCD")}
    text = text_of(write_report(write_sessions(tmp_path / "alike", alike)))
    assert "“A gain specific to the brain”, stays whichever patient is left out" in text
    other = alike | {"D": {"D1": -0.2}}
    text = text_of(write_report(write_sessions(tmp_path / "other", other)))
    assert "“No gain”, changes without D; it rests on single patients" in text


@pytest.mark.slow
def test_simulated_brains_are_called_so_and_recorded_ones_are_not(
    folder: Path, tmp_path: Path
) -> None:
    two = {"A": {"A1": 0.1}, "B": {"B1": 0.1}}
    simulated = text_of(write_report(write_sessions(tmp_path / "run", two, simulated=True)))
    assert "SIMULATED brain." in simulated
    assert "from simulated brains" in simulated
    assert "simulated" not in text_of(folder / "report.html").lower()


@pytest.mark.slow
def test_a_null_that_a_session_lacks_leaves_the_former_report(tmp_path: Path) -> None:
    folder = write_sessions(tmp_path / "run", {"A": {"A1": 0.1}, "B": {"B1": 0.1}})
    before = write_report(folder).read_text()
    table = folder / "sessions" / "B1" / "scores.csv"
    write_scores(table, [s for s in read_scores(table) if s.condition.control != "alone_head"])
    with pytest.raises(ValueError, match="session B1"):
        write_report(folder)
    assert (folder / "report.html").read_text() == before


def test_rank_correlation_by_hand_and_where_it_is_undefined() -> None:
    # Ranks 1 2 3 4 against 1 3 2 4: 1 - 6 x 2 / (4 x 15).
    first, second = np.array([1.0, 2.0, 3.0, 40.0]), np.array([0.1, 0.3, 0.2, 0.9])
    assert rank_correlation(first, second) == pytest.approx(0.8)
    assert np.isnan(rank_correlation(np.ones(4), second))
    assert np.isnan(rank_correlation(first[:2], second[:2]))
    with pytest.raises(ValueError, match="as many of both, came 4 and 2"):
        rank_correlation(first, second[:2])
