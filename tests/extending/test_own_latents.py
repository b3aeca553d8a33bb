"""A latent method of the user's own: responses in, latents out."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import b2m_agents
import b2m_drive as b2m
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_scenes import driving_study, write_scenes
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
@pytest.mark.thorough
def test_latents_that_a_script_registers_reach_the_processes_that_train(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT)
    shown = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert shown.stdout.split() == ["loudest_units"]


HERE: Any = {"n_workers": 1, "progress": False, "executor": OneAfterAnother()}


def memory_study(latents: str) -> b2m_agents.MemoryComparison:
    torch.set_num_threads(1)
    trials = b2m.simulate_sternberg(60, 8, np.random.default_rng(0))  # not all have all windows
    recording = replace(b2m.SimulatedBrain.preset("ideal"), n_units=30).record(trials, 0)
    settings = b2m_agents.MemoryStudySettings(
        strategies=("regression",), readings=(b2m_agents.Readout(latents, "carried"),),
        task="sternberg", probes=(), seeds=(0, 1), n_steps=4, evaluate_every=2,
        n_evaluation_trials=16, batch_size=4,
    )  # fmt: skip
    return b2m_agents.MemoryComparison(recording, settings)


def of_driving(latents: str, scenes: Path) -> b2m_agents.DrivingComparison:
    study = driving_study(scenes, ())
    return replace(study, settings=replace(study.settings, latents=latents))


def check_taught(run: Path) -> None:
    (verdict,) = b2m.verdicts_of(run)
    assert verdict.method.latents == "loudest_units"
    assert set(verdict.over_nulls) == set(b2m.read_run(run).study.nulls)
    assert all(np.isfinite(each.mean) for each in verdict.over_nulls.values())
    assert "loudest units" in b2m.write_report(run).read_text()


@pytest.mark.slow
def test_a_users_latents_teach_in_the_memory_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(b2m.LATENT_METHODS, "loudest_units", loudest_units)
    run = memory_study("loudest_units").run(tmp_path / "run", **HERE).folder
    check_taught(run)
    ceiling = json.loads((run / "brain.json").read_text())["explainable_variance"]
    assert ceiling["loudest_units, carried"]["encoding"] > 0.2  # of an ideal brain


@pytest.mark.slow
@pytest.mark.thorough
def test_a_users_latents_teach_in_the_driving_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setitem(b2m.LATENT_METHODS, "loudest_units", loudest_units)
    scenes = write_scenes(tmp_path / "made_up.h5")
    study = of_driving("loudest_units", scenes)
    check_taught(study.run(tmp_path / "run", **HERE).folder)


@pytest.mark.slow
def test_latents_of_another_shape_are_refused_by_name_in_both_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_row_short(responses: b2m.Responses, n_latents: int | None) -> b2m.ResponseLatents:
        return loudest_units(responses.select(np.arange(len(responses) - 1)), n_latents)

    monkeypatch.setitem(b2m.LATENT_METHODS, "short", one_row_short)
    with pytest.raises(
        ValueError, match=r"latents 'short': expected \(48, 11\) .* came \(47, 11\)"
    ):
        memory_study("short").run(tmp_path / "memory", **HERE)
    scenes = write_scenes(tmp_path / "made_up.h5")
    with pytest.raises(
        ValueError, match=r"latents 'short': expected \(240, 1\) .* came \(239, 1\)"
    ):
        of_driving("short", scenes).run(tmp_path / "driving", **HERE)


def test_latents_that_nobody_knows_are_refused_by_the_settings_of_both_studies() -> None:
    with pytest.raises(ValueError, match=r"'units', 'gpfa', 'cebra'\), came 'loudest_units'; L"):
        b2m_agents.Readout("loudest_units")
    with pytest.raises(ValueError, match=r"'decoded', 'units', 'gpfa', 'cebra'\), came 'loudest_"):
        b2m_agents.DrivingStudySettings(latents="loudest_units")


def test_an_unknown_latent_method_is_refused_with_those_that_are_known() -> None:
    method = b2m.TransferMethod("regression", "loudest_units", "id")
    with pytest.raises(ValueError, match=r"latents: expected one of pca, units.*loudest_units"):
        b2m.Comparison(PictureStudent(), brain(), (method,), seeds=(0, 1))


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
