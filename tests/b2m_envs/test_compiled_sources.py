"""Compiled code that is kept on disk is bound to every file that it was made of."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numba.core import caching
from numba.core.caching import IndexDataCacheFile
from numba.core.cpu import CPUTargetOptions

import b2m_envs.compiled
from b2m_envs.compiled import (
    SOURCES,
    compiler,
    is_compiled,
    pass_over_moved_classes,
    tell_of_another_numba,
)
from tests.project.test_architecture import imports_of, modules
from tests.shared.places import ROOT

PACKAGE = Path(b2m_envs.compiled.__file__).parent


@pytest.mark.slow
def test_the_stamp_of_compiled_code_covers_every_file_that_kernels_import() -> None:
    known = {name: path for name, path in modules().items() if name.startswith("b2m_envs.")}
    arrows = {name: imports_of(path) & known.keys() for name, path in known.items()}
    waiting = [name for name, found in arrows.items() if "b2m_envs.compiled" in found]
    assert waiting
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached and name != "b2m_envs.compiled":  # it holds no kernel
            reached.add(name)
            waiting += arrows[name]
    stamped = {path for pattern in SOURCES for path in PACKAGE.glob(pattern)}
    assert {known[name] for name in reached} <= stamped


def test_every_pattern_of_the_stamp_names_files() -> None:
    assert [pattern for pattern in SOURCES if not any(PACKAGE.glob(pattern))] == []


def test_code_kept_for_classes_that_have_moved_since_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("moved_since")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    moved = type("Moved", (), {"__module__": module.__name__})
    module.Moved = moved  # type: ignore[attr-defined]
    kept = IndexDataCacheFile(str(tmp_path), "kernel", "stamp")
    pass_over_moved_classes(kept)
    kept._save_index({moved: "kernel.nbc"})
    assert kept._load_index() == {moved: "kernel.nbc"}
    monkeypatch.delitem(sys.modules, module.__name__)
    assert kept._load_index() == {}


def twice(number: float) -> float:
    return 2 * number


def thrice(number: float) -> float:
    return 3 * number


@pytest.fixture
def untold() -> Iterator[None]:
    """Nothing was said yet about another numba."""
    tell_of_another_numba.cache_clear()
    yield
    tell_of_another_numba.cache_clear()


class AnotherCacheFile:
    """Of a numba whose cache has other private names."""

    def __init__(self, **settings: Any) -> None:
        self._file = IndexDataCacheFile(**settings)


@pytest.mark.slow
@pytest.mark.usefixtures("untold")
def test_a_numba_without_the_private_option_is_slower_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (of_options,) = (each for each in CPUTargetOptions.__mro__ if "_nrt" in vars(each))
    monkeypatch.delattr(of_options, "_nrt")
    assert [compiler(_nrt=False)(each)(2.0) for each in (twice, thrice)] == [4.0, 6.0]
    assert capsys.readouterr().err.count("counts references within kernels") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("untold")
def test_a_numba_with_another_cache_compiles_anew_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(caching, "IndexDataCacheFile", AnotherCacheFile)
    kernels = [compiler(_nrt=False)(each) for each in (twice, thrice)]
    assert not any(map(is_compiled, kernels))
    assert [each(2.0) for each in kernels] == [4.0, 6.0]
    assert all(map(is_compiled, kernels))
    assert capsys.readouterr().err.count("every start compiles anew") == 1


def test_the_warning_names_the_newest_numba_that_is_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (numba,) = (each for each in project["optional-dependencies"]["envs"] if "numba" in each)
    bound = re.search(r"<[\d.]+", numba)
    assert bound
    assert f'"numba{bound[0]}"' in Path(b2m_envs.compiled.__file__).read_text()
