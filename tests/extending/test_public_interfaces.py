"""What the three packages offer: every name is there, documented, and costs no time until used."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import ModuleType

import pytest

import b2m_agents
import b2m_drive
import b2m_envs

PACKAGES = (b2m_drive, b2m_envs, b2m_agents)
FORBIDDEN = {  # after the bare import
    "b2m_drive": {"torch", "numpy"},
    "b2m_envs": {"torch", "cv2", "highway_env", "numba"},
    "b2m_agents": {"torch", "numpy", "gymnasium", "stable_baselines3"},
}


def in_fresh_python(code: str) -> str:
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


@pytest.mark.parametrize("package", FORBIDDEN)
def test_importing_a_package_imports_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print(*({FORBIDDEN[package]!r} & sys.modules.keys()))"
    assert in_fresh_python(code) == ""


@pytest.mark.slow
def test_importing_the_environments_registers_them_and_none_needs_torch() -> None:
    code = (
        "import sys, gymnasium, b2m_envs; "
        "names = [getattr(b2m_envs, name) for name in b2m_envs.__all__]; "
        "gymnasium.make('B2M/MemoryDecision-v0').reset(seed=0); "
        "gymnasium.make('B2M/HighwayScene-v0', observation='state').reset(seed=0); "
        "assert 'torch' not in sys.modules; print(len(names))"
    )
    assert int(in_fresh_python(code)) == len(b2m_envs.__all__)


@pytest.mark.parametrize(
    ("package", "name"),
    [(package, name) for package in PACKAGES for name in package.__all__],
    ids=lambda each: each.__name__ if isinstance(each, ModuleType) else each,
)
def test_every_public_name_is_there_and_documented(package: ModuleType, name: str) -> None:
    found = getattr(package, name)
    assert name in dir(package)
    if inspect.isclass(found) or inspect.isroutine(found):
        first = (found.__doc__ or "").splitlines()[0]
        assert not first.startswith(f"{name}("), "a dataclass without a docstring of its own"
        assert len(first.split()) > 3


@pytest.mark.parametrize("package", PACKAGES, ids=lambda each: each.__name__)
def test_a_name_that_is_not_public_is_refused_and_none_hides_a_module(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing
    modules = {name for name, each in vars(package).items() if inspect.ismodule(each)}
    assert not modules & set(package.__all__)
