"""The verdict over brains whose answer is known: the same code, small."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from b2m_agents.studies.memory.calibration import (
    VERDICTS,
    CalibrationPlan,
    CalibrationSettings,
    VerdictCalibration,
    calibration_jobs,
)
from b2m_agents.studies.memory.plan import MemoryStudySettings
from b2m_drive.comparisons.calibration import read_rows, shares
from b2m_drive.reports.report import write_report
from b2m_drive.teachers.decoding import item_decoding_accuracy
from tests.extending.own_executor import OneAfterAnother

SMALL = CalibrationSettings(
    n_null=2,
    n_ideal=1,
    n_trials=20,
    study=MemoryStudySettings(
        strategies=("regression",),
        probes=(),
        seeds=(0, 1),
        n_steps=2,
        evaluate_every=1,
        n_evaluation_trials=16,
        batch_size=4,
        recorded_batch_size=4,
    ),
)


@pytest.mark.thorough
@pytest.mark.slow
def test_every_brain_gets_a_verdict_and_a_killed_run_goes_on(tmp_path) -> None:
    torch.set_num_threads(1)
    folder = tmp_path / "run"
    rows = VerdictCalibration(SMALL).run(folder, progress=False)
    assert read_rows(folder / VERDICTS) == rows
    assert [(row.kind, row.brain_seed) for row in rows] == [("ideal", 0), ("null", 0), ("null", 1)]
    assert {share.kind: share.n for share in shares(rows)} == {"null": 2, "ideal": 1}
    (folder / "groups" / "null-1.csv").unlink()
    again = VerdictCalibration(SMALL).run(folder, progress=False, executor=OneAfterAnother())
    assert again == rows
    assert write_report(folder).is_file()


@pytest.mark.slow
def test_brains_share_neither_seeds_nor_trials() -> None:
    plans = [job.plan.comparison for job in calibration_jobs(SMALL)]
    seeds = [seed for plan in plans for seed in plan.settings.seeds]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 1_000_000
    first, second = plans[1].recording.trials.stimulus, plans[2].recording.trials.stimulus
    assert (first != second).any()


@pytest.mark.slow
def test_a_null_brain_is_an_ideal_one_without_its_signal() -> None:
    settings = replace(SMALL, n_trials=60)
    null, ideal = (CalibrationPlan(settings, kind, 0).comparison for kind in ("null", "ideal"))
    assert (null.signal, ideal.signal) == (0.0, 1.0)
    assert len(null.recording.units) == len(ideal.recording.units)
    assert item_decoding_accuracy(ideal.recording) > 0.6
    assert item_decoding_accuracy(null.recording) < 0.25  # chance is 1 / 8


def test_impossible_numbers_of_brains_are_named() -> None:
    with pytest.raises(ValueError, match="n_null: expected at least 1, came 0"):
        replace(SMALL, n_null=0)
