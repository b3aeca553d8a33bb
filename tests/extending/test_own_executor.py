"""A comparison on an executor of the user's own: the same numbers, and nothing lost if it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import b2m_drive as b2m
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


def test_what_had_finished_before_a_node_was_lost_is_not_run_again(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    with pytest.raises(ConnectionError, match="the node is gone"):
        comparison().run(tmp_path / "run", executor=OneAfterAnother(fails_at=5), progress=False)
    kept = {each.name: each.read_bytes() for each in (tmp_path / "run" / "groups").glob("*.csv")}
    assert len(kept) == 2 * len(comparison().conditions) - 1  # all but the one that was lost
    again = OneAfterAnother()
    comparison().run(tmp_path / "run", executor=again, progress=False)
    assert again.n_submitted == 1
    after = {each.name: each.read_bytes() for each in (tmp_path / "run" / "groups").glob("*.csv")}
    assert kept.items() <= after.items()
