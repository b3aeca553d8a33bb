"""A null of the user's own decides in the studies that ship, as in a comparison of their own."""

from __future__ import annotations

from collections.abc import Callable
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

Make = Callable[[b2m.ControlInputs], np.ndarray]

HERE: Any = {"n_workers": 1, "progress": False, "executor": OneAfterAnother()}


def units_mixed(inputs: b2m.ControlInputs) -> np.ndarray:
    """Every row's units in another order: as loud as the brain, and empty of what was seen."""
    return inputs.generator.permuted(inputs.values, axis=-1)


def one_row_short(inputs: b2m.ControlInputs) -> np.ndarray:
    return inputs.values[1:]


def not_a_number(inputs: b2m.ControlInputs) -> np.ndarray:
    return np.full_like(inputs.values, np.nan)


def without_times(inputs: b2m.ControlInputs) -> np.ndarray:
    return inputs.values[:, 0]


def own(make: Make) -> tuple[b2m.Control, ...]:
    meaning = "The brain's own activity, its units exchanged in every row."
    return (b2m.Control("units_mixed", "null", "units mixed", meaning, "#aa5500", make=make),)


WRONG = [
    (one_row_short, "control units_mixed: expected activity"),
    (without_times, "control units_mixed: expected activity"),
    (not_a_number, "control units_mixed: expected finite activity, came NaN"),
]


def memory_study(make: Make) -> b2m_agents.MemoryComparison:
    torch.set_num_threads(1)
    trials = b2m.simulate_trials(60, 3, 8, np.random.default_rng(0))
    brain = replace(b2m.SimulatedBrain.preset("ideal"), n_units=30).record(trials, 0)
    settings = b2m_agents.MemoryStudySettings(
        strategies=("regression",), probes=(), seeds=(0, 1), n_steps=4, evaluate_every=2,
        n_evaluation_trials=16, batch_size=4,
    )  # fmt: skip
    return b2m_agents.MemoryComparison(brain, settings, own_controls=own(make))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return write_scenes(tmp_path_factory.mktemp("scenes") / "made_up.h5")


def check_decided(folder: Path) -> None:
    (verdict,) = b2m.verdicts_of(folder)
    assert "units_mixed" in verdict.over_nulls
    assert np.isfinite(verdict.over_nulls["units_mixed"].mean)
    page = b2m.write_report(folder).read_text()
    assert "units mixed" in page
    assert "its units exchanged in every row" in page
    kept = {each.name: each for each in b2m.read_run(folder).study.controls}
    assert kept["units_mixed"].role == "null"


@pytest.mark.slow
def test_a_users_null_decides_in_the_memory_study(tmp_path: Path) -> None:
    study = memory_study(units_mixed)
    check_decided(study.run(tmp_path / "run", **HERE).folder)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_users_null_decides_in_the_driving_study(scenes: Path, tmp_path: Path) -> None:
    study = driving_study(scenes, own(units_mixed))
    check_decided(study.run(tmp_path / "run", **HERE).folder)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "message"), WRONG)
def test_a_null_that_fails_in_the_memory_study_is_named(
    make: Make, message: str, tmp_path: Path
) -> None:
    study = memory_study(make)
    with pytest.raises(ValueError, match=message):
        study.run(tmp_path / "run", **HERE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "message"),
    [pytest.param(*each, marks=pytest.mark.thorough) for each in WRONG],
)
def test_a_null_that_fails_in_the_driving_study_is_named(
    make: Make, message: str, scenes: Path, tmp_path: Path
) -> None:
    study = driving_study(scenes, own(make))
    with pytest.raises(ValueError, match=message):
        study.run(tmp_path / "run", **HERE)


def test_a_null_that_has_the_name_of_another_is_refused() -> None:
    again = replace(own(units_mixed)[0], name="shuffled")
    study = memory_study(units_mixed)
    with pytest.raises(ValueError, match="shuffled twice"):
        replace(study, own_controls=(again,))
