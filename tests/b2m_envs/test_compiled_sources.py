"""Compiled code that is kept on disk is bound to every file that it was made of."""

from __future__ import annotations

from pathlib import Path

import b2m_envs.compiled
from b2m_envs.compiled import SOURCES
from tests.project.test_architecture import imports_of, modules

PACKAGE = Path(b2m_envs.compiled.__file__).parent


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
