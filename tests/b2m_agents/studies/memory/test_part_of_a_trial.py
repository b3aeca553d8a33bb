"""Recordings that hold the delay only, or the items only, teach with what they have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from b2m_agents.studies.memory.comparison import MemoryComparison
from b2m_agents.studies.memory.plan import MemoryStudySettings, split_trials
from b2m_agents.studies.memory.population import population_of
from b2m_agents.studies.memory.sessions import SessionsComparison, least_units_of, read_sessions_of
from b2m_agents.studies.memory.taught_group import plane_of_paths
from b2m_agents.studies.memory.teachers import Readout
from b2m_drive.comparisons.run_folder import read_run
from b2m_drive.comparisons.verdict import verdicts_of
from b2m_drive.recordings.binning import in_trials
from b2m_drive.recordings.decision_trials import MAINTENANCE
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.reports.report import write_report
from tests.shared.made_sessions import simulated_spikes
from tests.shared.made_sternberg import write_sternberg
from tests.shared.page_text import text_of

TINY = MemoryStudySettings(
    task="sternberg", seeds=(0, 1), n_steps=50, batch_size=4, recorded_batch_size=4,
    n_evaluation_trials=16, probes=(),
)  # fmt: skip


def a_delay(tmp_path: Path) -> TrialResponses:
    return read_sessions_of(write_sternberg(tmp_path / "time_cells.mat", 1, 6), False).recordings[0]


def without(recording: TrialResponses, delay: bool) -> TrialResponses:
    """The same without its maintenance period, or without anything else."""
    kept = (recording.period == MAINTENANCE) != delay
    windows = tuple(w for w, keep in zip(recording.windows, kept, strict=True) if keep)
    return replace(recording, values=recording.values[:, kept], windows=windows)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_delay_is_compared_and_the_report_says_what_was_not_asked(tmp_path: Path) -> None:
    readings = (Readout(), Readout(pairing="carried"))
    comparison = MemoryComparison(a_delay(tmp_path), replace(TINY, readings=readings))
    assert comparison.settings.readings == (Readout(),)
    comparison.run(tmp_path / "run", progress=False)
    page = text_of(write_report(tmp_path / "run"))
    for said in (
        "Not asked: what the brain does while an item is shown",
        'Not asked: latents of items carried through the delay (pairing "carried")',
        "the recording has no activity from when items are shown",
        "The recording does not say when things were shown or which stimulus was the probe",
        "units were selected by their authors (time cells",
    ):
        assert said in page
    brain = read_run(tmp_path / "run").brain
    assert brain["item_decoding"] is None
    assert brain["memory_auc"] is not None
    assert len(verdicts_of(tmp_path / "run")) == 2


def test_a_sternberg_delay_teaches_memory_decisions(tmp_path: Path) -> None:
    comparison = MemoryComparison(a_delay(tmp_path), replace(TINY, task="memory_decision"))
    trials = comparison.teaching_trials(comparison.settings, comparison.brain).trials
    assert len(trials) == len(comparison.brain)
    limits = comparison.describe()["limits"]
    assert any("did another task (sternberg)" in limit for limit in limits)


def test_items_alone_are_compared_without_a_delay() -> None:
    recording = without(in_trials(simulated_spikes()), delay=True)
    readings = (Readout(), Readout("pca", "carried"))
    settings = replace(TINY, task="memory_decision", readings=readings)
    comparison = MemoryComparison(recording, settings)
    assert comparison.settings.readings == (Readout(),)
    limits = comparison.describe()["limits"]
    assert any("Not asked: what the brain does in the delay" in limit for limit in limits)


def test_only_carried_latents_of_a_delay_are_refused(tmp_path: Path) -> None:
    settings = replace(TINY, readings=(Readout(pairing="carried"),))
    with pytest.raises(ValueError, match="expected 'recorded', since the recording has no activ"):
        MemoryComparison(a_delay(tmp_path), settings)
    with pytest.raises(ValueError, match="windows 'encoding': expected activity in one of"):
        MemoryComparison(a_delay(tmp_path), replace(TINY, windows="encoding"))


def test_a_whole_trial_has_no_such_limits() -> None:
    limits = MemoryComparison(simulated_spikes(), TINY).describe()["limits"]
    assert not [limit for limit in limits if "Not asked" in limit or "nominal" in limit]


def test_patients_of_one_file_are_pooled(tmp_path: Path) -> None:
    path = write_sternberg(tmp_path / "time_cells.mat", 3, 2)
    found = read_sessions_of(path, False)
    assert least_units_of(path) == 1
    comparison = SessionsComparison("time_cells", found.recordings, TINY, least_units_of(path))
    entries = comparison.describe()
    assert [each["subject"] for each in entries["sessions"]] == ["01", "02", "03"]
    assert all(each["pooled"] for each in entries["sessions"])
    assert any("In every session: units were selected" in limit for limit in entries["limits"])
    assert any("Not asked" in limit for limit in entries["limits"])


@pytest.mark.slow
def test_a_pseudo_population_holds_out_whole_parts_and_claims_no_patients(tmp_path: Path) -> None:
    population = population_of(write_sternberg(tmp_path / "time_cells.mat", 3, 2), False)
    recording = population.recording
    assert recording.part is not None
    for n_teaching in (None, 20, 30):
        teaching = split_trials(recording, n_teaching)
        assert not set(recording.part[teaching]) & set(recording.part[~teaching])
        assert teaching.sum() <= (n_teaching or round(0.8 * len(teaching)))
    limits = MemoryComparison(recording, TINY).describe()["limits"]
    assert any("nothing is inferred about patients" in limit for limit in limits)
    assert not any(limit.startswith("One session") for limit in limits)
    np.testing.assert_array_equal(recording.trials.n_stimuli, 5)


def test_paths_of_a_single_unit_lie_on_a_line() -> None:
    values = np.random.default_rng(0).normal(size=(20, 5, 1))
    plane = plane_of_paths(values, np.arange(20) % 5)
    assert plane.shape == (5, 5, 2)
    assert plane[..., 0].std() > 0
    assert (plane[..., 1] == 0).all()
