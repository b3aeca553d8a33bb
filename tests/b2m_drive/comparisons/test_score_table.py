from __future__ import annotations

import csv
import re
import shutil
import sys
from pathlib import Path

import pytest

from b2m_drive.comparisons.score_table import COLUMNS, score_rows, write_score_table
from b2m_drive.evidence.scores import read_scores
from b2m_drive.files.missing_packages import MissingPackageError
from tests.shared.places import ROOT

OLD = ROOT / "tests" / "old_runs" / "0.5.0"


def test_the_columns_are_those_of_the_documentation() -> None:
    page = (ROOT / "docs" / "file-formats.md").read_text()
    section = page.split("\n## Table of scores\n")[1].split("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == COLUMNS


def test_every_score_is_a_row_that_says_whose_it_is() -> None:
    rows = list(score_rows([OLD / "memory"]))
    scores = read_scores(OLD / "memory" / "scores.csv")
    assert [(r.seed, r.metric, r.step, r.value, r.unit) for r in rows] == [
        (s.seed, s.metric, s.step, s.value, s.unit) for s in scores
    ]
    assert {r.role for r in rows if r.control == "brain"} == {"taught"}
    assert {r.role for r in rows if r.control == "shuffled"} == {"null control"}
    assert {r.role for r in rows if r.control == "items_permuted"} == {"probe"}
    assert all((r.strategy is None) == r.control.startswith("alone") for r in rows)
    assert {r.axis for r in rows} >= {None, "n_teacher_trials"}
    assert all(r.simulated is True and r.student == "DecisionRNN (gru)" for r in rows)


def test_sessions_search_and_agents_contribute_their_scores() -> None:
    sessions = list(score_rows([OLD / "sessions"]))
    assert {row.session for row in sessions} == {"p1-a", "p1-b", "p2-a", "p5-small"}
    assert {row.study for row in sessions} == {"memory"}
    search = list(score_rows([OLD / "search"]))
    assert len({row.run for row in search}) == 6
    agents = list(score_rows([OLD / "agents"]))
    assert {row.role for row in agents if row.control == "alone"} == {"null control"}


def test_a_run_that_is_named_twice_is_taken_once(tmp_path: Path) -> None:
    shutil.copytree(OLD / "driving", tmp_path / "driving")
    once = list(score_rows([tmp_path]))
    assert list(score_rows([tmp_path, tmp_path / "driving"])) == once


def test_csv_holds_the_rows_and_empty_cells_for_what_there_is_none_of(tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    n_rows = write_score_table([OLD / "memory", OLD / "driving"], out)
    with out.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == n_rows
    assert tuple(found[0]) == COLUMNS
    assert {row["study"] for row in found} == {"memory", "driving"}
    assert {row["simulated"] for row in found} == {"true"}
    assert {row["strategy"] for row in found if row["control"] == "alone"} == {""}


@pytest.mark.slow
def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_score_table([OLD / "memory"], tmp_path / "scores.parquet")
    table = parquet.read_table(tmp_path / "scores.parquet")
    assert table.to_pylist() == [vars(row) for row in score_rows([OLD / "memory"])]


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r"b2m-drive\[table\]"):
        write_score_table([OLD / "memory"], tmp_path / "scores.parquet")


@pytest.mark.parametrize(
    ("runs", "out", "says"),
    [
        (["memory"], "scores.txt", "ends in .csv or .parquet"),
        (["calibration"], "scores.csv", "came a calibration"),
        ([], "scores.csv", "at least one"),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, runs: list[str], out: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        write_score_table([OLD / each for each in runs], tmp_path / out)
    assert not list(tmp_path.iterdir())


def test_folders_without_a_run_or_scores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a run"):
        list(score_rows([tmp_path]))
    run = shutil.copytree(OLD / "memory", tmp_path / "memory")
    (run / "scores.csv").unlink()
    with pytest.raises(FileNotFoundError, match="scores"):
        list(score_rows([run]))


@pytest.mark.slow
def test_of_a_folder_of_runs_what_has_no_scores_is_left_out_and_said(tmp_path: Path) -> None:
    left_out: list[str] = []
    n_rows = write_score_table([OLD], tmp_path / "scores.csv", left_out.append)
    assert n_rows > 0
    assert len(left_out) == 1
    assert "calibration" in left_out[0]
    with pytest.raises(ValueError, match="came a calibration"):
        list(score_rows([OLD]))


@pytest.mark.slow
def test_pandas_reads_every_cell_that_is_not_empty(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    write_score_table([OLD / "memory"], tmp_path / "scores.csv")
    table = pandas.read_csv(tmp_path / "scores.csv")
    rows = list(score_rows([OLD / "memory"]))
    for name in COLUMNS:
        missing = [getattr(row, name) in (None, "") for row in rows]
        assert table[name].isna().tolist() == missing, name
    assert table["value"].tolist() == [row.value for row in rows]
