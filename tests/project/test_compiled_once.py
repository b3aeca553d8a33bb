"""Workers of one test run compile a kernel once, whoever of them needs it first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared.other_process import ENVIRONMENT
from tests.shared.places import ROOT

KERNELS = """
from b2m_envs.compiled import allocating_kernel

@allocating_kernel
def inner(value):
    total = 0.0
    for k in range(100):
        total += value / (k + 1)
    return total

@allocating_kernel
def outer(value):
    return inner(value) + inner(2 * value)
"""
WORKER = """
import sys
from pathlib import Path
from tests.shared.compiled_once import compile_one_at_a_time
import kernels
compile_one_at_a_time(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
kernels.outer(3.0), kernels.outer(3)
print(sum(kernels.outer.stats.cache_misses.values()), flush=True)
"""


@pytest.mark.slow
def test_two_processes_that_need_a_kernel_at_once_compile_it_once(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(KERNELS)
    path = os.pathsep.join((str(tmp_path), str(ROOT), ENVIRONMENT["PYTHONPATH"]))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, tmp_path],
            env={**ENVIRONMENT, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path / "kept")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    compiled = []
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        out, _ = worker.communicate(timeout=120)
        compiled.append(int(out))
    assert sum(compiled) == 2  # for a number with a fraction, and for a whole one
