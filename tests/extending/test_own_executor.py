"""A comparison on an executor of the user's own: the same numbers, and nothing lost if it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import b2m_drive as b2m
from b2m_drive.executors.job_log import JOB_LOG
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_students import PictureStudent, brain

SHORT = b2m.Budget(n_steps=4, evaluate_every=2, n_latents=3)
BLT = (b2m.TransferMethod("regression", "pca", "id"),)


def comparison() -> b2m.Comparison:
    return b2m.Comparison(PictureStudent(), brain(), BLT, b2m.NULLS[:4], (0, 1), SHORT)


@pytest.mark.slow
def test_an_executor_of_the_users_own_gives_the_same_numbers(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    here = OneAfterAnother()
    comparison().run(tmp_path / "here", executor=here, progress=False)
    comparison().run(tmp_path / "processes", n_workers=2, progress=False)
    assert here.n_submitted == 2 * len(comparison().conditions)
    first, second = (tmp_path / name / "scores.csv" for name in ("here", "processes"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_a_job_whose_node_is_lost_is_tried_again_and_its_loss_is_logged(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    once = OneAfterAnother(fails_at=5)
    comparison().run(tmp_path / "run", executor=once, progress=False)
    assert once.n_submitted == 2 * len(comparison().conditions) + 1
    events = [json.loads(line) for line in (tmp_path / "run" / JOB_LOG).read_text().splitlines()]
    lost = [each for each in events if each["event"] == "lost"]
    assert [each["error"] for each in lost] == ["ConnectionError: the node is gone"]
    done = [each["job"] for each in events if each["event"] == "done"]
    assert len(set(done)) == len(done) == 2 * len(comparison().conditions)
    assert lost[0]["job"] in done


@pytest.mark.slow
def test_a_job_that_is_given_up_costs_no_other_and_is_run_by_the_next_call(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    with pytest.raises(b2m.FailedJobsError, match=r"1 of \d+ jobs failed.*the node is gone"):
        comparison().run(
            tmp_path / "run", executor=OneAfterAnother(fails_at=5), progress=False, tries=1
        )
    kept = {each.name: each.read_bytes() for each in (tmp_path / "run" / "groups").glob("*.csv")}
    assert len(kept) == 2 * len(comparison().conditions) - 1  # all but the one that was lost
    again = OneAfterAnother()
    comparison().run(tmp_path / "run", executor=again, progress=False)
    assert again.n_submitted == 1
    after = {each.name: each.read_bytes() for each in (tmp_path / "run" / "groups").glob("*.csv")}
    assert kept.items() <= after.items()
