"""What every test leaves behind as it found it, and what any may ask for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from highway_env.vehicle.behavior import IDMVehicle

from tests.shared.compiled_once import compile_one_at_a_time
from tests.shared.type_checks import check_when_called, without_type_checks

check_when_called()  # the tests' modules, which import the packages, are imported after this

# highway-env's own intersection rewrites these for all traffic of the process.
CONSTANTS = {
    name: getattr(IDMVehicle, name)
    for name in ("COMFORT_ACC_MAX", "COMFORT_ACC_MIN", "DISTANCE_WANTED")
}


def pytest_configure(config: pytest.Config) -> None:
    """Workers of pytest-xdist compile each kernel once, not once a worker."""
    if hasattr(config, "workerinput"):
        kept = Path(__file__).parents[1] / "envs" / "b2m_envs" / "__pycache__"
        kept.mkdir(exist_ok=True)
        compile_one_at_a_time(kept)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Imports leave no garbage: look for none meanwhile, nor ever among what they brought."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def idm_constants() -> Iterator[None]:
    yield
    for name, value in CONSTANTS.items():
        setattr(IDMVehicle, name, value)


@pytest.fixture
def as_users_run_it() -> Iterator[None]:
    with without_type_checks():
        yield
