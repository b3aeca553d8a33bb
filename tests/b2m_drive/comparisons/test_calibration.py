"""The verdict's calibration: shares with exact intervals, a table that survives, a report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from b2m_drive.comparisons.calibration import (
    CalibrationRow,
    calibration_row,
    calibration_text,
    read_rows,
    shares,
    write_rows,
)
from b2m_drive.comparisons.verdict import judge
from b2m_drive.reports.report import write_report
from tests.shared.made_runs import TEACHING, scores_of
from tests.shared.page_text import text_of

NULL = CalibrationRow(
    "null", 0, "regression", "NO_GAIN", 0.01, -0.01, "untrained_network", -0.02, -0.1
)
IDEAL = replace(NULL, kind="ideal", grade="SPECIFIC", closest_null_low=0.02)


def many(n_false: int = 3) -> list[CalibrationRow]:
    false = [replace(NULL, brain_seed=k, grade="SPECIFIC") for k in range(n_false)]
    true = [replace(NULL, brain_seed=k) for k in range(n_false, 100)]
    missed = [replace(IDEAL, brain_seed=19, grade="SHARED")]
    return [*false, *true, *(replace(IDEAL, brain_seed=k) for k in range(19)), *missed]


def made_calibration(folder: Path, rows: list[CalibrationRow]) -> Path:
    folder.mkdir()
    config = {"study": "memory_calibration", "n_null": 100, "n_ideal": 20}
    (folder / "config.json").write_text(json.dumps(config))
    write_rows(folder / "verdicts.csv", rows)
    return folder


def test_shares_are_counted_by_kind_with_the_exact_interval() -> None:
    null, ideal = shares(many())
    assert (null.kind, null.n, null.n_specific, null.share) == ("null", 100, 3, 0.03)
    reference = stats.binomtest(3, 100).proportion_ci(0.95, "exact")
    assert (null.low, null.high) == pytest.approx((reference.low, reference.high))
    assert (ideal.kind, ideal.n, ideal.n_specific) == ("ideal", 20, 19)  # SHARED does not count


def test_strategies_are_counted_apart() -> None:
    other = [replace(row, strategy="contrastive") for row in many(0)]
    found = {(each.kind, each.strategy): each.n_specific for each in shares(many() + other)}
    assert found == {
        ("null", "regression"): 3,
        ("null", "contrastive"): 0,
        ("ideal", "regression"): 19,
        ("ideal", "contrastive"): 19,
    }


def test_the_text_holds_each_share_and_its_interval() -> None:
    first, second = calibration_text(shares(many())).splitlines()
    assert first.endswith("3 of 100 null brains called specific: 3.0 % [0.6 %, 8.5 %]")
    assert second.startswith("Brain Latent Transfer (BLT): 19 of 20 ideal brains")


def test_a_row_keeps_the_bounds_that_graded_the_verdict() -> None:
    scores = scores_of({"brain": 0.08, "untrained_network": 0.05})
    verdict = judge(
        scores, TEACHING.strategy, TEACHING.latents, TEACHING.pairing, simulated=True
    )  # fmt: skip
    row = calibration_row(verdict, "ideal", 7)
    assert (row.kind, row.brain_seed, row.grade) == ("ideal", 7, "SPECIFIC")
    assert row.closest_null == "untrained_network"
    assert row.closest_null_mean == pytest.approx(0.03)
    assert row.closest_null_low == min(gain.low for gain in verdict.over_nulls.values())
    assert row.over_alone_low == verdict.over_nulls["alone"].low


def test_verdicts_survive_the_file_exactly(tmp_path: Path) -> None:
    rows = [*many(), replace(NULL, over_alone_low=float("-inf"), closest_null_mean=1 / 3)]
    write_rows(tmp_path / "verdicts.csv", rows)
    assert read_rows(tmp_path / "verdicts.csv") == rows


@pytest.mark.parametrize(
    ("old", "new"),
    [("null,0", "nil,0"), ("NO_GAIN", "MAYBE"), ("regression", "osmosis"), ("-0.02", "nan"),
     ("-0.02", "")],
)  # fmt: skip
def test_a_broken_row_is_named_with_its_line(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "verdicts.csv"
    write_rows(path, [IDEAL, NULL])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2].replace(old, new)]))
    with pytest.raises(ValueError, match=r"verdicts\.csv, line 3: expected"):
        read_rows(path)


def test_a_missing_or_empty_table_is_named(tmp_path: Path) -> None:
    folder = made_calibration(tmp_path / "run", [])
    with pytest.raises(ValueError, match="expected at least one verdict, came none"):
        write_report(folder)
    (folder / "verdicts.csv").write_text("kind\n")
    with pytest.raises(ValueError, match="expected the columns"):
        write_report(folder)
    (folder / "verdicts.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"verdicts\.csv"):
        write_report(folder)


@pytest.mark.slow
def test_the_report_says_whether_the_verdict_finds_what_is_not_there(tmp_path: Path) -> None:
    fine = text_of(write_report(made_calibration(tmp_path / "fine", many(3))))
    assert "3 of 100 null brains called specific" in fine
    assert "the interval contains 5 %, but up to 8.5 % cannot be excluded" in fine
    assert "At least the 80 % that were asked for: the verdict finds what is there" in fine
    assert "3.0 % [0.6 %, 8.5 %]" in fine
    assert "3.0%" not in fine
    assert "not the pooled verdict over patients" in fine
    assert "SIMULATED" in fine
    loose = write_report(made_calibration(tmp_path / "loose", many(30)))
    assert "finds what is not there" in text_of(loose)
    assert {each.name for each in (loose.parent / "figures").iterdir()} == {
        "grades.vl.json",
        "lower-bounds.vl.json",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "n", "n_specific", "mark", "said"),
    [
        ("null", 1, 0, "no-gain", "up to 97.5 % cannot be excluded"),
        ("null", 100, 0, "specific", "more than 3.6 % can be excluded"),
        ("null", 100, 30, "harm", "finds what is not there"),
        ("ideal", 1, 1, "no-gain", "Too few brains to tell"),
        ("ideal", 20, 16, "specific", "finds what is there"),
        ("ideal", 20, 15, "harm", "misses what is there"),
        ("ideal", 9, 2, "harm", "misses what is there"),
    ],
)
def test_a_box_is_blue_only_where_there_is_evidence(
    tmp_path: Path, kind: str, n: int, n_specific: int, mark: str, said: str
) -> None:
    row = replace(NULL, kind=kind)
    rows = [
        replace(row, brain_seed=k, grade="SPECIFIC" if k < n_specific else "NO_GAIN")
        for k in range(n)
    ]
    page = write_report(made_calibration(tmp_path / "run", rows))
    assert said in text_of(page)
    assert re.findall(r'class="verdict ([^"]*)"', page.read_text()) == [mark]
