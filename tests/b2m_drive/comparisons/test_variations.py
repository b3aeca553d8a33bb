"""Scores by a number that was varied: the points, the best null, the figure's places."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from b2m_drive.comparisons.run_folder import Run, read_run
from b2m_drive.comparisons.variations import (
    MEMORY_AXES,
    UNLIMITED,
    VariedNumber,
    best_null,
    varied_scores,
)
from b2m_drive.evidence.condition import Condition
from b2m_drive.reports.variation_chart import _places
from b2m_drive.reports.variation_report import variation_section
from tests.shared.made_runs import TEACHING, scores_of, varied, write_run

AXES = {number.axis: number for number in MEMORY_AXES}
BRAIN, SHUFFLED = TEACHING.condition("brain"), TEACHING.condition("shuffled")
UNTRAINED = TEACHING.condition("untrained_network")
FEW = (0, 1, 2)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    rows = scores_of({"brain": 0.08, "alone_labelled": 0.03})
    for value, gain in ((10.0, 0.02), (30.0, 0.05)):
        rows += varied("n_teacher_trials", value, BRAIN, 0.7 + gain, FEW)
        rows += varied("n_teacher_trials", value, SHUFFLED, 0.7, FEW)
        rows += varied("n_teacher_trials", value, UNTRAINED, 0.7 + 0.04 * (value < 20), FEW)
    for value in (30.0, 300.0):
        rows += varied("n_student_trials", value, BRAIN, 0.65, FEW)
        rows += varied("n_student_trials", value, Condition("alone"), 0.6, FEW)
    return read_run(write_run(tmp_path_factory.mktemp("varied") / "run", rows))


def mean_at(run: Run, axis: str, own: float | None, condition: Condition, value: float) -> float:
    found = varied_scores(run, AXES[axis], own)
    assert found is not None
    values = found.at(condition, value, "final")
    assert values is not None
    assert len(values) == len(FEW)
    return float(values.mean())


def test_the_own_students_stand_among_the_points_with_the_seeds_of_the_others(run: Run) -> None:
    # Final: the last two of three evaluations, 125 / 1500; seeds 0 to 2 add 0.01 each.
    noise = np.random.default_rng(len(str(BRAIN))).normal(0, 0.002, 4)
    expected = 0.78 + 0.01 + 125 / 1500 + float((noise - noise.mean())[:3].mean())
    assert mean_at(run, "n_teacher_trials", 80.0, BRAIN, 80.0) == pytest.approx(expected)


def test_students_that_the_number_does_not_touch_are_the_same_at_every_value(run: Run) -> None:
    low, high = (
        mean_at(run, "n_teacher_trials", 80.0, Condition("alone"), v) for v in (10.0, 30.0)
    )
    assert low == high
    found = varied_scores(run, AXES["n_teacher_trials"], 80.0)
    assert found is not None
    # It learns from the recorded trials too, so its own value says nothing of fewer of them.
    assert found.at(Condition("alone_labelled"), 10.0, "final") is None


def test_the_best_null_is_that_of_the_value_not_of_the_run(run: Run) -> None:
    found = varied_scores(run, AXES["n_teacher_trials"], 80.0)
    assert found is not None
    assert best_null(found, run.study.nulls, BRAIN, 10.0, "final") == UNTRAINED
    assert best_null(found, run.study.nulls, BRAIN, 30.0, "final") != UNTRAINED
    assert best_null(found, (), BRAIN, 30.0, "final") is None


def test_an_axis_that_was_not_varied_has_no_section(run: Run) -> None:
    assert varied_scores(run, AXES["maintenance"], 2.5) is None
    assert variation_section(run, AXES["maintenance"], 2.5) is None


@pytest.mark.slow
def test_a_number_without_limit_is_shown_and_drawn_behind_all_others(run: Run) -> None:
    section = variation_section(
        run, AXES["n_student_trials"], UNLIMITED, ("final", "area_under_curve"), by_method=True
    )
    assert section is not None
    assert section.tables[0].header[1:] == ("30", "300", "no limit")
    places = _places([30.0, 300.0, math.inf], logarithmic=True)
    assert places[math.inf] > places[300.0] == 300.0
    assert _places([math.inf], logarithmic=False) == {math.inf: 1.0}


def test_the_gain_over_alone_and_over_the_best_null_is_told_at_each_value(run: Run) -> None:
    section = variation_section(run, AXES["n_teacher_trials"], 80.0, ("final",), by_method=True)
    assert section is not None
    table = section.tables[-1]
    by_value = {row[0]: row[1:] for row in table.rows}
    assert set(by_value) == {"10", "30", "80"}
    assert by_value["10"][0].startswith("+0.0")
    assert by_value["10"][1].startswith("−0.0")  # the untrained network teaches more there
    assert by_value["10"][2] == "untrained network"


def test_own_students_without_the_seeds_of_their_variations_are_named(tmp_path: Path) -> None:
    rows = scores_of({}) + varied("signal", 0.5, BRAIN, 0.7, (0, 7))
    run = read_run(write_run(tmp_path / "run", rows))
    with pytest.raises(ValueError, match=r"regression/.*/brain: expected the seeds .* \[0, 7\]"):
        varied_scores(run, AXES["signal"], 1.0)


def test_a_run_that_does_not_know_its_own_value_shows_only_what_was_varied(run: Run) -> None:
    found = varied_scores(run, VariedNumber("n_teacher_trials", "trials", True), None)
    assert found is not None
    assert found.values == [10.0, 30.0]
