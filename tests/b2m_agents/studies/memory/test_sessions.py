"""Many sessions: one comparison each, shared students alone, the patient as the unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from b2m_agents.studies.memory.plan import MemoryStudySettings, split_trials
from b2m_agents.studies.memory.search import (
    SEARCH,
    Candidate,
    MemorySearch,
    SearchSettings,
    in_regions,
    selective_units,
    split_patients,
)
from b2m_agents.studies.memory.sessions import (
    SessionsComparison,
    read_sessions_of,
)
from b2m_drive.comparisons.pooling import pooled_verdicts, read_sessions
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.simulated.neurons import SimulatedBrain, simulate_trials
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.reports.report import write_report
from tests.extending.own_executor import OneAfterAnother

SMALL = MemoryStudySettings(
    strategies=("regression",),
    probes=(),
    seeds=(0, 1),
    n_steps=2,
    evaluate_every=1,
    n_evaluation_trials=16,
    batch_size=4,
)


def session(patient: str, name: str, n_units: int = 20, seed: int = 0) -> TrialResponses:
    trials = simulate_trials(40, 3, 8, np.random.default_rng(seed))
    brain = replace(SimulatedBrain.preset("ideal"), n_units=n_units)
    made = in_trials(brain.record(trials, seed))
    units = tuple(replace(unit, region=("LAH", "RA")[k % 2]) for k, unit in enumerate(made.units))
    return replace(made, subject=patient, session=name, units=units)


@pytest.fixture(scope="module")
def recordings() -> tuple[TrialResponses, ...]:
    torch.set_num_threads(1)
    return (
        session("p1", "p1-a"),
        session("p1", "p1-b", seed=1),
        session("p2", "p2-a", seed=2),
        session("p3", "p3-a", seed=3),
        session("p4", "p4-a", seed=4),
        session("p5", "p5-small", n_units=6, seed=5),
    )


@pytest.mark.slow
def test_sessions_are_pooled_by_patient_and_resume(recordings, tmp_path) -> None:
    study = SessionsComparison("three", recordings[:3] + recordings[5:], SMALL)
    run = tmp_path / "run"
    pooled = study.run(run, progress=False)
    assert len(pooled.runs) == 4
    (verdict,) = pooled_verdicts(pooled)
    assert "2 patients" in verdict.sentence
    shared = list((run / "isolated").rglob("*.csv"))
    assert len(shared) == 1  # of all four sessions
    before = (run / "sessions" / "p2-a" / "scores.csv").read_text()
    (run / "sessions" / "p2-a" / "groups" / "seed-1.csv").unlink()
    study.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    assert (run / "sessions" / "p2-a" / "scores.csv").read_text() == before
    page = write_report(run).read_text()
    assert "p5-small" in page
    n_students = study.expected_time(run).n_students
    assert n_students == 2 + 4 * 2 * 6


@pytest.mark.slow
def test_sessions_that_cannot_be_pooled_are_named(recordings) -> None:
    with pytest.raises(ValueError, match="at least 2 patients with 15 units or more, came 1"):
        SessionsComparison("one", recordings[:2], SMALL)
    with pytest.raises(ValueError, match=r"came twice: \['p1-a'\]"):
        SessionsComparison("twice", (recordings[0], recordings[0], recordings[2]), SMALL)


def test_a_folder_without_recordings_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="expected recordings"):
        read_sessions_of(tmp_path)


def test_a_broken_session_is_named_before_anything_is_trained(tmp_path) -> None:
    (tmp_path / "399broken.h5").write_bytes(b"no HDF5")
    with pytest.raises((ValueError, OSError), match="399broken"):
        read_sessions_of(tmp_path, progress=False)


@pytest.mark.slow
def test_one_bad_session_is_named_and_the_others_go_on(recordings) -> None:
    silent = replace(recordings[2], session="p2-silent", values=np.zeros_like(recordings[2].values))
    few = replace(recordings[3].select(np.arange(5)), session="p3-few")
    one = replace(recordings[3].select(np.arange(1)), session="p3-one")
    study = SessionsComparison("mixed", (*recordings[:3], silent, few, one), SMALL)
    assert [each.session for each in study.recordings] == ["p1-a", "p1-b", "p2-a"]
    assert [each.session for each in study.left_out] == ["p2-silent", "p3-few", "p3-one"]
    told = [str(each) for each in study.left_out]
    assert "p2-silent cannot teach: no spike" in told[0]
    assert "p3-few: teaching trials: expected at least 10, came 4" in told[1]
    assert "p3-one cannot teach: expected 2 trials or more, came 1" in told[2]
    limits = study.describe()["limits"]
    assert [any(each.why in limit for limit in limits) for each in study.left_out] == [True] * 3
    assert replace(study, isolated=None).left_out == study.left_out
    with pytest.raises(ValueError, match=r"came 0; left out: .*p3-few.*; left out: .*p3-one"):
        SessionsComparison("unfit", (few, one), SMALL)


def test_no_patient_is_in_both_halves(recordings) -> None:
    selection, test = split_patients(recordings)
    first, second = ({each.subject for each in half} for half in (selection, test))
    assert not first & second
    assert first | second == {"p1", "p2", "p3", "p4"}
    again, _ = split_patients(recordings)
    assert [each.session for each in again] == [each.session for each in selection]


@pytest.mark.slow
def test_units_are_chosen_by_region_and_by_selectivity(recordings) -> None:
    assert in_regions("AH")(recordings[0]).sum() == 10
    trials = simulate_trials(200, 3, 8, np.random.default_rng(0))
    recording = in_trials(replace(SimulatedBrain.preset("ideal"), n_units=20).record(trials, 0))
    chosen = selective_units(recording)
    assert 0 < chosen.sum() <= 20
    spoilt = recording.values.copy()
    spoilt[split_trials(recording)] = 7.0
    np.testing.assert_array_equal(  # the trials that teach have no say
        chosen, selective_units(replace(recording, values=spoilt))
    )


@pytest.mark.slow
@pytest.mark.thorough
def test_a_search_selects_on_one_half_and_tests_on_the_other(recordings, tmp_path) -> None:
    candidates = (Candidate("all", "all"), Candidate("hippocampus", "all"))
    search = MemorySearch(
        "small",
        *split_patients(recordings),
        SearchSettings(SMALL, replace(SMALL, seeds=(100, 101)), candidates),
    )
    folder = tmp_path / "search"
    assert search.expected_time(folder).n_students > 0
    assert not folder.exists()
    search.run(folder, progress=False, executor=OneAfterAnother())
    selected = read_sessions(folder / "selection" / "hippocampus-all")
    tested = read_sessions(folder / "test")
    subjects = [{r.config.brain.subject for r in s.runs.values()} for s in (selected, tested)]
    assert not subjects[0] & subjects[1]
    assert "selection" in write_report(folder).read_text()
    assert len(tested.config.strategies) == 1


def test_the_default_search_compares_every_candidate_that_both_halves_have(recordings) -> None:
    search = MemorySearch("default", *split_patients(recordings), SEARCH)
    studies = {candidate.name: study for candidate, study in search.selection_studies().items()}
    assert {"all-all", "hippocampus-all", "amygdala-all", "all-early", "all-encoding"} <= set(
        studies
    )
    assert "parahippocampal-all" not in studies  # these sessions have no such units
    pairings = {readout.pairing for readout in studies["all-encoding"].settings.readings}
    assert pairings == {"recorded"}  # there is no delay to carry anything into
    assert {r.pairing for r in studies["all-all"].settings.readings} == {"recorded", "carried"}
    assert SEARCH.selection.codes == SEARCH.test.codes == "category"


def test_the_test_shares_no_seed_with_the_selection() -> None:
    with pytest.raises(ValueError, match=r"none of the selection's, came \[0, 1\] in both"):
        SearchSettings(SMALL, SMALL, ())
