"""The example in the docstring of each observation runs as it is printed."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from b2m_envs import observations

MODULES = sorted(
    path.stem
    for path in Path(str(observations.__file__)).parent.glob("*.py")
    if ">>>" in path.read_text()
)


def test_every_observation_has_one() -> None:
    assert len(MODULES) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_it_runs(module: str) -> None:
    found = doctest.testmod(import_module(f"b2m_envs.observations.{module}"))
    assert found.attempted >= 3
    assert found.failed == 0
