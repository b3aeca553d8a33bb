"""The search: what is ranked how, and that only the test half is called a result."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from b2m_drive.comparisons.pooling import pooled_verdict, read_sessions
from b2m_drive.comparisons.search import rank_candidates
from b2m_drive.reports.report import write_report
from tests.shared.made_runs import TEACHING, write_sessions
from tests.shared.page_text import text_of

READING = {"strategy": "regression", "latents": "decoded", "pairing": "recorded"}


def made_search(folder: Path, chosen: str | None = "all-all", **changed: Any) -> Path:
    sure = {"A": {"A1": 0.06}, "B": {"B1": 0.061}, "C": {"C1": 0.059}}
    large = {"A": {"A1": 0.30}, "B": {"B1": 0.10}, "C": {"C1": 0.50}}
    same = {"A": {"A1": 0.02}, "B": {"B1": 0.02}, "C": {"C1": 0.02}}  # as the untrained network
    found = {"all": sure, "amygdala": large, "rest": same}
    for units, gains in found.items():
        write_sessions(folder / "selection" / f"{units}-all", gains, spread=1e-5)
    if chosen:
        write_sessions(folder / "test", {"D": {"D1": 0.0}, "E": {"E1": 0.05}, "F": {"F1": -0.01}})
    config = {
        "study": "memory_search",
        "selection_patients": ["A", "B", "C"],
        "test_patients": ["D", "E", "F"],
        "candidates": [
            {"name": f"{units}-all", "folder": f"selection/{units}-all", "units": units,
             "windows": "all"}
            for units in found
        ],
        "chosen": {"name": chosen, **READING} if chosen else None,
        "test_folder": "test",
        "not_searched": ["concept-all"],
        **changed,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made_search(tmp_path_factory.mktemp("search"))
    write_report(folder)
    return folder


@pytest.mark.slow
def test_the_surest_gain_over_the_hardest_null_comes_first_not_the_largest(folder: Path) -> None:
    names = ("rest-all", "amygdala-all", "all-all")
    runs = {name: read_sessions(folder / "selection" / name) for name in names}
    ranked = rank_candidates(runs)
    assert ranked[0].name == "all-all"
    assert [each.rank for each in ranked] == [1, 2, 3]
    first = ranked[0]
    assert first.hardest == "untrained_network"
    over = first.verdict.over_nulls["untrained_network"]
    # 0.06 - 0.02, a standard error of 0.001 / sqrt(3) and two degrees of freedom.
    t_statistic = 0.04 / (0.001 / math.sqrt(3))
    assert first.criterion == pytest.approx(stats.norm.isf(stats.t.sf(t_statistic, 2)), rel=0.01)
    assert first.criterion == min(gain.z_score for gain in first.verdict.over_nulls.values())
    assert over.mean == pytest.approx(0.04)
    with pytest.raises(ValueError, match="candidates: expected at least one, came none"):
        rank_candidates({})


@pytest.mark.slow
def test_the_headline_is_the_test_half_and_the_rest_is_called_selection(folder: Path) -> None:
    verdict = pooled_verdict(read_sessions(folder / "test"), TEACHING)
    text = text_of(folder / "report.html")
    assert text.index(verdict.finding) < text.index("What was searched")
    assert verdict.grade.value == "No gain"  # though its gain on the selection half was sure
    assert "Left out, as too few patients have units enough: concept-all." in text
    assert "Everything else on this page is selection" in text
    assert "1 (chosen) all units all windows" in text
    assert "all units, all windows; BLT, decoded latents, activity as recorded" in text
    assert "amygdala units" in text


@pytest.mark.slow
def test_a_choice_that_is_not_the_first_of_the_ranking_is_told(tmp_path: Path) -> None:
    text = text_of(write_report(made_search(tmp_path, chosen="amygdala-all")))
    assert "Chosen was number 2 of the ranking" in text


@pytest.mark.slow
def test_a_search_without_a_choice_has_no_verdict(tmp_path: Path) -> None:
    text = text_of(write_report(made_search(tmp_path, chosen=None)))
    assert "Nothing was chosen, nothing was tested" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("test_patients", ["A", "D"], "expected each patient in one half, came A in both"),
        ("test_patients", ["D", "E"], "the test: expected sessions of D, E, came F"),
        ("selection_patients", ["A", "B"], "all-all: expected sessions of A, B, came C"),
        ("chosen", {"name": "none", **READING}, "chosen: expected one of the candidates"),
        ("candidates", [{"name": "a"}], r"expected the entry candidates\.folder, found none"),
    ],
)
def test_patients_in_both_halves_and_unknown_choices_are_refused(
    tmp_path: Path, entry: str, value: Any, message: str
) -> None:
    folder = made_search(tmp_path, **{entry: value}) if entry != "chosen" else made_search(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {entry: value}))
    with pytest.raises(ValueError, match=message):
        write_report(folder)
    assert not (folder / "report.html").exists()
