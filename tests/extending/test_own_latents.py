"""A latent method of the user's own: responses in, latents out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import b2m_drive as b2m
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_students import PictureStudent, brain
from tests.shared.other_process import ENVIRONMENT


def loudest_units(responses: b2m.Responses, n_latents: int | None) -> b2m.ResponseLatents:
    """The units that vary most, z-scored."""
    spread = responses.values.std((0, 1))
    chosen = np.argsort(-spread)[: n_latents or 3]
    values = responses.values[..., chosen]
    values = (values - values.mean((0, 1))) / values.std((0, 1))
    share = spread[chosen] ** 2
    return b2m.ResponseLatents(values, (share / share.sum()).astype(np.float32))


@pytest.mark.slow
def test_a_users_latents_teach_and_are_named_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setitem(b2m.LATENT_METHODS, "loudest_units", loudest_units)
    method = b2m.TransferMethod("regression", "loudest_units", "id")
    budget = b2m.Budget(n_steps=4, evaluate_every=2)
    compared = b2m.Comparison(PictureStudent(), brain(), (method,), b2m.NULLS, (0, 1), budget)
    run = compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    (verdict,) = b2m.verdicts_of(run)
    assert verdict.method == method
    assert "loudest units" in b2m.write_report(run.folder).read_text()


SCRIPT = """
import b2m_drive as b2m
from tests.extending.own_students import PictureStudent, brain
from tests.extending.test_own_latents import loudest_units

b2m.LATENT_METHODS["loudest_units"] = loudest_units

if __name__ == "__main__":
    method = b2m.TransferMethod("regression", "loudest_units", "id")
    budget = b2m.Budget(n_steps=2, evaluate_every=1)
    compared = b2m.Comparison(PictureStudent(), brain(), (method,), b2m.NULLS[:2], (0, 1), budget)
    run = compared.run("run", n_workers=1, progress=False)
    print(b2m.verdicts_of(run)[0].method.latents)
"""


@pytest.mark.slow
def test_latents_that_a_script_registers_reach_the_processes_that_train(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT)
    shown = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert shown.stdout.split() == ["loudest_units"]


def test_an_unknown_latent_method_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    method = b2m.TransferMethod("regression", "loudest_units", "id")
    compared = b2m.Comparison(PictureStudent(), brain(), (method,), seeds=(0, 1))
    with pytest.raises(ValueError, match=r"latents: expected one of pca, units.*loudest_units"):
        compared.run(tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("values", "share", "message"),
    [
        (np.zeros((5, 1, 2)), [0.5, 0.5], "expected finite values that vary"),
        (np.full((5, 1, 2), np.nan), [0.5, 0.5], "expected finite values that vary"),
        (np.eye(5)[:, None, :2], [1.0], r"a share of variance a latent, came \(5, 1, 2\)"),
        (np.eye(5)[:, None, :2], [3.0, 1.0], "shares from 0 that sum to 1"),
        (np.zeros((5, 1, 0)), [], "expected"),
    ],
)
def test_latents_that_cannot_teach_are_refused(
    values: np.ndarray, share: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        b2m.ResponseLatents(values.astype(np.float32), np.array(share, dtype=np.float32))
