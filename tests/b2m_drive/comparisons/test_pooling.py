"""Many sessions pooled by patient: numbers by hand, and what a folder must hold."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from b2m_drive.comparisons.pooled_verdict import PooledDifference
from b2m_drive.comparisons.pooling import (
    SessionsRun,
    leave_one_out,
    pooled_verdict,
    pooled_verdicts,
    read_sessions,
    session_differences,
)
from b2m_drive.comparisons.verdict import Grade
from b2m_drive.evidence.learning_curves import final_value
from b2m_drive.evidence.scores import read_scores, write_scores
from b2m_drive.evidence.statistics import crossed_difference
from tests.shared.made_runs import TEACHING, write_sessions

GAINS = {
    "A": {"A1": 0.10, "A2": 0.06, "A3": 0.08},
    "B": {"B1": 0.05},
    "C": {"C1": 0.07, "C2": 0.09, "C-small": 0.9},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SessionsRun:
    return read_sessions(write_sessions(tmp_path_factory.mktemp("many") / "run", GAINS))


def made(tmp_path: Path, gains: dict[str, dict[str, float]]) -> SessionsRun:
    return read_sessions(write_sessions(tmp_path / "run", gains))


def test_the_patient_is_the_unit_and_sessions_are_averaged_first(run: SessionsRun) -> None:
    gain = pooled_verdict(run, TEACHING).over_nulls["alone"]
    assert gain.by_session == pytest.approx(
        {"A1": 0.10, "A2": 0.06, "A3": 0.08, "B1": 0.05, "C1": 0.07, "C2": 0.09}
    )
    assert gain.by_patient == pytest.approx({"A": 0.08, "B": 0.05, "C": 0.08})
    assert gain.mean == pytest.approx(0.07)  # of patients; that of sessions would be 0.075
    assert gain.n == 3
    assert gain.z_score == pytest.approx(stats.norm.isf(gain.p_value / 2))


def test_what_seeds_have_in_common_is_in_the_interval(run: SessionsRun) -> None:
    gain = pooled_verdict(run, TEACHING).over_nulls["alone"]
    curves = run.runs["B1"].curves
    brain, alone = (final_value(curves[TEACHING.condition(name)]) for name in ("brain", "alone"))
    common = brain - alone - (brain - alone).mean()  # the same in every session
    table = np.array([0.08, 0.05, 0.08])[:, None] + common
    expected = crossed_difference(table)
    assert (gain.low, gain.high) == pytest.approx((expected.low, expected.high))
    assert gain.p_value == pytest.approx(expected.p_value)


def test_a_session_of_few_units_is_read_but_not_pooled(run: SessionsRun) -> None:
    assert "C-small" in run.runs
    assert "C-small" not in pooled_verdict(run, TEACHING).over_nulls["alone"].by_session
    over = session_differences(run, "C-small", TEACHING)
    assert over["alone"].mean == pytest.approx(0.9)
    assert over["alone"].n == 4  # seeds


def test_the_verdict_names_patients_sessions_and_the_unit_of_analysis(run: SessionsRun) -> None:
    (verdict,) = pooled_verdicts(run)
    assert "3 patients, 6 sessions, 120 units; the patient is the unit of analysis" in (
        verdict.finding
    )
    assert verdict.grade is Grade.SPECIFIC
    assert verdict.closest == "untrained_network"
    assert "teach less" in verdict.about_labels
    assert "simulated" not in verdict.sentence


def test_few_patients_are_said_to_be_few(tmp_path: Path) -> None:
    few = {name: {f"{name}1": 0.1} for name in "ABCD"}
    said = "So few patients (4) can hardly be generalised from"
    assert said in pooled_verdict(made(tmp_path / "few", few), TEACHING).finding
    enough = few | {"E": {"E1": 0.1}}
    finding = pooled_verdict(made(tmp_path / "enough", enough), TEACHING).finding
    assert "few patients" not in finding


def test_many_sessions_of_one_patient_do_not_make_evidence(tmp_path: Path) -> None:
    gains = {"A": {f"A{k}": 0.1 + 0.001 * k for k in range(12)}, "B": {"B1": 0.0}}
    verdict = pooled_verdict(made(tmp_path, gains), TEACHING)
    assert verdict.grade is Grade.NO_GAIN  # by session it would be a gain, 12 of 13 alike
    by_session = np.array(list(verdict.over_nulls["alone"].by_session.values()))
    assert stats.ttest_1samp(by_session, 0).confidence_interval(0.95).low > 0


def test_harm_and_a_shared_gain_are_graded_as_in_one_session(tmp_path: Path) -> None:
    harm = {"A": {"A1": -0.05}, "B": {"B1": -0.051}, "C": {"C1": -0.049}}
    assert pooled_verdict(made(tmp_path / "a", harm), TEACHING).grade is Grade.HARM
    shared = {"A": {"A1": 0.019}, "B": {"B1": 0.02}, "C": {"C1": 0.021}}  # as untrained network
    assert pooled_verdict(made(tmp_path / "b", shared), TEACHING).grade is Grade.SHARED


def test_leaving_out_a_patient_is_pooling_the_others(run: SessionsRun) -> None:
    left = {each.name: each for each in leave_one_out(run, TEACHING, "patient")}
    assert set(left) == {"A", "B", "C"}
    assert left["B"].over_alone.by_patient == pytest.approx({"A": 0.08, "C": 0.08})
    assert left["A"].over_alone.mean == pytest.approx((0.05 + 0.08) / 2)
    assert left["A"].over_closest.mean == pytest.approx((0.05 + 0.08) / 2 - 0.02)
    assert left["A"].closest == "untrained_network"


def test_leaving_out_a_session_changes_only_its_patient(run: SessionsRun) -> None:
    left = {each.name: each for each in leave_one_out(run, TEACHING, "session")}
    assert len(left) == 6
    assert left["A1"].over_alone.by_patient == pytest.approx({"A": 0.07, "B": 0.05, "C": 0.08})


def test_a_grade_that_rests_on_one_patient_is_said_to(tmp_path: Path) -> None:
    gains = {name: {f"{name}1": gain} for name, gain in
             {"A": 0.1, "B": 0.101, "C": 0.102, "D": 0.099, "E": -0.08}.items()}  # fmt: skip
    run = made(tmp_path, gains)
    assert pooled_verdict(run, TEACHING).grade is Grade.NO_GAIN
    changing = [each.name for each in leave_one_out(run, TEACHING, "patient") if each.changes]
    assert changing == ["E"]


def test_one_patient_left_allows_no_gain(tmp_path: Path) -> None:
    run = made(tmp_path, {"A": {"A1": 0.1}, "B": {"B1": 0.101}})
    for each in leave_one_out(run, TEACHING, "patient"):
        assert (each.over_alone.low, each.over_alone.high) == (-math.inf, math.inf)
        assert each.grade is Grade.NO_GAIN


def test_fewer_than_two_patients_are_not_pooled(tmp_path: Path) -> None:
    run = made(tmp_path, {"A": {"A1": 0.1, "A2": 0.1}, "B": {"B-small": 0.1}})
    with pytest.raises(ValueError, match="patients: expected at least 2 to pool, came 1"):
        pooled_verdict(run, TEACHING)
    with pytest.raises(ValueError, match="expected at least 2"):
        leave_one_out(run, TEACHING, "session")


def test_a_session_without_a_null_is_named(tmp_path: Path) -> None:
    folder = write_sessions(tmp_path / "run", GAINS)
    table = folder / "sessions" / "B1" / "scores.csv"
    write_scores(table, [s for s in read_scores(table) if s.condition.control != "alone_head"])
    with pytest.raises(ValueError, match=r"session B1: .* found none of alone_head"):
        pooled_verdict(read_sessions(folder), TEACHING)


def test_a_probe_that_one_session_lacks_is_not_pooled(tmp_path: Path) -> None:
    folder = write_sessions(tmp_path / "run", GAINS)
    table = folder / "sessions" / "B1" / "scores.csv"
    write_scores(table, [s for s in read_scores(table) if s.condition.control != "labels"])
    assert pooled_verdict(read_sessions(folder), TEACHING).over_probes == {}


def test_what_is_wrong_in_a_folder_of_sessions_is_named(tmp_path: Path) -> None:
    folder = write_sessions(tmp_path / "run", GAINS)
    before = json.loads((folder / "config.json").read_text())
    twice = [before["sessions"][0]] * 2
    for entry, value, message in (
        ("study", "memory", "study: expected memory_sessions, came 'memory'"),
        ("sessions", twice, "sessions: expected different names"),
        ("sessions", [{"name": "A1"}], r"expected the entry sessions\.subject, found none"),
        ("seeds", [0, 1], r"seeds: expected those of every session, \[0, 1\], came"),
        ("primary_metric", "loss", "primary_metric: expected one of"),
    ):
        (folder / "config.json").write_text(json.dumps(before | {entry: value}))
        with pytest.raises(ValueError, match=message):
            read_sessions(folder)
    with pytest.raises(FileNotFoundError, match="expected the folder of many sessions"):
        read_sessions(tmp_path / "none")


def test_a_pooled_session_must_have_its_run_and_another_need_not(tmp_path: Path) -> None:
    folder = write_sessions(tmp_path / "run", GAINS)
    (folder / "sessions" / "C-small" / "config.json").unlink()
    assert "C-small" not in read_sessions(folder).runs
    (folder / "sessions" / "B1" / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match="B1"):
        read_sessions(folder)


def test_unknown_units_and_metrics_are_named(run: SessionsRun) -> None:
    with pytest.raises(ValueError, match=r"metric: expected one of .* came 'cka'"):
        pooled_verdict(run, TEACHING, "cka")


def test_the_z_score_of_no_spread_is_infinite_or_undefined() -> None:
    def gain(mean: float, n: int, p_value: float) -> PooledDifference:
        return PooledDifference(mean, 0.0, 0.0, n, p_value, {}, {}, {})

    assert gain(0.5, 2, 0.0).z_score == math.inf
    assert gain(-0.5, 2, 0.0).z_score == -math.inf
    assert gain(0.5, 3, 0.05).z_score == pytest.approx(1.96, abs=1e-3)
    assert gain(-0.5, 3, 0.05).z_score == pytest.approx(-1.96, abs=1e-3)
    assert math.isnan(gain(0.0, 2, 1.0).z_score)
    assert math.isnan(gain(0.5, 1, 1.0).z_score)


@pytest.mark.slow
def test_a_pooled_verdict_says_where_the_students_alone_learnt_nothing(tmp_path: Path) -> None:
    run = made(tmp_path, GAINS)  # alone end at .8 and more, against .5
    assert pooled_verdict(run, TEACHING).weak == ""
    for session in run.pooled:
        path = run.folder / "sessions" / session.name / "scores.csv"
        # What is taught keeps its gain over students that end at .498.
        write_scores(path, [replace(row, value=row.value - 0.3) for row in read_scores(path)])
    verdict = pooled_verdict(read_sessions(run.folder), TEACHING)
    assert verdict.grade is Grade.SPECIFIC
    assert (
        "Yet the students alone did not learn for sure more than chance (final accuracy 0.498 ["
        in (verdict.finding)
    )
    assert verdict.finding.endswith("So few patients (3) can hardly be generalised from.")
