"""SLURM through submitit's executor of this machine: jobs outlive their driver, none runs twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import b2m_drive as b2m
from b2m_drive.executors.job_log import JOB_LOG
from b2m_drive.executors.parcels import LARGE
from b2m_drive.executors.slurm_cluster import Allocation, SlurmCluster
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_students import PictureStudent, brain
from tests.shared.places import ROOT
from tests.shared.small_tasks import DryComparison, DryPlan, dry, started

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # submitit leaves its processes open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
TWO = Allocation(most_submitted=2)
PLACES = (ROOT, ROOT / "envs", ROOT / "agents")
DRIVER = """
import sys
from pathlib import Path
from b2m_drive.executors.slurm_cluster import Allocation, SlurmCluster
from tests.shared.small_tasks import dry

if __name__ == "__main__":
    run, ledger = map(Path, sys.argv[1:])
    with SlurmCluster(run / "slurm", "local", Allocation(most_submitted=2)) as executor:
        dry(4, seconds=4.0, ledger=ledger).run(run, executor=executor, progress=False)
"""


@pytest.fixture(autouse=True)
def found_by_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, PLACES)))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    (tmp_path / "ledger").mkdir()
    return tmp_path / "ledger"


def test_a_comparison_has_the_table_of_this_process(tmp_path) -> None:
    torch.set_num_threads(1)
    budget = b2m.Budget(n_steps=4, evaluate_every=2, n_latents=3)
    blt = (b2m.TransferMethod("regression", "pca", "id"),)
    compared = b2m.Comparison(PictureStudent(), brain(), blt, b2m.NULLS[:1], (0, 1), budget)
    with SlurmCluster(tmp_path / "slurm" / "jobs", "local", TWO) as executor:
        compared.run(tmp_path / "slurm", executor=executor, progress=False)
    compared.run(tmp_path / "here", executor=OneAfterAnother(), progress=False)
    first, second = (tmp_path / name / "scores.csv" for name in ("slurm", "here"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.thorough
def test_lost_and_failing_jobs_are_tried_again_and_large_arrays_written_once(
    tmp_path, ledger
) -> None:
    large = np.ones(LARGE // 8 + 1)
    plans = (
        DryPlan("once", kills_once=tmp_path / "killed", ledger=ledger),
        DryPlan("fails", fails=True, ledger=ledger),
        DryPlan("a", large=large),
        DryPlan("b", large=large),
    )
    run = tmp_path / "run"
    with (
        SlurmCluster(run / "slurm", "local", TWO) as executor,
        pytest.raises(b2m.FailedJobsError, match=r"1 of 4 jobs failed, 3 are done.*run/fails \(2"),
    ):
        DryComparison(plans).run(run, executor=executor, progress=False, tries=2)
    assert started(ledger) == {"once": 2, "fails": 2}
    assert len(list((run / "slurm" / "inputs").glob("*.npy"))) == 1
    assert f"{float(len(large))}" in (run / "groups" / "a.csv").read_text()


@pytest.mark.thorough
def test_jobs_of_a_killed_driver_are_taken_up_by_the_next(tmp_path, ledger) -> None:
    run, script = tmp_path / "run", tmp_path / "driver.py"
    script.write_text(DRIVER)
    driver = subprocess.Popen([sys.executable, str(script), str(run), str(ledger)])
    end = time.monotonic() + 60
    while len(started(ledger)) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    with SlurmCluster(run / "slurm", "local", TWO) as executor:
        scores = dry(4, seconds=4.0, ledger=ledger).run(run, executor=executor, progress=False)
    assert len(scores) == 4
    assert started(ledger) == {f"job{index}": 1 for index in range(4)}  # none was begun twice
    lines = map(json.loads, (run / JOB_LOG).read_text().splitlines())
    assert sum(each["event"] == "done" for each in lines) == 4
