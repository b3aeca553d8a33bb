"""What no other process finds is refused before anything starts, by its name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import b2m_drive as b2m
from b2m_drive.comparisons.sendable import require_sendable
from tests.extending.own_students import PictureStudent, brain

BUDGET = b2m.Budget(n_steps=2, evaluate_every=1, n_latents=2)


def control(make: Any) -> b2m.Control:
    return b2m.Control("mine", "null", "mine", "Mine.", make=make)


def louder(inputs: b2m.ControlInputs) -> np.ndarray:
    return 2 * inputs.values


@dataclass(frozen=True)
class _Plan:
    make: Any
    latents: Any


def compared(student: Any, *own: b2m.Control) -> b2m.Comparison:
    return b2m.Comparison(
        student, brain(), controls=(*b2m.NULLS[:2], *own), seeds=(0, 1), budget=BUDGET
    )


@pytest.mark.slow
def test_a_control_that_is_a_lambda_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    run = compared(PictureStudent(), control(lambda inputs: inputs.values))
    with pytest.raises(ValueError, match=r"control mine: .*lambda.* top of a module"):
        run.run(tmp_path / "run", progress=False)
    assert not (tmp_path / "run" / "config.json").exists()
    with ThreadPoolExecutor(1) as here:  # no other process has to find it
        done = run.run(tmp_path / "run", progress=False, executor=here)
    assert "mine" in b2m.verdicts_of(done)[0].over_nulls
    run.run(tmp_path / "run", progress=False)  # nothing is left to be sent


def test_a_student_of_a_local_class_and_a_local_latent_method_are_named() -> None:
    class Mine(PictureStudent):
        name = "mine"

    def mine(responses: Any, n_latents: Any) -> None: ...

    jobs = compared(Mine()).jobs_of_runs(Path("run"))[Path("run")]
    with pytest.raises(ValueError, match=r"student mine: .* came .*<locals>.Mine"):
        require_sendable([job.plan for job in jobs])
    with pytest.raises(ValueError, match=r"latents: .* came .*<locals>.mine:"):
        require_sendable([{"plan": _Plan(louder, mine)}])


def test_what_stands_in_a_module_may_go() -> None:
    jobs = compared(PictureStudent(), control(louder)).jobs_of_runs(Path("run"))[Path("run")]
    require_sendable([job.plan for job in jobs])
