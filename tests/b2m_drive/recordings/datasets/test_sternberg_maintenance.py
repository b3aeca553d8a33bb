from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2m_drive.recordings.datasets.sternberg_maintenance import read_sternberg_maintenance
from b2m_drive.recordings.decision_trials import LEFT, NO_STIMULUS, RIGHT
from b2m_drive.recordings.recording_quality import findings
from b2m_drive.recordings.trial_responses import TrialResponses
from tests.shared.made_sternberg import (
    as_concept_cells,
    made_table,
    made_unit,
    write_sternberg,
    write_units,
)
from tests.shared.places import DATA

REAL = DATA / "sternberg_maintenance"


def test_a_session_a_patient_with_the_values_of_the_file(tmp_path: Path) -> None:
    table = made_table()
    units = [made_unit(p, u, table) for p in (7, 2) for u in (3, 4)]
    first, second = read_sternberg_maintenance(
        write_units(tmp_path / "time_cells.mat", units), include_errors=True
    )
    assert (first.session, first.subject) == ("time_cells-02", "02")
    assert (second.session, second.subject) == ("time_cells-07", "07")
    assert [unit.name for unit in first.units] == ["unit3", "unit4"]
    np.testing.assert_array_equal(first.values[..., 1], units[3]["firing_rates"].astype("f4"))
    shown = table["trial_imageIDs"].astype(int)
    np.testing.assert_array_equal(
        first.trials.stimulus, np.where(shown == 0, NO_STIMULUS, shown - 1)
    )
    np.testing.assert_array_equal(
        first.trials.target_side, np.where(table["trial_probe_in_out"][:, 0] == 1, LEFT, RIGHT)
    )
    assert findings(first) == ()


def test_error_trials_are_left_out_and_counted(tmp_path: Path) -> None:
    session = read_sternberg_maintenance(write_sternberg(tmp_path / "time_cells.mat"))[0]
    assert len(session) == 50
    assert session.trials.answered_correctly.all()
    assert "10 error trials left out of 60" in session.notes


def test_notes_say_that_units_were_selected_and_trials_say_what_is_made_up(tmp_path: Path) -> None:
    session = read_sternberg_maintenance(write_sternberg(tmp_path / "time_cells.mat"))[0]
    assert any("units were selected by their authors (time cells" in n for n in session.notes)
    assert any("smoothed by its authors" in note for note in session.notes)
    assert "probe_left" in session.trials.nominal
    assert "maintenance_onset" in session.trials.nominal
    assert "target_side" not in session.trials.nominal
    assert "target_side" not in session.select(np.arange(9)).trials.nominal
    assert session.select(np.arange(9)).trials.nominal == session.trials.nominal


def test_a_nominal_probe_agrees_with_the_answer(tmp_path: Path) -> None:
    trials = read_sternberg_maintenance(write_sternberg(tmp_path / "time_cells.mat"))[0].trials
    shown = (trials.stimulus == trials.probe_left[:, None]).any(1)
    np.testing.assert_array_equal(shown, trials.target_side == LEFT)
    assert 0 < shown.sum() < len(shown)


def test_pictures_in_cells_and_no_answers(tmp_path: Path) -> None:
    table = made_table()
    path = write_units(tmp_path / "concept_cells.mat", [as_concept_cells(made_unit(1, 0, table))])
    (session,) = read_sternberg_maintenance(path, include_errors=True)
    shown = table["trial_imageIDs"].astype(int)
    np.testing.assert_array_equal((session.trials.stimulus + 1), shown)
    assert "target_side" in session.trials.nominal
    assert any("concept cells" in note for note in session.notes)


def test_units_with_other_trials_are_another_session(tmp_path: Path) -> None:
    units = [made_unit(4, 0, made_table()), made_unit(4, 1, made_table(48, seed=1))]
    found = read_sternberg_maintenance(write_units(tmp_path / "x.mat", units))
    assert [each.session for each in found] == ["x-04-1", "x-04-2"]
    assert [each.subject for each in found] == ["04", "04"]
    assert [len(each.units) for each in found] == [1, 1]


def _broken(name: str, value: Any) -> dict[str, Any]:
    return {**made_unit(1, 0, made_table()), name: value}


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        (_broken("firing_rates", np.full((60, 25), np.nan)), "firing_rates: expected 0 to 1,000"),
        (_broken("firing_rates", np.ones((60, 24))), "firing_rates: expected numbers"),
        (_broken("firing_rates", np.ones((59, 25))), "trial_imageIDs: expected"),
        (_broken("trial_correctness", np.full((60, 1), 2)), "trial_correctness: expected 0 or 1"),
        (_broken("trial_load", np.ones((60, 1))), "trial_load: expected the number of items"),
        (_broken("trial_imageIDs", np.full((60, 3), 2)), "each picture once a trial"),
        (_broken("trial_imageIDs", np.full((60, 3), 1.5)), "whole numbers"),
        (_broken("trial_imageIDs", np.full((60, 3), 10**7)), "expected numbers from 0"),
        (_broken("trial_imageIDs", np.array([[0, 1, 2]] * 60)), "before its 0s"),
        (_broken("patient_id", np.array([[1, 2]])), "patient_id: expected one number"),
        (_broken("brain_region", np.array([[3]])), "brain_region: expected a text"),
    ],
)
def test_what_cannot_be_right_is_named(tmp_path: Path, unit: dict[str, Any], told: str) -> None:
    path = write_units(tmp_path / "x.mat", [made_unit(1, 1, made_table()), unit])
    with pytest.raises(ValueError, match=told) as error:
        read_sternberg_maintenance(path)
    assert "x.mat: unit 2" in str(error.value)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    good = write_sternberg(tmp_path / "good.mat", 1, 1)
    cut = tmp_path / "cut.mat"
    cut.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    text = tmp_path / "text.mat"
    text.write_text("not a recording")
    other = write_units(tmp_path / "other.mat", [made_unit(1, 0, made_table())], "something")
    lacking = write_units(tmp_path / "lacking.mat", [{"patient_id": np.array([[1]])}])
    with pytest.raises(ValueError, match=r"cut\.mat: .*cannot be read"):
        read_sternberg_maintenance(cut)
    with pytest.raises(ValueError, match=r"text\.mat: expected a MATLAB 5 file"):
        read_sternberg_maintenance(text)
    with pytest.raises(ValueError, match="expected a variable 'neural_data'"):
        read_sternberg_maintenance(other)
    with pytest.raises(ValueError, match="struct array with the fields"):
        read_sternberg_maintenance(lacking)
    with pytest.raises(FileNotFoundError):
        read_sternberg_maintenance(tmp_path / "none.mat")


@pytest.mark.slow
def test_mutated_files_are_read_or_refused_by_a_clear_error(tmp_path: Path) -> None:
    content = write_sternberg(tmp_path / "good.mat", 1, 1).read_bytes()
    generator, refused = np.random.default_rng(0), 0
    for k in range(200):
        changed = bytearray(content)
        for place in generator.integers(128, len(content) if k % 2 else 1500, size=3):
            changed[place] = int(generator.integers(256))
        path = tmp_path / "changed.mat"
        path.write_bytes(changed)
        error, found = _read_or_refused(path)
        refused += bool(error)
        assert "changed.mat" in error or all(np.isfinite(each.values).all() for each in found)
    assert refused > 20


def _read_or_refused(path: Path) -> tuple[str, tuple[TrialResponses, ...]]:
    try:
        return "", read_sternberg_maintenance(path)
    except ValueError as error:
        return str(error), ()


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the data set sternberg_maintenance is not here")
def test_the_real_files_hold_what_their_description_says() -> None:
    time = read_sternberg_maintenance(REAL / "time_cells.mat")
    concept = read_sternberg_maintenance(REAL / "concept_cells.mat")
    assert (len(time), sum(len(each.units) for each in time)) == (20, 154)
    assert (len(concept), sum(len(each.units) for each in concept)) == (17, 119)
    assert {len(each.units): each.subject for each in time}[34] == "08"
    assert {each.trials.n_stimuli for each in (*time, *concept)} == {5}
