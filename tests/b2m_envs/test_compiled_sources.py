"""Compiled code that is kept on disk is bound to every file that it was made of."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from numba.core.caching import IndexDataCacheFile

import b2m_envs.compiled
from b2m_envs.compiled import SOURCES, pass_over_moved_classes
from tests.project.test_architecture import imports_of, modules

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
